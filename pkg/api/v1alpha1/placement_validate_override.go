package v1alpha1

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func (o *Override) validate(at *field.Path) field.ErrorList {
	errs := o.Clusters.validate(at.Child("clusters"))
	if o.Image == nil && len(o.Env) == 0 && o.Resources == nil && len(o.Patch) == 0 {
		errs = append(errs, field.Required(at, "what to change: image, env, resources or patch"))
	}
	errs = append(errs, o.Image.validate(at.Child("image"))...)
	for i := range o.Env {
		errs = append(errs, o.Env[i].validate(at.Child("env").Index(i))...)
	}
	errs = append(errs, o.Resources.validate(at.Child("resources"))...)
	for i := range o.Patch {
		errs = append(errs, o.Patch[i].validate(at.Child("patch").Index(i))...)
	}
	return errs
}

// The parts of an image reference.
var (
	imageRegistry   = regexp.MustCompile(`^(localhost|[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9.-]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?)(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	imageRepository = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	imageTag        = regexp.MustCompile(`^([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}|sha256:[0-9a-f]{64})$`)
)

func (o *ImageOverride) validate(at *field.Path) field.ErrorList {
	if o == nil {
		return nil
	}
	errs := validateContainer(o.Container, at.Child("container"))
	if o.Registry == "" && o.Repository == "" && o.Tag == "" {
		errs = append(errs, field.Required(at, "registry, repository or tag"))
	}
	for _, part := range []struct {
		name, value, want string
		rule              *regexp.Regexp
	}{
		{"registry", o.Registry, "want a host with a dot or a port, such as registry.example.com:5000", imageRegistry},
		{"repository", o.Repository, "want lower-case path elements, such as library/nginx", imageRepository},
		{"tag", o.Tag, "want a tag, or a digest that begins with sha256:", imageTag},
	} {
		if part.value != "" && !part.rule.MatchString(part.value) {
			errs = append(errs, field.Invalid(at.Child(part.name), part.value, part.want))
		}
	}
	return errs
}

func (o *EnvOverride) validate(at *field.Path) field.ErrorList {
	errs := validateContainer(o.Container, at.Child("container"))
	if o.Name == "" {
		return append(errs, field.Required(at.Child("name"), "the name of the variable"))
	}
	return append(errs, messages(at.Child("name"), o.Name, validation.IsEnvVarName(o.Name))...)
}

func (o *ResourcesOverride) validate(at *field.Path) field.ErrorList {
	if o == nil {
		return nil
	}
	errs := validateContainer(o.Container, at.Child("container"))
	if len(o.Requests) == 0 && len(o.Limits) == 0 {
		errs = append(errs, field.Required(at, "requests or limits"))
	}
	errs = append(errs, validateQuantities(o.Requests, at.Child("requests"))...)
	return append(errs, validateQuantities(o.Limits, at.Child("limits"))...)
}

func validateQuantities(m map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(m)) {
		errs = append(errs, messages(at.Key(name), name, validation.IsQualifiedName(name))...)
		q, err := resource.ParseQuantity(m[name])
		if err != nil || q.Sign() < 0 {
			errs = append(errs, field.Invalid(at.Key(name), m[name], "want a quantity, such as 500m or 1Gi"))
		}
	}
	return errs
}

func validateContainer(name string, at *field.Path) field.ErrorList {
	if name == "" {
		return nil
	}
	return messages(at, name, validation.IsDNS1123Label(name))
}

// identity are the fields that make an object the one it is.
var identity = []string{"/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace", "/status"}

func (o *PatchOperation) validate(at *field.Path) field.ErrorList {
	if o.Op == "" {
		return field.ErrorList{field.Required(at.Child("op"), "add, remove, replace, move, copy or test")}
	}
	if errs := oneOfValues(o.Op, at.Child("op"), "add", "remove", "replace", "move", "copy", "test"); len(errs) > 0 {
		return errs
	}
	errs := validatePointer(o.Path, at.Child("path"))
	if o.Op != "test" && slices.Contains(identity, o.Path) || o.Op == "move" && slices.Contains(identity, o.From) {
		errs = append(errs, field.Forbidden(at.Child("path"), "apiVersion, kind, name, namespace and status cannot be overridden"))
	}
	errs = append(errs, o.validateFrom(at)...)
	return append(errs, o.validateValue(at.Child("value"))...)
}

func (o *PatchOperation) validateFrom(at *field.Path) field.ErrorList {
	if o.Op != "move" && o.Op != "copy" {
		if o.From != "" {
			return field.ErrorList{field.Forbidden(at.Child("from"), fmt.Sprintf("%s has no from", o.Op))}
		}
		return nil
	}
	errs := validatePointer(o.From, at.Child("from"))
	if len(errs) == 0 && o.Op == "move" && strings.HasPrefix(o.Path, o.From+"/") {
		errs = append(errs, field.Invalid(at.Child("path"), o.Path, "is inside of from: nothing can be moved into itself"))
	}
	return errs
}

func (o *PatchOperation) validateValue(at *field.Path) field.ErrorList {
	needed := slices.Contains([]string{"add", "replace", "test"}, o.Op)
	switch {
	case needed && len(o.Value) == 0:
		return field.ErrorList{field.Required(at, fmt.Sprintf("%s needs a value; null is one", o.Op))}
	case needed && !json.Valid(o.Value):
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "is not JSON")}
	case !needed && len(o.Value) > 0:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("%s has no value", o.Op))}
	}
	return nil
}

// badEscape is a tilde that is neither ~0 nor ~1 (RFC 6901).
var badEscape = regexp.MustCompile(`~([^01]|$)`)

func validatePointer(path string, at *field.Path) field.ErrorList {
	switch {
	case path == "" || path == "/":
		return field.ErrorList{field.Required(at, "a JSON pointer to a field, such as /spec/template/spec/nodeSelector")}
	case path[0] != '/':
		return field.ErrorList{field.Invalid(at, path, "want a JSON pointer, which begins with a slash: /spec/…")}
	case badEscape.MatchString(path):
		return field.ErrorList{field.Invalid(at, path, "a tilde is written ~0 and a slash in a name ~1 (RFC 6901)")}
	}
	return nil
}
