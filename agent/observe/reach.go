package observe

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Reach is where a member's agent may connect to when its shard asks it to
// probe. The addresses come from the bucket, the permission from the member.
type Reach struct {
	// Off permits nothing.
	Off bool
	// Ranges that are permitted; empty permits every address but the special
	// ones. A special address is permitted only by a range that names nothing
	// but such: 0.0.0.0/0 does not open the way to a metadata server.
	Ranges []netip.Prefix
}

// special are the addresses that lead to this very machine, to what only its
// neighbours may ask (metadata servers with credentials), or to many at once.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("::/127"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("fd00:ec2::254/128"),
}

// ParseReach reads CIDRs such as 10.0.0.0/8.
func ParseReach(ranges []string) (Reach, error) {
	var r Reach
	for _, text := range ranges {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return Reach{}, fmt.Errorf("%q is no range of addresses: want a CIDR such as 10.0.0.0/8", text)
		}
		if p.Addr().Is4In6() {
			return Reach{}, fmt.Errorf("%q is an IPv4 range written as IPv6: write it as IPv4", text)
		}
		r.Ranges = append(r.Ranges, p.Masked())
	}
	return r, nil
}

// Permits says whether the agent may connect to an address.
func (r Reach) Permits(a netip.Addr) bool {
	a = a.Unmap()
	if r.Off || !a.IsValid() || a.Zone() != "" {
		return false
	}
	at := slices.IndexFunc(special, func(s netip.Prefix) bool { return s.Contains(a) })
	if at < 0 && len(r.Ranges) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Ranges, func(p netip.Prefix) bool {
		if !p.Contains(a) {
			return false
		}
		return at < 0 || (special[at].Contains(p.Addr()) && p.Bits() >= special[at].Bits())
	})
}

// endpoint is a host and a port that were found to be ones.
type endpoint struct {
	host string
	addr netip.Addr // of a host that is one; else the name is resolved
	port uint16
}

// parseEndpoint reads host:port; the host is an IP address or a DNS name.
func parseEndpoint(text string) (endpoint, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return endpoint{}, fmt.Errorf("%q is not host:port", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return endpoint{}, fmt.Errorf("%q has no port between 1 and 65535", text)
	}
	e := endpoint{host: host, port: uint16(n)}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return endpoint{}, fmt.Errorf("%q names a zone of this machine", text)
		}
		e.addr = a.Unmap()
		return e, nil
	}
	if len(validation.IsDNS1123Subdomain(host)) > 0 {
		return endpoint{}, fmt.Errorf("%q names neither an IP address nor a DNS name", text)
	}
	return e, nil
}
