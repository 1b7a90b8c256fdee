package traffic

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// draft is an Ingress as far as it has been read.
type draft struct {
	frontend v1alpha1.Frontend
	findings []finding
}

// finding is a problem, or a backend that may turn out to be one.
type finding struct {
	problem Problem
	// field names the backend in the Ingress.
	field, backend string
}

func (d *draft) report(reason, format string, args ...any) {
	d.findings = append(d.findings, finding{problem: Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}})
}

// result tells what became of an Ingress, once its backends are known. Each of
// them is told of once.
func (b *builder) result(d *draft) IngressResult {
	r := IngressResult{Addresses: b.addresses}
	told := map[string]bool{}
	for _, f := range d.findings {
		if f.backend == "" {
			r.Problems = append(r.Problems, f.problem)
			continue
		}
		p := b.backends[f.backend].problem
		if p.Reason != "" && !told[f.backend] {
			p.Message = f.field + ": " + p.Message
			r.Problems = append(r.Problems, p)
			told[f.backend] = true
		}
	}
	r.Served = served(b.addresses, r.Problems)
	return r
}

// served is the condition: without an edge nothing else matters.
func served(addresses []string, problems []Problem) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionServed, Status: metav1.ConditionFalse}
	switch {
	case len(addresses) == 0:
		c.Reason, c.Message = v1alpha1.ServedNoEdges, "no edge is registered, so it has no address: run fed-edge with this federation's bucket"
	case len(problems) == 0:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, v1alpha1.ServedAll, "edges serve all of it"
	default:
		c.Reason, c.Message = problems[0].Reason, problems[0].Message
		if more := len(problems) - 1; more > 0 {
			c.Message += fmt.Sprintf(" (and %d more)", more)
		}
	}
	return c
}

func servedElsewhere(class string) IngressResult {
	return IngressResult{Served: metav1.Condition{
		Type: v1alpha1.ConditionServed, Status: metav1.ConditionFalse, Reason: v1alpha1.ServedElsewhere,
		Message: fmt.Sprintf("it names class %s: each cluster's own controller serves it; name %s, or none, to be served by the federation",
			quote(class), v1alpha1.IngressClass),
	}}
}

// quote shows what a user wrote, safe for a terminal and not too long.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
