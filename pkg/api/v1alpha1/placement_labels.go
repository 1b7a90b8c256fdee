package v1alpha1

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unmet is a requirement that labels do not meet: that a label has a value, or
// an expression. The zero unmet says that all are met.
type unmet struct {
	// key and want of a label, or what it is where an expression is not met.
	key, want  string
	expression *metav1.LabelSelectorRequirement
}

// mismatch is the first requirement that labels do not meet.
func mismatch(s *metav1.LabelSelector, labels map[string]string) unmet {
	if s == nil {
		return unmet{}
	}
	if first := unmetLabel(s.MatchLabels, labels); first.key != "" {
		return first
	}
	for i := range s.MatchExpressions {
		e := &s.MatchExpressions[i]
		got, ok := labels[e.Key]
		if !meets(RequirementOperator(e.Operator), e.Values, got, ok) {
			return unmet{e.Key, got, e}
		}
	}
	return unmet{}
}

// unmetLabel is the first by name, as maps have no order.
func unmetLabel(wanted, labels map[string]string) unmet {
	first := unmet{}
	for key, want := range wanted {
		if got, ok := labels[key]; (!ok || got != want) && (first.key == "" || key < first.key) {
			first = unmet{key: key, want: want}
		}
	}
	return first
}

// String says it in terms of the labels; empty where nothing is unmet.
func (u unmet) String() string {
	switch {
	case u == unmet{}:
		return ""
	case u.expression == nil:
		return "label " + u.key + " is not " + u.want
	}
	return unmetWords(RequirementOperator(u.expression.Operator), u.key, u.expression.Values, u.want)
}

// meets says whether a label's value, if it is there, meets an operator. What no
// validation would let pass is met by nothing.
func meets(op RequirementOperator, values []string, got string, there bool) bool {
	switch op {
	case RequirementIn:
		return there && slices.Contains(values, got)
	case RequirementNotIn:
		return !there || !slices.Contains(values, got)
	case RequirementExists:
		return there
	case RequirementDoesNotExist:
		return !there
	case RequirementGt, RequirementLt:
		order, ok := compareNumbers(got, values)
		return ok && (op == RequirementGt && order > 0 || op == RequirementLt && order < 0)
	}
	return false
}

// compareNumbers compares a label with the one value, both whole numbers.
func compareNumbers(got string, values []string) (order int, ok bool) {
	if len(values) != 1 {
		return 0, false
	}
	bound, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(got, 10, 64)
	return cmp.Compare(n, bound), err == nil
}

func unmetWords(op RequirementOperator, key string, values []string, got string) string {
	switch op {
	case RequirementIn:
		return "label " + key + " is not " + oneOf(values)
	case RequirementNotIn:
		return "label " + key + " is " + got
	case RequirementExists:
		return "it has no label " + key
	case RequirementDoesNotExist:
		return "it has a label " + key
	case RequirementGt:
		return "label " + key + " is not a number above " + oneOf(values)
	case RequirementLt:
		return "label " + key + " is not a number below " + oneOf(values)
	}
	return "operator " + string(op) + " is unknown"
}

// oneOf lists values: "a", "a or b", "a, b or c".
func oneOf(values []string) string {
	switch n := len(values); n {
	case 0:
		return "in an empty list"
	case 1:
		return values[0]
	default:
		return strings.Join(values[:n-1], ", ") + " or " + values[n-1]
	}
}
