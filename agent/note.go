package agent

import (
	"context"
	"encoding/json"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-fed/kubectl-fed/agent/follow"
	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// annotationTakenOver of the note holds what was taken over last, as JSON.
const annotationTakenOver = v1alpha1.Group + "/taken-over"

// note is the member's own memory of what its agent took over: an annotation of
// a Lease beside that of the election, which the agent may write anyway. A
// member has one for each federation, whatever name it has there.
type note struct {
	leases coordination.LeaseInterface
	name   string
}

// newNote needs the namespace of the agent; without one there is no memory.
func newNote(config *rest.Config, namespace string, federation types.UID) (follow.Memory, error) {
	if namespace == "" {
		return nil, nil
	}
	c := rest.CopyConfig(config)
	c.QPS = -1
	client, err := coordination.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("make the client of the member's note: %w", err)
	}
	return &note{leases: client.Leases(namespace), name: v1alpha1.FieldManager(federation) + "-taken-over"}, nil
}

// Recall implements follow.Memory.
func (n *note) Recall(ctx context.Context) (follow.Mark, error) {
	lease, err := n.leases.Get(ctx, n.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return follow.Mark{}, nil
	}
	if err != nil {
		return follow.Mark{}, err
	}
	m := follow.Mark{}
	if err := json.Unmarshal([]byte(lease.Annotations[annotationTakenOver]), &m); err != nil {
		return follow.Mark{}, nil // as good as none
	}
	return m, nil
}

// Store implements follow.Memory.
func (n *note) Store(ctx context.Context, m follow.Mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the note: %w", err)
	}
	lease, err := n.leases.Get(ctx, n.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.name, Annotations: map[string]string{annotationTakenOver: string(text)}}}
		_, err = n.leases.Create(ctx, lease, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotationTakenOver, string(text))
	_, err = n.leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}
