package v1alpha1

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseCoordinates reads "LATITUDE,LONGITUDE" in degrees.
func ParseCoordinates(text string) (*Coordinates, error) {
	north, east, ok := strings.Cut(text, ",")
	c := &Coordinates{}
	var err, err2 error
	c.Latitude, err = strconv.ParseFloat(strings.TrimSpace(north), 64)
	c.Longitude, err2 = strconv.ParseFloat(strings.TrimSpace(east), 64)
	if !ok || err != nil || err2 != nil {
		return nil, fmt.Errorf("%q: want LATITUDE,LONGITUDE in degrees, as in 50.45,3.82", text)
	}
	return c, c.Validate()
}

// Validate finds degrees that are on no map.
func (c *Coordinates) Validate() error {
	// Written so that what is not a number is refused, too.
	if !(math.Abs(c.Latitude) <= 90) || !(math.Abs(c.Longitude) <= 180) {
		return fmt.Errorf("latitude %v, longitude %v: want -90 to 90 and -180 to 180 degrees", c.Latitude, c.Longitude)
	}
	return nil
}
