package main

import (
	"fmt"
	"os"
	"strings"
)

// render fills ${VERSION} and ${SHA256_<OS>_<ARCH>} in; any other name is an
// error, and so is a checksum that the template does not use.
func render(template, version string, sums map[platform]string) (string, error) {
	values := map[string]string{"VERSION": version}
	for p, sum := range sums {
		values[strings.ToUpper("SHA256_"+p.os+"_"+p.arch)] = sum
	}
	used, unknown := map[string]bool{}, ""
	manifest := os.Expand(template, func(name string) string {
		if _, ok := values[name]; !ok {
			unknown = name
		}
		used[name] = true
		return values[name]
	})
	if unknown != "" {
		return "", fmt.Errorf("${%s} has no value", unknown)
	}
	for name := range values {
		if !used[name] {
			return "", fmt.Errorf("${%s} is not used", name)
		}
	}
	return manifest, nil
}
