package apply

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// TestTombstoneOfWhatMayNotBeLookedAt: what was refused all its life is gone;
// what may have been applied once is waited for.
func TestTombstoneOfWhatMayNotBeLookedAt(t *testing.T) {
	cm := object("ConfigMap", "c", "1", "")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "c", errors.New("no"))
	report := func(generation int64) *v1alpha1.ObjectReport {
		return &v1alpha1.ObjectReport{Key: cm.Key, UID: cm.UID, Generation: generation, Health: v1alpha1.HealthFailed}
	}
	tests := []struct {
		name   string
		before *v1alpha1.ObjectReport
		first  error // what the first look is answered, before looks are forbidden
		apply  error
		gone   bool
	}{
		{"never applied", nil, forbidden, nil, true},
		{"refused before the restart too", report(0), forbidden, nil, true},
		{"applied before the restart", report(7), forbidden, nil, false},
		{"applied in this life", nil, nil, nil, false},
		{"perhaps applied", nil, nil, errors.New("the connection broke"), false},
	}
	for _, tt := range tests {
		prepare := func(e *Engine) {
			if tt.before != nil {
				e.Recall([]v1alpha1.ObjectReport{*tt.before})
			}
		}
		run(t, prepare, func(t *testing.T, c *fakeCluster, e *Engine) {
			answer := func(call string, err error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.refuse[call] = err
			}
			answer("look configmaps/c", tt.first)
			answer("apply configmaps/c", tt.apply)
			e.Take(shard(nil, cm))
			settle()
			answer("look configmaps/c", forbidden)
			e.Wake()
			settle()
			if tt.before != nil && reportOf(t, e, cm.Key).Generation != tt.before.Generation {
				t.Errorf("%s: the report forgets: %+v", tt.name, reportOf(t, e, cm.Key))
			}
			e.Take(shard([]v1alpha1.Tombstone{tombstone(cm, "")}))
			settle()
			if gone := len(e.Objects()) == 0; gone != tt.gone {
				t.Errorf("%s: gone %v, reported %+v", tt.name, gone, e.Objects())
			}
		})
	}
}
