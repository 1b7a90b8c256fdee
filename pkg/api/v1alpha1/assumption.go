package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Assumption is a roster to plan against instead of a bucket: what `plan
// --assume` reads and a bug report carries.
type Assumption struct {
	metav1.TypeMeta `json:",inline"`

	Clusters []AssumedCluster `json:"clusters"`
}

// AssumedCluster is one cluster.
type AssumedCluster struct {
	Name   string            `json:"name"`
	Region string            `json:"region,omitempty"`
	Zones  []string          `json:"zones,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Taints []Taint           `json:"taints,omitempty"`
	// Ready is true unless it says false: then the cluster is taken for dead.
	Ready    *bool `json:"ready,omitempty"`
	Cordoned bool  `json:"cordoned,omitempty"`
	Drained  bool  `json:"drained,omitempty"`
	// Workloads that run there now.
	Workloads []AssumedWorkload `json:"workloads,omitempty"`
}

// AssumedWorkload is what runs of one object.
type AssumedWorkload struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // default when empty
	Name      string `json:"name"`
	Replicas  int64  `json:"replicas"`
	// Capacity is the most that can run there; absent: any number.
	Capacity *int64 `json:"capacity,omitempty"`
}
