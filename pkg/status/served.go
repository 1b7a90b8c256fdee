package status

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Served is what became of an Ingress at the carriers.
type Served struct {
	// Addresses of the Ingress, sorted: the federation's, not its members'.
	Addresses []string
	// Condition is v1alpha1.ConditionServed, without time.
	Condition metav1.Condition
	// Problems are what is wrong with parts of it, Told those that were told
	// already.
	Problems, Told []Problem
}

// Problem is why a part of an Ingress is not served as it should be.
type Problem struct{ Reason, Message string }

// Events of an Ingress, named as by the controllers that people know.
const (
	eventAdd    = "ADD"
	eventCreate = "CREATE"
)

// elsewhere: the members' own controllers serve it.
func elsewhere(c *metav1.Condition) bool { return c.Reason == v1alpha1.ServedElsewhere }

// served is what is to be said of how the object is served: nil for what is no
// Ingress, or for one that is served no longer. While nothing is known, what
// was said stands.
func (in ObjectInput) served(previous []metav1.Condition) *Served {
	if !v1alpha1.KeyIsIngress(in.Key) || in.Served != nil || !in.Unjudged {
		return in.Served
	}
	old := meta.FindStatusCondition(previous, v1alpha1.ConditionServed)
	if old == nil {
		return nil
	}
	return &Served{Addresses: in.Previous.Addresses, Condition: *old}
}

// tellServed makes events of what changed for an Ingress since the previous
// status.
func (in ObjectInput) tellServed(previous []metav1.Condition) []v1alpha1.Event {
	s, before := in.Served, meta.FindStatusCondition(previous, v1alpha1.ConditionServed)
	if s == nil || elsewhere(&s.Condition) {
		return nil
	}
	at := metav1.NewTime(in.Now.UTC().Truncate(time.Second))
	var events []v1alpha1.Event
	emit := func(kind, reason, message string) {
		events = append(events, v1alpha1.Event{Type: kind, Reason: reason, Message: shorten(message), First: at, Last: at, Count: 1})
	}
	known := before != nil && !elsewhere(before)
	if !known {
		emit("Normal", eventAdd, in.Key.Namespace+"/"+in.Key.Name)
	}
	if had := known && len(in.Previous.Addresses) > 0; !had && len(s.Addresses) > 0 {
		emit("Normal", eventCreate, "ip: "+strings.Join(s.Addresses, ", "))
	}
	for _, p := range in.fresh(before) {
		emit("Warning", p.Reason, p.Message)
	}
	well := len(s.Problems) == 0 && s.Condition.Status == metav1.ConditionTrue
	if known && well && before.Status != metav1.ConditionTrue && before.Reason != v1alpha1.ServedNoEdges {
		emit("Normal", v1alpha1.ServedAll, s.Condition.Message)
	}
	return events
}

// fresh are the problems that nobody was told of.
func (in ObjectInput) fresh(before *metav1.Condition) []Problem {
	return slices.DeleteFunc(slices.Clone(in.Served.Problems), func(p Problem) bool {
		return slices.Contains(in.Served.Told, p) || in.saidBefore(p, before)
	})
}

// saidBefore says whether a problem was told by an earlier leader, and has not
// been gone since.
func (in ObjectInput) saidBefore(p Problem, before *metav1.Condition) bool {
	if in.Served.Told != nil || before == nil || before.Status == metav1.ConditionTrue {
		return false
	}
	return slices.ContainsFunc(in.Previous.Events, func(e v1alpha1.Event) bool {
		return e.Cluster == "" && e.Reason == p.Reason && e.Message == shorten(p.Message)
	})
}
