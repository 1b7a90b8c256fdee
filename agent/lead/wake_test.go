package lead

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// TestAPauseBetweenWavesEndsByItself: nobody rings, reports or beats when it is
// over, and the leader does not leave it to its regular look.
func TestAPauseBetweenWavesEndsByItself(t *testing.T) {
	const config, placement = "default/configmaps/c", "default/placements.kubectl-fed.io/p"
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "a", "b")
		b.put(placement, `{"objects":[{"kind":"ConfigMap"}],"rollout":{"waves":[{"clusters":{"names":["a"]},"pause":"10s"}]}}`, ringing)
		b.put(config, "one", ringing)
		r := lead(t, b, "one", 1)
		b.live(time.Minute, "a", "b")
		has := func(cluster, body string) bool {
			return slices.ContainsFunc(b.newest(cluster).Objects, func(o v1alpha1.ShardObject) bool { return strings.Contains(string(o.Manifest), body) })
		}
		equal(t, "a has it", has("a", "one"), true)
		equal(t, "b has it", has("b", "one"), true)

		b.put(config, "two", ringing)
		pass(2 * time.Second)
		equal(t, "the first wave", has("a", "two"), true)
		equal(t, "the second waits", has("b", "two"), false)
		b.beat("a", "b")
		pass(8 * time.Second)
		equal(t, "the pause", has("b", "two"), false)
		pass(5 * time.Second)
		equal(t, "over", has("b", "two"), true)
		r.crash(t)
	})
}
