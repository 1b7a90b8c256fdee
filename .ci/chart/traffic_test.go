package chart

import (
	"slices"
	"testing"
)

// grants are the verbs that a role gives on a resource; nil for none.
func grants(role object, group, resource string) []string {
	for _, r := range role.Rules {
		if slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) {
			return r.Verbs
		}
	}
	return nil
}

func TestTrafficIsGrantedTheLeast(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set             []string
		slices, address []string
	}{
		"by default":        {nil, []string{"list", "watch"}, []string{"patch"}},
		"without endpoints": {[]string{`rbac.endpoints=false`}, nil, []string{"patch"}},
		"without Ingresses": {[]string{`rbac.resources=[{"apiGroup":"networking.k8s.io","resources":["networkpolicies"]}]`}, []string{"list", "watch"}, nil},
		"others' Ingresses": {[]string{`rbac.resources=[{"apiGroup":"example.com","resources":["ingresses"]}]`}, []string{"list", "watch"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role := find(t, render(t, c.set...), "ClusterRole")
			if got := grants(role, "discovery.k8s.io", "endpointslices"); !slices.Equal(got, c.slices) {
				t.Errorf("verbs on endpointslices: %v, want %v", got, c.slices)
			}
			if got := grants(role, "networking.k8s.io", "ingresses/status"); !slices.Equal(got, c.address) {
				t.Errorf("verbs on ingresses/status: %v, want %v", got, c.address)
			}
		})
	}
}

func TestIngressClassIsNobodysDefault(t *testing.T) {
	t.Parallel()
	class := find(t, render(t), "IngressClass")
	if class.Metadata.Name != "kubectl-fed" || class.Spec.Controller != "kubectl-fed.io/federated-ingress" {
		t.Errorf("%s of %s", class.Metadata.Name, class.Spec.Controller)
	}
	if a := class.Metadata.Annotations; len(a) != 1 || a["helm.sh/resource-policy"] != "keep" {
		t.Errorf("annotations %v: it is to outlive the release, and nothing else", a)
	}
	if objects := render(t, `ingressClass.create=false`); slices.ContainsFunc(objects, func(o object) bool { return o.Kind == "IngressClass" }) {
		t.Error("it was rendered though it is not to be")
	}
}

func TestPodEndpointsReachTheAgent(t *testing.T) {
	t.Parallel()
	c := find(t, render(t, `traffic.podEndpoints=true`), "Deployment").Spec.Template.Spec.Containers[0]
	if !slices.Contains(c.Args, "--pod-endpoints=true") {
		t.Errorf("args = %q", c.Args)
	}
}
