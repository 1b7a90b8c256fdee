// Command gen turns an API server's aggregated discovery, on standard input as
// {"core": …, "groups": …}, into the table that package kinds embeds.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

type discovery struct {
	Core   apidiscoveryv2.APIGroupDiscoveryList `json:"core"`
	Groups apidiscoveryv2.APIGroupDiscoveryList `json:"groups"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	d := discovery{}
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		return fmt.Errorf("decode discovery: %w", err)
	}
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, k := range append(table(d.Core), table(d.Groups)...) {
		line, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("encode %s: %w", k.Resource, err)
		}
		if i > 0 {
			out.WriteString(",\n")
		}
		out.Write(line)
	}
	out.WriteString("\n]\n")
	_, err := os.Stdout.Write(out.Bytes())
	return err
}

func table(list apidiscoveryv2.APIGroupDiscoveryList) []kinds.Kind {
	var found []kinds.Kind
	for _, g := range list.Items {
		for _, v := range g.Versions {
			for _, r := range v.Resources {
				if r.ResponseKind != nil {
					found = append(found, entry(g.Name, v.Version, r))
				}
			}
		}
	}
	return found
}

func entry(group, version string, r apidiscoveryv2.APIResourceDiscovery) kinds.Kind {
	k := kinds.Kind{
		Group: group, Version: version, Kind: r.ResponseKind.Kind, Resource: r.Resource, Singular: r.SingularResource,
		Namespaced: r.Scope == apidiscoveryv2.ScopeNamespace,
		ShortNames: r.ShortNames, Categories: r.Categories, Verbs: verbs(r.Verbs),
	}
	for _, s := range r.Subresources {
		k.Scale = k.Scale || s.Subresource == "scale"
	}
	return k
}

func verbs(v metav1.Verbs) []string { return v }
