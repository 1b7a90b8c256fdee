package http

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// closed are addresses that nobody sends an edge to: they lead to what only the
// machine itself or its neighbours may ask, such as its metadata, or to many at
// once.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("255.255.255.255/32"), netip.MustParsePrefix("::/128"), netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("ff00::/8"), netip.MustParsePrefix("fd00:ec2::254/128"),
}

// open says whether an endpoint may be at an address.
func open(a netip.Addr) bool {
	a = a.Unmap()
	for _, c := range closed {
		if c.Contains(a) {
			return false
		}
	}
	return a.IsValid() && a.Zone() == ""
}

// dialer connects to one endpoint. The leader has judged addresses, but whoever
// owns a name chooses what it leads to, and when: to this machine only an
// endpoint leads that says so.
func dialer(endpoint string) *net.Dialer {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	host, _, _ := net.SplitHostPort(endpoint)
	if _, err := netip.ParseAddr(host); err != nil {
		d.ControlContext = elsewhere
	}
	return d
}

// elsewhere refuses what a name may not lead to.
func elsewhere(_ context.Context, _, found string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(found)
	if err != nil {
		return fmt.Errorf("%q is no address to connect to: %w", found, err)
	}
	if !open(at.Addr()) || at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("the name leads to %s, where only an endpoint that is this address may", at.Addr())
	}
	return nil
}
