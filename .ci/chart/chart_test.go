// Package chart renders the charts with values good and bad and reads what a
// cluster would be given. It never talks to a cluster.
package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const chartDir = "../../charts/fed-agent"

type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Rules   []rule `json:"rules"`
	RoleRef struct {
		Name string `json:"name"`
	} `json:"roleRef"`
	Spec struct {
		Replicas   int     `json:"replicas"`
		Controller string  `json:"controller"`
		Template   podBody `json:"template"`
		podSpec
	} `json:"spec"`
}

type rule struct {
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames"`
	Verbs         []string `json:"verbs"`
}

type podBody struct {
	Spec podSpec `json:"spec"`
}

type podSpec struct {
	SecurityContext struct {
		RunAsNonRoot   bool              `json:"runAsNonRoot"`
		SeccompProfile map[string]string `json:"seccompProfile"`
	} `json:"securityContext"`
	HostNetwork bool        `json:"hostNetwork"`
	Containers  []container `json:"containers"`
}

type container struct {
	Args            []string       `json:"args"`
	Image           string         `json:"image"`
	Resources       map[string]any `json:"resources"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `json:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `json:"readOnlyRootFilesystem"`
		Privileged               bool  `json:"privileged"`
		Capabilities             struct {
			Drop []string `json:"drop"`
			Add  []string `json:"add"`
		} `json:"capabilities"`
	} `json:"securityContext"`
}

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	bin, err := filepath.Abs("../../bin/helm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%v (make tools installs it)", err)
	}
	out, err := exec.Command(bin, args...).CombinedOutput()
	return string(out), err
}

// render gives the chart's objects with the least values and what is set.
func render(t *testing.T, set ...string) []object {
	t.Helper()
	return renderWith(t, templateArgs(set))
}

func renderWith(t *testing.T, args []string) []object {
	t.Helper()
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	var objects []object
	for _, doc := range strings.Split(out, "\n---") {
		var o object
		if err := yaml.Unmarshal([]byte(strings.TrimPrefix(doc, "---")), &o); err != nil {
			t.Fatalf("read rendered YAML: %v\n%s", err, doc)
		}
		if o.Kind != "" {
			objects = append(objects, o)
		}
	}
	return objects
}

func templateArgs(set []string) []string {
	args := []string{"template", "fed-agent", chartDir, "--namespace", "kubectl-fed-system", "-f", chartDir + "/ci/values.yaml"}
	for _, s := range set {
		args = append(args, "--set-json", s)
	}
	return args
}

func find(t *testing.T, objects []object, kind string) object {
	t.Helper()
	i := slices.IndexFunc(objects, func(o object) bool { return o.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s was rendered", kind)
	}
	return objects[i]
}

func TestDefaultsGrantTheLeast(t *testing.T) {
	t.Parallel()
	objects := render(t)
	forbidden := []string{"secrets", "customresourcedefinitions", "roles", "clusterroles", "rolebindings", "clusterrolebindings", "pods/exec"}
	for _, o := range objects {
		if o.RoleRef.Name == "cluster-admin" {
			t.Errorf("%s %s binds cluster-admin", o.Kind, o.Metadata.Name)
		}
		for _, r := range o.Rules {
			for _, words := range [][]string{r.APIGroups, r.Resources, r.Verbs} {
				if slices.Contains(words, "*") {
					t.Errorf("%s %s has a wildcard: %+v", o.Kind, o.Metadata.Name, r)
				}
			}
			if slices.Contains(r.Resources, "pods") && !slices.Equal(r.Verbs, []string{"list"}) {
				t.Errorf("%s %s grants %v on pods", o.Kind, o.Metadata.Name, r.Verbs)
			}
			for _, res := range r.Resources {
				if slices.Contains(forbidden, res) {
					t.Errorf("%s %s grants %s by default", o.Kind, o.Metadata.Name, res)
				}
			}
			for _, verb := range []string{"deletecollection", "escalate", "bind", "impersonate"} {
				if slices.Contains(r.Verbs, verb) {
					t.Errorf("%s %s grants %s", o.Kind, o.Metadata.Name, verb)
				}
			}
		}
	}
	if n := find(t, objects, "Deployment").Spec.Replicas; n != 2 {
		t.Errorf("replicas = %d, want 2", n)
	}
}

func TestRBACSwitches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, group, resource string }{
		"secrets": {`rbac.secrets=true`, "", "secrets"},
		"roles":   {`rbac.roles=true`, "rbac.authorization.k8s.io", "clusterroles"},
		"crds":    {`rbac.customResourceDefinitions=true`, "apiextensions.k8s.io", "customresourcedefinitions"},
		"custom":  {`rbac.customResources=[{"apiGroup":"cert-manager.io","resources":["issuers"]}]`, "cert-manager.io", "issuers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role := find(t, render(t, c.set), "ClusterRole")
			i := slices.IndexFunc(role.Rules, func(r rule) bool {
				return slices.Contains(r.APIGroups, c.group) && slices.Contains(r.Resources, c.resource)
			})
			if i < 0 {
				t.Fatalf("%s does not grant %s", c.set, c.resource)
			}
			want := []string{"get", "list", "watch", "create", "patch", "delete"}
			if got := role.Rules[i].Verbs; !slices.Equal(got, want) {
				t.Errorf("verbs = %v, want %v", got, want)
			}
		})
	}
}

