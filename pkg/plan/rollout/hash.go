package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// hashLength in hexadecimal digits: short enough for an annotation that people
// see, long enough never to meet by accident.
const hashLength = 16

// metadataKept is what a submitter says in metadata; everything else there is
// an API server's.
var metadataKept = []string{"name", "namespace", "labels", "finalizers"}

// Hash names the content of an object: what is rolled out in waves. Numbers of
// replicas, status, what an API server sets, and annotations addressed to the
// federation or to clients are no part of it. The overrides that change the
// object in some clusters are, where there are any.
func Hash(o *unstructured.Unstructured, overrides ...v1alpha1.Override) string {
	content := maps.Clone(o.Object)
	delete(content, "status")
	content["metadata"] = hashedMetadata(o)
	if spec, ok := o.Object["spec"].(map[string]any); ok {
		content["spec"] = without(spec, v1alpha1.DividedFields(o.GroupVersionKind().Group, o.GetKind()))
	}
	h := sha256.New()
	encoder := json.NewEncoder(h) // sorts the keys of maps; a hash takes all it is given
	_ = encoder.Encode(content)
	if len(overrides) > 0 {
		_ = encoder.Encode(overrides)
	}
	return hex.EncodeToString(h.Sum(nil))[:hashLength]
}

func hashedMetadata(o *unstructured.Unstructured) map[string]any {
	metadata, _ := o.Object["metadata"].(map[string]any)
	kept := map[string]any{}
	for _, field := range metadataKept {
		if v, ok := metadata[field]; ok {
			kept[field] = v
		}
	}
	annotations := map[string]string{}
	for k, v := range o.GetAnnotations() {
		if !addressed(k) {
			annotations[k] = v
		}
	}
	if len(annotations) > 0 {
		kept["annotations"] = annotations
	}
	return kept
}

// addressed says whether an annotation speaks to the federation or to a client
// rather than to the members.
func addressed(annotation string) bool {
	switch annotation {
	case v1alpha1.AnnotationV1DeploymentPreferences, v1alpha1.AnnotationV1ReplicaSetPreferences, v1alpha1.AnnotationV1ClusterSelector,
		"kubectl.kubernetes.io/last-applied-configuration", "kubernetes.io/change-cause":
		return true
	}
	return strings.HasPrefix(annotation, v1alpha1.Group+"/")
}

// without leaves out of a spec what is divided over the clusters.
func without(spec map[string]any, divided []string) map[string]any {
	kept := maps.Clone(spec)
	for _, pointer := range divided {
		delete(kept, strings.TrimPrefix(pointer, "/spec/"))
	}
	return kept
}
