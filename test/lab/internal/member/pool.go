package member

import (
	"fmt"
	"net/netip"
)

// addressPool hands out the host addresses of a range, each to one owner.
type addressPool struct {
	all    netip.Prefix
	owners map[netip.Addr]string
	held   map[string]netip.Addr
}

func newAddressPool(cidr string) (*addressPool, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, fmt.Errorf("read address range: %w", err)
	}
	return &addressPool{all: p.Masked(), owners: map[netip.Addr]string{}, held: map[string]netip.Addr{}}, nil
}

// take returns the owner's address: the one it has, else the wanted one if that
// is free and of the range, else the lowest free one. False if none is left.
// The first and the last address of the range are nobody's.
func (p *addressPool) take(owner string, wanted netip.Addr) (netip.Addr, bool) {
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

// release gives the owner's address back.
func (p *addressPool) release(owner string) {
	delete(p.owners, p.held[owner])
	delete(p.held, owner)
}

func (p *addressPool) give(owner string, a netip.Addr) netip.Addr {
	p.owners[a], p.held[owner] = owner, a
	return a
}

func (p *addressPool) free(a netip.Addr) bool {
	inside := a.IsValid() && p.all.Contains(a) && a != p.all.Addr() && p.all.Contains(a.Next())
	return inside && p.owners[a] == ""
}
