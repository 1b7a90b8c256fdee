package observe

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// maxMessage bounds an explanation, in bytes: reports hold thousands.
	maxMessage = 512
	// maxCounts and maxAddresses bound what one object may report.
	maxCounts    = 32
	maxAddresses = 64
)

// Judge fills Health, Reason, Message, Counts and Addresses from an object as
// its API server shows it. It works on any kind: kstatus knows the built-in
// ones and the conventions of conditions for the rest.
func Judge(u *unstructured.Unstructured) v1alpha1.ObjectReport {
	o := v1alpha1.ObjectReport{Counts: counts(u), Addresses: addresses(u)}
	result, err := status.Compute(u)
	if err != nil {
		o.Health, o.Message = v1alpha1.HealthUnknown, clip(fmt.Sprintf("judge status: %v", err))
		return o
	}
	o.Health = health(result.Status)
	if o.Health == v1alpha1.HealthCurrent {
		return o
	}
	o.Message = clip(result.Message)
	if len(result.Conditions) > 0 {
		o.Reason = result.Conditions[0].Reason
	}
	if o.Health == v1alpha1.HealthTerminating {
		o.Message = clip(cmp.Or(remaining(u), o.Message))
	}
	if reason, words := refusedPods(u); reason != "" && o.Health != v1alpha1.HealthTerminating {
		o.Reason, o.Message = reason, words
	}
	return o
}

func health(s status.Status) v1alpha1.Health {
	switch s {
	case status.CurrentStatus:
		return v1alpha1.HealthCurrent
	case status.InProgressStatus:
		return v1alpha1.HealthInProgress
	case status.FailedStatus:
		return v1alpha1.HealthFailed
	case status.TerminatingStatus:
		return v1alpha1.HealthTerminating
	}
	return v1alpha1.HealthUnknown
}

// counts are the integers at the top of the status, observedGeneration aside,
// which counts nothing.
func counts(u *unstructured.Unstructured) map[string]int64 {
	fields, ok := u.Object["status"].(map[string]any)
	if !ok {
		return nil
	}
	var out map[string]int64
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		n, ok := integer(fields[name])
		if !ok || name == "observedGeneration" || len(out) >= maxCounts {
			continue
		}
		if out == nil {
			out = map[string]int64{}
		}
		out[name] = n
	}
	return out
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), true
		}
	}
	return 0, false
}

// addresses are the IPs and host names that a Service's or Ingress's load
// balancer was given.
func addresses(u *unstructured.Unstructured) []string {
	points, _, err := unstructured.NestedSlice(u.Object, "status", "loadBalancer", "ingress")
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range points {
		point, ok := p.(map[string]any)
		if !ok || len(out) >= maxAddresses {
			continue
		}
		for _, field := range []string{"ip", "hostname"} {
			if s, ok := point[field].(string); ok && s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}
