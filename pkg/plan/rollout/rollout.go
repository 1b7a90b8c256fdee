// Package rollout decides how far a change of one object has come on its way
// over the clusters.
//
// In go the policy, what each cluster has and says of it, the users' words
// (pause, approval) and the status that the last decision left; out come, per
// cluster, whether it may have the new content now, whether all are to go back
// to the old, and the status for the next decision, by this leader or another.
// It reads no clock and never looks into a manifest: whether a cluster has the
// new content is the caller's to say.
package rollout

import (
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Cluster is one cluster that the object is for.
type Cluster struct {
	Name string
	// Wave that it comes in, as Assign says.
	Wave int
	// Current: its shard holds the new content.
	Current bool
	// Has: its shard holds the object, whatever the content.
	Has bool
	// Synced: what it reports is about the content in its shard.
	Synced bool
	// Health that it reports.
	Health v1alpha1.Health
	// Silent: stale, taken for dead, or back but not trusted yet.
	Silent bool
}

// healthy says that the cluster runs the new content well.
func (c Cluster) healthy() bool {
	return c.Current && c.Synced && c.Health == v1alpha1.HealthCurrent
}

// Input is everything that a step depends on.
type Input struct {
	Policy v1alpha1.Rollout
	// Generation of the spec in the bucket.
	Generation int64
	// Hash of the content (see Hash): another hash is another rollout, another
	// generation alone (a pause, a scaling) is not.
	Hash     string
	Clusters []Cluster
	// Paused and Approved are what the spec's annotations say.
	Paused   bool
	Approved string
	// Previous status; nil where there was none.
	Previous *v1alpha1.RolloutStatus
	// CanUndo: the content of the generation Previous.Base is at hand, and it is
	// another.
	CanUndo bool
	Now     time.Time
}

// Output is one decision.
type Output struct {
	Status v1alpha1.RolloutStatus
	// May says, for each of Input.Clusters, whether it may have the new content
	// now. One that may not keeps what it has; one that has nothing is given
	// nothing.
	May []bool
	// Undo: instead, all clusters get the content of Status.Base, those that have
	// nothing included. May is false for all.
	Undo bool
	// Again is when time alone changes the decision; zero for never.
	Again time.Time
}

// Step decides. Called again with its own status and nothing else changed, it
// decides the same.
func Step(in Input) Output {
	s := begin(in)
	switch s.st.Phase {
	case v1alpha1.RolloutComplete:
	case v1alpha1.RolloutStopped, v1alpha1.RolloutUndone:
		s.takeBack()
	default:
		s.proceed()
	}
	return s.output()
}
