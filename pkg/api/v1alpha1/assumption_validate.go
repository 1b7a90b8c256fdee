package v1alpha1

import (
	"errors"
	"fmt"
	"math"
	"strings"

	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// KindAssumption is what an Assumption's kind says.
const KindAssumption = "Assumption"

// maxAssumption is the most an assumed roster may hold, in bytes.
const maxAssumption = 64 << 20

// ParseAssumption reads an assumed roster, YAML or JSON, strictly: unknown and
// duplicate fields are errors that name them, and it is validated.
func ParseAssumption(text []byte) (*Assumption, error) {
	if len(text) > maxAssumption {
		return nil, fmt.Errorf("the assumed roster is larger than %d bytes", maxAssumption)
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil, errors.New("the assumed roster is empty")
	}
	a := &Assumption{}
	if err := yaml.UnmarshalStrict(text, a); err != nil {
		return nil, fmt.Errorf("not an Assumption: %s", decoderWords(err))
	}
	if a.APIVersion != APIVersion || a.Kind != KindAssumption {
		return nil, fmt.Errorf("want apiVersion: %s and kind: %s, not %q and %q", APIVersion, KindAssumption, a.APIVersion, a.Kind)
	}
	if errs := a.Validate(); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	return a, nil
}

// decoderWords are a decoder's, without what only programmers want to know.
func decoderWords(err error) string {
	text := err.Error()
	for _, noise := range []string{"error unmarshaling JSON: while decoding JSON: ", "error converting YAML to JSON: ", "json: "} {
		text = strings.ReplaceAll(text, noise, "")
	}
	return strings.Join(strings.Fields(text), " ")
}

// Validate checks what no type can say.
func (a *Assumption) Validate() field.ErrorList {
	at := field.NewPath("clusters")
	if len(a.Clusters) == 0 {
		return field.ErrorList{field.Required(at, "at least one cluster: {name: A}")}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range a.Clusters {
		c := &a.Clusters[i]
		if seen[c.Name] {
			errs = append(errs, field.Duplicate(at.Index(i).Child("name"), c.Name))
		}
		seen[c.Name] = true
		errs = append(errs, c.validate(at.Index(i))...)
	}
	return errs
}

func (c *AssumedCluster) validate(at *field.Path) field.ErrorList {
	errs := validateClusterName(c.Name, at.Child("name"))
	errs = append(errs, metav1validation.ValidateLabels(c.Labels, at.Child("labels"))...)
	for i := range c.Taints {
		errs = append(errs, c.Taints[i].validate(at.Child("taints").Index(i))...)
	}
	seen := map[string]bool{}
	for i := range c.Workloads {
		w, at := &c.Workloads[i], at.Child("workloads").Index(i)
		id := w.Kind + " " + w.Namespace + "/" + w.Name
		if w.Namespace == "" {
			id = w.Kind + " default/" + w.Name
		}
		if seen[id] {
			errs = append(errs, field.Duplicate(at, id))
		}
		seen[id] = true
		errs = append(errs, w.validate(at)...)
	}
	return errs
}

func (t *Taint) validate(at *field.Path) field.ErrorList {
	errs := messages(at.Child("key"), t.Key, validation.IsQualifiedName(t.Key))
	errs = append(errs, messages(at.Child("value"), t.Value, validation.IsValidLabelValue(t.Value))...)
	if t.Effect == "" {
		return append(errs, field.Required(at.Child("effect"), TaintNoSchedule+" or "+TaintNoExecute))
	}
	return append(errs, oneOfValues(t.Effect, at.Child("effect"), TaintNoSchedule, TaintNoExecute)...)
}

func (w *AssumedWorkload) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if w.Kind == "" {
		errs = append(errs, field.Required(at.Child("kind"), "a kind, such as Deployment"))
	}
	if err := validateName(w.Name); err != nil {
		errs = append(errs, field.Invalid(at.Child("name"), w.Name, err.Error()))
	}
	if w.Namespace != "" {
		errs = append(errs, messages(at.Child("namespace"), w.Namespace, validation.IsDNS1123Label(w.Namespace))...)
	}
	errs = append(errs, count(w.Replicas, at.Child("replicas"))...)
	if w.Capacity != nil && (*w.Capacity < 0 || *w.Capacity > math.MaxInt32) {
		errs = append(errs, count(*w.Capacity, at.Child("capacity"))...)
	}
	return errs
}
