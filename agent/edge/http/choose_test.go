package http

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// point is an endpoint whose health a letter tells: good, bad, unknown, or
// trusted while unknown.
func point(name string, letter byte) *endpoint {
	e := newEndpoint(endpointKey{address: name}, letter == 't')
	e.now.Store(int32(map[byte]health{'g': healthGood, 'b': healthBad, 'u': healthUnknown, 't': healthUnknown}[letter]))
	return e
}

// part makes a shard of "name state weight healths": "eu Serving 100 ggb".
func part(line string) *shard {
	words := strings.Fields(line)
	s := &shard{cluster: words[0], state: v1alpha1.BackendState(words[1]), gate: &gate{}}
	s.weight = weight(map[string]int64{"0": 0, "50": 50, "100": 100}[words[2]])
	for i, letter := range words[3] {
		s.endpoints = append(s.endpoints, point(words[0]+string(rune('0'+i)), byte(letter)))
	}
	return s
}

// order makes tiers of lines; shards of one tier are separated by commas.
func order(lines ...string) [][]*shard {
	var tiers [][]*shard
	for _, line := range lines {
		var tier []*shard
		for _, text := range strings.Split(line, ",") {
			tier = append(tier, part(text))
		}
		tiers = append(tiers, tier)
	}
	return tiers
}

func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct {
		tiers []string
		draw  float64
		tried string // addresses
		want  string
	}{
		"the closest":                         {tiers: []string{"eu Serving 100 gg", "us Serving 100 g"}, want: "eu0"},
		"a kept one serves":                   {tiers: []string{"eu Kept 100 g", "us Serving 100 g"}, want: "eu0"},
		"without a healthy one, the next":     {tiers: []string{"eu Serving 100 bb", "us Serving 100 g"}, want: "us0"},
		"an unhealthy one is passed over":     {tiers: []string{"eu Serving 100 bg"}, want: "eu1"},
		"out is passed over":                  {tiers: []string{"eu Out 0 g", "us Serving 100 g"}, want: "us0"},
		"out before unhealthy":                {tiers: []string{"eu Serving 100 b", "us Out 0 g"}, want: "us0"},
		"out before unknown":                  {tiers: []string{"eu Serving 100 u", "us Out 0 g"}, want: "us0"},
		"unknown before unhealthy":            {tiers: []string{"eu Serving 100 b", "us Serving 100 u"}, want: "us0"},
		"healthy before unknown":              {tiers: []string{"eu Serving 100 u", "us Serving 100 g"}, want: "us0"},
		"unknown of a new backend is trusted": {tiers: []string{"eu Serving 100 t", "us Serving 100 g"}, want: "eu0"},
		"all unhealthy: the closest":          {tiers: []string{"eu Serving 100 b", "us Serving 100 b"}, want: "eu0"},
		"all unhealthy: never out first":      {tiers: []string{"eu Out 0 b", "us Serving 100 b"}, want: "us0"},
		"only out, unhealthy":                 {tiers: []string{"eu Out 0 b"}, want: "eu0"},
		"drained is never asked":              {tiers: []string{"eu Drained 0 g"}, want: ""},
		"nor when all else is unhealthy":      {tiers: []string{"eu Drained 0 g", "us Serving 100 b"}, want: "us0"},
		"pending is not asked":                {tiers: []string{"eu Pending 100 g"}, want: ""},
		"a state of later is not asked":       {tiers: []string{"eu Resting 100 g", "us Serving 100 g"}, want: "us0"},
		"half the weight, lucky":              {tiers: []string{"eu Serving 50 g", "us Serving 100 g"}, draw: 0.4, want: "eu0"},
		"half the weight, not so":             {tiers: []string{"eu Serving 50 g", "us Serving 100 g"}, draw: 0.6, want: "us0"},
		"nobody admits: the closest":          {tiers: []string{"eu Serving 50 g", "us Serving 50 g"}, draw: 0.9, want: "eu0"},
		"weight 0 comes last":                 {tiers: []string{"eu Serving 0 g", "us Serving 50 g"}, draw: 0.9, want: "us0"},
		"but before unhealthy":                {tiers: []string{"eu Serving 0 g", "us Serving 100 b"}, want: "eu0"},
		"not the one that was tried":          {tiers: []string{"eu Serving 100 gg"}, tried: "eu0", want: "eu1"},
		"all tried here: the next cluster":    {tiers: []string{"eu Serving 100 gg", "us Serving 100 g"}, tried: "eu0 eu1", want: "us0"},
		"an unhealthy one before a tried one": {tiers: []string{"eu Serving 100 gb"}, tried: "eu0", want: "eu1"},
		"all tried: again":                    {tiers: []string{"eu Serving 100 b"}, tried: "eu0", want: "eu0"},
		"no endpoint":                         {tiers: nil, want: ""},
		"a tier of two, the first":            {tiers: []string{"a Serving 100 gg,b Serving 100 gg"}, draw: 0.2, want: "a0"},
		"a tier of two, the second":           {tiers: []string{"a Serving 100 gg,b Serving 100 gg"}, draw: 0.9, want: "b1"},
	} {
		t.Run(name, func(t *testing.T) {
			tiers := order(tc.tiers...)
			c := chooser{draw: func() float64 { return tc.draw }, now: noon}
			for _, tier := range tiers {
				for _, s := range tier {
					for _, e := range s.endpoints {
						if strings.Contains(tc.tried, e.key.address) {
							c.tried = append(c.tried, e)
						}
					}
				}
			}
			got, ok := c.choose(tiers)
			if ok != (tc.want != "") || ok && got.endpoint.key.address != tc.want {
				t.Errorf("got %v, want %q", got.endpoint, tc.want)
			}
		})
	}
}

