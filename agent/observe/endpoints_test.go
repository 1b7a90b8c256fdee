package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var svcKey = v1alpha1.Key{Namespace: "ns", Resource: "services", Name: "s"}

const svcManifest = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"ns"},"spec":{"ports":[
	{"name":"http","port":80,"nodePort":30080,"protocol":"TCP"},{"name":"dns","port":53,"protocol":"UDP"},{"name":"admin","port":8081}]}}`

// endpointSlice is one of Service s with ports http and admin.
func endpointSlice(name string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: "s"}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		Ports: []discoveryv1.EndpointPort{
			{Name: ptr.To("http"), Port: ptr.To[int32](8080), Protocol: ptr.To(corev1.ProtocolTCP)},
			{Name: ptr.To("dns"), Port: ptr.To[int32](53), Protocol: ptr.To(corev1.ProtocolUDP)},
			{Name: ptr.To("admin"), Port: ptr.To[int32](9000)},
		},
	}
}

func endpointAt(address string, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
}

// judged is what would be reported of a Service.
func judged(t *testing.T, e *Endpoints, manifest string) []v1alpha1.ServicePortReport {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(manifest)); err != nil {
		t.Fatal(err)
	}
	o := Judge(u)
	e.Judge(u, &o)
	e.Amend(svcKey, &o)
	return o.Ports
}

func printed(ports []v1alpha1.ServicePortReport) string {
	if ports == nil {
		return "not known"
	}
	var out []string
	for _, p := range ports {
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%s:%d/%d=%d %s", p.Name, p.Port, p.NodePort, p.Ready, strings.Join(p.Endpoints, ",")), " "))
	}
	return strings.Join(out, "; ")
}

func TestReadyEndpointsAreCounted(t *testing.T) {
	leaving, silent, both := endpointAt("10.0.0.9", true), discoveryv1.Endpoint{Addresses: []string{"10.0.0.3"}}, endpointAt("10.0.0.8", false)
	leaving.Conditions.Terminating = ptr.To(true)
	both.Conditions.Serving, both.Conditions.Terminating = ptr.To(true), ptr.To(true)
	six := endpointSlice("six", endpointAt("2001:db8::1", true))
	six.AddressType = discoveryv1.AddressTypeIPv6
	empty := endpointSlice("empty")
	empty.Ports = nil
	for name, tc := range map[string]struct {
		slices []any
		pods   bool
		want   string
	}{
		"no slice":                  {nil, false, "not known"},
		"of another Service":        {[]any{&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x"}}}, false, "not known"},
		"none at all":               {[]any{empty}, false, "http:80/30080=0; admin:8081/0=0"},
		"some ready":                {[]any{endpointSlice("a", endpointAt("10.0.0.1", true), endpointAt("10.0.0.2", false), silent)}, false, "http:80/30080=2; admin:8081/0=2"},
		"on their way out":          {[]any{endpointSlice("a", leaving, both)}, true, "http:80/30080=0; admin:8081/0=0"},
		"in two slices":             {[]any{endpointSlice("a", endpointAt("10.0.0.1", true)), endpointSlice("b", endpointAt("10.0.0.1", true), endpointAt("10.0.0.2", true))}, false, "http:80/30080=2; admin:8081/0=2"},
		"addresses":                 {[]any{endpointSlice("a", endpointAt("10.0.0.2", true), endpointAt("10.0.0.1", true))}, true, "http:80/30080=2 10.0.0.1:8080,10.0.0.2:8080; admin:8081/0=2 10.0.0.1:9000,10.0.0.2:9000"},
		"both families":             {[]any{endpointSlice("a", endpointAt("10.0.0.1", true)), six}, true, "http:80/30080=1 10.0.0.1:8080; admin:8081/0=1 10.0.0.1:9000"},
		"one family":                {[]any{empty, six}, true, "http:80/30080=1 [2001:db8::1]:8080; admin:8081/0=1 [2001:db8::1]:9000"},
		"what cannot be an address": {[]any{endpointSlice("a", endpointAt("pod.example", true), endpointAt("fe80::1%eth0", true), discoveryv1.Endpoint{})}, true, "http:80/30080=0; admin:8081/0=0"},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEndpoints(nil, tc.pods, clock.RealClock{})
			if err := (*sliceStore)(e).Replace(tc.slices, ""); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from memory
				ports := judged(t, e, svcManifest)
				if got := printed(ports); got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
				for _, p := range ports {
					if p.Pods != tc.pods {
						t.Errorf("%s: pods %t, want %t", p.Name, p.Pods, tc.pods)
					}
				}
			}
		})
	}
}

func TestEndpointsAreBounded(t *testing.T) {
	e := NewEndpoints(nil, true, clock.RealClock{})
	for i := range 15 {
		s := endpointSlice(fmt.Sprint("s", i))
		for n := range 100 {
			s.Endpoints = append(s.Endpoints, endpointAt(fmt.Sprintf("10.0.%d.%d", i, n), true))
		}
		if err := (*sliceStore)(e).Add(s); err != nil {
			t.Fatal(err)
		}
	}
	p := judged(t, e, svcManifest)[0]
	if p.Ready != 1500 || len(p.Endpoints) != maxEndpoints || !slices.IsSorted(p.Endpoints) {
		t.Errorf("%d ready, %d told", p.Ready, len(p.Endpoints))
	}
	var ports []string
	for i := range 200 {
		ports = append(ports, fmt.Sprintf(`{"name":"p%d","port":%d}`, i, i+1))
	}
	if n := len(judged(t, e, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[`+strings.Join(ports, ",")+`,7]}}`)); n != maxPorts {
		t.Errorf("%d ports", n)
	}
	if got := judged(t, e, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":"all"}}`); got != nil {
		t.Errorf("ports of none: %v", got)
	}
}

