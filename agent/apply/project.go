package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Project keeps of a live value only the fields that the wanted one sets, so
// that what others own (status, defaults beside ours, a controller's
// annotations) cannot look like drift. Lists are kept whole: their items have
// no names that every kind agrees on.
func Project(want, live any) any {
	w, ok := want.(map[string]any)
	if !ok {
		return live
	}
	l, ok := live.(map[string]any)
	if !ok {
		return live
	}
	out := make(map[string]any, len(w))
	for k, v := range w {
		if lv, found := l[k]; found {
			out[k] = Project(v, lv)
		}
	}
	return out
}

// Fingerprint is a short hash of the projection of live on want.
func Fingerprint(want, live *unstructured.Unstructured) string {
	b, err := json.Marshal(Project(want.Object, live.Object))
	if err != nil {
		return "" // values that came as JSON always go back to JSON
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}
