package edge

import (
	"errors"
	"fmt"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// What one document may hold.
const (
	maxFrontends = 20_000
	maxBackends  = 20_000
	maxClusters  = 1_000
)

var errOlder = errors.New("it is older than the one that is served")

// accept says whether a document may follow the one that is served, and why not.
func accept(at position, t *v1alpha1.Traffic) error {
	switch {
	case t.FederationUID == "":
		return errors.New("it names no federation")
	case at.federation != "" && t.FederationUID != at.federation:
		return fmt.Errorf("it is of federation %q, this edge serves %q", t.FederationUID, at.federation)
	case t.Epoch < at.epoch:
		return fmt.Errorf("%w: its epoch is %d, that one's %d", errOlder, t.Epoch, at.epoch)
	case t.Epoch == at.epoch && t.Serial < at.serial:
		return fmt.Errorf("%w: its serial is %d, that one's %d", errOlder, t.Serial, at.serial)
	case len(t.Frontends) > maxFrontends:
		return fmt.Errorf("it has %d frontends, at most %d are served", len(t.Frontends), maxFrontends)
	case len(t.Backends) > maxBackends:
		return fmt.Errorf("it has %d backends, at most %d are served", len(t.Backends), maxBackends)
	case len(t.Clusters) > maxClusters:
		return fmt.Errorf("it has %d clusters, at most %d are served", len(t.Clusters), maxClusters)
	}
	return nil
}
