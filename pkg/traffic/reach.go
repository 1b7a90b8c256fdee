package traffic

import (
	"net"
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// reach are the endpoints (host:port, sorted) that a carrier connects to: the
// pods, where the cluster tells them, and nothing else while none is ready; else
// the load balancer, or the node port.
// Whether the cluster may name them has been decided; what is no address at all
// is left out.
func reach(kind corev1.ServiceType, report *v1alpha1.ObjectReport, row *v1alpha1.ServicePortReport, nodes []string) []string {
	var found []string
	for _, e := range row.Endpoints {
		if host, port, err := net.SplitHostPort(e); err == nil {
			if n, err := strconv.ParseInt(port, 10, 32); err == nil {
				found = appendEndpoint(found, host, n)
			}
		}
	}
	switch {
	case len(found) > 0 || row.Pods:
	case kind == corev1.ServiceTypeLoadBalancer:
		for _, a := range report.Addresses {
			found = appendEndpoint(found, a, row.Port)
		}
	case row.NodePort > 0:
		for _, a := range nodes {
			found = appendEndpoint(found, a, row.NodePort)
		}
	}
	return sorted(found)
}

func appendEndpoint(list []string, host string, port int64) []string {
	a, err := netip.ParseAddr(host)
	if err == nil && (a.Zone() != "" || a.IsUnspecified() || a.IsMulticast()) || err != nil && len(validation.IsDNS1123Subdomain(host)) > 0 {
		return list
	}
	if port < 1 || port > 65535 {
		return list
	}
	return append(list, net.JoinHostPort(host, strconv.FormatInt(port, 10)))
}
