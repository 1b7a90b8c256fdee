package traffic

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func at(name, region string, zones ...string) v1alpha1.TrafficCluster {
	return v1alpha1.TrafficCluster{Name: name, Region: region, Zones: zones}
}

func located(c v1alpha1.TrafficCluster, latitude, longitude float64) v1alpha1.TrafficCluster {
	c.Coordinates = &v1alpha1.Coordinates{Latitude: latitude, Longitude: longitude}
	return c
}

// world are the clusters of the examples.
var world = []v1alpha1.TrafficCluster{
	at("us-east", "us-east1", "us-east1-b"), at("us-east-2", "us-east1", "us-east1-c"), at("us-central", "us-central1", "us-central1-a"),
	at("europe", "europe-west1", "europe-west1-b"), at("tokyo", "asia-northeast1", "asia-northeast1-a"), at("cellar", "", "rack-1"),
}

func tiersText(tiers [][]string) string {
	var list []string
	for _, t := range tiers {
		list = append(list, strings.Join(t, "+"))
	}
	return strings.Join(list, " ")
}

func TestTiers(t *testing.T) {
	home := &v1alpha1.Coordinates{Latitude: 48.14, Longitude: 11.58} // Munich
	for _, row := range []struct {
		name     string
		from     Place
		clusters []v1alpha1.TrafficCluster
		want     string
	}{
		{"Europe", Place{Region: "europe-west3"}, world, "europe us-east+us-east-2 us-central tokyo cellar"},
		{"by coordinates alone", Place{Coordinates: home}, world, "europe us-east+us-east-2 us-central tokyo cellar"},
		{"same zone, then same region", Place{Region: "us-east1", Zone: "us-east1-c"}, world, "us-east-2 us-east us-central europe tokyo cellar"},
		{"a zone tells its region", Place{Zone: "us-east1-d"}, world, "us-east+us-east-2 us-central europe tokyo cellar"},
		{"another cloud in the same country", Place{Zone: "us-east-1a"}, world, "us-east+us-east-2 us-central europe tokyo cellar"},
		{"Azure", Place{Zone: "japaneast-2"}, world, "tokyo europe us-central us-east+us-east-2 cellar"},
		{"nowhere", Place{}, world, "cellar+europe+tokyo+us-central+us-east+us-east-2"},
		{"a zone of its own", Place{Zone: "rack-1"}, world, "cellar europe+tokyo+us-central+us-east+us-east-2"},
		{"an unknown region is equal to itself", Place{Region: "attic"},
			[]v1alpha1.TrafficCluster{at("a", "europe-west1"), at("b", "attic")}, "b a"},
		{"a region is as close as its closest cluster that tells", Place{Coordinates: home},
			[]v1alpha1.TrafficCluster{at("a", "dc"), located(at("b", "dc"), 48, 11), at("c", "europe-west3"), located(at("d", "dc"), 0, 0)}, "a+b+d c"},
		{"clouds of one city", Place{Region: "europe-west1"},
			[]v1alpha1.TrafficCluster{at("g", "europe-west3"), at("a", "eu-central-1"), at("z", "germanywestcentral")}, "a+g+z"},
		{"stated coordinates win", Place{Region: "europe-west1", Coordinates: &v1alpha1.Coordinates{Latitude: 35, Longitude: 139}},
			world, "europe tokyo us-central us-east+us-east-2 cellar"},
		{"coordinates that are none", Place{Coordinates: &v1alpha1.Coordinates{Latitude: 91}, Region: "us-west1"},
			[]v1alpha1.TrafficCluster{located(at("a", ""), 0, 999), at("b", "us-east1")}, "b a"},
		{"clusters without a region are not one", Place{Coordinates: home},
			[]v1alpha1.TrafficCluster{located(at("a", ""), 40, 10), located(at("b", ""), 48, 11), at("c", "")}, "b a c"},
		{"numbered zones are another region's", Place{Region: "westeurope", Zone: "1"},
			[]v1alpha1.TrafficCluster{at("a", "eastus", "1"), at("b", "westeurope", "2"), at("c", "westeurope", "1")}, "c b a"},
		{"no clusters", Place{Region: "us-east1"}, nil, ""},
	} {
		if got := tiersText(Tiers(row.from, row.clusters)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestRegionOf(t *testing.T) {
	for zone, want := range map[string]string{
		"us-east1-b": "us-east1", "us-east-1a": "us-east-1", "eastus-1": "eastus", "mars-north1-a": "mars-north1",
		"": "", "1": "", "a": "", "rack-1": "", "-": "", "-a": "", "us-west-2-lax-1a": "",
	} {
		if got := RegionOf(zone); got != want {
			t.Errorf("%q is in %q, want %q", zone, got, want)
		}
	}
}

func TestLocated(t *testing.T) {
	for _, row := range []struct {
		place Place
		want  bool
	}{
		{Place{Region: "us-east1"}, true},
		{Place{Zone: "us-east1-b"}, true},
		{Place{Coordinates: &v1alpha1.Coordinates{Latitude: 50.45, Longitude: 3.82}}, true},
		{Place{Region: "mons", Coordinates: &v1alpha1.Coordinates{Latitude: 95}}, false},
		{Place{Region: "mons", Zone: "us-east1-b"}, false},
		{Place{}, false},
	} {
		if got := Located(row.place); got != row.want {
			t.Errorf("%+v: %t", row.place, got)
		}
	}
}

func TestRegionCoordinates(t *testing.T) {
	if len(regionCoordinates) < 140 {
		t.Errorf("%d regions", len(regionCoordinates))
	}
	for name, c := range regionCoordinates {
		if _, ok := locate(&c, ""); !ok || c == (v1alpha1.Coordinates{}) {
			t.Errorf("%s is at %v", name, c)
		}
	}
	for pair, want := range map[[2]string]int{
		{"europe-west3", "us-east4"}: 6530, {"asia-northeast1", "ap-northeast-1"}: 0, {"australia-southeast1", "southamerica-east1"}: 13360,
	} {
		got := kilometers(regionCoordinates[pair[0]], regionCoordinates[pair[1]])
		if math.Abs(float64(got-want)) > 100 {
			t.Errorf("%v are %d km apart, want about %d", pair, got, want)
		}
	}
}

// TestTiersHoldEachClusterOnce whatever the place.
func TestTiersHoldEachClusterOnce(t *testing.T) {
	for region := range regionCoordinates {
		seen := map[string]int{}
		for _, tier := range Tiers(Place{Region: region}, world) {
			for _, c := range tier {
				seen[c]++
			}
		}
		if fmt.Sprint(seen) != "map[cellar:1 europe:1 tokyo:1 us-central:1 us-east:1 us-east-2:1]" {
			t.Errorf("%s: %v", region, seen)
		}
	}
}
