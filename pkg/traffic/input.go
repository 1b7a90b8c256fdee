package traffic

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Input is everything that a document depends on. Slices may be in any order.
type Input struct {
	Federation types.UID
	// Ingresses, Services and Workloads as they are followed, without those that
	// are being deleted. Workloads are asked for their readiness probes.
	Ingresses, Services, Workloads []Object
	// Certificates are the TLS Secrets that may be served, by "namespace/name";
	// NoSecrets says that the federation keeps none, so that each carrier has
	// files of its own.
	Certificates map[string]v1alpha1.Certificate
	NoSecrets    bool
	Clusters     []Cluster
	Edges        []v1alpha1.Edge
	// Previous document; nil before the first.
	Previous *v1alpha1.Traffic
	// Frozen: so many clusters are silent at once that health changes nothing.
	Frozen bool
	Now    time.Time
}

// Object is a spec as it is followed.
type Object struct {
	Key     v1alpha1.Key
	UID     types.UID
	Created time.Time
	Object  *unstructured.Unstructured
}

// Cluster is a member as far as it serves.
type Cluster struct {
	Name        string
	Region      string
	Zones       []string
	Coordinates *v1alpha1.Coordinates
	// Weight that a user gave it; nil for all.
	Weight *int64
	// Leaving: it is being unjoined.
	Leaving bool
	// Verdict on it. The zero one is that of a cluster that has never reported.
	Verdict v1alpha1.ClusterVerdict
	// Has says whether the object is in the cluster's shard.
	Has func(v1alpha1.Key) bool
	// Services is its last word on each Service. Addresses in it are already
	// limited to those that the cluster may name.
	Services map[v1alpha1.Key]*v1alpha1.ObjectReport
	// NodeAddresses, limited likewise, are where its node ports are reached.
	NodeAddresses []string
	// NodesUntold: it does not tell of nodes, so that none of them is known to have
	// moved.
	NodesUntold bool
	// Sources are where its pods' connections come from.
	Sources []string
}

// Output of Build.
type Output struct {
	// Document, without epoch, serial and time: those are the writer's.
	Document v1alpha1.Traffic
	// Certificates that it names, by digest.
	Certificates map[string]v1alpha1.Certificate
	// Ingresses tells what became of each one, those of another class included.
	Ingresses map[v1alpha1.Key]IngressResult
	// Again is when time alone may change the document; zero for never.
	Again time.Time
}

// IngressResult is what is to be told of an Ingress.
type IngressResult struct {
	// Addresses of the Ingress; nil for one that the federation does not serve.
	Addresses []string
	// Served is the condition, without time.
	Served metav1.Condition
	// Problems are in the order of the rules.
	Problems []Problem
}

// Problem is why a part of an Ingress is not served, or not as it should be.
type Problem struct {
	// Reason is one of v1alpha1.Served…
	Reason string
	// Message names the field and says what to do.
	Message string
}
