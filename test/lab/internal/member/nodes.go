package member

import (
	"context"
	"fmt"
	"runtime"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// fakeNodes selects the nodes that runKubelets plays; others are left alone.
const fakeNodes = "type=kwok"

// createNodes creates the nodes that are missing. One that a user has deleted
// comes back with the next start.
func createNodes(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	for i := range c.Nodes {
		_, err := client.CoreV1().Nodes().Create(ctx, node(c, i), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", c.NodeName(i), err)
		}
	}
	return nil
}

func node(c spec.Cluster, i int) *corev1.Node {
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("64"),
		corev1.ResourceMemory:           resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("500"),
	}
	name := c.NodeName(i)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				"type":                           "kwok",
				"node-role.kubernetes.io/worker": "",
				corev1.LabelHostname:             name,
				corev1.LabelOSStable:             "linux",
				corev1.LabelArchStable:           runtime.GOARCH,
				corev1.LabelInstanceTypeStable:   "lab",
				corev1.LabelTopologyRegion:       c.Region,
				corev1.LabelTopologyZone:         c.NodeZone(i),
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    room,
			Allocatable: room,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: nodeIP(c, i)},
				{Type: corev1.NodeHostName, Address: name},
			},
		},
	}
}

// nodeIP is an address for show: nothing listens on it.
func nodeIP(c spec.Cluster, i int) string {
	return fmt.Sprintf("10.95.%d.%d", c.Slot%256, i%250+1)
}