func TestEndpointsFollowWhatChanges(t *testing.T) {
	e, stirred := NewEndpoints(nil, false, clock.RealClock{}), 0
	e.stir = func() { stirred++ }
	store := (*sliceStore)(e)
	expect := func(step string, err error, ready string, news bool) {
		t.Helper()
		if got := printed(judged(t, e, svcManifest)); err != nil || got != ready || (stirred > 0) != news {
			t.Errorf("%s: %s, %v, stirred %d times", step, got, err, stirred)
		}
		stirred = 0
	}
	one, two := "http:80/30080=1; admin:8081/0=1", "http:80/30080=2; admin:8081/0=2"
	expect("added", store.Add(endpointSlice("a", endpointAt("10.0.0.1", true))), one, true)
	touched := endpointSlice("a", endpointAt("10.0.0.1", true), endpointAt("10.0.0.2", false))
	touched.ResourceVersion = "7"
	expect("nothing ready changed", store.Update(touched), one, false)
	expect("a second", store.Add(endpointSlice("b", endpointAt("10.0.0.2", true))), two, true)
	expect("deleted", store.Delete(endpointSlice("b")), one, true)
	expect("deleted again", store.Delete(endpointSlice("b")), one, false)
	expect("listed again", store.Replace([]any{endpointSlice("a", endpointAt("10.0.0.1", true)), endpointSlice("c", endpointAt("10.0.0.3", true))}, ""), two, true)
	expect("the last one gone", store.Replace(nil, ""), "not known", true)
	if err := store.Add("x"); err == nil {
		t.Error("a string was taken for a slice")
	}
}

// fakeSlices is an API server that lists one slice, or fails.
type fakeSlices struct {
	fail  atomic.Pointer[error]
	lists atomic.Int64
	watch atomic.Pointer[watch.FakeWatcher]
}

func (f *fakeSlices) source() cache.ListerWatcher {
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			f.lists.Add(1)
			if err := f.fail.Load(); err != nil {
				return nil, *err
			}
			list := &discoveryv1.EndpointSliceList{Items: []discoveryv1.EndpointSlice{*endpointSlice("a", endpointAt("10.0.0.1", true))}}
			list.ResourceVersion = "1"
			return list, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			if err := f.fail.Load(); err != nil {
				return nil, *err
			}
			w := watch.NewFake()
			f.watch.Store(w)
			return w, nil
		},
	}, noWatchList{})
}

type noWatchList struct{}

func (noWatchList) IsWatchListSemanticsUnSupported() bool { return true }

type stirred struct{ times atomic.Int64 }

func (*stirred) Holds(v1alpha1.Key, types.UID) bool { return true }
func (s *stirred) Stir()                            { s.times.Add(1) }

func TestEndpointsOutliveOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forbidden := error(apierrors.NewForbidden(schema.GroupResource{Group: "discovery.k8s.io", Resource: "endpointslices"}, "", nil))
		f, held, logged := &fakeSlices{}, &stirred{}, 0
		f.fail.Store(&forbidden)
		e := NewEndpoints(f.source(), false, clock.RealClock{})
		log := funcr.New(func(_, args string) {
			if strings.Contains(args, "rbac.endpoints") {
				logged++
			}
		}, funcr.Options{})
		ctx, cancel := context.WithCancel(logf.IntoContext(logr.NewContext(context.Background(), logr.Discard()), log))
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Run(ctx, held)
		}()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		pass(9 * time.Minute)
		if n := f.lists.Load(); logged != 1 || n > 10 || judged(t, e, svcManifest) != nil {
			t.Errorf("told %d times, listed %d times, ports %s", logged, n, printed(judged(t, e, svcManifest)))
		}
		f.fail.Store(nil)
		pass(3 * time.Minute)
		const one = "http:80/30080=1; admin:8081/0=1"
		if got := printed(judged(t, e, svcManifest)); got != one || held.times.Load() == 0 {
			t.Errorf("%s, stirred %d times", got, held.times.Load())
		}
		away := error(apierrors.NewServiceUnavailable("away"))
		f.fail.Store(&away)
		f.watch.Load().Stop()
		pass(5 * time.Minute)
		if got := printed(judged(t, e, svcManifest)); got != one {
			t.Errorf("%s while the API server is away", got)
		}
		cancel()
		<-done
	})
}
