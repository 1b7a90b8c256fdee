package override

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// maxPatched is the most a patched object may hold, in bytes: a spec's limit
// and as much again. Copies of copies would grow without bound.
const maxPatched = 2 << 20

// kept are the fields that make the object the one it is, and those that only
// a cluster sets.
var kept = []string{"/apiVersion", "/kind", "/metadata/name", "/metadata/namespace", "/metadata/generateName", "/metadata/uid",
	"/metadata/resourceVersion", "/metadata/ownerReferences", "/metadata/deletionTimestamp", "/metadata/managedFields", "/status"}

func (t *target) patch(ops []v1alpha1.PatchOperation) error {
	if len(ops) == 0 {
		return nil
	}
	doc, err := json.Marshal(t.object.Object)
	if err != nil {
		return fmt.Errorf("patch: encode %s: %w", t, err)
	}
	for i := range ops {
		if doc, err = t.step(doc, &ops[i]); err != nil {
			return fmt.Errorf("patch[%d]: %w", i, err)
		}
	}
	patched, err := decode(doc)
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	t.object.Object = patched
	return nil
}

func decode(doc []byte) (map[string]any, error) {
	var m map[string]any
	if err := utiljson.Unmarshal(doc, &m); err != nil {
		return nil, fmt.Errorf("decode the patched object: %w", err)
	}
	return m, nil
}

// step applies one operation.
func (t *target) step(doc []byte, op *v1alpha1.PatchOperation) ([]byte, error) {
	if op.Path == "" || op.Path[0] != '/' {
		return nil, fmt.Errorf("path %q: want a JSON pointer to a field: /spec/…", op.Path)
	}
	if slices.Contains([]string{"add", "replace", "test"}, op.Op) && !json.Valid(op.Value) {
		return nil, fmt.Errorf("%s of path %q: the value is not JSON", op.Op, op.Path)
	}
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices = false // no part of RFC 6902
	after, err := jsonpatch.Patch{operation(op)}.ApplyWithOptions(doc, options)
	if err != nil {
		return nil, t.explain(doc, op, err)
	}
	if op.Op == "test" {
		return doc, t.tested(doc, op)
	}
	if len(after) > maxPatched {
		return nil, fmt.Errorf("path %q: %s would hold more than %d bytes", op.Path, t, maxPatched)
	}
	return after, t.guard(doc, after, op)
}

// tested: to the library, what is not there is equal to null.
func (t *target) tested(doc []byte, op *v1alpha1.PatchOperation) error {
	if strings.TrimSpace(string(op.Value)) != "null" {
		return nil
	}
	object, err := decode(doc)
	if err != nil {
		return err
	}
	return t.absent(object, op)
}

// operation is the library's form. What is absent must be absent there, too.
func operation(op *v1alpha1.PatchOperation) jsonpatch.Operation {
	o := jsonpatch.Operation{"op": text(op.Op), "path": text(op.Path)}
	if op.From != "" {
		o["from"] = text(op.From)
	}
	if len(op.Value) > 0 {
		v := json.RawMessage(bytes.Clone(op.Value))
		o["value"] = &v
	}
	return o
}

func text(s string) *json.RawMessage {
	b, _ := json.Marshal(s) // text always has an encoding
	return (*json.RawMessage)(&b)
}

// guard refuses an operation that changed what no override may.
func (t *target) guard(before, after []byte, op *v1alpha1.PatchOperation) error {
	touched := func(pointer string) bool {
		return overlaps(op.Path, pointer) || op.Op == "move" && overlaps(op.From, pointer)
	}
	if !slices.ContainsFunc(kept, touched) && !slices.ContainsFunc(t.divided, touched) {
		return nil
	}
	old, err := decode(before)
	if err != nil {
		return err
	}
	now, err := decode(after)
	if err != nil {
		return err
	}
	changed := func(pointer string) bool { return !reflect.DeepEqual(at(old, pointer), at(now, pointer)) }
	if i := slices.IndexFunc(t.divided, changed); i >= 0 {
		return fmt.Errorf("path %q: %s of %s is divided over the clusters; say weights and bounds in the Placement's replicas, or strategy: Copy",
			op.Path, dotted(t.divided[i]), t)
	}
	if i := slices.IndexFunc(kept, changed); i >= 0 {
		return fmt.Errorf("path %q: an override cannot change %s of %s", op.Path, dotted(kept[i]), t)
	}
	return nil
}

func dotted(pointer string) string { return strings.ReplaceAll(pointer[1:], "/", ".") }

// overlaps: one pointer is the other or leads to it.
func overlaps(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// explain says why an operation did not apply, in terms of the object.
func (t *target) explain(doc []byte, op *v1alpha1.PatchOperation, cause error) error {
	object, err := decode(doc)
	if err != nil {
		return err
	}
	if err := t.absent(object, op); err != nil {
		return err
	}
	if op.Op == "test" && errors.Is(cause, jsonpatch.ErrTestFailed) {
		if t.object.GetKind() == "Secret" {
			return fmt.Errorf("test of path %q failed: %s has another value", op.Path, t)
		}
		return fmt.Errorf("test of path %q failed: %s has %s, not %s", op.Path, t, short(at(object, op.Path)), clip(string(op.Value)))
	}
	return fmt.Errorf("%s of path %q does not fit %s: %w", op.Op, op.Path, t, cause)
}

// absent says which part of the object the operation needs and does not find.
func (t *target) absent(object map[string]any, op *v1alpha1.PatchOperation) error {
	required := []lookup{{"path", op.Path, op.Op == "add" || op.Op == "move" || op.Op == "copy"}}
	if op.Op == "move" || op.Op == "copy" {
		required = slices.Insert(required, 0, lookup{"from", op.From, false})
	}
	for _, l := range required {
		if why := l.missing(object); why != "" {
			return fmt.Errorf("%s %q does not exist in %s (%s)", l.field, l.pointer, t, why)
		}
	}
	return nil
}

func short(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "something else"
	}
	return clip(string(b))
}

func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