func TestSharesOfATier(t *testing.T) {
	tiers := order("a Serving 100 ggg,b Serving 50 g,c Serving 100 b", "far Serving 100 g")
	random := rand.New(rand.NewPCG(1, 2))
	counts := map[string]int{}
	for range 8000 {
		got, ok := chooser{draw: random.Float64, now: noon}.choose(tiers)
		if !ok {
			t.Fatal("no choice")
		}
		counts[got.shard.cluster]++
	}
	// Of what comes by the number of endpoints, b takes half and leaves a the rest.
	for cluster, want := range map[string]int{"a": 7000, "b": 1000} {
		if got := counts[cluster]; got < want-300 || got > want+300 {
			t.Errorf("%s got %d, want about %d (%v)", cluster, got, want, counts)
		}
	}
	if counts["c"]+counts["far"] > 0 {
		t.Errorf("%v", counts)
	}
}

func TestReturnIsGradual(t *testing.T) {
	g := &gate{}
	g.set(time.Minute, 0, noon)
	g.note(true, noon)
	if got := g.share(noon); got != 1 {
		t.Errorf("at the edge's own start: %v", got)
	}
	g.note(false, noon)
	g.note(true, noon.Add(time.Minute))
	g.note(true, noon.Add(70*time.Second)) // more of it healthy is no new return
	for after, want := range map[time.Duration]float64{0: 0.1, 30 * time.Second: 0.55, time.Minute: 1, time.Hour: 1} {
		if got := g.share(noon.Add(time.Minute + after)); got != want {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
	}
	first := &gate{}
	first.set(time.Minute, 0, noon)
	first.note(false, noon)
	first.note(true, noon)
	if got := first.share(noon); got != 1 {
		t.Errorf("one that is up for the first time: %v", got)
	}
}

func TestRateSpills(t *testing.T) {
	tiers := order("eu Serving 100 g", "us Serving 100 g")
	tiers[0][0].gate.set(0, 20, noon)
	counts := map[string]int{}
	// 10 seconds with 40 requests each.
	for i := range 400 {
		got, _ := chooser{draw: func() float64 { return 0 }, now: noon.Add(time.Duration(i) * 25 * time.Millisecond)}.choose(tiers)
		counts[got.shard.cluster]++
	}
	if counts["eu"] < 195 || counts["eu"] > 210 {
		t.Errorf("%v", counts)
	}
}

func TestTheLessBusyOfTwo(t *testing.T) {
	s := part("eu Serving 100 gg")
	s.endpoints[0].busy.Add(1)
	for _, draw := range []float64{0, 0.3, 0.7, 0.99} {
		got, _ := chooser{draw: func() float64 { return draw }, now: noon}.choose([][]*shard{{s}})
		if got.endpoint != s.endpoints[1] {
			t.Errorf("draw %v: %s", draw, got.endpoint.key.address)
		}
	}
}

func TestStanding(t *testing.T) {
	check := v1alpha1.HealthCheck{HealthyAfter: 2, UnhealthyAfter: 3}
	for steps, want := range map[string]health{
		"":         healthUnknown,
		"+":        healthGood, // the first check decides
		"-":        healthBad,
		"+--":      healthGood,
		"+---":     healthBad,
		"+--+--":   healthGood, // in a row
		"-+":       healthBad,
		"-++":      healthGood,
		"-+-+":     healthBad,
		"xx":       healthUnknown,
		"xxx":      healthBad,
		"+xx":      healthGood,
		"+xxx":     healthBad,
		"+xxoxx":   healthGood, // an answer between
		"+xxx+":    healthBad,
		"+xxx++":   healthGood,
		"+xxx++xx": healthGood,
	} {
		s := standing{}
		for _, step := range steps {
			switch step {
			case '+', '-':
				s = s.checked(step == '+', check)
			case 'x':
				s = s.failed()
			case 'o':
				s = s.answered()
			}
		}
		if s.health != want {
			t.Errorf("%q: %v, want %v", steps, s.health, want)
		}
	}
}
