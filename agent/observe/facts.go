package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryv1client "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// callTimeout bounds one request; readyTimeout one question for readiness.
	callTimeout  = 15 * time.Second
	readyTimeout = 3 * time.Second
)

// Facts are what a report says of the member itself.
type Facts struct {
	KubernetesVersion string
	Region            string
	Zones             []string
	// NodeAddresses are where node ports are reached, Sources (CIDR) where
	// connections from pods and nodes come from.
	NodeAddresses []string
	Sources       []string
	Resources     []v1alpha1.MemberResource
}

// Cluster is the member's API server, asked about itself.
type Cluster struct {
	metadata  metadata.Interface
	core      corev1client.CoreV1Interface
	endpoints discoveryv1client.EndpointSlicesGetter
	discovery discovery.DiscoveryInterface
	ready     rest.Interface

	mu    sync.Mutex
	facts Facts
}

// NewCluster makes the clients; it does not call the server.
func NewCluster(config *rest.Config) (*Cluster, error) {
	calling := rest.CopyConfig(config)
	calling.QPS, calling.Timeout = -1, callTimeout
	m, err := metadata.NewForConfig(calling)
	if err != nil {
		return nil, fmt.Errorf("make the metadata client: %w", err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(calling)
	if err != nil {
		return nil, fmt.Errorf("make the discovery client: %w", err)
	}
	// Whole nodes are read, and slices of endpoints watched: a third of the size.
	calling.AcceptContentTypes, calling.ContentType = runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON, runtime.ContentTypeProtobuf
	core, err := corev1client.NewForConfig(calling)
	if err != nil {
		return nil, fmt.Errorf("make the client of nodes, pods and events: %w", err)
	}
	calling.Timeout = 0
	watches, err := discoveryv1client.NewForConfig(calling)
	if err != nil {
		return nil, fmt.Errorf("make the client of endpoints: %w", err)
	}
	return &Cluster{metadata: m, core: core, endpoints: watches, discovery: d, ready: d.RESTClient()}, nil
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Identity is the UID of the member's kube-system namespace, which no renaming
// of the cluster changes.
func (c *Cluster) Identity(ctx context.Context) (string, error) {
	ns, err := c.metadata.Resource(namespaces).Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read the UID of namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(ns.UID), nil
}

// Ready asks the API server whether it is. Any answer below 500 counts: the
// server that refuses is there.
func (c *Cluster) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := c.ready.Get().AbsPath("/readyz").Do(ctx).Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Code < 500 {
		return nil
	}
	return err
}

// Facts are those of the last Refresh that succeeded.
func (c *Cluster) Facts() Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.facts
}

// Refresh reads version, nodes and discovery anew. What cannot be read keeps
// its last value; the first error is returned.
func (c *Cluster) Refresh(ctx context.Context) error {
	facts := c.Facts()
	var first error
	if v, err := c.discovery.ServerVersion(); err == nil {
		facts.KubernetesVersion = v.GitVersion
	} else {
		first = fmt.Errorf("read the version: %w", err)
	}
	if nodes, err := c.survey(ctx); err == nil {
		facts.Region, facts.Zones = Location(nodes.labels)
		facts.NodeAddresses, facts.Sources = nodes.addresses(), atMost(maxSources, nodes.sources)
	} else {
		first = cmp.Or(first, fmt.Errorf("list nodes: %w", err))
	}
	if lists, err := c.discovery.ServerPreferredResources(); err == nil {
		facts.Resources = resources(lists)
	} else {
		first = cmp.Or(first, fmt.Errorf("discover resources: %w", err))
	}
	c.mu.Lock()
	c.facts = facts
	c.mu.Unlock()
	return first
}

// Location is the region of most nodes and the zones of all, sorted. Nodes
// without labels are passed over: one must not hide where the others are.
func Location(nodeLabels []map[string]string) (region string, zones []string) {
	regions, seen := map[string]int{}, map[string]bool{}
	for _, l := range nodeLabels {
		if r := cmp.Or(l[corev1.LabelTopologyRegion], l[corev1.LabelFailureDomainBetaRegion]); r != "" {
			regions[r]++
		}
		if z := cmp.Or(l[corev1.LabelTopologyZone], l[corev1.LabelFailureDomainBetaZone]); z != "" {
			seen[z] = true
		}
	}
	for _, r := range slices.Sorted(maps.Keys(regions)) {
		if region == "" || regions[r] > regions[region] {
			region = r
		}
	}
	return region, slices.Sorted(maps.Keys(seen))
}

// resources are the main resources of groups that Kubernetes itself does not
// bring, sorted.
func resources(lists []*metav1.APIResourceList) []v1alpha1.MemberResource {
	var out []v1alpha1.MemberResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || builtIn(gv.Group) {
			continue
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") {
				continue
			}
			out = append(out, v1alpha1.MemberResource{
				Group: gv.Group, Version: gv.Version, Resource: r.Name, Kind: r.Kind, Namespaced: r.Namespaced, ShortNames: r.ShortNames,
			})
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.MemberResource) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return out
}

func builtIn(group string) bool {
	switch group {
	case "apiextensions.k8s.io", "apiregistration.k8s.io":
		return true
	}
	return scheme.Scheme.IsGroupRegistered(group)
}
