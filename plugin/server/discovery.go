package server

import (
	"net/http"
	"slices"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

var (
	objectVerbs = []string{"create", "delete", "get", "list", "patch", "update", "watch"}
	scaleVerbs  = []string{"get", "patch", "update"}
	scaleKind   = metav1.GroupVersionKind{Group: "autoscaling", Version: "v1", Kind: "Scale"}
)

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// Discovery answers discovery from a table alone, without reading anything.
func Discovery(table *kinds.Table) http.Handler {
	c := newCatalog(table)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isDiscovery(r.URL.Path) {
			writeError(w, errNoSuchPath())
			return
		}
		c.discover(w, r)
	})
}

// discover answers /api, /apis and what is below them up to a group's version.
func (c *catalog) discover(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	core := parts[0] == "api"
	switch {
	case len(parts) == 1 && strings.Contains(r.Header.Get("Accept"), "as=APIGroupDiscoveryList"):
		writeJSON(w, http.StatusOK, aggregated, c.aggregate(core))
	case len(parts) == 1 && core:
		writeJSON(w, http.StatusOK, jsonType, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case len(parts) == 1:
		writeJSON(w, http.StatusOK, jsonType, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: c.groups()})
	case len(parts) == 2 && !core:
		c.discoverGroup(w, parts[1])
	default:
		gv := schema.GroupVersion{Version: parts[len(parts)-1]}
		if !core {
			gv.Group = parts[1]
		}
		c.discoverVersion(w, gv)
	}
}

func (c *catalog) discoverGroup(w http.ResponseWriter, name string) {
	all := c.groups()
	i := slices.IndexFunc(all, func(g metav1.APIGroup) bool { return g.Name == name })
	if i < 0 {
		writeError(w, errNoSuchPath())
		return
	}
	g := all[i]
	g.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
	writeJSON(w, http.StatusOK, jsonType, g)
}

func (c *catalog) discoverVersion(w http.ResponseWriter, gv schema.GroupVersion) {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	for _, k := range c.served {
		if k.GVK().GroupVersion() != gv {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: k.Resource, SingularName: k.Singular,
			Namespaced: k.Namespaced, Kind: k.Kind, Verbs: objectVerbs, ShortNames: k.ShortNames, Categories: k.Categories})
		if k.Scale {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: k.Resource + "/scale", Namespaced: k.Namespaced,
				Group: scaleKind.Group, Version: scaleKind.Version, Kind: scaleKind.Kind, Verbs: scaleVerbs})
		}
	}
	if len(list.APIResources) == 0 {
		writeError(w, errNoSuchPath())
		return
	}
	writeJSON(w, http.StatusOK, jsonType, list)
}

// groupVersions lists the groups in the catalog's order, each with its
// versions, the preferred one first.
func (c *catalog) groupVersions() (names []string, versions map[string][]string) {
	versions = map[string][]string{}
	for _, k := range c.served {
		if _, known := versions[k.Group]; !known {
			names = append(names, k.Group)
		}
		if !slices.Contains(versions[k.Group], k.Version) {
			versions[k.Group] = append(versions[k.Group], k.Version)
		}
	}
	return names, versions
}

func (c *catalog) groups() []metav1.APIGroup {
	names, versions := c.groupVersions()
	var list []metav1.APIGroup
	for _, name := range names {
		if name == "" {
			continue
		}
		g := metav1.APIGroup{Name: name}
		for _, v := range versions[name] {
			gv := schema.GroupVersion{Group: name, Version: v}.String()
			g.Versions = append(g.Versions, metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: v})
		}
		g.PreferredVersion = g.Versions[0]
		list = append(list, g)
	}
	return list
}

func (c *catalog) aggregate(core bool) apidiscovery.APIGroupDiscoveryList {
	list := apidiscovery.APIGroupDiscoveryList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/v2"}}
	names, versions := c.groupVersions()
	for _, name := range names {
		if (name == "") != core {
			continue
		}
		g := apidiscovery.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: name}}
		for _, v := range versions[name] {
			g.Versions = append(g.Versions, apidiscovery.APIVersionDiscovery{Version: v,
				Freshness: apidiscovery.DiscoveryFreshnessCurrent, Resources: c.aggregateVersion(schema.GroupVersion{Group: name, Version: v})})
		}
		list.Items = append(list.Items, g)
	}
	return list
}

func (c *catalog) aggregateVersion(gv schema.GroupVersion) []apidiscovery.APIResourceDiscovery {
	var list []apidiscovery.APIResourceDiscovery
	for _, k := range c.served {
		if k.GVK().GroupVersion() != gv {
			continue
		}
		d := apidiscovery.APIResourceDiscovery{Resource: k.Resource, SingularResource: k.Singular, Scope: apidiscovery.ScopeCluster,
			ResponseKind: &metav1.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind},
			Verbs:        objectVerbs, ShortNames: k.ShortNames, Categories: k.Categories}
		if k.Namespaced {
			d.Scope = apidiscovery.ScopeNamespace
		}
		if k.Scale {
			d.Subresources = []apidiscovery.APISubresourceDiscovery{{Subresource: "scale", Verbs: scaleVerbs, ResponseKind: &scaleKind}}
		}
		list = append(list, d)
	}
	return list
}
