package server

import (
	"fmt"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func placementColumns() map[string][]column {
	return map[string][]column{
		placements.String(): {nameColumn(), named("Objects", objectsCell), named("Clusters", clustersCell),
			named("Strategy", func(r row) any {
				if s := r.text("spec", "strategy"); s != "" {
					return s
				}
				return "<by kind>"
			}), ageColumn(),
			wide("Overrides", func(r row) any { return r.count("spec", "overrides") }),
			wide("Waves", func(r row) any { return r.count("spec", "rollout", "waves") }),
			wide("Dependencies", func(r row) any { return orNone(r.text("spec", "dependencies")) })},
	}
}

// objectsCell names what is selected: Deployment/web,ConfigMap(app=web),Service.
func objectsCell(r row) any {
	p, err := v1alpha1.PlacementOf(r.Object)
	if err != nil {
		return unknown
	}
	var list []string
	for i := range p.Spec.Objects {
		list = append(list, p.Spec.Objects[i].String())
	}
	return joined(list)
}

// clustersCell is short; describe and -o yaml say it whole.
func clustersCell(r row) any {
	p, err := v1alpha1.PlacementOf(r.Object)
	if err != nil {
		return unknown
	}
	const most = 40
	text := p.Spec.Clusters.String()
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%s…", strings.TrimRight(string(runes[:most]), ", "))
	}
	return text
}
