// Package pool hands out the addresses of a range. An owner goes in, an address
// that is nobody else's comes out. It listens on none of them and remembers
// nothing beyond its process.
package pool

import (
	"fmt"
	"net/netip"
)

// Pool is the host addresses of a range, each with one owner at most. Its
// methods are for one goroutine at a time.
type Pool struct {
	all    netip.Prefix
	owners map[netip.Addr]string
	held   map[string]netip.Addr
}

// New returns the pool of an IPv4 or IPv6 range in CIDR notation.
func New(cidr string) (*Pool, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, fmt.Errorf("read address range: %w", err)
	}
	return &Pool{all: p.Masked(), owners: map[netip.Addr]string{}, held: map[string]netip.Addr{}}, nil
}

// Take returns the owner's address: the one it has, else the wanted one if that
// is free and of the range, else the lowest free one. False if none is left.
// The first and the last address of the range are nobody's.
func (p *Pool) Take(owner string, wanted netip.Addr) (netip.Addr, bool) {
	if a, ok := p.held[owner]; ok {
		return a, true
	}
	if p.free(wanted) {
		return p.give(owner, wanted), true
	}
	for a := p.all.Addr().Next(); p.free(a) || p.owners[a] != ""; a = a.Next() {
		if p.free(a) {
			return p.give(owner, a), true
		}
	}
	return netip.Addr{}, false
}

// Release gives the owner's address back.
func (p *Pool) Release(owner string) {
	delete(p.owners, p.held[owner])
	delete(p.held, owner)
}

// String returns the range.
func (p *Pool) String() string { return p.all.String() }

func (p *Pool) give(owner string, a netip.Addr) netip.Addr {
	p.owners[a], p.held[owner] = owner, a
	return a
}

func (p *Pool) free(a netip.Addr) bool {
	inside := a.IsValid() && p.all.Contains(a) && a != p.all.Addr() && p.all.Contains(a.Next())
	return inside && p.owners[a] == ""
}
