package realnode

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// inner is the node's end of its cable, as the node names it.
const inner = "eth0"

// cableBits is the size of a cable's network: its two ends.
const cableBits = 30

// plug lays a cable from the host into the network of a process: an address at
// each end, the way to the node's pods on the host, the way out in the node.
// It goes with the node's network.
func plug(n spec.RealNode, pid int) error {
	cable := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: inner, PeerNamespace: netlink.NsPid(pid)}
	cable.Name = n.Interface
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("add interface %s: %w", n.Interface, err)
	}
	host, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer host.Close()
	if err := address(host, n.Interface, n.HostIP); err != nil {
		return err
	}
	if err := route(host, n.Interface, n.Pods, n.IP); err != nil {
		return err
	}
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return err
	}
	defer ns.Close()
	node, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer node.Close()
	lo, err := node.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := node.LinkSetUp(lo); err != nil {
		return err
	}
	if err := address(node, inner, n.IP); err != nil {
		return err
	}
	return route(node, inner, netip.PrefixFrom(netip.IPv4Unspecified(), 0), n.HostIP)
}

// unplug removes what the kernel has not yet cleared away of an earlier node.
func unplug(n spec.RealNode) error {
	link, err := netlink.LinkByName(n.Interface)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove interface %s: %w", n.Interface, err)
	}
	return nil
}

func address(h *netlink.Handle, name string, a netip.Addr) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	ip := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(cableBits, 32)}
	if err := h.AddrAdd(link, &netlink.Addr{IPNet: ip}); err != nil {
		return fmt.Errorf("give %s the address %s: %w", name, a, err)
	}
	return h.LinkSetUp(link)
}

func route(h *netlink.Handle, name string, to netip.Prefix, via netip.Addr) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	dst := &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)}
	if err := h.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Gw: via.AsSlice()}); err != nil {
		return fmt.Errorf("add route to %s: %w", to, err)
	}
	return nil
}
