package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// heldFor lists what the leader holds for one reason, as keys.
func heldFor(ctx context.Context, hub Hub, reason string) ([]v1alpha1.Key, error) {
	status, err := hub.FederationStatus(ctx)
	if err != nil {
		if ignoreNotFound(err) == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("read what is held: %w", err)
	}
	var keys []v1alpha1.Key
	for _, h := range status.Held {
		if h.Reason != reason {
			continue
		}
		if key, err := v1alpha1.ParseKey(strings.TrimSuffix(h.Path, ".yaml")); err == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, v1alpha1.Key.Compare)
	return keys, nil
}

// keysOf reads TYPE NAME… and TYPE/NAME… as keys.
func keysOf(f cmdutil.Factory, args []string) ([]v1alpha1.Key, error) {
	mapper, err := f.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	namespace, _, err := f.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(args[0], "/") {
		if len(args) == 1 {
			return nil, fmt.Errorf("name the objects: %s NAME..., or %s/NAME", args[0], args[0])
		}
		pairs := make([]string, 0, len(args)-1)
		for _, name := range args[1:] {
			pairs = append(pairs, args[0]+"/"+name)
		}
		args = pairs
	}
	var keys []v1alpha1.Key
	for _, pair := range args {
		kind, name, ok := strings.Cut(pair, "/")
		if !ok || kind == "" || name == "" {
			return nil, fmt.Errorf("%q: want TYPE NAME... or TYPE/NAME", pair)
		}
		mapping, err := mappingOf(mapper, kind)
		if err != nil {
			return nil, err
		}
		key := v1alpha1.Key{Group: mapping.Resource.Group, Resource: mapping.Resource.Resource, Name: name}
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			key.Namespace = namespace
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func mappingOf(mapper meta.RESTMapper, kind string) (*meta.RESTMapping, error) {
	gvr, gr := schema.ParseResourceArg(kind)
	if gvr == nil {
		gvr = &schema.GroupVersionResource{Group: gr.Group, Resource: gr.Resource}
	}
	gvk, err := mapper.KindFor(*gvr)
	if err != nil {
		return nil, err
	}
	return mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}

// say stores a user's word and notes it for the bell.
func (s *session) say(ctx context.Context, hub Hub, r *v1alpha1.Request) error {
	p := s.provenance()
	r.ID, r.Author, r.Reason, r.Time = string(uuid.NewUUID()), p.Author, p.Reason, s.now().UTC()
	if err := hub.CreateRequest(ctx, r); err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	s.wrote("requests/"+r.ID+".json", 1)
	return nil
}

// uidsOf are the uids of keys, empty where none is known.
func uidsOf(ctx context.Context, hub Hub, keys []v1alpha1.Key) ([]types.UID, error) {
	uids := make([]types.UID, len(keys))
	for i, k := range keys {
		status, err := hub.ObjectStatus(ctx, k)
		if ignoreNotFound(err) != nil {
			return nil, fmt.Errorf("read the status of %s: %w", k, err)
		}
		if err == nil {
			uids[i] = status.UID
		}
	}
	return uids, nil
}

// display is how a key is shown: configmap-like names in their namespace.
func display(k v1alpha1.Key) string {
	text := k.GroupResource().String() + "/" + k.Name
	if k.Namespace != "" {
		text += " in namespace " + k.Namespace
	}
	return text
}
