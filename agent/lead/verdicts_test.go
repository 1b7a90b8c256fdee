package lead

import (
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestNeitherLoopOverwritesTheOthersVerdicts(t *testing.T) {
	b := newBucket(t, "a")
	s := &verdicts{store: b, fence: fence{&lease{left: time.Minute}}}
	removed := func(v *v1alpha1.Verdicts) { v.Removals = []v1alpha1.Removal{{Cluster: "a"}} }
	judged := func(v *v1alpha1.Verdicts) { v.Clusters = map[string]v1alpha1.ClusterVerdict{"a": {UID: "u"}} }
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "PutVerdicts" }))
	equal(t, "fails", s.update(t.Context(), removed) != nil, true)
	b.setFail(func(string, string) error { return nil })

	errs := make(chan error, 2)
	for _, change := range []func(*v1alpha1.Verdicts){removed, judged} {
		go func() { errs <- s.update(t.Context(), change) }()
	}
	equal(t, "one", <-errs, nil)
	equal(t, "other", <-errs, nil)
	equal(t, "removals", len(b.verdicts.Removals), 1)
	equal(t, "clusters", len(b.verdicts.Clusters), 1)

	clear(b.calls)
	equal(t, "again", s.update(t.Context(), judged), nil)
	equal(t, "nothing new, nothing written", b.calls["PutVerdicts"], 0)
}
