package lead

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	shop = "default/ingresses.networking.k8s.io/shop"
	cert = "default/secrets/shop-tls"
)

// ingressSpec is one rule for all paths of a host, for the Service front.
func ingressSpec(host string, more string) string {
	return fmt.Sprintf(`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{},"spec":{"rules":[{"host":%q,"http":{"paths":[`+
		`{"path":"/","pathType":"Prefix","backend":{"service":{"name":"front","port":{"number":80}}}}]}}]%s}}`, host, more)
}

// serving is a federation that serves an Ingress, under a leader that still runs.
func serving(t *testing.T, clusters ...string) (*bucket, *running) {
	t.Helper()
	b := newBucket(t, clusters...)
	b.put(front, "", ringing)
	b.put(shop, ingressSpec("shop.example.com", ""), ringing)
	b.register("europe", "203.0.113.1")
	r := lead(t, b, "one", 1)
	b.live(40*time.Second, clusters...)
	return b, r
}

// backend prints the clusters behind the first backend: name, state, endpoints.
func backend(doc v1alpha1.Traffic) string {
	if len(doc.Backends) == 0 {
		return "none"
	}
	var rows []string
	for _, c := range doc.Backends[0].Clusters {
		rows = append(rows, fmt.Sprintf("%s %s %s", c.Cluster, c.State, strings.Join(c.Endpoints, ",")))
	}
	return strings.Join(rows, "; ")
}

const both = "a Serving 192.0.2.1:80; b Serving 192.0.2.2:80"

// quiet counts writes while so much time passes and everybody beats.
func (b *bucket) quiet(d time.Duration, clusters ...string) (writes int) {
	b.locked(func() { clear(b.calls) })
	for range int(d / (10 * time.Second)) {
		b.register("europe", b.edges["europe"].Addresses...)
		b.live(10*time.Second, clusters...)
	}
	b.locked(func() {
		for _, call := range []string{"PutTraffic", "PutCertificate", "DeleteCertificate", "AppendRevision", "PutObjectStatus"} {
			writes += b.calls[call]
		}
	})
	return writes
}

func TestTheFirstDocumentAndNoOtherWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		doc := b.doc()
		equal(t, "kind", doc.Kind, "Traffic")
		equal(t, "federation", doc.FederationUID, b.federation.UID)
		equal(t, "epoch", doc.Epoch, 1)
		equal(t, "frontends", len(doc.Frontends), 1)
		equal(t, "host", doc.Frontends[0].Rules[0].Host, "shop.example.com")
		equal(t, "backend", backend(doc), both)
		st, _ := b.status(shop)
		equal(t, "addresses", strings.Join(st.Addresses, " "), "203.0.113.1")
		equal(t, "served", meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionServed), true)
		for _, want := range []string{"ADD;", "CREATE;"} {
			equal(t, want, strings.Count(events(st.Events), want), 1)
		}
		for _, c := range []string{"a", "b"} {
			named := b.newest(c).Addresses
			if len(named) != 1 || named[0].Key != key(shop) || !slices.Equal(named[0].Addresses, []string{"203.0.113.1"}) {
				t.Errorf("shard of %s names %v", c, named)
			}
		}
		equal(t, "writes", b.quiet(3*time.Minute, "a", "b"), 0)
		r.crash(t)
	})
}

func TestANewLeaderRewritesTheDocumentOnceAndAnOlderOneNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := serving(t, "a", "b")
		before := b.doc()
		st, _ := b.status(shop)
		other := lead(t, b, "two", 2)
		b.live(40*time.Second, "a", "b")
		now := b.doc()
		equal(t, "epoch", now.Epoch, 2)
		equal(t, "serial", now.Serial, before.Serial+1)
		equal(t, "backend", backend(now), both)
		after, _ := b.status(shop)
		equal(t, "events", events(after.Events), events(st.Events))
		// The older one, which still runs, changes nothing.
		b.register("europe", "203.0.113.9")
		b.live(20*time.Second, "a", "b")
		equal(t, "epoch", b.doc().Epoch, 2)
		equal(t, "serial", b.doc().Serial, now.Serial+1)
		equal(t, "address", b.doc().Frontends[0].Addresses[0], "203.0.113.9")
		r.crash(t)
		other.crash(t)
	})
}

