package v1alpha1

import (
	"encoding/json"
	"fmt"

	kjson "sigs.k8s.io/json"
)

// KindPlacement is what a Placement's kind says, ResourcePlacements how specs/
// names it.
const (
	KindPlacement      = "Placement"
	ResourcePlacements = "placements"
)

// PlacementOf reads an object that was strictly decoded, and perhaps shown with
// a status, as a Placement. It does not validate it.
func PlacementOf(object map[string]any) (*Placement, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode the Placement: %w", err)
	}
	p := &Placement{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(b, p); err != nil {
		return nil, err
	}
	return p, nil
}

// IsPlacement says whether a key is that of a Placement.
func (k Key) IsPlacement() bool { return k.Group == Group && k.Resource == ResourcePlacements }
