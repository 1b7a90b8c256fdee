package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// counts are what scaling changes: numbers that are divided over the clusters
// and are no content.
var counts = map[string][]string{
	"Deployment":              {"replicas"},
	"ReplicaSet":              {"replicas"},
	"StatefulSet":             {"replicas"},
	"ReplicationController":   {"replicas"},
	"Job":                     {"parallelism", "completions"},
	"HorizontalPodAutoscaler": {"minReplicas", "maxReplicas"},
}

// Hash names the content of an object: what is rolled out in waves. Numbers of
// replicas, status, what an API server sets, and annotations addressed to the
// federation or to clients are no part of it. The overrides that change the
// object in some clusters are, where there are any.
func Hash(o *unstructured.Unstructured, overrides ...v1alpha1.Override) string {
	content := make(map[string]any, len(o.Object))
	for k, v := range o.Object {
		content[k] = v
	}
	delete(content, "status")
	content["metadata"] = hashedMetadata(o)
	if spec, ok := o.Object["spec"].(map[string]any); ok {
		content["spec"] = without(spec, counts[o.GetKind()])
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

func without(fields map[string]any, names []string) map[string]any {
	kept := make(map[string]any, len(fields))
	for k, v := range fields {
		kept[k] = v
	}
	for _, name := range names {
		delete(kept, name)
	}
	return kept
}