// dispatching is a dispatcher whose passes a test makes itself, with a plan and
// reports as the other loops put them up.
func dispatching(t *testing.T, b *bucket, epoch int64) *dispatcher {
	t.Helper()
	lock := &lease{identity: fmt.Sprint("leader-", epoch), epoch: epoch, left: 15 * time.Second}
	d := newDispatcher(newTerm(Config{Cluster: "a", Lock: lock, Snapshots: b, Store: b, Decode: decode}, epoch))
	planner := newPlanner(d.term)
	if err := d.load(t.Context(), planner, newAggregator(d.term)); err != nil {
		t.Fatal(err)
	}
	if _, err := planner.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.list(t.Context())
	return d
}

// dispatch makes one pass.
func (d *dispatcher) dispatch(t *testing.T, want error) {
	t.Helper()
	if _, err := d.pass(t.Context()); !errors.Is(err, want) {
		t.Errorf("pass: %v, want %v", err, want)
	}
}

func TestAnOlderLeaderFindsThatItIsSuperseded(t *testing.T) {
	b, _ := seed(t)
	old := dispatching(t, b, 1)
	old.dispatch(t, nil)
	dispatching(t, b, 2).dispatch(t, nil)
	b.register("europe", "203.0.113.9")
	old.list(t.Context())
	before := b.doc()
	old.dispatch(t, nil)
	old.dispatch(t, errSuperseded)
	equal(t, "epoch", b.doc().Epoch, 2)
	equal(t, "serial", b.doc().Serial, before.Serial)
}

// seed is a bucket with an Ingress that two clusters serve, and no leader yet.
func seed(t *testing.T) (*bucket, v1alpha1.Key) {
	b := newBucket(t, "a", "b")
	b.put(front, "", ringing)
	b.put(shop, ingressSpec("shop.example.com", ""), ringing)
	b.locked(func() { // old enough to be followed at once
		for k, s := range b.specs {
			s.Updated = s.Updated.Add(-time.Hour)
			b.specs[k] = s
		}
	})
	b.register("europe", "203.0.113.1")
	return b, key(shop)
}

func TestALostAnswerIsNoOtherLeader(t *testing.T) {
	b, _ := seed(t)
	d := dispatching(t, b, 1)
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "lost answer" }))
	d.dispatch(t, errAway)
	b.setFail(func(string, string) error { return nil })
	d.dispatch(t, nil) // conflicts
	d.dispatch(t, nil) // finds its own
	equal(t, "serial", b.doc().Serial, 1)
	equal(t, "writes", b.calls["PutTraffic"], 2)
	results, _ := d.carried.said()
	equal(t, "told", len(results), 1)
}

func TestTheLastWordOfTheEarlierLeaderIsTakenOver(t *testing.T) {
	b, _ := seed(t)
	old := dispatching(t, b, 1)
	old.dispatch(t, nil)
	d := dispatching(t, b, 2)
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "PutTraffic" }))
	d.dispatch(t, errAway) // has read serial 1
	b.setFail(func(string, string) error { return nil })
	b.register("europe", "203.0.113.9")
	old.list(t.Context())
	old.dispatch(t, nil)
	equal(t, "the earlier one's last word", b.doc().Serial, 2)
	d.dispatch(t, nil)
	d.dispatch(t, nil)
	equal(t, "epoch", b.doc().Epoch, 2)
	equal(t, "serial", b.doc().Serial, 3)
}

func TestADocumentThatCannotBeUsed(t *testing.T) {
	foreign := v1alpha1.Traffic{FederationUID: "another", Epoch: 99, Serial: 7}
	beyond := v1alpha1.Traffic{FederationUID: "fed-uid", Epoch: mostEpoch, Serial: 7}
	for name, c := range map[string]struct {
		doc      *v1alpha1.Traffic
		err      error
		replaced bool
	}{
		"corrupt":     {nil, errCorrupt, true},
		"unavailable": {nil, errAway, false},
		"refused":     {nil, apierrors.NewForbidden(res, "traffic", errors.New("no")), false},
		"foreign":     {&foreign, nil, true},
		"beyond":      {&beyond, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := seed(t)
			b.document, b.written = c.doc, 1
			b.setFail(failing(c.err, func(call, _ string) bool { return call == "Traffic" && c.err != nil }))
			d := dispatching(t, b, 3)
			if c.replaced {
				d.dispatch(t, nil)
				equal(t, "epoch", b.doc().Epoch, 3)
				equal(t, "serial", b.doc().Serial, 1)
			} else {
				d.dispatch(t, c.err)
				equal(t, "writes", b.calls["PutTraffic"], 0)
			}
		})
	}
}

