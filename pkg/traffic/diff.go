package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Verb of a change.
type Verb string

const (
	VerbAdd    Verb = "add"
	VerbRemove Verb = "remove"
	VerbChange Verb = "change"
)

// Kinds of what changes.
const (
	KindFrontend    = "frontend"    // an Ingress: its addresses and redirect
	KindRule        = "rule"        // a host, or a path of it
	KindTLS         = "tls"         // a Secret with its hosts
	KindBackend     = "backend"     // a Service's port
	KindCluster     = "cluster"     // a backend's standing in a cluster
	KindEndpoint    = "endpoint"    // where a carrier connects to
	KindDestination = "destination" // a cluster itself: where it is
)

// Change is one difference between two documents.
type Change struct {
	Verb Verb
	Kind string
	Name string
	// From and To are what it was and will be; From is empty when it is added, To
	// when it is removed.
	From, To string
}

// String is one line for people.
func (c Change) String() string {
	line := string(c.Verb) + " " + c.Kind + " " + c.Name
	switch {
	case c.Verb == VerbChange:
		return line + ": " + c.From + " → " + c.To
	case c.From+c.To != "":
		return line + ": " + c.From + c.To
	}
	return line
}

// Diff tells how two documents differ, by kind and name; nil is an empty one.
// Who wrote them and when makes no difference, nor since when something is not
// ready.
func Diff(before, after *v1alpha1.Traffic) []Change {
	from, to := facts(before), facts(after)
	var changes []Change
	for n, was := range from {
		is, there := to[n]
		switch {
		case !there:
			changes = append(changes, Change{Verb: VerbRemove, Kind: n.kind, Name: n.name, From: was})
		case was != is:
			changes = append(changes, Change{Verb: VerbChange, Kind: n.kind, Name: n.name, From: was, To: is})
		}
	}
	for n, is := range to {
		if _, there := from[n]; !there {
			changes = append(changes, Change{Verb: VerbAdd, Kind: n.kind, Name: n.name, To: is})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(kindOrder, a.Kind), slices.Index(kindOrder, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	return changes
}

var kindOrder = []string{KindDestination, KindFrontend, KindRule, KindTLS, KindBackend, KindCluster, KindEndpoint}

// fact is something that a document says, by kind and name.
type fact struct{ kind, name string }

func facts(t *v1alpha1.Traffic) map[fact]string {
	f := map[fact]string{}
	if t == nil {
		return f
	}
	for _, c := range t.Clusters {
		f[fact{KindDestination, c.Name}] = placeText(c)
	}
	for i := range t.Frontends {
		frontendFacts(f, &t.Frontends[i])
	}
	for i := range t.Backends {
		backendFacts(f, &t.Backends[i])
	}
	return f
}

func placeText(c v1alpha1.TrafficCluster) string {
	list := []string{cmp.Or(c.Region, "no region")}
	if len(c.Zones) > 0 {
		list = append(list, "zones "+strings.Join(c.Zones, " "))
	}
	if c.Coordinates != nil {
		list = append(list, fmt.Sprintf("at %g,%g", c.Coordinates.Latitude, c.Coordinates.Longitude))
	}
	if len(c.Sources) > 0 {
		list = append(list, "pods from "+strings.Join(c.Sources, " "))
	}
	return strings.Join(list, ", ")
}

func frontendFacts(f map[fact]string, e *v1alpha1.Frontend) {
	name := e.Ingress.Namespace + "/" + e.Ingress.Name
	text := "at " + cmp.Or(strings.Join(e.Addresses, " "), "no address")
	if e.Redirect {
		text += ", HTTP redirected"
	}
	f[fact{KindFrontend, name}] = text
	for _, r := range e.Rules {
		host := name + " " + cmp.Or(r.Host, "*")
		if len(r.Paths) == 0 {
			f[fact{KindRule, host}] = "no paths"
		}
		for _, p := range r.Paths {
			f[fact{KindRule, fmt.Sprintf("%s%s (%s)", host, p.Path, p.Type)}] = p.Backend
		}
	}
	if e.DefaultBackend != "" {
		f[fact{KindRule, name + " default"}] = e.DefaultBackend
	}
	for _, c := range e.TLS {
		hosts := cmp.Or(strings.Join(c.Hosts, " "), "the hosts of the rules")
		f[fact{KindTLS, name + " " + c.Secret + " for " + hosts}] = cmp.Or(c.Certificate[:min(len(c.Certificate), 12)], "files of the edges' own")
	}
}

func backendFacts(f map[fact]string, b *v1alpha1.Backend) {
	check := "TCP"
	if b.Check.Path != "" {
		check = "GET " + b.Check.Path
	}
	f[fact{KindBackend, b.Name}] = fmt.Sprintf("%s, checked by %s every %s (timeout %s, %d up, %d down), returns over %s, answers within %s", b.Protocol, check,
		b.Check.Interval.Duration, b.Check.Timeout.Duration, b.Check.HealthyAfter, b.Check.UnhealthyAfter, b.ReturnOver.Duration, b.Timeout.Duration)
	for _, c := range b.Clusters {
		name := b.Name + " in " + c.Cluster
		f[fact{KindCluster, name}] = standText(c)
		for _, e := range c.Endpoints {
			f[fact{KindEndpoint, name + " " + e}] = ""
		}
	}
}

func standText(c v1alpha1.BackendCluster) string {
	text := fmt.Sprintf("%s %d%%, %d ready", c.State, c.Weight, c.Ready)
	if c.MaxRate > 0 {
		text += fmt.Sprintf(", at most %d/s", c.MaxRate)
	}
	if c.Reason != "" {
		text += " (" + c.Reason + ")"
	}
	return text
}

// Same says whether two documents tell carriers the same, whoever wrote them
// and when.
func Same(a, b *v1alpha1.Traffic) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	for _, t := range []*v1alpha1.Traffic{&x, &y} {
		t.Epoch, t.Serial, t.Time = 0, 0, metav1.Time{}
	}
	return equality.Semantic.DeepEqual(x, y)
}
