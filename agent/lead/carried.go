package lead

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// carried is where the traffic loop is woken, and where it tells the others
// what became of the Ingresses. What is put up is never changed afterwards.
type carried struct {
	// news asks the traffic loop to look.
	news chan struct{}

	mu sync.Mutex
	// results are nil before the term's first document.
	results map[v1alpha1.Key]traffic.IngressResult
	// version tells two results apart.
	version int64
}

func newCarried() *carried { return &carried{news: make(chan struct{}, 1)} }

// ring wakes the traffic loop; rings that come while one is pending are one.
func (c *carried) ring() { signal(c.news) }

// set puts up what became of the Ingresses. It says whether that, and whether
// an address among it, is new.
func (c *carried) set(results map[v1alpha1.Key]traffic.IngressResult) (changed, moved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results != nil && equality.Semantic.DeepEqual(c.results, results) {
		return false, false
	}
	moved = c.results == nil || !maps.EqualFunc(addresses(c.results), addresses(results), slices.Equal[[]string])
	c.results = results
	c.version++
	return true, moved
}

// said is what was last put up, and its version; 0 before the first.
func (c *carried) said() (map[v1alpha1.Key]traffic.IngressResult, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.results, c.version
}

// addresses of the Ingresses that are served; nil while that is not known.
func addresses(results map[v1alpha1.Key]traffic.IngressResult) map[v1alpha1.Key][]string {
	if results == nil {
		return nil
	}
	found := map[v1alpha1.Key][]string{}
	for k, r := range results {
		if len(r.Addresses) > 0 {
			found[k] = r.Addresses
		}
	}
	return found
}

// served is what is to be told of one Ingress, beside what was told already.
func served(r traffic.IngressResult, told []status.Problem) *status.Served {
	s := &status.Served{Addresses: r.Addresses, Condition: r.Served, Told: told}
	for _, p := range r.Problems[:min(len(r.Problems), mostProblems)] {
		s.Problems = append(s.Problems, status.Problem{Reason: p.Reason, Message: p.Message})
	}
	return s
}

// mostProblems of one Ingress are told as events: there is room for few.
const mostProblems = 8