func TestADocumentThatIsGoneIsWrittenAgainFromMemory(t *testing.T) {
	b, _ := seed(t)
	d := dispatching(t, b, 1)
	d.dispatch(t, nil)
	restore := *b.document
	for name, lose := range map[string]func(){
		"gone":     func() { b.document, b.written = nil, 0 },
		"put back": func() { older := restore; older.Epoch, older.Serial = 0, 0; b.document, b.written = &older, 77 },
	} {
		before := d.previous.Serial
		b.locked(lose)
		d.checked = time.Time{}
		d.dispatch(t, nil)
		equal(t, name, b.doc().Serial, before+1)
		equal(t, name, len(b.doc().Frontends), 1)
	}
	b.locked(func() { b.document, b.written = nil, 0; delete(b.clusters, "a") })
	d.checked = time.Time{}
	if _, err := d.pass(t.Context()); err == nil || b.document != nil {
		t.Errorf("written into a bucket that was emptied: %v", err)
	}
}

func TestNothingIsWrittenBeforeEverythingIsKnown(t *testing.T) {
	b, _ := seed(t)
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "Edges" }))
	d := dispatching(t, b, 1)
	d.dispatch(t, nil)
	equal(t, "edges unlisted", b.calls["PutTraffic"], 0)
	b.setFail(func(string, string) error { return nil })
	if !d.list(t.Context()) {
		t.Error("the first list is no news")
	}
	h := d.board.healthy()
	h.restored = "the bucket went back in time"
	d.board.setHealth(h)
	d.dispatch(t, nil)
	equal(t, "halted", b.calls["PutTraffic"], 0)
	h.restored = ""
	d.board.setHealth(h)
	d.board.setPlan(func(pl *planned) { pl.complete = false })
	d.dispatch(t, nil)
	equal(t, "no plan yet", b.calls["PutTraffic"], 0)
	results, version := d.carried.said()
	if results != nil || version != 0 {
		t.Error("something was told before the first document")
	}
	d.board.setPlan(func(pl *planned) { pl.complete = true })
	d.dispatch(t, nil)
	equal(t, "written", b.calls["PutTraffic"], 1)
	// Edges that are listed no more stay.
	b.setFail(failing(errAway, func(call, _ string) bool { return call == "Edges" }))
	equal(t, "news", d.list(t.Context()), false)
	d.dispatch(t, nil)
	equal(t, "writes", b.calls["PutTraffic"], 1)
	equal(t, "address", b.doc().Frontends[0].Addresses[0], "203.0.113.1")
	d.cfg.Lock.(*lease).lose()
	b.setFail(func(string, string) error { return nil })
	b.register("asia", "203.0.113.2")
	d.list(t.Context())
	d.dispatch(t, errLease)
	equal(t, "writes", b.calls["PutTraffic"], 1)
}

func TestEdgesOfOthersAndOddAddressesAreLeftOut(t *testing.T) {
	found := []v1alpha1.Edge{
		{Name: "b", FederationUID: "f", Addresses: []string{"203.0.113.1", "not an address", "", "fe80::1%eth0", "edge.example.com", "2001:db8::1"}, Sequence: 9},
		{Name: "x", FederationUID: "another", Addresses: []string{"203.0.113.7"}},
		{Name: "a", FederationUID: "f"},
	}
	got := registered(found, "f")
	if len(got) != 2 || got[0].Name != "a" || got[1].Sequence != 0 ||
		!slices.Equal(got[1].Addresses, []string{"203.0.113.1", "edge.example.com", "2001:db8::1"}) {
		t.Errorf("got %+v", got)
	}
}
