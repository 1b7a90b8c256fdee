package http

import "github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"

// passiveFailures in a row, of requests, take an endpoint out until its checks
// bring it back.
const passiveFailures = 3

// health of an endpoint.
type health int32

const (
	// healthUnknown: it was not checked yet.
	healthUnknown health = iota
	healthGood
	healthBad
)

// standing is what is known of one endpoint. Its methods return the next one.
type standing struct {
	health health
	// run is how many checks in a row spoke against the health it has.
	run int64
	// failures of requests in a row.
	failures int
}

// checked is the standing after a check. The first check decides alone.
func (s standing) checked(ok bool, c v1alpha1.HealthCheck) standing {
	agrees := ok == (s.health == healthGood)
	if s.health != healthUnknown {
		if agrees {
			s.run = 0
			return s
		}
		s.run++
		if s.run < s.needs(c) {
			return s
		}
	}
	if ok {
		return standing{health: healthGood}
	}
	return standing{health: healthBad}
}

// needs is how many checks in a row change the standing.
func (s standing) needs(c v1alpha1.HealthCheck) int64 {
	if s.health == healthGood {
		return c.UnhealthyAfter
	}
	return c.HealthyAfter
}

// failed is the standing after a request that got no answer.
func (s standing) failed() standing {
	s.failures++
	if s.failures >= passiveFailures {
		return standing{health: healthBad}
	}
	return s
}

// answered is the standing after a request that got one.
func (s standing) answered() standing {
	s.failures = 0
	return s
}
