package member

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// prepareLimit is far above what a loaded machine needs; a cluster that is not
// ready by then has a fault, and its log should say so.
const prepareLimit = 10 * time.Minute

// prepare gives the cluster its nodes, sees it work, and says so in spec.ReadyFile.
func prepare(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"create nodes", func(ctx context.Context) error { return createNodes(ctx, c, client) }},
		{"create storage class", func(ctx context.Context) error { return createStorageClass(ctx, client) }},
		{"wait for nodes to be Ready", func(ctx context.Context) error { return waitNodes(ctx, c, client) }},
		{"wait for ServiceAccount default", func(ctx context.Context) error { return waitAccount(ctx, client) }},
		{"see a workload run", func(ctx context.Context) error { return seeItWork(ctx, client, probe()) }},
		{"see a workload run on real nodes", func(ctx context.Context) error { return seeReal(ctx, c, client) }},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("prepare cluster: %s: %w", step.what, err)
		}
	}
	debug.SetGCPercent(garbageAtWork)
	debug.FreeOSMemory()
	if err := os.WriteFile(spec.ReadyFile, nil, 0o600); err != nil {
		return fmt.Errorf("say that the cluster is ready: %w", err)
	}
	return nil
}

func waitNodes(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	return wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: fakeNodes})
		if err != nil {
			return false, nil
		}
		ready := 0
		for i := range list.Items {
			if usable(&list.Items[i]) {
				ready++
			}
		}
		return ready >= c.Nodes, nil
	})
}

func usable(n *corev1.Node) bool {
	for _, t := range n.Spec.Taints {
		if t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable {
			return false
		}
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func waitAccount(ctx context.Context, client kubernetes.Interface) error {
	return wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
}

const probeName = "lab-probe"

// seeItWork runs a ReplicaSet of one pod to readiness and removes it together
// with its pod. After a restart everything in the store looks healthy before
// any component runs; only a new object shows that controllers, scheduler,
// nodes and garbage collection are at work.
func seeItWork(ctx context.Context, client kubernetes.Interface, probe *appsv1.ReplicaSet) error {
	sets := client.AppsV1().ReplicaSets(metav1.NamespaceSystem)
	remove := func(ctx context.Context) (bool, error) {
		err := sets.Delete(ctx, probe.Name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)})
		return apierrors.IsNotFound(err), nil
	}
	// One may be left from a process that was killed at this point.
	if err := wait.PollUntilContextCancel(ctx, poll, true, remove); err != nil {
		return fmt.Errorf("remove earlier probe: %w", err)
	}
	create := func(ctx context.Context) (bool, error) {
		_, err := sets.Create(ctx, probe, metav1.CreateOptions{})
		if apierrors.IsInvalid(err) {
			return false, err
		}
		return err == nil || apierrors.IsAlreadyExists(err), nil
	}
	if err := wait.PollUntilContextCancel(ctx, poll, true, create); err != nil {
		return fmt.Errorf("create probe: %w", err)
	}
	ready := func(ctx context.Context) (bool, error) {
		s, err := sets.Get(ctx, probe.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, errors.New("somebody removed it")
		}
		return err == nil && s.Status.ReadyReplicas == *probe.Spec.Replicas, nil
	}
	if err := wait.PollUntilContextCancel(ctx, poll, true, ready); err != nil {
		return fmt.Errorf("wait for probe to be ready: %w", err)
	}
	if err := wait.PollUntilContextCancel(ctx, poll, true, remove); err != nil {
		return fmt.Errorf("remove probe: %w", err)
	}
	return nil
}

func probe() *appsv1.ReplicaSet {
	labels := map[string]string{"app": probeName}
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: probeName, Namespace: metav1.NamespaceSystem},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: ptr.To[int32](1),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "lab.invalid/probe"}}},
			},
		},
	}
}
