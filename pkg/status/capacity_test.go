package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func load(given, unschedulable int64, counts map[string]int64) Load {
	return Load{Cluster: "a", Key: objectKey, Given: given, Report: &v1alpha1.ObjectReport{Key: objectKey, Unschedulable: unschedulable, Counts: counts}}
}

func everywhere(string, v1alpha1.Key) bool { return true }

func TestCapacityOfALoad(t *testing.T) {
	cases := []struct {
		name string
		load Load
		want string // none, or the limit
	}{
		{"all run", load(10, 0, nil), "none"},
		{"no word", Load{Cluster: "a", Key: objectKey, Given: 10}, "none"},
		{"three find no node", load(10, 3, map[string]int64{"replicas": 10, "readyReplicas": 7}), "7"},
		{"of a job", load(10, 3, map[string]int64{"ready": 7}), "7"},
		{"none runs", load(2, 2, nil), "0"},
		{"pods of before a scale-down", load(7, 3, map[string]int64{"replicas": 10}), "none"},
		{"less than what runs is not believed", load(7, 3, map[string]int64{"replicas": 7, "readyReplicas": 6}), "6"},
		{"more pods than were asked for", load(2, 9, nil), "0"},
	}
	for _, c := range cases {
		got := "none"
		if n, ok := c.load.capacity(); ok {
			got = fmt.Sprint(n)
		}
		equal(t, c.name, got, c.want)
	}
}

func TestCapacitiesExpireAndGrow(t *testing.T) {
	now := t0
	full := []Load{load(10, 3, nil)}
	estimates, again := Capacities(nil, full, everywhere, now)
	for i, minutes := range []time.Duration{5, 10, 20, 40, 60, 60} {
		e := estimates[0]
		equal(t, fmt.Sprint("lives ", i), e.Expires.Sub(now), minutes*time.Minute)
		equal(t, "again", again, e.Expires)
		equal(t, "limit", Limits(estimates, now)["a"][objectKey], int64(7))
		estimates, _ = Capacities(estimates, nil, everywhere, e.Expires.Add(-time.Second))
		equal(t, "kept", estimates[0], e)
		now = e.Expires
		estimates, again = Capacities(estimates, nil, everywhere, now)
		equal(t, "limits nothing any more", len(Limits(estimates, now)), 0)
		equal(t, "nothing to wait for", again.IsZero(), true)
		now = now.Add(2 * time.Minute)
		estimates, again = Capacities(estimates, full, everywhere, now)
	}
	now = estimates[0].Expires.Add(time.Hour - time.Second)
	estimates, _ = Capacities(estimates, nil, everywhere, now)
	equal(t, "remembered", len(estimates), 1)
	estimates, _ = Capacities(estimates, nil, everywhere, now.Add(time.Second))
	equal(t, "forgotten", len(estimates), 0)
}

func TestCapacityIsLoweredAtOnceAndNeverRaised(t *testing.T) {
	estimates, _ := Capacities(nil, []Load{load(10, 3, nil)}, everywhere, t0)
	later := t0.Add(time.Minute)
	estimates, _ = Capacities(estimates, []Load{load(7, 2, nil)}, everywhere, later)
	equal(t, "lower", fmt.Sprint(estimates[0].Replicas, estimates[0].Expires.Sub(t0), estimates[0].Tries), "5 5m0s 1")
	estimates, _ = Capacities(estimates, []Load{load(20, 3, nil)}, everywhere, later)
	equal(t, "not raised before it expires", estimates[0].Replicas, int64(5))
}

func TestCapacityGoesWithTheObject(t *testing.T) {
	estimates, _ := Capacities(nil, []Load{load(10, 3, nil)}, everywhere, t0)
	nowhere := func(string, v1alpha1.Key) bool { return false }
	estimates, _ = Capacities(estimates, []Load{load(10, 3, nil)}, nowhere, t0)
	equal(t, "left", len(estimates), 0)
}

func TestCapacityOfAClockThatWasAhead(t *testing.T) {
	estimates, _ := Capacities(nil, []Load{load(10, 3, nil)}, everywhere, t0.Add(24*time.Hour))
	estimates, _ = Capacities(estimates, nil, everywhere, t0)
	equal(t, "expires", estimates[0].Expires.Sub(t0), 5*time.Minute)
}

func TestPublished(t *testing.T) {
	service := func(spec string, addresses ...string) PublishedService {
		return PublishedService{Manifest: []byte(`{"spec":` + spec + `}`), Addresses: addresses}
	}
	const balanced = `{"type":"LoadBalancer","ports":[{"port":443,"protocol":"TCP"},{"port":53,"protocol":"UDP"},{"port":80}]}`
	cases := []struct {
		name     string
		services []PublishedService
		ranges   []string
		want     string
	}{
		{"none", nil, nil, "[]"},
		{"TCP ports of each address", []PublishedService{service(balanced, "198.51.100.7", "2001:db8::1")}, nil,
			"[198.51.100.7:443 198.51.100.7:80 [2001:db8::1]:443 [2001:db8::1]:80]"},
		{"a host name", []PublishedService{service(balanced, "lb.example.com")}, nil, "[lb.example.com:443 lb.example.com:80]"},
		{"within the ranges", []PublishedService{service(balanced, "198.51.100.7", "203.0.113.1", "lb.example.com")}, []string{"203.0.113.0/24"},
			"[203.0.113.1:443 203.0.113.1:80]"},
		{"not of another type", []PublishedService{service(`{"type":"NodePort","ports":[{"port":80}]}`, "198.51.100.7")}, nil, "[]"},
		{"not what means something else to everybody", []PublishedService{service(balanced, "127.0.0.1", "::1", "169.254.169.254", "0.0.0.0",
			"::ffff:127.0.0.1", "fe80::1", "localhost", "224.0.0.1", "255.255.255.255", "a b", "", "-", "1.2.3.4:5")}, nil, "[]"},
		{"special ones that a range names", []PublishedService{service(balanced, "127.100.0.1", "::ffff:127.100.0.2", "169.254.1.1", "198.51.100.7", "localhost")}, []string{"127.0.0.0/8"},
			"[127.100.0.1:443 127.100.0.1:80 [::ffff:127.100.0.2]:443 [::ffff:127.100.0.2]:80]"},
		{"some of them", []PublishedService{service(balanced, "127.100.0.1", "127.0.0.1", "::1", "fe80::1%eth0")}, []string{"127.100.0.0/16", "::1/128", "fe80::/10"},
			"[127.100.0.1:443 127.100.0.1:80 [::1]:443 [::1]:80]"},
		{"not by a range of all addresses", []PublishedService{service(balanced, "127.0.0.1", "169.254.169.254", "::1", "224.0.0.1", "198.51.100.7")},
			[]string{"0.0.0.0/0", "::/0", "126.0.0.0/7", "x"}, "[198.51.100.7:443 198.51.100.7:80]"},
		{"no port that is none", []PublishedService{service(`{"type":"LoadBalancer","ports":[{"port":0},{"port":70000},{"port":-1}]}`, "198.51.100.7")}, nil, "[]"},
		{"not JSON", []PublishedService{{Manifest: []byte("x"), Addresses: []string{"198.51.100.7"}}}, nil, "[]"},
		{"few, and each once", []PublishedService{service(balanced, "198.51.100.9", "198.51.100.8"), service(balanced, "198.51.100.9", "198.51.100.7")}, nil,
			"[198.51.100.7:443 198.51.100.7:80 198.51.100.8:443 198.51.100.8:80]"},
	}
	for _, c := range cases {
		equal(t, c.name, fmt.Sprint(Published(c.services, c.ranges)), c.want)
	}
}
