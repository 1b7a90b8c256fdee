package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var ingress = v1alpha1.Key{Group: "networking.k8s.io", Resource: "ingresses", Namespace: "default", Name: "web"}

func servedAs(ok bool, reason string, addresses []string, problems ...Problem) *Served {
	return &Served{Addresses: addresses, Condition: condition(v1alpha1.ConditionServed, ok, reason, "as told"), Problems: problems}
}

// history sums up an Ingress again and again, each time a minute later, and
// says what its events and its addresses are in the end.
type history struct {
	t    *testing.T
	now  time.Time
	last *v1alpha1.ObjectStatus
	told []Problem
}

func (h *history) next(s *Served, unjudged bool) {
	h.now = h.now.Add(time.Minute)
	row := &v1alpha1.ObjectReport{Key: ingress, UID: "u", Health: v1alpha1.HealthCurrent, Addresses: []string{"10.0.0.1"}}
	in := ObjectInput{Key: ingress, UID: "u", Served: s, Unjudged: unjudged, Previous: h.last, Now: h.now,
		Members: []Member{{Cluster: "a", Report: row}}}
	if s != nil {
		s.Told = h.told
		h.told = append([]Problem{}, s.Problems...)
	}
	st := Object(in)
	h.last = &st
}

// leader begins a new term: what was told is known from the status only.
func (h *history) leader() { h.told = nil }

func (h *history) expect(reason string, addresses string, told ...string) {
	h.t.Helper()
	got := ""
	if c := meta.FindStatusCondition(h.last.Conditions, v1alpha1.ConditionServed); c != nil {
		got = c.Reason
	}
	if got != reason {
		h.t.Errorf("condition %q, want %q", got, reason)
	}
	if got := strings.Join(h.last.Addresses, " "); got != addresses {
		h.t.Errorf("addresses %q, want %q", got, addresses)
	}
	var events []string
	for _, e := range h.last.Events {
		events = append(events, strings.TrimSpace(e.Type[:1]+" "+e.Reason+" "+e.Message))
	}
	if !slices.Equal(events, told) {
		h.t.Errorf("events:\n got %q\nwant %q", events, told)
	}
}

