package chart

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

const edgeDir = "../../charts/fed-edge"

func edgeArgs(set ...string) []string {
	args := []string{"template", "fed-edge", edgeDir, "--namespace", "kubectl-fed-system", "-f", edgeDir + "/ci/values.yaml"}
	for _, s := range set {
		args = append(args, "--set-json", s)
	}
	return args
}

func TestEdgesAreConfined(t *testing.T) {
	t.Parallel()
	objects := renderWith(t, edgeArgs())
	for _, o := range objects {
		if strings.Contains(o.Kind, "Role") {
			t.Errorf("%s %s: an edge has no business in its cluster", o.Kind, o.Metadata.Name)
		}
	}
	confined(t, objects, "StatefulSet", "Pod")
}

func TestValuesReachTheEdge(t *testing.T) {
	t.Parallel()
	objects := renderWith(t, edgeArgs(
		`zone="europe-west1-b"`, `coordinates="50.45,3.82"`, `addresses=["203.0.113.10","eu.example.com"]`, `replicaCount=3`, `accessLog=false`,
		`trustedProxies=["10.0.0.0/8"]`, `certificates=[{"namespace":"default","name":"web-tls","secretName":"mine"}]`, `defaultCertificate="fallback"`))
	set := find(t, objects, "StatefulSet")
	want := []string{
		"--bucket=gs://example-federation", "--name=europe-west1-$(POD_INDEX)", "--region=europe-west1", "--zone=europe-west1-b", "--coordinates=50.45,3.82",
		"--address=203.0.113.10,eu.example.com", "--http-listen=:8080", "--https-listen=:8443", "--admin-listen=:9180", "--state-dir=/var/lib/fed-edge",
		"--certificates-dir=/etc/fed-edge/certificates", "--default-certificate=/etc/fed-edge/default/tls.crt", "--default-key=/etc/fed-edge/default/tls.key",
		"--trusted-proxies=10.0.0.0/8", "--drain=10s", "--access-log=off", "-v=0",
	}
	if got := set.Spec.Template.Spec.Containers[0].Args; !slices.Equal(got, want) {
		t.Errorf("args = %q\nwant   %q", got, want)
	}
	if set.Spec.Replicas != 3 {
		t.Errorf("replicas = %d", set.Spec.Replicas)
	}
	out, err := helm(t, edgeArgs(`certificates=[{"namespace":"default","name":"web-tls","secretName":"mine"}]`, `persistence.enabled=true`)...)
	if err != nil {
		t.Fatal(out)
	}
	for _, want := range []string{"mountPath: /etc/fed-edge/certificates/default/web-tls", "secretName: mine", "volumeClaimTemplates:", "whenDeleted: Delete", "externalTrafficPolicy: Local"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not rendered", want)
		}
	}
	if strings.Contains(out, "emptyDir") {
		t.Error("a volume and an emptyDir for the same state")
	}
}

func TestServiceMayComeBeforeItsAddress(t *testing.T) {
	t.Parallel()
	objects := renderWith(t, edgeArgs(`replicaCount=0`, `addresses=[]`))
	find(t, objects, "Service")
	set := find(t, objects, "StatefulSet")
	if set.Spec.Replicas != 0 {
		t.Errorf("replicas = %d", set.Spec.Replicas)
	}
	if args := set.Spec.Template.Spec.Containers[0].Args; slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--address") }) {
		t.Errorf("an address that nobody gave: %q", args)
	}
}

func TestNamesAreNoLongerThanAStatefulSetBears(t *testing.T) {
	t.Parallel()
	args := edgeArgs()
	args[1] = strings.Repeat("long-", 10) + "est" // no release's name is longer
	for _, o := range renderWith(t, args) {
		most := map[string]int{"StatefulSet": 52}[o.Kind]
		if n := len(o.Metadata.Name); n > cmp.Or(most, 63) {
			t.Errorf("%s %s has %d characters", o.Kind, o.Metadata.Name, n)
		}
	}
}

func TestEdgesAreCalledByName(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		`replicaCount=0`: "No edge runs",
		`replicaCount=1`: "The edge europe-west1-0 serves the federation",
		`replicaCount=3`: "The edges europe-west1-0 to europe-west1-2 serve the federation",
	} {
		out := notes(t, edgeDir, set)
		for _, want := range []string{want, "get service fed-edge", "kubectl fed traffic unregister europe-west1-0 --bucket gs://example-federation"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: the notes do not say %q:\n%s", set, want, out)
			}
		}
	}
}

func TestBadEdgeValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, says string }{
		"unknown key":             {`replicas=3`, "'replicas' not allowed"},
		"unknown nested key":      {`service.ports=[80]`, "'ports' not allowed"},
		"no bucket":               {`bucket=""`, "bucket is required"},
		"no name":                 {`name=""`, "name is required"},
		"no place":                {`region=""`, "region is required"},
		"no address":              {`addresses=[]`, "addresses is required"},
		"bucket of s3":            {`bucket="s3://my-bucket"`, "does not match pattern"},
		"a name with a dot":       {`name="eu.1"`, "does not match pattern"},
		"an address with port":    {`addresses=["eu.example.com:80"]`, "does not match pattern"},
		"no range":                {`trustedProxies=["10.0.0.1"]`, "does not match pattern"},
		"half a place":            {`coordinates="50.4"`, "does not match pattern"},
		"half a certificate":      {`certificates=[{"namespace":"default"}]`, "missing propert"},
		"a path for a Secret":     {`certificates=[{"namespace":"..","name":"x","secretName":"y"}]`, "does not match pattern"},
		"a policy of its own":     {`service.externalTrafficPolicy="Near"`, "must be one of"},
		"an account without name": {`serviceAccount={"create":false,"name":""}`, "serviceAccount.name is required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := helm(t, edgeArgs(c.set)...)
			if err == nil {
				t.Fatalf("%s was accepted", c.set)
			}
			if !strings.Contains(out, c.says) {
				t.Errorf("%s: the error does not say %q:\n%s", c.set, c.says, out)
			}
		})
	}
}

func TestEveryEdgeValueIsExplained(t *testing.T) {
	t.Parallel()
	explained(t, edgeDir)
}
