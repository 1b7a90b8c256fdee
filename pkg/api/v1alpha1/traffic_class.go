package v1alpha1

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// KeyIsIngress says whether a key is an Ingress's.
func KeyIsIngress(k Key) bool {
	return k.Group == "networking.k8s.io" && k.Resource == "ingresses"
}

// ServesIngress says whether the federation serves an Ingress: one that names
// our class or none. One of another class is the members' own controllers'.
func ServesIngress(o *unstructured.Unstructured) bool {
	class, found, _ := unstructured.NestedString(o.Object, "spec", "ingressClassName")
	if !found || class == "" {
		class = o.GetAnnotations()[AnnotationIngressClass]
	}
	return class == "" || class == IngressClass
}
