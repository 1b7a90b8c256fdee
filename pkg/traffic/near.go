package traffic

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Place is where somebody is, as far as it is known.
type Place struct {
	Region, Zone string
	Coordinates  *v1alpha1.Coordinates
}

// The distances that come before and after all that are measured in kilometers.
const (
	sameZone   = -2
	sameRegion = -1
	unknown    = math.MaxInt
)

// Tiers orders clusters by how close they are, those that are equally close in
// one tier: those of the same zone, those of the same region, then by the
// distance to their region, the clusters of one region together. Those whose
// place is unknown are in the last tier. Within a tier they are by name.
func Tiers(from Place, clusters []v1alpha1.TrafficCluster) [][]string {
	from.Region = cmp.Or(from.Region, RegionOf(from.Zone))
	regions := regionDistances(from, clusters)
	byDistance := map[int][]string{}
	for i := range clusters {
		c := &clusters[i]
		d := regions[group(c)]
		if inZone(from, c) {
			d = sameZone
		} else if from.Region != "" && from.Region == regionOf(c) {
			d = sameRegion
		}
		byDistance[d] = append(byDistance[d], c.Name)
	}
	tiers := make([][]string, 0, len(byDistance))
	for _, d := range sortedKeys(byDistance) {
		slices.Sort(byDistance[d])
		tiers = append(tiers, byDistance[d])
	}
	return tiers
}

// group is whom a cluster is equally close with: its region, or itself.
func group(c *v1alpha1.TrafficCluster) string {
	if r := regionOf(c); r != "" {
		return "region " + r
	}
	return "cluster " + c.Name
}

// regionDistances are kilometers to each group: to the closest of its clusters,
// since not all may tell where they are.
func regionDistances(from Place, clusters []v1alpha1.TrafficCluster) map[string]int {
	distances := make(map[string]int, len(clusters))
	here, known := locate(from.Coordinates, from.Region)
	for i := range clusters {
		c := &clusters[i]
		d := unknown
		if there, ok := locate(c.Coordinates, regionOf(c)); ok && known {
			d = kilometers(here, there)
		}
		if before, ok := distances[group(c)]; !ok || d < before {
			distances[group(c)] = d
		}
	}
	return distances
}

// Located says whether it is known where on the globe a place is. From one that
// is not, only what is in its own zone and region is close.
func Located(p Place) bool {
	_, known := locate(p.Coordinates, cmp.Or(p.Region, RegionOf(p.Zone)))
	return known
}

// inZone: zones of other regions may have the same name, where they are but
// numbered.
func inZone(from Place, c *v1alpha1.TrafficCluster) bool {
	if from.Zone == "" || !slices.Contains(c.Zones, from.Zone) {
		return false
	}
	r := regionOf(c)
	return r == "" || from.Region == "" || r == from.Region
}

func regionOf(c *v1alpha1.TrafficCluster) string {
	if c.Region != "" || len(c.Zones) == 0 {
		return c.Region
	}
	return RegionOf(slices.Min(c.Zones))
}

// RegionOf guesses a zone's region as public clouds name them: us-east1-b is in
// us-east1, us-east-1b in us-east-1, eastus-1 in eastus. Empty: it cannot tell.
func RegionOf(zone string) string {
	if zone == "" {
		return ""
	}
	last := zone[len(zone)-1]
	if r, ok := strings.CutSuffix(zone[:len(zone)-1], "-"); ok {
		if _, known := regionCoordinates[r]; known || isLetter(last) && endsInDigit(r) && strings.Contains(r, "-") {
			return r
		}
	}
	if r := zone[:len(zone)-1]; isLetter(last) {
		if _, known := regionCoordinates[r]; known {
			return r
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

func endsInDigit(s string) bool { return s != "" && '0' <= s[len(s)-1] && s[len(s)-1] <= '9' }

// locate prefers coordinates that somebody stated.
func locate(stated *v1alpha1.Coordinates, region string) (v1alpha1.Coordinates, bool) {
	if stated != nil && math.Abs(stated.Latitude) <= 90 && math.Abs(stated.Longitude) <= 180 {
		return *stated, true
	}
	c, ok := regionCoordinates[region]
	return c, ok
}

// kilometers along the great circle, in whole numbers, so that clouds in the
// same city are equally far.
func kilometers(a, b v1alpha1.Coordinates) int {
	const radius, degree = 6371.0, math.Pi / 180
	lat, lon := (b.Latitude-a.Latitude)*degree/2, (b.Longitude-a.Longitude)*degree/2
	h := math.Sin(lat)*math.Sin(lat) + math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*math.Sin(lon)*math.Sin(lon)
	return int(math.Round(2 * radius * math.Asin(math.Sqrt(math.Min(1, h)))))
}
