package lead

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// failing fails the calls that match.
func failing(err error, match func(call, about string) bool) func(call, about string) error {
	return func(call, about string) error {
		if match(call, about) {
			return err
		}
		return nil
	}
}

// settled is a bucket whose clusters hold one object and have reported it,
// under a leader that still runs.
func settled(t *testing.T, clusters ...string) (*bucket, *running) {
	t.Helper()
	b := newBucket(t, clusters...)
	b.put(c1, "x", ringing)
	r := lead(t, b, "one", 1)
	for range 4 {
		pass(10 * time.Second)
		b.beat(clusters...)
	}
	pass(2 * time.Second)
	return b, r
}

// unjoin strikes a cluster off once its status says that nothing remains.
func TestClusterHasNotLeftWhileItsShardIsUnread(t *testing.T) {
	for name, unreadable := range map[string]string{"revision": "Revision"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := settled(t, "a", "b")
				r.crash(t)
				before := b.statuses["b"]
				b.change("b", func(c *v1alpha1.Cluster) { c.Spec.Leaving = v1alpha1.LeavingDelete })
				b.setFail(failing(errAway, func(call, about string) bool { return call == unreadable && about[0] == 'b' }))
				r = lead(t, b, "two", 2)
				pass(3 * time.Second)
				st := b.statuses["b"]
				equal(t, "state", st.State, v1alpha1.ClusterLeaving)
				equal(t, "remaining", st.Remaining, 1)
				equal(t, "revision", st.Revision, before.Revision)
				equal(t, "objects", st.Objects, before.Objects)
				r.crash(t)
			})
		})
	}
}
