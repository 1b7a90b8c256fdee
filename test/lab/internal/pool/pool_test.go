package pool

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestTake(t *testing.T) {
	p, err := New("127.100.7.0/29")
	if err != nil {
		t.Fatal(err)
	}
	none := netip.Addr{}
	steps := []struct {
		owner, wanted, got string
		full               bool
	}{
		{owner: "a", got: "127.100.7.1"},
		{owner: "b", wanted: "127.100.7.3", got: "127.100.7.3"},
		{owner: "a", wanted: "127.100.7.5", got: "127.100.7.1"}, // an address is kept
		{owner: "c", wanted: "127.100.7.3", got: "127.100.7.2"}, // another's
		{owner: "d", wanted: "127.100.8.1", got: "127.100.7.4"}, // outside
		{owner: "e", wanted: "127.100.7.0", got: "127.100.7.5"}, // the network's
		{owner: "f", wanted: "127.100.7.7", got: "127.100.7.6"}, // the broadcast address
		{owner: "g", full: true},
	}
	for _, s := range steps {
		wanted := none
		if s.wanted != "" {
			wanted = netip.MustParseAddr(s.wanted)
		}
		a, ok := p.Take(s.owner, wanted)
		if ok == s.full || (ok && a.String() != s.got) {
			t.Errorf("Take(%s, %s) = %v, %v; want %s, %v", s.owner, s.wanted, a, ok, s.got, !s.full)
		}
	}
	p.Release("c")
	p.Release("nobody")
	if a, ok := p.Take("g", none); !ok || a.String() != "127.100.7.2" {
		t.Errorf("after a release Take = %v, %v; want the released address", a, ok)
	}
}

func TestWholeRange(t *testing.T) {
	p, err := New("127.100.7.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 254 {
		if _, ok := p.Take(fmt.Sprint(i), netip.Addr{}); !ok {
			t.Fatalf("no address for owner %d of 254", i)
		}
	}
	if a, ok := p.Take("one more", netip.Addr{}); ok {
		t.Errorf("a 255th owner got %v", a)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New("127.0.0.1"); err == nil {
		t.Error("an address is not a range")
	}
}
