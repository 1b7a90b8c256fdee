package plan

import (
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// A changed override is rolled out as any change; but no version of the spec
// takes it back.
func TestRolloutOfAnOverride(t *testing.T) {
	tagged := func(tag string) string {
		return strings.TrimSuffix(inWaves, "}") + `,"overrides":[{"image":{"tag":"` + tag + `"}}]}`
	}
	w := newWorld(t, "a", "b", "c")
	w.place("p", tagged("1"))
	w.put(web, replicas(6), image("web"))
	w.settle()
	equal(t, "everywhere", w.images(), "a=web:1 b=web:1 c=web:1 ")
	w.place("p", tagged("2"))
	w.report(w.answering()...)
	w.pass()
	equal(t, "a wave", w.images(), "a=web:2 b=web:1 c=web:1 ")
	s := w.specs[key(web)]
	s.Base = s.Object
	w.specs[key(web)] = s
	w.report(w.answering()...)
	w.cluster("a").Reports[key(web)].Health = v1alpha1.HealthFailed
	w.pass()
	r := w.object(web).Record.Rollout
	equal(t, "stopped", w.images()+string(r.Phase), "a=web:2 b=web:1 c=web:1 Stopped")
	equal(t, "says why it is not undone", strings.Contains(r.Message, "not undone"), true)
	w.place("p", tagged("1"))
	w.settle()
	equal(t, "taken back by the user", w.images()+string(w.object(web).Record.Rollout.Phase), "a=web:1 b=web:1 c=web:1 Complete")
}
