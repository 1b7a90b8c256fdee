package status

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxMessage bounds, in bytes, what a member can make people read.
const maxMessage = 1024

// setConditions takes over the wanted conditions and drops all others. Times
// of those whose status is the same are kept.
func setConditions(previous, wanted []metav1.Condition, generation int64, now time.Time) []metav1.Condition {
	conditions := slices.DeleteFunc(slices.Clone(previous), func(c metav1.Condition) bool {
		return meta.FindStatusCondition(wanted, c.Type) == nil
	})
	for _, c := range wanted {
		c.Message, c.ObservedGeneration = shorten(c.Message), generation
		if old := meta.FindStatusCondition(conditions, c.Type); old == nil || old.Status != c.Status {
			c.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
		}
		meta.SetStatusCondition(&conditions, c)
	}
	slices.SortFunc(conditions, func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) })
	return conditions
}

func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

func condition(kind string, status bool, reason, message string) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	if status {
		c.Status = metav1.ConditionTrue
	}
	return c
}
