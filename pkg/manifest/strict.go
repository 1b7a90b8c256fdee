package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// unmarshalNumbers keeps integers integers, as the API machinery does.
func unmarshalNumbers(b []byte, into any) error {
	return kjson.UnmarshalCaseSensitivePreserveInts(b, into)
}

// strict decodes the object into the Go type of its version, where there is
// one, and refuses what that type does not have.
func strict(d Document, u *unstructured.Unstructured) error {
	typed, err := typeOf(u.GroupVersionKind())
	if runtime.IsNotRegisteredError(err) {
		return nil // a custom resource: its definition's schema is the member's to check
	}
	if err != nil {
		return d.fault(err)
	}
	if fault := badDuration(u); fault != nil {
		return metaFault(d, fault)
	}
	b, err := json.Marshal(u.Object)
	if err != nil {
		return d.fault(err)
	}
	strictErrs, err := kjson.UnmarshalStrict(b, typed)
	if err != nil {
		return fieldFault(d, err)
	}
	if len(strictErrs) > 0 {
		return joinFaults(d, strictErrs)
	}
	return nil
}

// typeOf is an empty object of the kind's Go type.
func typeOf(gvk schema.GroupVersionKind) (any, error) {
	if gvk == placements {
		return &v1alpha1.Placement{}, nil
	}
	return Scheme().New(gvk)
}

func joinFaults(d Document, errs []error) error {
	faults := make([]error, len(errs))
	for i, err := range errs {
		faults[i] = fieldFault(d, err)
	}
	return errors.Join(faults...)
}

var (
	unknownField = regexp.MustCompile(`^unknown field "([^"]+)"$`)
	wrongType    = regexp.MustCompile(`^json: cannot unmarshal (.+) into Go struct field [^.]+\.(\S+) of type (\S+)$`)
	yamlLine     = regexp.MustCompile(`line (\d+)`)
)

// fieldFault names field and line of a decoder's complaint.
func fieldFault(d Document, err error) error {
	fault := &Error{Source: d.Source, Line: d.Line, Err: err}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		fault.Field, fault.Line, fault.Err = m[1], lineOf(d, m[1]), errors.New("unknown field")
	}
	if m := wrongType.FindStringSubmatch(err.Error()); m != nil {
		fault.Field, fault.Line = m[2], lineOf(d, m[2])
		fault.Err = fmt.Errorf("wrong type: got %s, want %s", m[1], m[3])
	}
	return fault
}

// metaFault does so for a validation.
func metaFault(d Document, err error) error {
	var fe *field.Error
	if !errors.As(err, &fe) {
		return d.fault(err)
	}
	return &Error{Source: d.Source, Line: lineOf(d, fe.Field), Field: fe.Field, Err: bodyError{fe}}
}

// bodyError leaves out the field's name, which Error says already.
type bodyError struct{ fault *field.Error }

func (e bodyError) Error() string { return e.fault.ErrorBody() }

func (e bodyError) Unwrap() error { return e.fault }

// yamlFault moves the parser's line numbers from the document to its source.
func yamlFault(d Document, err error) error {
	line := d.Line
	text := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	text = yamlLine.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(s, "line "))
		line = d.Line + n - 1
		return fmt.Sprintf("line %d", line)
	})
	return &Error{Source: d.Source, Line: line, Err: fmt.Errorf("not valid YAML or JSON: %s", strings.Join(strings.Fields(text), " "))}
}

var pathStep = regexp.MustCompile(`[^.\[\]]+|\[[^\]]+\]`)

// lineOf finds the source line of a field path such as
// spec.template.spec.containers[0].image or metadata.labels[a/b.c]: the deepest
// part that is there.
func lineOf(d Document, path string) int {
	root := yaml.Node{}
	if len(d.Raw) == 0 || yaml.Unmarshal(d.Raw, &root) != nil || len(root.Content) == 0 {
		return d.Line
	}
	node, line := root.Content[0], 1
	for _, step := range pathStep.FindAllString(path, -1) {
		next, at := descend(node, step)
		if next == nil {
			break
		}
		node, line = next, at
	}
	return d.Line + line - 1
}

func descend(n *yaml.Node, step string) (*yaml.Node, int) {
	step = strings.TrimSuffix(strings.TrimPrefix(step, "["), "]")
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil, 0
		}
		return n.Content[i], n.Content[i].Line
	}
	if n.Kind != yaml.MappingNode {
		return nil, 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1], n.Content[i].Line
		}
	}
	return nil, 0
}
