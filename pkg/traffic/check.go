package traffic

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	netutils "k8s.io/utils/net"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// What an API server refuses in an Ingress. Each check returns what is wrong,
// for people, or nothing.

func checkHost(host string) string {
	if host == "" {
		return ""
	}
	if netutils.ParseIPSloppy(host) != nil {
		return "want a DNS name, not an address"
	}
	if strings.Contains(host, "*") {
		return strings.Join(validation.IsWildcardDNS1123Subdomain(host), "; ")
	}
	return strings.Join(validation.IsDNS1123Subdomain(host), "; ")
}

func checkName(name string) string {
	if name == "" {
		return "name it"
	}
	return strings.Join(validation.IsDNS1123Subdomain(name), "; ")
}

func checkPath(p v1alpha1.RoutePath) string {
	switch p.Type {
	case v1alpha1.PathExact, v1alpha1.PathPrefix:
		if !strings.HasPrefix(p.Path, "/") {
			return fmt.Sprintf("path %s: want one that begins with a slash", quote(p.Path))
		}
		for _, s := range []string{"//", "/./", "/../", "%2f", "%2F"} {
			if strings.Contains(p.Path, s) {
				return fmt.Sprintf("path %s: it must not contain %s", quote(p.Path), s)
			}
		}
		if strings.HasSuffix(p.Path, "/.") || strings.HasSuffix(p.Path, "/..") {
			return fmt.Sprintf("path %s: it must not end in dots", quote(p.Path))
		}
	case v1alpha1.PathImplementationSpecific:
		if p.Path != "" && p.Path[0] != '/' {
			return fmt.Sprintf("path %s: want one that begins with a slash", quote(p.Path))
		}
	default:
		return fmt.Sprintf("pathType %s: want Exact, Prefix or ImplementationSpecific", quote(string(p.Type)))
	}
	return ""
}

func checkBackend(b *networkingv1.IngressBackend) string {
	switch {
	case b.Resource != nil:
		return "a resource cannot be served; name a service"
	case b.Service == nil:
		return "name a service"
	}
	if msgs := validation.IsDNS1123Label(b.Service.Name); len(msgs) > 0 {
		return fmt.Sprintf("service %s: %s", quote(b.Service.Name), strings.Join(msgs, "; "))
	}
	return checkPort(b.Service.Port)
}

func checkPort(p networkingv1.ServiceBackendPort) string {
	var msgs []string
	switch {
	case p.Name != "" && p.Number != 0:
		return "name the service's port, or give its number, not both"
	case p.Name != "":
		msgs = validation.IsValidPortName(p.Name)
	case p.Number != 0:
		msgs = validation.IsValidPortNum(int(p.Number))
	default:
		return "name the service's port, or give its number"
	}
	return strings.Join(slices.Compact(msgs), "; ")
}
