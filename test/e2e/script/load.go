package script

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	loadMost  = 10 * time.Minute
	loadLooks = 100 * time.Millisecond
	shareEach = 3 * time.Second
)

// Load is a program for scripts: load -until FILE URL... asks for the URLs in
// turn at a steady -rate with vegeta until FILE exists. Then it prints how many
// requests there were, how many failed and, with -since FILE, how long after
// that file was made the last one did; who answered how often (the zones); and,
// with -share ZONE, which part of the answers came from that zone in every three
// seconds since the file was made, in percent. Only a 200 is an answer.
func Load() {
	l := loading{}
	flag.StringVar(&l.until, "until", "", "file that ends it")
	flag.StringVar(&l.since, "since", "", "file whose time is when something happened")
	flag.StringVar(&l.share, "share", "", "zone whose part is told over time")
	flag.StringVar(&l.brief, "brief", "", "print one row of a table instead, that begins with this: requests, failed, seconds to the last that failed, median and 99th percentile in milliseconds")
	rate := flag.Int("rate", 200, "requests a second")
	flag.Parse()
	if err := l.attack(*rate, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	l.tell(os.Stdout)
}

type loading struct {
	until, since, share, brief string
	shots                      []shot
}

// shot is one request, as vegeta tells it.
type shot struct {
	Code    int           `json:"code"`
	At      time.Time     `json:"timestamp"`
	Latency time.Duration `json:"latency"`
	Error   string        `json:"error"`
	Body    []byte        `json:"body"`
	zone    string
}

func (l *loading) attack(rate int, urls []string) error {
	var targets strings.Builder
	for _, u := range urls {
		fmt.Fprintln(&targets, "GET", u)
	}
	attack := exec.Command("vegeta", "attack", "-rate", fmt.Sprint(rate), "-duration", loadMost.String(), "-timeout", "10s", "-redirects", "-1",
		"-max-workers", "4000")
	encode := exec.Command("vegeta", "encode", "-to", "json")
	attack.Stdin, attack.Stderr, encode.Stderr = strings.NewReader(targets.String()), os.Stderr, os.Stderr
	var err error
	if encode.Stdin, err = attack.StdoutPipe(); err != nil {
		return err
	}
	results, err := encode.StdoutPipe()
	if err != nil {
		return err
	}
	if err := errors.Join(attack.Start(), encode.Start()); err != nil {
		return err
	}
	go func() {
		for end := time.Now().Add(loadMost); time.Now().Before(end); time.Sleep(loadLooks) {
			if _, err := os.Stat(l.until); err == nil {
				break
			}
		}
		_ = attack.Process.Signal(syscall.SIGINT)
	}()
	if err := l.read(results); err != nil {
		return err
	}
	return errors.Join(encode.Wait(), attack.Wait())
}

func (l *loading) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s := shot{}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("read a result: %w", err)
		}
		var answer struct {
			Zone string `json:"zone"`
		}
		_ = json.Unmarshal(s.Body, &answer)
		s.zone, s.Body = cmp.Or(answer.Zone, "nobody"), nil
		l.shots = append(l.shots, s)
	}
	slices.SortFunc(l.shots, func(a, b shot) int { return a.At.Compare(b.At) })
	return lines.Err()
}

func (l *loading) tell(out io.Writer) {
	began := l.began()
	zones, failed := map[string]int{}, []shot{}
	for _, s := range l.shots {
		if s.Code != http.StatusOK {
			failed = append(failed, s)
			continue
		}
		zones[s.zone]++
	}
	if l.brief != "" {
		fmt.Fprintf(out, "%s | %d | %d | %s | %s | %s |\n", l.brief, len(l.shots), len(failed), last(failed, began), l.quantile(0.5), l.quantile(0.99))
		return
	}
	fmt.Fprintf(out, "%d requests, %s\n", len(l.shots), failures(failed, began))
	for _, z := range slices.Sorted(maps.Keys(zones)) {
		fmt.Fprintf(out, "zone %s: %d\n", z, zones[z])
	}
	if l.share != "" {
		fmt.Fprintf(out, "share of %s: %s\n", l.share, shares(l.shots, l.share, began))
	}
}

// quantile of the latencies of those that were answered, in milliseconds.
func (l *loading) quantile(q float64) string {
	var took []time.Duration
	for _, s := range l.shots {
		if s.Code == http.StatusOK {
			took = append(took, s.Latency)
		}
	}
	if len(took) == 0 {
		return "-"
	}
	slices.Sort(took)
	return fmt.Sprintf("%.1f", float64(took[int(q*float64(len(took)-1))])/float64(time.Millisecond))
}

// began is when something happened; zero when nothing did.
func (l *loading) began() time.Time {
	info, err := os.Stat(l.since)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// last is how long after that the last of them failed, in seconds.
func last(failed []shot, began time.Time) string {
	if len(failed) == 0 || began.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.1f", failed[len(failed)-1].At.Sub(began).Seconds())
}

func failures(failed []shot, began time.Time) string {
	if len(failed) == 0 {
		return "none failed"
	}
	first, last := failed[0], failed[len(failed)-1]
	why := map[string]int{}
	for _, s := range failed {
		why[fmt.Sprintf("%d %s", s.Code, s.Error)]++
	}
	causes := slices.SortedFunc(maps.Keys(why), func(a, b string) int { return cmp.Or(cmp.Compare(why[b], why[a]), cmp.Compare(a, b)) })
	text := fmt.Sprintf("%d failed", len(failed))
	if !began.IsZero() {
		text += fmt.Sprintf(" from %.1f to %.1f s after", first.At.Sub(began).Seconds(), last.At.Sub(began).Seconds())
	}
	return text + ": " + strings.Join(causes[:min(len(causes), 3)], "; ")
}

// shares is the zone's part of the answers in every interval, in percent.
func shares(shots []shot, zone string, began time.Time) string {
	var its, all []int
	for _, s := range shots {
		if s.Code != http.StatusOK || s.At.Before(began) {
			continue
		}
		i := int(s.At.Sub(began) / shareEach)
		for len(all) <= i {
			its, all = append(its, 0), append(all, 0)
		}
		all[i]++
		if s.zone == zone {
			its[i]++
		}
	}
	var out []string
	for i := range all {
		out = append(out, fmt.Sprint(100*its[i]/max(all[i], 1)))
	}
	return strings.Join(out, " ")
}
