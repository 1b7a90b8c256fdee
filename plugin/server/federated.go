package server

import (
	"net/http"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// notFederated says why objects of a type cannot be put into a federation, or
// nothing when they can.
func notFederated(gr schema.GroupResource) string {
	if why, ok := memberOnly[gr.String()]; ok {
		return why
	}
	switch gr.Group {
	case "authentication.k8s.io", "authorization.k8s.io":
		return "a federation answers no reviews; ask a member: kubectl --context <member>"
	case "events.k8s.io":
		return memberOnly["events"]
	}
	return ""
}

// sweeps is true of a list that a program reads whole: kubectl's prune looks so
// through types of which a federation has no objects, and is to find none. A
// person's get asks for a table or a part, and is told why there is nothing.
func (req *request) sweeps() bool {
	return req.Method == http.MethodGet && req.name == "" && !flag(req.Request, "watch") &&
		req.URL.Query().Get("limit") == "" && req.shape() == asObject
}

// memberOnly types are made by a cluster for itself.
var memberOnly = map[string]string{
	"nodes":             "nodes belong to the members; see them with kubectl --context <member> get nodes",
	"events":            "events are shown by kubectl fed describe, and in the members",
	"endpoints":         "endpoints are made by each member for its own pods",
	"bindings":          "pods are bound to nodes by each member's scheduler",
	"componentstatuses": "component statuses belong to the members",

	"endpointslices.discovery.k8s.io":                  "endpoint slices are made by each member for its own pods",
	"leases.coordination.k8s.io":                       "leases are held within one member",
	"csinodes.storage.k8s.io":                          "nodes belong to the members",
	"volumeattachments.storage.k8s.io":                 "volumes are attached by each member",
	"csistoragecapacities.storage.k8s.io":              "storage capacity is reported by each member's drivers",
	"controllerrevisions.apps":                         "revisions are made by each member's controllers",
	"certificatesigningrequests.certificates.k8s.io":   "certificates are signed by each member",
	"apiservices.apiregistration.k8s.io":               "API services are registered with each member",
	"ipaddresses.networking.k8s.io":                    "addresses are allocated by each member",
	"resourceslices.resource.k8s.io":                   "resource slices are reported by each member's drivers",
	"storageversions.internal.apiserver.k8s.io":        "storage versions belong to the members",
	"storageversionmigrations.storagemigration.k8s.io": "storage is migrated by each member",
}
