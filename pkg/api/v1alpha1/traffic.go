package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Traffic is traffic/document.json: all that whoever carries users' requests
// to the members must know. The leader writes it, whole, when it changes;
// carriers follow it and go on with the last one while the bucket is away.
//
// It is a public format: fields are added, never given another meaning, and a
// reader passes over what it does not know.
type Traffic struct {
	metav1.TypeMeta `json:",inline"`

	FederationUID types.UID `json:"federationUID"`
	// Epoch of the leader that wrote it. A carrier refuses one that is lower
	// than it has seen.
	Epoch int64 `json:"epoch"`
	// Serial grows by one with each document of a federation.
	Serial int64 `json:"serial"`
	// Time is the leader's clock, for people only.
	Time metav1.Time `json:"time"`
	// Clusters by name.
	Clusters []TrafficCluster `json:"clusters,omitempty"`
	// Frontends by key, one for each Ingress that the federation serves.
	Frontends []Frontend `json:"frontends,omitempty"`
	// Backends by name, one for each port of a Service that a frontend names.
	Backends []Backend `json:"backends,omitempty"`
}

// TrafficCluster is a member as a destination.
type TrafficCluster struct {
	Name   string   `json:"name"`
	Region string   `json:"region,omitempty"`
	Zones  []string `json:"zones,omitempty"`
	// Coordinates, where the roster names them; else the region's are taken.
	Coordinates *Coordinates `json:"coordinates,omitempty"`
	// Sources (CIDR) are the addresses that the cluster's own pods and nodes
	// come from: they are sent to their own cluster first. One that two clusters
	// name belongs to neither.
	Sources []string `json:"sources,omitempty"`
}

// Coordinates in degrees; south and west are negative.
type Coordinates struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Frontend is what one Ingress asks for, as far as it is served: rules that are
// invalid, or another Ingress's since before, are left out.
type Frontend struct {
	Ingress Key       `json:"ingress"`
	UID     types.UID `json:"uid"`
	// Addresses of the Ingress, sorted.
	Addresses []string `json:"addresses,omitempty"`
	// TLS names what is served on port 443.
	TLS []FrontendTLS `json:"tls,omitempty"`
	// Redirect answers plain HTTP for a host that has a certificate with a
	// redirect to HTTPS.
	Redirect bool   `json:"redirect,omitempty"`
	Rules    []Rule `json:"rules,omitempty"`
	// DefaultBackend takes what no rule does; empty for none.
	DefaultBackend string `json:"defaultBackend,omitempty"`
}

// FrontendTLS is a certificate and the hosts it is for.
type FrontendTLS struct {
	// Hosts as the Ingress names them; none means those of its rules.
	Hosts []string `json:"hosts,omitempty"`
	// Secret is "namespace/name".
	Secret string `json:"secret"`
	// Certificate is the digest under which traffic/certificates/ holds it. Empty:
	// the federation does not hold it, and each carrier looks for files of its own.
	Certificate string `json:"certificate,omitempty"`
}

// Rule maps the paths of one host to backends.
type Rule struct {
	// Host, lower-case: exact, "*." and a name for one more label, or empty for
	// every host.
	Host  string      `json:"host,omitempty"`
	Paths []RoutePath `json:"paths"`
}

// PathType is how a path is compared, as in networking.k8s.io/v1.
type PathType string

const (
	PathExact                  PathType = "Exact"
	PathPrefix                 PathType = "Prefix"
	PathImplementationSpecific PathType = "ImplementationSpecific"
)

// RoutePath is one path of a rule.
type RoutePath struct {
	Path string   `json:"path"`
	Type PathType `json:"type"`
	// Backend by name.
	Backend string `json:"backend"`
}

// BackendProtocol is what a backend's endpoints speak.
type BackendProtocol string

const (
	ProtocolHTTP  BackendProtocol = "HTTP"  // HTTP/1.1
	ProtocolH2C   BackendProtocol = "H2C"   // HTTP/2 without TLS
	ProtocolHTTPS BackendProtocol = "HTTPS" // its certificate is not verified
)

