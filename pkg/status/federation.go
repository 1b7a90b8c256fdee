package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// FederationInput is what the federation's status is made of.
type FederationInput struct {
	Leader   string
	Epoch    int64
	Clusters []v1alpha1.Cluster
	Verdicts map[string]v1alpha1.ClusterVerdict
	Held     []v1alpha1.HeldSpec
	// Halted is the reason why nothing is planned, with its message; empty
	// while the leader plans.
	Halted, HaltMessage string
	Previous            *v1alpha1.FederationStatus
	Now                 time.Time
}

// Federation makes the federation's status. Its Time moves with its content
// only.
func Federation(in FederationInput) v1alpha1.FederationStatus {
	st := v1alpha1.FederationStatus{Leader: in.Leader, Epoch: in.Epoch, Held: in.Held, Time: metav1.NewTime(in.Now.UTC().Truncate(time.Second))}
	planning := condition(v1alpha1.ConditionPlanning, true, "Following", "")
	if in.Halted != "" {
		planning = condition(v1alpha1.ConditionPlanning, false, in.Halted, in.HaltMessage)
	}
	silent, counted, frozen := Frozen(in.Clusters, in.Verdicts)
	freeze := condition(v1alpha1.ConditionFrozen, false, reasonEnough, "")
	if frozen {
		freeze = condition(v1alpha1.ConditionFrozen, true, "ManyClustersStale",
			fmt.Sprintf("%d of %d clusters are stale at once: health moves nothing until they are back or cordoned as lost", silent, counted))
	}
	var previous []metav1.Condition
	if in.Previous != nil {
		previous, st.Events = in.Previous.Conditions, in.Previous.Events
	}
	st.Conditions = setConditions(previous, []metav1.Condition{planning, freeze}, 0, in.Now)
	switch was := meta.IsStatusConditionTrue(previous, v1alpha1.ConditionFrozen); {
	case frozen && !was:
		st.Events = tell(st.Events, "Warning", v1alpha1.EventFrozen, freeze.Message, in.Now)
	case !frozen && was:
		st.Events = tell(st.Events, "Normal", v1alpha1.EventThawed, "enough clusters report: health is followed again", in.Now)
	}
	return st
}
