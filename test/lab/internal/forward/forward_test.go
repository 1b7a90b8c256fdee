package forward

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	service := func(change func(*corev1.Service)) *corev1.Service {
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web"}}
		s.Spec.Type = corev1.ServiceTypeLoadBalancer
		s.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}}
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "127.100.0.1"}}
		change(s)
		return s
	}
	same := func(*corev1.Service) {}
	slice := func(e ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
			Ports:      []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To[int32](8080)}, {Name: ptr.To("dns"), Port: ptr.To[int32](53)}},
			Endpoints:  e,
		}
	}
	endpoint := func(ip, node string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{ip}, NodeName: &node, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	at := netip.MustParseAddrPort("127.100.0.1:80")
	for name, c := range map[string]struct {
		service *corev1.Service
		slice   *discoveryv1.EndpointSlice
		want    map[netip.AddrPort][]string
		of      string
	}{
		"ready pods, and those that do not say": {
			service: service(same), slice: slice(endpoint("10.1.0.3", "real", nil), endpoint("10.1.0.2", "real", ptr.To(true))),
			want: map[netip.AddrPort][]string{at: {"10.1.0.2:8080", "10.1.0.3:8080"}},
		},
		"one that is not ready is left out": {
			service: service(same), slice: slice(endpoint("10.1.0.3", "real", ptr.To(false)), endpoint("10.1.0.2", "real", nil)),
			want: map[netip.AddrPort][]string{at: {"10.1.0.2:8080"}},
		},
		"none ready: nobody listens":  {service: service(same), slice: slice(endpoint("10.1.0.2", "real", ptr.To(false))), want: map[netip.AddrPort][]string{}},
		"a simulated pod answers not": {service: service(same), slice: slice(endpoint("10.1.0.2", "fake", nil)), want: map[netip.AddrPort][]string{}},
		"no address yet": {
			service: service(func(s *corev1.Service) { s.Status.LoadBalancer.Ingress = nil }), slice: slice(endpoint("10.1.0.2", "real", nil)), want: map[netip.AddrPort][]string{},
		},
		"somebody else's address": {
			service: service(func(s *corev1.Service) { s.Status.LoadBalancer.Ingress[0].IP = "192.0.2.1" }), slice: slice(endpoint("10.1.0.2", "real", nil)), want: map[netip.AddrPort][]string{},
		},
		"another class": {
			service: service(func(s *corev1.Service) { s.Spec.LoadBalancerClass = ptr.To("other") }), slice: slice(endpoint("10.1.0.2", "real", nil)), want: map[netip.AddrPort][]string{},
		},
		"a program answers for all of them": {
			service: service(same), slice: slice(endpoint("10.1.0.3", "real", nil), endpoint("10.1.0.2", "real", nil)),
			want: map[netip.AddrPort][]string{at: {"127.110.0.1:8080"}}, of: "127.110.0.1:8080",
		},
		"and for none that is not ready": {
			service: service(same), slice: slice(endpoint("10.1.0.2", "real", ptr.To(false))), want: map[netip.AddrPort][]string{}, of: "127.110.0.1:8080",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := routes([]*corev1.Service{c.service}, []*discoveryv1.EndpointSlice{c.slice}, map[string]bool{"real": true}, c.of)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("routes = %v, want %v", got, c.want)
			}
		})
	}
}

// The second pod is reached when the first is not there; nobody at all is a reset.
func TestCarry(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	for range 4 {
		if got, err := ask(t, []string{"127.0.0.1:1", echo.Addr().String()}); err != nil || got != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if got, err := ask(t, []string{"127.0.0.1:1"}); err == nil {
		t.Errorf("nobody answered %q", got)
	}
}

func ask(t *testing.T, pods []string) (string, error) {
	t.Helper()
	e, err := listen(t.Context(), "127.0.0.1:0", pods)
	if err != nil {
		t.Fatal(err)
	}
	defer e.listener.Close()
	c, err := net.Dial("tcp", e.listener.Addr().String())
	if err != nil {
		return "", err // a reset may come this early
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, "hello"); err != nil {
		return "", err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}
