package v1alpha1

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ClusterScope stands where a namespace would for cluster-scoped objects. No
// namespace can have this name: an underscore is not allowed in a DNS label.
const ClusterScope = "_cluster"

const maxNameLength = 253

// Key names one federated object, whatever its version. Its text form is the
// object's path below specs/ in the bucket, without the ending:
// "default/deployments.apps/web", "default/configmaps/c", "_cluster/namespaces/n".
type Key struct {
	Namespace string // empty for cluster-scoped objects
	Resource  string // lower-case plural: "deployments"
	Group     string // empty for the core group
	Name      string
}

// GroupResource is the key's type.
func (k Key) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Resource}
}

// Scope is the namespace, or ClusterScope.
func (k Key) Scope() string {
	if k.Namespace == "" {
		return ClusterScope
	}
	return k.Namespace
}

func (k Key) String() string {
	return k.Scope() + "/" + k.GroupResource().String() + "/" + k.Name
}

// SpecPath is where the spec is in the bucket, and how a bell names it.
func (k Key) SpecPath() string { return "specs/" + k.String() + ".yaml" }

// Compare orders keys by namespace, group, resource and name.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Namespace, o.Namespace), cmp.Compare(k.Group, o.Group),
		cmp.Compare(k.Resource, o.Resource), cmp.Compare(k.Name, o.Name))
}

// ParseKey is the inverse of String. It refuses whatever could leave the
// prefix it is joined to.
func ParseKey(s string) (Key, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("key %q: want <namespace or %s>/<resource>[.<group>]/<name>", s, ClusterScope)
	}
	gr := schema.ParseGroupResource(parts[1])
	k := Key{Namespace: parts[0], Resource: gr.Resource, Group: gr.Group, Name: parts[2]}
	if k.Namespace == ClusterScope {
		k.Namespace = ""
	} else if k.Namespace == "" {
		return Key{}, fmt.Errorf("key %q: the namespace is empty (cluster-scoped objects live under %s)", s, ClusterScope)
	}
	if err := k.Validate(); err != nil {
		return Key{}, fmt.Errorf("key %q: %w", s, err)
	}
	if k.String() != s { // "configmaps." is no other way to write "configmaps"
		return Key{}, fmt.Errorf("key %q: write it as %s", s, k)
	}
	return k, nil
}

// Validate checks every part of the key as an API server would.
func (k Key) Validate() error {
	if k.Namespace != "" {
		if msgs := validation.IsDNS1123Label(k.Namespace); len(msgs) > 0 {
			return fmt.Errorf("namespace %q: %s", k.Namespace, strings.Join(msgs, "; "))
		}
	}
	if msgs := validation.IsDNS1123Label(k.Resource); len(msgs) > 0 {
		return fmt.Errorf("resource %q: %s", k.Resource, strings.Join(msgs, "; "))
	}
	if k.Group != "" {
		if msgs := validation.IsDNS1123Subdomain(k.Group); len(msgs) > 0 {
			return fmt.Errorf("group %q: %s", k.Group, strings.Join(msgs, "; "))
		}
	}
	return validateName(k.Name)
}

func validateName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	if len(name) > maxNameLength {
		return fmt.Errorf("name %q: longer than %d characters", name[:32]+"…", maxNameLength)
	}
	// Kinds differ in what names they allow (RBAC allows colons); a path
	// segment is what all have in common.
	if msgs := content.IsPathSegmentName(name); len(msgs) > 0 {
		return fmt.Errorf("name %q: %s", name, strings.Join(msgs, "; "))
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return fmt.Errorf("name %q: control characters, spaces and backslashes are not allowed", name)
		}
	}
	return nil
}

// MarshalText lets a Key stand as a JSON string or map key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is strict: a shard or report with a bad key is refused whole.
func (k *Key) UnmarshalText(b []byte) error {
	parsed, err := ParseKey(string(b))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}
