package v1alpha1

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// serverMetadata are the fields of metadata that only an API server sets.
var serverMetadata = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}

// clusterMetadata are those that a spec may hold but that mean nothing in a
// member: a spec's deletion is the federation's, and the garbage collector of
// another cluster would delete an object whose owner it does not know.
var clusterMetadata = []string{"deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences"}

// ForgetServerFields removes what an API server says of an object: what is left
// is what its submitter wants.
func ForgetServerFields(o *unstructured.Unstructured) {
	unstructured.RemoveNestedField(o.Object, "status")
	for _, field := range serverMetadata {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
}

// ForgetClusterFields removes, besides, what holds in one cluster only: what is
// left can be applied in any.
func ForgetClusterFields(o *unstructured.Unstructured) {
	ForgetServerFields(o)
	for _, field := range clusterMetadata {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
}
