package status

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// PublishedService is a Service as a cluster's shard has it, and the addresses
// that the cluster reports of it.
type PublishedService struct {
	Manifest  json.RawMessage
	Addresses []string
}

// Published are the addresses (host:port, sorted) where a cluster's services
// can be reached from outside: those of Services of type LoadBalancer with their
// TCP ports, within the cluster's address ranges, at most
// v1alpha1.MaxProbeAddresses. A member's word sends others there, so addresses
// that mean something else to everybody are left out.
func Published(services []PublishedService, ranges []string) []string {
	var found []string
	for _, s := range services {
		for _, port := range tcpPorts(s.Manifest) {
			for _, a := range s.Addresses {
				if public(a) && allowed(a, ranges) {
					found = append(found, net.JoinHostPort(a, strconv.Itoa(port)))
				}
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), v1alpha1.MaxProbeAddresses)]
}

// tcpPorts of a Service of type LoadBalancer; nil for anything else.
func tcpPorts(manifest json.RawMessage) []int {
	var service struct {
		Spec struct {
			Type  string `json:"type"`
			Ports []struct {
				Port     int    `json:"port"`
				Protocol string `json:"protocol"`
			} `json:"ports"`
		} `json:"spec"`
	}
	if json.Unmarshal(manifest, &service) != nil || service.Spec.Type != "LoadBalancer" {
		return nil
	}
	var ports []int
	for _, p := range service.Spec.Ports {
		if (p.Protocol == "" || p.Protocol == "TCP") && p.Port > 0 && p.Port < 1<<16 {
			ports = append(ports, p.Port)
		}
	}
	return ports
}

// public says whether an address can mean the same machine to all clusters.
func public(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address != "localhost" && len(validation.IsDNS1123Subdomain(address)) == 0
	}
	a = a.Unmap()
	return a.Zone() == "" && !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
