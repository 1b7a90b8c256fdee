package v1alpha1

import (
	"encoding/json"
	"errors"
	"fmt"

	kjson "sigs.k8s.io/json"
)

// KindPlacement is what a Placement's kind says, ResourcePlacements how specs/
// names it.
const (
	KindPlacement      = "Placement"
	ResourcePlacements = "placements"
)

// PlacementOf reads a decoded object as a Placement, strictly. It does not
// validate it.
func PlacementOf(object map[string]any) (*Placement, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode the Placement: %w", err)
	}
	p := &Placement{}
	faults, err := kjson.UnmarshalStrict(b, p)
	if err != nil {
		return nil, err
	}
	return p, errors.Join(faults...)
}

// IsPlacement says whether a key is that of a Placement.
func (k Key) IsPlacement() bool { return k.Group == Group && k.Resource == ResourcePlacements }
