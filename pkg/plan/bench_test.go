package plan

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// processorTime reports what the process spent per operation on all
// processors, the garbage collector's part included.
func processorTime(b *testing.B) func() {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	return func() { b.ReportMetric(float64((spent()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

// federationOf builds a settled input of that many specs and clusters, half
// of them Deployments.
func federationOf(specs, clusters int) Input {
	w := newWorld(nil)
	for c := range clusters {
		w.join(fmt.Sprintf("cluster-%02d", c))
	}
	for s := range specs {
		if s%2 == 0 {
			w.put(fmt.Sprintf("default/deployments.apps/web-%04d", s), replicas(100))
		} else {
			w.put(fmt.Sprintf("default/configmaps/config-%04d", s), label("x"))
		}
	}
	in := w.input()
	slices.SortFunc(in.Specs, func(a, b Spec) int { return a.Key.Compare(b.Key) })
	in.Cache = NewCache()
	carry(&in, Plan(in))
	return in
}

func carry(in *Input, out Output) {
	for i := range in.Clusters {
		for _, c := range out.Clusters {
			if c.Name == in.Clusters[i].Name {
				in.Clusters[i].Previous = c.Shard
			}
		}
	}
	in.Records = map[v1alpha1.Key]Record{}
	for _, o := range out.Objects {
		in.Records[o.Key] = o.Record
	}
}

// change writes a spec of the input again, with another label.
func change(in *Input, spec int, generation int64) {
	o := in.Specs[spec].Object.DeepCopy()
	label(fmt.Sprint(generation))(o)
	in.Specs[spec].Object, in.Specs[spec].Generation = o, generation
}

// BenchmarkReplan is what one changed spec of 5000 costs in a federation of 100
// clusters: the pass that gives the change to all of them, and the one after
// it, which finds nothing to do.
func BenchmarkReplan(b *testing.B) {
	in := federationOf(5000, 100)
	carry(&in, Plan(in))
	defer processorTime(b)()
	b.ReportAllocs()
	generation := int64(1 << 20)
	for b.Loop() {
		generation++
		change(&in, 0, generation)
		carry(&in, Plan(in))
	}
}

// BenchmarkReplanNothing is a pass that finds nothing to do.
func BenchmarkReplanNothing(b *testing.B) {
	in := federationOf(5000, 100)
	carry(&in, Plan(in))
	defer processorTime(b)()
	b.ReportAllocs()
	for b.Loop() {
		Plan(in)
	}
}

// BenchmarkPlanAnew is the first pass of a leader over shards that it has read.
func BenchmarkPlanAnew(b *testing.B) {
	in := federationOf(5000, 100)
	carry(&in, Plan(in))
	defer processorTime(b)()
	b.ReportAllocs()
	for b.Loop() {
		in.Cache = NewCache()
		Plan(in)
	}
}

// BenchmarkReplanRoster is a pass after a cluster fell silent: everything is
// decided anew.
func BenchmarkReplanRoster(b *testing.B) {
	in := federationOf(5000, 100)
	carry(&in, Plan(in))
	defer processorTime(b)()
	b.ReportAllocs()
	for b.Loop() {
		in.Clusters[7].Stale = !in.Clusters[7].Stale
		Plan(in)
	}
}

// TestOneChangeReplansOne counts what is done for one changed spec.
func TestOneChangeReplansOne(t *testing.T) {
	in := federationOf(100, 10)
	for range 2 {
		carry(&in, Plan(in))
	}
	before := in.Cache.renders
	change(&in, 1, 1<<20)
	out := Plan(in)
	equal(t, "rendered", in.Cache.renders-before, 1)
	for _, c := range out.Clusters {
		equal(t, c.Name, c.Changed, true)
	}
	carry(&in, out)
	carry(&in, Plan(in))
	before = in.Cache.renders
	out = Plan(in)
	equal(t, "rendered for nothing", in.Cache.renders-before, 0)
	for i, c := range out.Clusters {
		equal(t, "changed", c.Changed, false)
		equal(t, "shared", &c.Shard.Objects[0] == &in.Clusters[i].Previous.Objects[0], true)
	}
	equal(t, "decided", in.Cache.decided, 0)
	change(&in, 60, 1<<21)
	Plan(in)
	equal(t, "decided", in.Cache.decided, 1)
}
