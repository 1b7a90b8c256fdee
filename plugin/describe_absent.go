package plugin

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// describeAbsent shows what is known of the named objects that have a status
// and no spec. It returns what is left of the error that found them absent.
func (o *describeOptions) describeAbsent(ctx context.Context, absent error, more bool) error {
	hub, err := o.Hub()
	if err != nil {
		return err
	}
	keys, err := keysOf(o.factory, o.args)
	if err != nil {
		return absent // the first error says it better
	}
	var shown []v1alpha1.Key
	for _, key := range keys {
		status, err := o.leftover(ctx, hub, key)
		if err != nil {
			return err
		}
		if status == nil {
			continue
		}
		if more || len(shown) > 0 {
			fmt.Fprint(o.Out, "\n\n")
		}
		o.describeLeftover(key, status)
		shown = append(shown, key)
	}
	return errors.FilterOut(absent, func(err error) bool {
		for _, key := range shown {
			if err.Error() == apierrors.NewNotFound(key.GroupResource(), key.Name).Error() {
				return true
			}
		}
		return false
	})
}

// leftover is the status of an object whose spec is not in the bucket, or nil.
func (o *describeOptions) leftover(ctx context.Context, hub Hub, key v1alpha1.Key) (*v1alpha1.ObjectStatus, error) {
	if _, err := hub.Spec(ctx, key); !apierrors.IsNotFound(err) {
		return nil, err
	}
	status, err := hub.ObjectStatus(ctx, key)
	if ignoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the status: %w", err)
	}
	if err != nil {
		return nil, nil
	}
	return status, nil
}

func (o *describeOptions) describeLeftover(key v1alpha1.Key, status *v1alpha1.ObjectStatus) {
	out := newOutline(o.Out)
	defer out.flush()
	out.line(0, "Name", "%s", key.Name)
	if key.Namespace != "" {
		out.line(0, "Namespace", "%s", key.Namespace)
	}
	out.line(0, "Resource", "%s", key.GroupResource())
	out.line(0, "UID", "%s", status.UID)
	out.line(0, "Created", "%s", when(status.CreationTimestamp))
	held := slices.ContainsFunc(status.Conditions, func(c metav1.Condition) bool { return c.Reason == v1alpha1.HeldVanished })
	if held {
		out.line(0, "Spec", "vanished from the bucket though nobody deleted it; the members keep the object")
	} else {
		out.line(0, "Spec", "no longer in the bucket; the leader has not said why yet")
	}
	command := fmt.Sprintf("kubectl fed delete --missing %s %s", key.GroupResource(), key.Name)
	if key.Namespace != "" {
		command += " -n " + key.Namespace
	}
	out.line(0, "To Delete", "%s", command)
	out.line(0, "To Keep", "put the spec back: kubectl fed apply -f FILENAME")
	o.observed(out, status)
}
