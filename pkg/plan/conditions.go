package plan

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Reasons of ConditionPlaced and ConditionDeleting. Users see them.
const (
	ReasonPlaced     = "Placed"
	ReasonNoClusters = "NoClusters"
	ReasonUnplaced   = "ReplicasUnplaced"
	ReasonDeleting   = "Deleting"
	ReasonFollowed   = "Followed"
)

func (o Object) placed() metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionPlaced, Status: metav1.ConditionTrue, Reason: ReasonPlaced,
		Message: fmt.Sprintf("in the shards of %d clusters", len(o.Clusters))}
	if len(o.Skipped) > 0 {
		c.Message += "; not given to cordoned " + strings.Join(o.Skipped, ", ")
	}
	switch {
	case o.Deleting:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, ReasonDeleting, "the object is being deleted"
	case len(o.Clusters) == 0 && o.Held != "":
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, o.Held, o.Message
	case isPlacement(o.Key):
		c.Message = "it decides about other objects and is in no cluster"
	case len(o.Clusters) == 0:
		c.Status, c.Reason = metav1.ConditionFalse, ReasonNoClusters
		c.Message = "no cluster takes it: " + noClusters(o.Skipped)
	case o.Unplaced > 0:
		c.Status, c.Reason = metav1.ConditionFalse, ReasonUnplaced
		c.Message = fmt.Sprintf("%d of %d replicas have no cluster", o.Unplaced, o.Wanted)
	}
	return c
}

func noClusters(skipped []string) string {
	if len(skipped) > 0 {
		return "cordoned are " + strings.Join(skipped, ", ")
	}
	return "none has joined that it is for"
}

func (o Object) held() metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionHeld, Status: metav1.ConditionFalse, Reason: ReasonFollowed}
	if o.Held != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, o.Held, o.Message
	}
	return c
}

func (o Object) deleting() metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionDeleting, Status: metav1.ConditionFalse, Reason: ReasonFollowed}
	if o.Deleting {
		c.Status, c.Reason = metav1.ConditionTrue, ReasonDeleting
		c.Message = "waiting for " + strings.Join(o.Waiting, ", ")
		if len(o.Waiting) == 0 {
			c.Message = "gone from every cluster that was waited for"
		}
	}
	return c
}

func (o Object) rolledOut() metav1.Condition {
	r := o.Record.Rollout
	c := metav1.Condition{Type: v1alpha1.ConditionRollout, Status: metav1.ConditionFalse, Reason: string(r.Phase), Message: r.Message}
	if r.Phase == v1alpha1.RolloutComplete {
		c.Status = metav1.ConditionTrue
	}
	return c
}
