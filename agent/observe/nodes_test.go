package observe

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// node has addresses written as "External:192.0.2.1".
func node(ready bool, podCIDR string, addresses ...string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}}, Spec: corev1.NodeSpec{PodCIDR: podCIDR, PodCIDRs: []string{podCIDR}}}
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	n.Status.Conditions = []corev1.NodeCondition{{Type: "DiskPressure", Status: "False"}, {Type: corev1.NodeReady, Status: status}}
	for _, a := range addresses {
		kind, address, _ := strings.Cut(a, ":")
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeAddressType(kind + "IP"), Address: address})
	}
	n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: "node"})
	return n
}

func TestSurvey(t *testing.T) {
	for name, tc := range map[string]struct {
		nodes              []*corev1.Node
		addresses, sources string
	}{
		"none": {},
		"internal ones": {[]*corev1.Node{node(true, "10.1.1.0/24", "Internal:10.0.0.2"), node(true, "10.1.0.0/24", "Internal:10.0.0.1")},
			"10.0.0.1 10.0.0.2", "10.0.0.1/32 10.0.0.2/32 10.1.0.0/24 10.1.1.0/24"},
		"external ones come first": {[]*corev1.Node{node(true, "", "Internal:10.0.0.2"), node(true, "", "Internal:10.0.0.1", "External:192.0.2.1")},
			"192.0.2.1", "10.0.0.1/32 10.0.0.2/32 192.0.2.1/32"},
		"only ready ones": {[]*corev1.Node{node(false, "", "Internal:10.0.0.2", "External:192.0.2.2"), node(true, "", "Internal:10.0.0.1")},
			"10.0.0.1", "10.0.0.1/32 10.0.0.2/32 192.0.2.2/32"},
		"all where none is ready": {[]*corev1.Node{node(false, "", "Internal:10.0.0.2")}, "10.0.0.2", "10.0.0.2/32"},
		"IPv6": {[]*corev1.Node{node(true, "2001:db8:1::1/64", "Internal:2001:DB8::1", "Internal:::ffff:10.0.0.1")},
			"10.0.0.1 2001:db8::1", "10.0.0.1/32 2001:db8:1::/64 2001:db8::1/128"},
		"what is none": {[]*corev1.Node{node(true, "all", "Internal:here", "Internal:fe80::1%eth0", "External:")}, "", ""},
	} {
		s := newSurvey()
		for _, n := range tc.nodes {
			s.add(n)
		}
		if got := strings.Join(s.addresses(), " "); got != tc.addresses {
			t.Errorf("%s: addresses %s, want %s", name, got, tc.addresses)
		}
		if got := strings.Join(atMost(maxSources, s.sources), " "); got != tc.sources {
			t.Errorf("%s: sources %s, want %s", name, got, tc.sources)
		}
	}
}

func TestSurveyIsBounded(t *testing.T) {
	s := newSurvey()
	for i := range 1000 {
		s.add(node(true, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), fmt.Sprintf("Internal:172.16.%d.%d", i/256, i%256)))
	}
	if n, m := len(s.addresses()), len(atMost(maxSources, s.sources)); n != maxNodeAddresses || m != maxSources {
		t.Errorf("%d addresses, %d sources", n, m)
	}
}
