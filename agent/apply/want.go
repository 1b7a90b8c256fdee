package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Want is one object as the shard asks for it. The manifest stays JSON: a
// parsed object takes ten times the memory.
type Want struct {
	Key        v1alpha1.Key
	UID        types.UID
	Generation int64
	// Digest tells two wants apart: key, UID and manifest, not generation.
	Digest string
	GVK    schema.GroupVersionKind
	// Force takes contested fields back for ever.
	Force bool
	// Problem, if any, is why this cannot be applied at all.
	Problem string

	manifest []byte
}

// header is the part of a manifest that is read when a shard is taken.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// NewWant reads what the engine must know of a shard's object. A manifest that
// is not what its key says is kept as a problem, so that it is reported and
// its neighbours are applied.
func NewWant(o v1alpha1.ShardObject) *Want {
	w := &Want{Key: o.Key, UID: o.UID, Generation: o.Generation, Digest: digest(o), manifest: bytes.Clone(o.Manifest)}
	var h header
	if err := json.Unmarshal(o.Manifest, &h); err != nil {
		w.Problem = fmt.Sprintf("the manifest is no JSON object: %v", err)
		return w
	}
	gv, err := schema.ParseGroupVersion(h.APIVersion)
	if err != nil {
		w.Problem = err.Error()
		return w
	}
	w.GVK = gv.WithKind(h.Kind)
	w.Force = h.Metadata.Annotations[v1alpha1.AnnotationForce] == "true"
	w.Problem = mismatch(o.Key, h, gv.Group)
	return w
}

func mismatch(k v1alpha1.Key, h header, group string) string {
	switch {
	case h.Kind == "" || h.APIVersion == "":
		return "the manifest has no kind or apiVersion"
	case group != k.Group:
		return fmt.Sprintf("the manifest is of group %q, its key says %q", group, k.Group)
	case h.Metadata.Name != k.Name:
		return fmt.Sprintf("the manifest names %q, its key says %q", h.Metadata.Name, k.Name)
	case h.Metadata.Namespace != "" && h.Metadata.Namespace != k.Namespace:
		return fmt.Sprintf("the manifest is in namespace %q, its key says %q", h.Metadata.Namespace, k.Namespace)
	}
	return ""
}

func digest(o v1alpha1.ShardObject) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", o.Key, o.UID)
	h.Write(o.Manifest)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Object is the manifest with the federation's marks, as it is applied.
func (w *Want) Object(federation types.UID, adopted bool) (*unstructured.Unstructured, error) {
	content := map[string]any{}
	if err := utiljson.Unmarshal(w.manifest, &content); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	u := &unstructured.Unstructured{Object: content}
	v1alpha1.ForgetClusterFields(u)
	if w.GVK == secretGVK {
		inlineStringData(u)
	}
	if w.Key.Namespace != "" {
		u.SetNamespace(w.Key.Namespace)
	}
	setMap(u, string(federation), v1alpha1.LabelFederation, "metadata", "labels")
	setMap(u, string(w.UID), v1alpha1.AnnotationSpecUID, "metadata", "annotations")
	if adopted {
		setMap(u, "true", v1alpha1.AnnotationAdopted, "metadata", "annotations")
	}
	return u, nil
}

func setMap(u *unstructured.Unstructured, value, key string, path ...string) {
	m, found, err := unstructured.NestedMap(u.Object, path...)
	if err != nil || !found {
		m = map[string]any{}
	}
	m[key] = value
	_ = unstructured.SetNestedMap(u.Object, m, path...)
}

var secretGVK = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}

// inlineStringData turns the write-only stringData into data: only what can be
// read back can be watched for drift.
func inlineStringData(u *unstructured.Unstructured) {
	plain, found, err := unstructured.NestedStringMap(u.Object, "stringData")
	if err != nil || !found {
		return
	}
	for k, v := range plain {
		setMap(u, base64.StdEncoding.EncodeToString([]byte(v)), k, "data")
	}
	delete(u.Object, "stringData")
}
