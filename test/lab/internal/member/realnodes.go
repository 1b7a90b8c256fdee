package member

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// seeReal runs a container on every real node. Those nodes are another
// process's: this only sees that they work.
func seeReal(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	for i := range c.RealNodes {
		n := c.RealNode(i)
		if err := seeItWork(ctx, client, realProbe(n.Name)); err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	return nil
}

func realProbe(node string) *appsv1.ReplicaSet {
	r := probe()
	r.Name = probeName + "-" + node
	labels := map[string]string{"app": r.Name}
	r.Spec.Selector.MatchLabels, r.Spec.Template.Labels = labels, labels
	r.Spec.Template.Spec = corev1.PodSpec{
		NodeSelector:                  map[string]string{corev1.LabelHostname: node},
		Tolerations:                   []corev1.Toleration{{Key: spec.RealKey, Operator: corev1.TolerationOpExists}},
		TerminationGracePeriodSeconds: ptr.To[int64](1),
		Containers:                    []corev1.Container{{Name: "probe", Image: spec.PauseImage}},
	}
	return r
}
