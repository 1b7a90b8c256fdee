package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// rosterTimeout bounds one reading of the roster.
const rosterTimeout = 30 * time.Second

// errFatal marks what no retry can mend: the agent was told something that
// is not so.
var errFatal = errors.New("refusing to run")

// membership is what the roster says of this cluster.
type membership struct {
	federation types.UID
	cluster    types.UID
	memberUID  string // empty where join could not read it
}

// readMembership reads the roster and holds it against what the agent was told.
func readMembership(ctx context.Context, c *Config) (membership, error) {
	ctx, cancel := context.WithTimeout(ctx, rosterTimeout)
	defer cancel()
	f, err := c.Roster.Federation(ctx)
	if err != nil {
		return membership{}, fmt.Errorf("read the federation: %w", err)
	}
	cluster, err := c.Roster.Cluster(ctx, c.Cluster)
	if err != nil {
		return membership{}, fmt.Errorf("read the roster's entry of cluster %q: %w", c.Cluster, err)
	}
	return admit(c, f, cluster)
}

// admit compares; its errors are fatal.
func admit(c *Config, f *v1alpha1.Federation, cluster *v1alpha1.Cluster) (membership, error) {
	switch {
	case f.Spec.LayoutVersion > v1alpha1.LayoutVersion:
		return membership{}, fmt.Errorf("%w: the bucket has layout version %d, this agent knows %d: upgrade the agent", errFatal, f.Spec.LayoutVersion, v1alpha1.LayoutVersion)
	case c.FederationUID != "" && f.UID != c.FederationUID:
		return membership{}, fmt.Errorf("%w: the bucket holds federation %q with UID %s, --federation-uid says %s: is this the right bucket?", errFatal, f.Name, f.UID, c.FederationUID)
	case c.ClusterUID != "" && cluster.UID != c.ClusterUID:
		return membership{}, fmt.Errorf("%w: cluster %q has UID %s in the federation, --cluster-uid says %s: it has left and joined again; install the agent as `kubectl fed join` printed it", errFatal, c.Cluster, cluster.UID, c.ClusterUID)
	}
	return membership{federation: f.UID, cluster: cluster.UID, memberUID: cluster.Spec.MemberUID}, nil
}