func TestPodsAreListedUnlessSwitchedOff(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]bool{`rbac.pods=true`: true, `rbac.pods=false`: false} {
		role := find(t, render(t, set), "ClusterRole")
		got := slices.ContainsFunc(role.Rules, func(r rule) bool { return slices.Contains(r.Resources, "pods") })
		if got != want {
			t.Errorf("%s: pods are listed: %v", set, got)
		}
	}
}

func TestNoRBACNoAccount(t *testing.T) {
	t.Parallel()
	for _, o := range render(t, `rbac.create=false`, `serviceAccount={"create":false,"name":"mine"}`) {
		if strings.Contains(o.Kind, "Role") || o.Kind == "ServiceAccount" {
			t.Errorf("%s %s was rendered", o.Kind, o.Metadata.Name)
		}
	}
}

func TestPodsAreConfined(t *testing.T) {
	t.Parallel()
	confined(t, render(t), "Deployment", "Pod")
}

// confined checks how the pods of these kinds are.
func confined(t *testing.T, objects []object, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		o := find(t, objects, kind)
		spec := o.Spec.Template.Spec
		if kind == "Pod" {
			spec = o.Spec.podSpec
		}
		if !spec.SecurityContext.RunAsNonRoot || spec.SecurityContext.SeccompProfile["type"] != "RuntimeDefault" || spec.HostNetwork {
			t.Errorf("%s: pod security context is %+v", kind, spec.SecurityContext)
		}
		if len(spec.Containers) != 1 {
			t.Fatalf("%s has %d containers, want 1", kind, len(spec.Containers))
		}
		c := spec.Containers[0]
		sc := c.SecurityContext
		if sc.AllowPrivilegeEscalation == nil || *sc.AllowPrivilegeEscalation || !sc.ReadOnlyRootFilesystem || sc.Privileged ||
			!slices.Equal(sc.Capabilities.Drop, []string{"ALL"}) || len(sc.Capabilities.Add) > 0 {
			t.Errorf("%s: container security context is %+v", kind, sc)
		}
		if c.Resources["requests"] == nil || c.Resources["limits"] == nil {
			t.Errorf("%s: resources are %v", kind, c.Resources)
		}
	}
}

func TestValuesReachTheAgent(t *testing.T) {
	t.Parallel()
	objects := render(t, `image.digest="sha256:`+strings.Repeat("a", 64)+`"`, `logVerbosity=1`, `probes.ranges=["10.0.0.0/8","2001:db8::/32"]`,
		`serviceAccount.annotations={"iam.gke.io/gcp-service-account":"a@p.iam.gserviceaccount.com"}`)
	c := find(t, objects, "Deployment").Spec.Template.Spec.Containers[0]
	want := []string{
		"--bucket=gs://example-federation", "--cluster=cluster-us-east1-b",
		"--cluster-uid=3f0c6f6e-7d0c-4b43-9b51-1c1f0a8f3a10", "--federation-uid=9a2f7b1c-52f4-4a6e-8f0c-6b7a0d2e4c55",
		"--namespace=$(POD_NAMESPACE)", "--leader-election=true",
		"--metrics-bind-address=:8080", "--health-probe-bind-address=:8081",
		"--probe=true", "--probe-ranges=10.0.0.0/8,2001:db8::/32", "--pod-endpoints=false", "-v=1",
	}
	if !slices.Equal(c.Args, want) {
		t.Errorf("args = %q\nwant   %q", c.Args, want)
	}
	if want := "ghcr.io/kubectl-fed/fed-agent@sha256:" + strings.Repeat("a", 64); c.Image != want {
		t.Errorf("image = %s, want %s", c.Image, want)
	}
	if got := find(t, objects, "ServiceAccount").Metadata.Annotations["iam.gke.io/gcp-service-account"]; got == "" {
		t.Error("the ServiceAccount lost its workload identity annotation")
	}
}

func TestBadValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, says string }{
		"unknown key":         {`replicas=3`, "'replicas' not allowed"},
		"unknown nested key":  {`rbac.clusterAdmin=true`, "'clusterAdmin' not allowed"},
		"wildcard resource":   {`rbac.resources=[{"apiGroup":"","resources":["*"]}]`, "does not match pattern"},
		"wildcard group":      {`rbac.customResources=[{"apiGroup":"*","resources":["things"]}]`, "does not match pattern"},
		"extra verbs":         {`rbac.resources=[{"apiGroup":"","resources":["configmaps"],"verbs":["*"]}]`, "'verbs' not allowed"},
		"no bucket":           {`bucket=""`, "bucket is required"},
		"no cluster name":     {`cluster.name=""`, "cluster.name is required"},
		"no cluster uid":      {`cluster.uid=""`, "cluster.uid is required"},
		"no federation uid":   {`federation.uid=""`, "federation.uid is required"},
		"bucket is no URL":    {`bucket="my-bucket"`, "does not match pattern"},
		"bucket of s3":        {`bucket="s3://my-bucket"`, "does not match pattern"},
		"no range":            {`probes.ranges=["10.0.0.1"]`, "does not match pattern"},
		"relative file":       {`bucket="file://srv/fed"`, "does not match pattern"},
		"wrong type":          {`replicaCount="two"`, "want integer"},
		"two without a lease": {`leaderElection=false`, "replicaCount over 1 needs leaderElection"},
		"account without name": {
			`serviceAccount={"create":false,"name":""}`, "serviceAccount.name is required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := helm(t, templateArgs([]string{c.set})...)
			if err == nil {
				t.Fatalf("%s was accepted", c.set)
			}
			if !strings.Contains(out, c.says) {
				t.Errorf("%s: the error does not say %q:\n%s", c.set, c.says, out)
			}
		})
	}
}

// notes are what helm tells after an install. It shows them only with a cluster,
// so a copy of the chart renders them as an object.
func notes(t *testing.T, chart string, set ...string) string {
	t.Helper()
	name := filepath.Base(chart)
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	object := []byte(`notes: {{ include "` + name + `.notes" . | quote }}`)
	if err := os.WriteFile(filepath.Join(dir, "templates", "notes.yaml"), object, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"template", name, dir, "-s", "templates/notes.yaml", "-f", chart + "/ci/values.yaml"}
	for _, s := range set {
		args = append(args, "--set-json", s)
	}
	out, err := helm(t, args...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	return out
}

func TestFileBucketWithoutMountIsWarnedOf(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]bool{
		`extraVolumeMounts=[]`: true,
		`extraVolumeMounts=[{"name":"federation","mountPath":"/srv/federation"}]`: false,
	} {
		out := notes(t, chartDir, `bucket="file:///srv/federation"`, set)
		if got := strings.Contains(out, "WARNING: the bucket is a folder"); got != want {
			t.Errorf("%s: warned = %v, want %v:\n%s", set, got, want, out)
		}
		if !strings.Contains(out, "kubectl fed get clusters --bucket file:///srv/federation") {
			t.Errorf("%s: the notes do not say how to see the cluster arrive:\n%s", set, out)
		}
	}
}

// TestEveryValueIsExplained looks for each value, by its dotted path, in the chart's README.
func TestEveryValueIsExplained(t *testing.T) {
	t.Parallel()
	explained(t, chartDir)
}

func explained(t *testing.T, dir string) {
	t.Helper()
	readme, err := os.ReadFile(dir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	whole := []string{"podSecurityContext", "securityContext", "resources"} // passed on as they are
	for name, value := range values {
		paths := []string{name}
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && !slices.Contains(whole, name) {
			paths = nil
			for key := range inner {
				paths = append(paths, name+"."+key)
			}
		}
		for _, p := range paths {
			if !strings.Contains(string(readme), "`"+p+"`") {
				t.Errorf("README.md does not explain %s", p)
			}
		}
	}
}