// Backend is one port of a Service over all clusters.
type Backend struct {
	// Name is "namespace/service:port", the port by number.
	Name     string          `json:"name"`
	Service  Key             `json:"service"`
	Port     int64           `json:"port"`
	Protocol BackendProtocol `json:"protocol"`
	Check    HealthCheck     `json:"check"`
	// ReturnOver is how long a cluster that was out and is back takes to be given
	// its full share again.
	ReturnOver metav1.Duration `json:"returnOver"`
	// Timeout is how long a response may take to begin.
	Timeout metav1.Duration `json:"timeout"`
	// Clusters by name: those that have the Service.
	Clusters []BackendCluster `json:"clusters,omitempty"`
}

// HealthCheck is how a carrier finds out whether an endpoint serves.
type HealthCheck struct {
	// Path is asked for with GET; 2xx and 3xx are healthy. Empty: a TCP
	// connection is enough.
	Path     string          `json:"path,omitempty"`
	Interval metav1.Duration `json:"interval"`
	Timeout  metav1.Duration `json:"timeout"`
	// HealthyAfter and UnhealthyAfter are how many in a row change its standing.
	HealthyAfter   int64 `json:"healthyAfter"`
	UnhealthyAfter int64 `json:"unhealthyAfter"`
}

// BackendState is a cluster's standing behind a backend.
type BackendState string

const (
	// BackendServing: it takes its share.
	BackendServing BackendState = "Serving"
	// BackendKept: what is known says that it should not, but nothing else is
	// left, or what is known is old; the last endpoints are kept.
	BackendKept BackendState = "Kept"
	// BackendOut: by health. It is asked when nothing else answers.
	BackendOut BackendState = "Out"
	// BackendDrained: by a user, or because the cluster leaves. It is not asked.
	BackendDrained BackendState = "Drained"
	// BackendPending: it has no endpoint that a carrier could reach.
	BackendPending BackendState = "Pending"
)

// FullWeight is the weight of a cluster that takes all it is near to.
const FullWeight = 100

// BackendCluster is a backend's shard in one cluster.
type BackendCluster struct {
	Cluster string       `json:"cluster"`
	State   BackendState `json:"state"`
	// Reason is one line for people; empty when it simply serves.
	Reason string `json:"reason,omitempty"`
	// Weight, 0 to 100, is the part of what comes its way that it takes: the
	// rest goes to the next closest.
	Weight int64 `json:"weight"`
	// Endpoints (host:port, sorted) that a carrier connects to.
	Endpoints []string `json:"endpoints,omitempty"`
	// Ready endpoints in the cluster, as it reports them; they may stand behind
	// fewer addresses.
	Ready int64 `json:"ready"`
	// MaxRate is how many requests a second the whole shard takes before the
	// next closest is given the rest; 0 for any number.
	MaxRate int64 `json:"maxRate,omitempty"`
	// Unready is since when it reports nothing ready; zero while it does.
	Unready metav1.Time `json:"unready,omitzero"`
}

// Certificate is traffic/certificates/<digest>.json: a TLS Secret, for
// carriers to serve.
type Certificate struct {
	// Secret is "namespace/name".
	Secret string `json:"secret"`
	// Certificate and Key are PEM.
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

// Digest names a certificate by its content.
func (c Certificate) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d\n", c.Secret, len(c.Certificate))
	h.Write(c.Certificate)
	h.Write(c.Key)
	return hex.EncodeToString(h.Sum(nil))
}

