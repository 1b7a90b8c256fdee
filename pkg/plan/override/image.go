package override

import (
	"fmt"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func (t *target) image(o *v1alpha1.ImageOverride) error {
	return t.eachContainer(o.Container, func(name string, c map[string]any) error {
		text, _ := c["image"].(string)
		ref, err := parseReference(text)
		if err != nil {
			return fmt.Errorf("container %q of %s: %w", name, t, err)
		}
		c["image"] = ref.with(o).String()
		return nil
	})
}

// reference is an image reference in its parts:
// registry/repository:tag@digest, of which only the repository must be there.
type reference struct {
	registry, repository, tag, digest string
}

func parseReference(text string) (reference, error) {
	r := reference{}
	rest, digest, _ := strings.Cut(text, "@")
	r.digest = digest
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		rest, r.tag = rest[:i], rest[i+1:]
	}
	r.repository = rest
	// Only a first element that could not be part of a repository is a host.
	if host, path, ok := strings.Cut(rest, "/"); ok && (host == "localhost" || strings.ContainsAny(host, ".:[")) {
		r.registry, r.repository = host, path
	}
	if text == "" {
		return r, fmt.Errorf("it has no image")
	}
	if r.repository == "" {
		return r, fmt.Errorf("image %q names no repository", text)
	}
	return r, nil
}

// with replaces the parts that the override sets. A tag replaces a digest, too,
// and a digest a tag: the other one would contradict it.
func (r reference) with(o *v1alpha1.ImageOverride) reference {
	if o.Registry != "" {
		r.registry = strings.TrimSuffix(o.Registry, "/")
	}
	if o.Repository != "" {
		r.repository = o.Repository
	}
	switch {
	case strings.HasPrefix(o.Tag, "sha256:"):
		r.tag, r.digest = "", o.Tag
	case o.Tag != "":
		r.tag, r.digest = o.Tag, ""
	}
	return r
}

func (r reference) String() string {
	text := r.repository
	if r.registry != "" {
		text = r.registry + "/" + text
	}
	if r.tag != "" {
		text += ":" + r.tag
	}
	if r.digest != "" {
		text += "@" + r.digest
	}
	return text
}
