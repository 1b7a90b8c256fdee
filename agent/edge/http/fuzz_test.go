package http

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// FuzzDocument has odd documents compiled one after the other, and a request
// for each backend.
func FuzzDocument(f *testing.F) {
	for _, doc := range []*v1alpha1.Traffic{documentOf(), documentOf(serving("europe", "10.0.0.1:80", "x"), serving("", ""), serving("europe", "10.0.0.1:80"))} {
		text, err := json.Marshal(doc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"backends":[{"name":"a","check":{"interval":"-5s","unhealthyAfter":-1},"returnOver":"-1h","clusters":[{"cluster":"c","state":"Serving","weight":-7,"maxRate":-1,"endpoints":["h:1","[::1]:99999"]}]},{"name":"a"}]}`))
	c := compiler{place: traffic.Place{Region: "europe-west1"}, gates: map[gateKey]*gate{}}
	var last *snapshot
	f.Fuzz(func(t *testing.T, text []byte) {
		doc := &v1alpha1.Traffic{}
		if json.Unmarshal(text, doc) != nil {
			return
		}
		last = c.compile(doc, nil, last, noon)
		last.table.Match("web.example.com:80", "/a")
		last.table.TLS("web.example.com")
		last.sources.OwnCluster(netip.MustParseAddr("10.0.0.1"))
		_ = last.health()
		for _, b := range last.backends {
			got, ok := chooser{draw: func() float64 { return 0.5 }, now: noon}.choose(b.own("europe"))
			if ok == b.empty() {
				t.Fatalf("chosen %t, empty %t", ok, b.empty())
			}
			if ok && (got.endpoint == nil || !dialable(got.endpoint.key.address) || got.shard.state == v1alpha1.BackendDrained) {
				t.Fatalf("chose %+v", got)
			}
		}
	})
}
