package v1alpha1

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// ClusterRequirements are what Federation v1's cluster-selector annotation
// demands of a cluster's labels; all must be met, and none are by any.
type ClusterRequirements []ClusterRequirement

// ClusterRequirement is one of them.
type ClusterRequirement struct {
	Key      string
	Operator RequirementOperator
	Values   []string
}

// RequirementOperator relates a label to values.
type RequirementOperator string

const (
	RequirementIn           RequirementOperator = "In"
	RequirementNotIn        RequirementOperator = "NotIn" // met by a cluster without the label, too
	RequirementExists       RequirementOperator = "Exists"
	RequirementDoesNotExist RequirementOperator = "DoesNotExist"
	RequirementGt           RequirementOperator = "Gt" // of whole numbers
	RequirementLt           RequirementOperator = "Lt"
)

var requirementOperators = []RequirementOperator{RequirementIn, RequirementNotIn, RequirementExists,
	RequirementDoesNotExist, RequirementGt, RequirementLt}

// ParseClusterSelectorAnnotation reads Federation v1's: a list of
// {"key","operator","values"}. Names of fields and operators are matched
// whatever their case. Errors name line, column and field.
func ParseClusterSelectorAnnotation(text string) (ClusterRequirements, error) {
	all := ClusterRequirements{}
	j := newJSONText(text)
	err := j.whole(func() error {
		return j.items("", func(path string) error {
			at := j.next()
			r, err := j.requirement(path)
			if err != nil {
				return err
			}
			if below, err := r.fault(); err != nil {
				return j.fault(at, path+below, "%s", err)
			}
			all = append(all, r)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (j *jsonText) requirement(path string) (ClusterRequirement, error) {
	r := ClusterRequirement{}
	err := j.fields(path,
		jsonField{"key", func(path string) (err error) {
			r.Key, err = j.str(path)
			return err
		}},
		jsonField{"operator", func(path string) error {
			at := j.next()
			text, err := j.str(path)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(requirementOperators, func(o RequirementOperator) bool { return strings.EqualFold(string(o), text) })
			if i < 0 {
				return j.fault(at, path, "unknown operator %q; there are in, notin, exists, doesnotexist, gt, lt", clip(text))
			}
			r.Operator = requirementOperators[i]
			return nil
		}},
		jsonField{"values", func(path string) error {
			return j.items(path, func(path string) error {
				v, err := j.str(path)
				r.Values = append(r.Values, v)
				return err
			})
		}})
	return r, err
}

// fault is what is wrong with the requirement as a whole, and the field.
func (r *ClusterRequirement) fault() (below string, err error) {
	if msgs := validation.IsQualifiedName(r.Key); len(msgs) > 0 {
		return ".key", fmt.Errorf("%q: %s", clip(r.Key), strings.Join(msgs, "; "))
	}
	for _, v := range r.Values {
		if msgs := validation.IsValidLabelValue(v); len(msgs) > 0 {
			return ".values", fmt.Errorf("%q: %s", clip(v), strings.Join(msgs, "; "))
		}
	}
	switch r.Operator {
	case "":
		return ".operator", errors.New("is not set")
	case RequirementIn, RequirementNotIn:
		if len(r.Values) == 0 {
			return ".values", errors.New("at least one value is needed")
		}
	case RequirementExists, RequirementDoesNotExist:
		if len(r.Values) > 0 {
			return ".values", fmt.Errorf("must be empty where the operator is %s", r.Operator)
		}
	case RequirementGt, RequirementLt:
		if len(r.Values) != 1 {
			return ".values", fmt.Errorf("%s needs exactly one value", r.Operator)
		}
		if _, err := strconv.ParseInt(r.Values[0], 10, 64); err != nil {
			return ".values", fmt.Errorf("%s compares whole numbers, not %q", r.Operator, clip(r.Values[0]))
		}
	}
	return "", nil
}

// Matches says whether a cluster's labels meet the requirements and, if not,
// which they do not, in one line.
func (rs ClusterRequirements) Matches(labels map[string]string) (matches bool, reason string) {
	for i := range rs {
		r := &rs[i]
		if got, there := labels[r.Key]; !meets(r.Operator, r.Values, got, there) {
			return false, unmetWords(r.Operator, r.Key, r.Values, got)
		}
	}
	return true, ""
}
