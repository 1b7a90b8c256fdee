package v1alpha1

import "testing"

func TestParseCoordinates(t *testing.T) {
	for text, want := range map[string]Coordinates{"50.45,3.82": {50.45, 3.82}, "-90, 180": {-90, 180}, "0,0": {}} {
		if got, err := ParseCoordinates(text); err != nil || *got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ",", "50", "50;3", "91,0", "0,-180.5", "NaN,0", "0,Inf", "1,2,3", "north,east"} {
		if _, err := ParseCoordinates(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}
