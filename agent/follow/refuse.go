package follow

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Identity is who this process is, towards the federation.
type Identity struct {
	Cluster       string
	FederationUID types.UID
	ClusterUID    types.UID
	// MemberUID is the UID of the member's kube-system namespace.
	MemberUID string
	// Bound says that the roster itself names MemberUID for this cluster.
	Bound bool
	// Agent is unique per process.
	Agent   string
	Version string
}

// Taken is a revision that was taken over, and the SHA-256 of its bytes.
type Taken struct {
	Revision int64
	SHA256   string
}

// Refuse says why a revision may not be taken over; an empty reason means that
// it may. highest is the highest epoch ever taken over, last what was taken
// over last.
func Refuse(id Identity, highest int64, last Taken, s *v1alpha1.Shard) (reason, message string) {
	switch {
	case s.Cluster != id.Cluster:
		return v1alpha1.ReasonForeignRevision, fmt.Sprintf("it is for cluster %q, not %q", s.Cluster, id.Cluster)
	case s.FederationUID != id.FederationUID:
		return v1alpha1.ReasonForeignRevision, fmt.Sprintf("it is of federation %q, not %q", s.FederationUID, id.FederationUID)
	case s.ClusterUID != id.ClusterUID:
		return v1alpha1.ReasonForeignRevision, fmt.Sprintf("it is for the cluster with UID %q, not %q", s.ClusterUID, id.ClusterUID)
	case s.Epoch < highest:
		return v1alpha1.ReasonStaleEpoch, fmt.Sprintf("its epoch %d is lower than %d, which was taken over before", s.Epoch, highest)
	case s.Accept == v1alpha1.AcceptRestore:
		return "", "" // it follows none
	case last.Revision > 0 && last.Revision == s.Revision-1 && s.Previous != last.SHA256:
		return v1alpha1.ReasonCorruptRevision, fmt.Sprintf("it does not follow revision %d as it was taken over here", last.Revision)
	}
	return "", ""
}

// maxRefused is how many refusals a report lists.
const maxRefused = 10

// addRefusal keeps the newest refusals, one per revision, newest last.
func addRefusal(list []v1alpha1.RefusedRevision, r v1alpha1.RefusedRevision) []v1alpha1.RefusedRevision {
	var out []v1alpha1.RefusedRevision
	at := len(list)
	for i, have := range list {
		if have.Revision == r.Revision {
			return list
		}
		if have.Revision > r.Revision && at == len(list) {
			at = i
		}
	}
	out = append(append(append(out, list[:at]...), r), list[at:]...)
	if len(out) > maxRefused {
		out = out[len(out)-maxRefused:]
	}
	return out
}
