package status

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// maxEvents of one object are kept, the newest.
const maxEvents = 20

// mergeEvents puts together the leader's own events, those kept of clusters
// that say nothing now, and the members' newest, oldest first.
func mergeEvents(previous []v1alpha1.Event, members []Member, uid types.UID, own []v1alpha1.Event) []v1alpha1.Event {
	speaking := map[string]bool{}
	var events []v1alpha1.Event
	for _, m := range members {
		if m.Report == nil || m.Report.UID != uid {
			continue
		}
		speaking[m.Cluster] = true
		for _, e := range m.Report.Events {
			e.Cluster, e.Message = m.Cluster, shorten(e.Message)
			events = append(events, e)
		}
	}
	for _, e := range previous {
		if !speaking[e.Cluster] {
			events = append(events, e)
		}
	}
	for _, e := range own {
		events = repeat(events, e)
	}
	slices.SortStableFunc(events, func(a, b v1alpha1.Event) int {
		return cmp.Or(a.Last.Compare(b.Last.Time), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message))
	})
	return events[max(0, len(events)-maxEvents):]
}

// repeat counts an event that happened before instead of adding another.
func repeat(events []v1alpha1.Event, e v1alpha1.Event) []v1alpha1.Event {
	for i, old := range events {
		if old.Cluster == e.Cluster && old.Reason == e.Reason && old.Message == e.Message {
			events[i].Last, events[i].Count = e.Last, old.Count+1
			return events
		}
	}
	return append(events, e)
}

// transitions are the leader's own events: a spec held or released, a delete
// begun.
func transitions(before, after []metav1.Condition, now time.Time) []v1alpha1.Event {
	var events []v1alpha1.Event
	at := metav1.NewTime(now.Truncate(time.Second))
	emit := func(kind, reason, message string) {
		events = append(events, v1alpha1.Event{Type: kind, Reason: reason, Message: message, First: at, Last: at, Count: 1})
	}
	was := func(t string) bool { return meta.IsStatusConditionTrue(before, t) }
	for _, c := range after {
		on := c.Status == metav1.ConditionTrue
		switch {
		case c.Type == v1alpha1.ConditionHeld && on && !was(c.Type):
			emit("Warning", c.Reason, c.Message)
		case c.Type == v1alpha1.ConditionHeld && !on && was(c.Type):
			emit("Normal", "Released", "the spec is followed again")
		case c.Type == v1alpha1.ConditionDeleting && on && !was(c.Type):
			emit("Normal", c.Reason, c.Message)
		}
	}
	return events
}

// tell adds what the leader did to what was told before, or counts it again.
func tell(told []v1alpha1.Event, kind, reason, message string, now time.Time) []v1alpha1.Event {
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	events := repeat(slices.Clone(told), v1alpha1.Event{Type: kind, Reason: reason, Message: message, First: at, Last: at, Count: 1})
	slices.SortStableFunc(events, func(a, b v1alpha1.Event) int { return a.Last.Compare(b.Last.Time) })
	return events[max(0, len(events)-maxEvents):]
}
