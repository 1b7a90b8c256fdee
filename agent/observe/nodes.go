package observe

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	nodePage = 200
	// maxNodeAddresses and maxSources bound what a report says of the nodes.
	maxNodeAddresses = 64
	maxSources       = 512
)

// survey is what is kept of the nodes while they are listed.
type survey struct {
	labels []map[string]string
	// ready and others have the addresses of nodes by type.
	ready, others map[corev1.NodeAddressType]map[string]bool
	sources       map[string]bool
}

// survey reads all nodes, some at a time.
func (c *Cluster) survey(ctx context.Context) (*survey, error) {
	s := newSurvey()
	options := metav1.ListOptions{Limit: nodePage}
	for {
		list, err := c.core.Nodes().List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			s.add(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return s, nil
		}
	}
}

func newSurvey() *survey {
	kinds := func() map[corev1.NodeAddressType]map[string]bool {
		return map[corev1.NodeAddressType]map[string]bool{corev1.NodeExternalIP: {}, corev1.NodeInternalIP: {}}
	}
	return &survey{ready: kinds(), others: kinds(), sources: map[string]bool{}}
}

func (s *survey) add(n *corev1.Node) {
	s.labels = append(s.labels, n.Labels)
	for _, text := range append([]string{n.Spec.PodCIDR}, n.Spec.PodCIDRs...) {
		if p, err := netip.ParsePrefix(text); err == nil {
			s.sources[p.Masked().String()] = true
		}
	}
	into := s.others
	if nodeReady(n) {
		into = s.ready
	}
	for _, a := range n.Status.Addresses {
		ip, err := netip.ParseAddr(a.Address)
		if known := into[a.Type]; known != nil && err == nil && ip.Zone() == "" {
			ip = ip.Unmap()
			known[ip.String()] = true
			s.sources[netip.PrefixFrom(ip, ip.BitLen()).String()] = true
		}
	}
}

func nodeReady(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// addresses are where node ports are reached: at ready nodes, from outside if
// any can be. While none is ready it is rather their word that is lost than all
// of them at once.
func (s *survey) addresses() []string {
	for _, nodes := range []map[corev1.NodeAddressType]map[string]bool{s.ready, s.others} {
		for _, kind := range []corev1.NodeAddressType{corev1.NodeExternalIP, corev1.NodeInternalIP} {
			if len(nodes[kind]) > 0 {
				return atMost(maxNodeAddresses, nodes[kind])
			}
		}
	}
	return nil
}

// atMost are the first of a set.
func atMost(n int, set map[string]bool) []string {
	all := slices.Sorted(maps.Keys(set))
	return all[:min(len(all), n)]
}
