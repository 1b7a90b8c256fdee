package forecast

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// TestUnreadSpecs: only what asking again will not mend is held for it, as the
// leader does.
func TestUnreadSpecs(t *testing.T) {
	large := v1alpha1.Key{Namespace: "default", Resource: "configmaps", Name: "large"}
	away := v1alpha1.Key{Namespace: "default", Resource: "configmaps", Name: "away"}
	b := Bucket{Verdicts: &v1alpha1.Verdicts{}, Snapshot: &v1alpha1.Snapshot{Federation: &v1alpha1.Federation{}, Unread: map[v1alpha1.Key]error{
		large: apierrors.NewRequestEntityTooLargeError("too large"), away: errors.New("timeout")}}}
	out := plan.Plan(b.Input(nil, time.Now()))
	if len(out.Held) != 1 || out.Held[0].Path != large.String()+".yaml" {
		t.Errorf("held %+v", out.Held)
	}
}