func TestAnIngressIsAddedGetsAnAddressAndKeepsIt(t *testing.T) {
	h := &history{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.next(nil, true)
	h.expect("", "10.0.0.1")
	h.next(servedAs(false, v1alpha1.ServedNoEdges, nil), false)
	h.expect(v1alpha1.ServedNoEdges, "", "N ADD default/web")
	h.next(servedAs(true, v1alpha1.ServedAll, []string{"192.0.2.1", "192.0.2.2"}), false)
	full := []string{"N ADD default/web", "N CREATE ip: 192.0.2.1, 192.0.2.2"}
	h.expect(v1alpha1.ServedAll, "192.0.2.1 192.0.2.2", full...)
	since := meta.FindStatusCondition(h.last.Conditions, v1alpha1.ConditionServed).LastTransitionTime
	h.leader()
	h.next(nil, true)
	h.expect(v1alpha1.ServedAll, "192.0.2.1 192.0.2.2", full...)
	h.next(servedAs(true, v1alpha1.ServedAll, []string{"192.0.2.1", "192.0.2.2"}), false)
	h.expect(v1alpha1.ServedAll, "192.0.2.1 192.0.2.2", full...)
	if now := meta.FindStatusCondition(h.last.Conditions, v1alpha1.ConditionServed).LastTransitionTime; !now.Equal(&since) {
		t.Errorf("served since %v, want %v", now, since)
	}
	h.next(nil, false)
	h.expect("", "10.0.0.1", full...)
}

func TestProblemsAreToldWhenTheyComeAndWhenTheyHaveGone(t *testing.T) {
	h := &history{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	at := []string{"192.0.2.1"}
	service, secret := Problem{v1alpha1.ServedNoService, "no Service"}, Problem{v1alpha1.ServedNoSecret, "no Secret"}
	h.next(servedAs(false, service.Reason, at, service), false)
	told := []string{"N ADD default/web", "N CREATE ip: 192.0.2.1", "W ServiceNotFound no Service"}
	h.expect(service.Reason, at[0], told...)
	h.next(servedAs(false, service.Reason, at, service), false)
	h.leader()
	h.next(nil, true)
	h.next(servedAs(false, service.Reason, at, service), false)
	h.expect(service.Reason, at[0], told...)
	h.next(servedAs(false, service.Reason, at, service, secret), false)
	told = append(told, "W TLSSecretNotFound no Secret")
	h.expect(service.Reason, at[0], told...)
	h.next(servedAs(true, v1alpha1.ServedAll, at), false)
	told = append(told, "N Served as told")
	h.expect(v1alpha1.ServedAll, at[0], told...)
	h.next(servedAs(true, v1alpha1.ServedAll, at), false)
	h.expect(v1alpha1.ServedAll, at[0], told...)
	// Again: counted, not listed twice.
	h.next(servedAs(false, service.Reason, at, service), false)
	last := h.last.Events[len(h.last.Events)-1]
	if last.Reason != service.Reason || last.Count != 2 || len(h.last.Events) != len(told) {
		t.Errorf("events %+v", h.last.Events)
	}
}

func TestAnIngressOfAnotherClassKeepsItsMembersAddresses(t *testing.T) {
	h := &history{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.next(servedAs(false, v1alpha1.ServedElsewhere, nil), false)
	h.expect(v1alpha1.ServedElsewhere, "10.0.0.1")
	h.next(nil, true)
	h.expect(v1alpha1.ServedElsewhere, "10.0.0.1")
	h.next(servedAs(true, v1alpha1.ServedAll, []string{"192.0.2.1"}), false)
	h.expect(v1alpha1.ServedAll, "192.0.2.1", "N ADD default/web", "N CREATE ip: 192.0.2.1")
}

func TestServedSaysNothingOfAnotherObjectOfTheName(t *testing.T) {
	h := &history{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.next(servedAs(true, v1alpha1.ServedAll, []string{"192.0.2.1"}), false)
	old := *h.last
	old.UID = "another"
	st := Object(ObjectInput{Key: ingress, UID: "u", Unjudged: true, Previous: &old, Now: h.now})
	if len(st.Addresses) != 0 || meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionServed) != nil {
		t.Errorf("got %+v", st)
	}
	long := Problem{v1alpha1.ServedInvalid, strings.Repeat("x", 5000)}
	h.next(servedAs(false, long.Reason, nil, long), false)
	h.leader()
	h.next(servedAs(false, long.Reason, nil, long), false)
	if last := h.last.Events[len(h.last.Events)-1]; last.Count != 1 || len(last.Message) > maxMessage+8 {
		t.Errorf("%d times %d bytes", last.Count, len(last.Message))
	}
}

func TestReachable(t *testing.T) {
	for _, c := range []struct {
		address string
		ranges  string
		want    bool
	}{
		{"192.0.2.1", "", true},
		{"lb.example.com", "", true},
		{"lb.example.com", "192.0.2.0/24", false},
		{"192.0.2.1", "192.0.2.0/24", true},
		{"198.51.100.1", "192.0.2.0/24", false},
		{"169.254.169.254", "", false},
		{"::ffff:169.254.169.254", "", false},
		{"169.254.169.254", "0.0.0.0/0", false},
		{"169.254.169.254", "169.254.169.0/24", true},
		{"127.0.0.1", "", false},
		{"127.0.0.1", "127.1.0.0/16", false},
		{"127.1.0.1", "127.1.0.0/16", true},
		{"localhost", "", false},
		{"fe80::1%eth0", "", false},
		{"", "", false},
		{"http://x", "", false},
	} {
		if got := Reachable(c.address, strings.Fields(c.ranges)); got != c.want {
			t.Errorf("Reachable(%q, %q) = %v", c.address, c.ranges, got)
		}
	}
}
