package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pool"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// balancer is the cluster's cloud load balancer: it gives each Service of type
// LoadBalancer a loopback address of its own. It listens on none of them: the
// pods of simulated nodes answer nothing, and those of real ones are reached
// through the process that runs them. Services that name a load
// balancer class are another controller's, and so are Ingresses.
type balancer struct {
	client   kubernetes.Interface
	services corelisters.ServiceLister
	pool     *pool.Pool
}

func runBalancer(ctx context.Context, c spec.Cluster, client kubernetes.Interface) error {
	addresses, err := pool.New(c.BalancerRange)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	services := factory.Core().V1().Services()
	b := &balancer{client: client, services: services.Lister(), pool: addresses}
	l := newLoop(b.reconcile)
	if err := l.watch(services.Informer()); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), services.Informer().HasSynced) {
		return errors.New("no first list of services")
	}
	if err := b.adopt(); err != nil {
		return err
	}
	l.run(ctx)
	return nil
}

// adopt reserves the addresses that Services have from an earlier run, before
// any of them could be given to another.
func (b *balancer) adopt() error {
	all, err := b.services.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	for _, s := range all {
		if a := currentAddress(s); wantsAddress(s) && a.IsValid() {
			b.pool.Take(cache.MetaObjectToName(s).String(), a)
		}
	}
	return nil
}

func (b *balancer) reconcile(ctx context.Context, key cache.ObjectName) error {
	s, err := b.services.Services(key.Namespace).Get(key.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("get service: %w", err)
	}
	if err != nil || !wantsAddress(s) {
		b.pool.Release(key.String())
		return nil // the API server empties the status of a Service that is a LoadBalancer no more
	}
	a, ok := b.pool.Take(key.String(), currentAddress(s))
	if !ok {
		return fmt.Errorf("give service an address: none left in %s", b.pool)
	}
	return b.publish(ctx, s, a)
}

func (b *balancer) publish(ctx context.Context, s *corev1.Service, a netip.Addr) error {
	want := corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: a.String(), IPMode: ptr.To(corev1.LoadBalancerIPModeProxy)}}}
	if equality.Semantic.DeepEqual(s.Status.LoadBalancer, want) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": want}})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	_, err = b.client.CoreV1().Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "lab-balancer"}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write status of service: %w", err)
	}
	return nil
}

func wantsAddress(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil && s.DeletionTimestamp == nil
}

func currentAddress(s *corev1.Service) netip.Addr {
	for _, i := range s.Status.LoadBalancer.Ingress {
		if a, err := netip.ParseAddr(i.IP); err == nil {
			return a
		}
	}
	return netip.Addr{}
}
