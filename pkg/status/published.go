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
// that mean something else to everybody are left out, unless a range is of
// nothing but such: clusters that share a machine meet on 127.0.0.0/8.
func Published(services []PublishedService, ranges []string) []string {
	var found []string
	for _, s := range services {
		for _, port := range tcpPorts(s.Manifest) {
			for _, a := range s.Addresses {
				if Reachable(a, ranges) {
					found = append(found, net.JoinHostPort(a, strconv.Itoa(port)))
				}
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), v1alpha1.MaxProbeAddresses)]
}

// Reachable says whether others may be sent to an address on a member's word: it
// lies in the ranges, if there are any, and is none that means something else
// to everybody, unless a range is of nothing but such.
func Reachable(address string, ranges []string) bool {
	return public(address, ranges) && allowed(address, ranges)
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

// special addresses mean another machine to each cluster, or many at once.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("::/128"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

// public says whether an address can mean the same machine to all clusters. A
// special one does where people said so: where a range names nothing but such.
func public(address string, ranges []string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address != "localhost" && len(validation.IsDNS1123Subdomain(address)) == 0
	}
	a = a.Unmap()
	at := slices.IndexFunc(special, func(s netip.Prefix) bool { return s.Contains(a) })
	if a.Zone() != "" || at < 0 {
		return a.Zone() == ""
	}
	return slices.ContainsFunc(ranges, func(r string) bool {
		p, err := netip.ParsePrefix(r)
		return err == nil && p.Contains(a) && special[at].Contains(p.Addr()) && p.Bits() >= special[at].Bits()
	})
}