// Edge is edges/<name>.json: a carrier as it registers itself, written every
// Interval. Its addresses are those of every Ingress until it is unregistered,
// also while it is away.
type Edge struct {
	Name          string    `json:"name"`
	FederationUID types.UID `json:"federationUID"`
	// Process tells one start from the next.
	Process string `json:"process"`
	Version string `json:"version,omitempty"`
	// Region, Zone and Coordinates are where it is.
	Region      string       `json:"region,omitempty"`
	Zone        string       `json:"zone,omitempty"`
	Coordinates *Coordinates `json:"coordinates,omitempty"`
	// Addresses at which clients reach it: IPs or host names.
	Addresses []string        `json:"addresses"`
	Interval  metav1.Duration `json:"interval"`
	// Time is the edge's clock, for people; freshness is judged by change.
	Time     metav1.Time `json:"time"`
	Sequence int64       `json:"sequence"`
	// Epoch and Serial of the document it serves; 0 before the first.
	Epoch  int64 `json:"epoch,omitempty"`
	Serial int64 `json:"serial,omitempty"`
	// Health is what its own checks see. It is in the object's body only, not in
	// what a listing tells.
	Health []EdgeHealth `json:"health,omitempty"`
}

// EdgeHealth is one cluster behind one backend as an edge sees it.
type EdgeHealth struct {
	Backend string `json:"backend"`
	Cluster string `json:"cluster"`
	Healthy int64  `json:"healthy"`
	Total   int64  `json:"total"`
}

// ObjectAddresses are the federation's own addresses of an object: its agent
// writes them into the object's status.
type ObjectAddresses struct {
	Key       Key      `json:"key"`
	Addresses []string `json:"addresses"` // sorted
}

// IngressClass is the class of the Ingresses that the federation serves. No
// controller in a member does.
const IngressClass = "kubectl-fed"

// IngressController is what our IngressClass names.
const IngressController = Group + "/federated-ingress"

// Annotations that tell how a Service or an Ingress is served.
const (
	// AnnotationHealthCheckPath on a Service is what health checks ask for; by
	// default it is the path of its pods' readiness probe, else "" (TCP).
	AnnotationHealthCheckPath = Group + "/health-check-path"
	// AnnotationMaxRate on a Service is how many requests a second each of its
	// ready endpoints takes. The second is Google's name for it.
	AnnotationMaxRate    = Group + "/max-rate-per-endpoint"
	AnnotationMaxRateGKE = "networking.gke.io/max-rate-per-endpoint"
	// AnnotationRedirect on an Ingress, "false", leaves plain HTTP as it is where
	// there is a certificate.
	AnnotationRedirect = Group + "/https-redirect"
	// AnnotationExpose on a Service, "false", leaves it as it is although an
	// Ingress that the federation serves names it: else one of type ClusterIP
	// is of type NodePort in the members, so that carriers reach it.
	AnnotationExpose = Group + "/expose"
	// AnnotationIngressClass is how classes were named before the field.
	AnnotationIngressClass = "kubernetes.io/ingress.class"
)

// ConditionServed of an Ingress: carriers serve all of it.
const ConditionServed = "Served"

// Reasons of ConditionServed, and of the events that go with it. Users see
// them; do not rename.
const (
	ServedAll = "Served"
	// ServedNoEdges: no edge is registered, so the Ingress has no address.
	ServedNoEdges = "NoEdges"
	// ServedNoService: a rule names a Service, or a port of one, that is not there.
	ServedNoService = "ServiceNotFound"
	ServedNoPort    = "ServicePortNotFound"
	// ServedInvalid: a rule that no API server accepts.
	ServedInvalid = "RuleInvalid"
	// ServedConflict: another Ingress has had the host and path for longer.
	ServedConflict = "HostPathTaken"
	// ServedNoSecret: a TLS Secret is missing, is none, or is not for the bucket.
	ServedNoSecret = "TLSSecretNotFound"
	// ServedUnhealthy: no cluster has a healthy endpoint for a backend.
	ServedUnhealthy = "NoHealthyBackend"
	// ServedUnreachable: a Service of type ClusterIP has no address outside its cluster.
	ServedUnreachable = "ServiceUnreachable"
	// ServedElsewhere: the Ingress names another class; the members' own
	// controllers serve it.
	ServedElsewhere = "OtherClass"
)
