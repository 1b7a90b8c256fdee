package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

// envBucket names the bucket where no flag does.
const envBucket = "KUBECTL_FED_BUCKET"

// options are the command line.
type options struct {
	bucket       string
	name         string
	region, zone string
	coordinates  string
	addresses    []string
	plain        []string
	secure       []string
	admin        string
	stateDir     string
	certificates string
	defaultCrt   string
	defaultKey   string
	poll         time.Duration
	heartbeat    time.Duration
	drain        time.Duration
	accessLog    string
	trusted      []string
	verbosity    int
	version      bool

	place *v1alpha1.Coordinates // of coordinates
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := pflag.NewFlagSet("fed-edge", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.StringVar(&o.bucket, "bucket", getenv(envBucket), "URL of the federation's bucket: gs://NAME[/PREFIX] or file:///DIRECTORY ($"+envBucket+")")
	f.StringVar(&o.name, "name", "", "name of this edge, unlike that of any other")
	f.StringVar(&o.region, "region", "", "region this edge is in or near to, such as europe-west1")
	f.StringVar(&o.zone, "zone", "", "zone this edge is in, such as europe-west1-b")
	f.StringVar(&o.coordinates, "coordinates", "", "LATITUDE,LONGITUDE of this edge in degrees, where its region is none of a public cloud")
	f.StringSliceVar(&o.addresses, "address", nil, "IP address or DNS name at which clients reach this edge; may be repeated")
	f.StringSliceVar(&o.plain, "http-listen", []string{":80"}, `where HTTP is listened for; may be repeated, "" for nowhere`)
	f.StringSliceVar(&o.secure, "https-listen", []string{":443"}, `where HTTPS is listened for; may be repeated, "" for nowhere`)
	f.StringVar(&o.admin, "admin-listen", "127.0.0.1:9180", `where /metrics, /healthz and /readyz are served, "" for nowhere`)
	f.StringVar(&o.stateDir, "state-dir", "", "folder of this edge's own, in which it keeps what it served last, keys included; none: it serves nothing if it starts while the bucket is away")
	f.StringVar(&o.certificates, "certificates-dir", "", "folder with <namespace>/<secret>/tls.crt and tls.key, for TLS Secrets that the federation does not hold")
	f.StringVar(&o.defaultCrt, "default-certificate", "", "certificate (PEM) for names that there is none for")
	f.StringVar(&o.defaultKey, "default-key", "", "key (PEM) of --default-certificate")
	f.DurationVar(&o.poll, "poll-interval", time.Second, "how often the next traffic document is asked for")
	f.DurationVar(&o.heartbeat, "heartbeat-interval", 10*time.Second, "how often the edge writes its registration")
	f.DurationVar(&o.drain, "drain", 5*time.Second, "how long the edge serves on after it was told to end, while /readyz fails")
	f.StringVar(&o.accessLog, "access-log", "stdout", "a JSON line for each request: off, stdout or a file")
	f.StringSliceVar(&o.trusted, "trusted-proxies", nil, "CIDRs of proxies in front of this edge, whose X-Forwarded-For is believed")
	f.IntVarP(&o.verbosity, "v", "v", 0, "verbosity of the log: 0 what changes, 1 decisions, 4 and up for debugging")
	f.BoolVar(&o.version, "version", false, "print the version and exit")
	f.Usage = func() {
		fmt.Fprintf(stderr, "Carries requests to the federation's clusters: the closest that is healthy.\n\nUsage:\n  fed-edge --bucket=URL --name=NAME --region=REGION --address=ADDRESS [flags]\n\nFlags:\n%s", f.FlagUsages())
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: fed-edge takes flags only", f.Arg(0))
	}
	if o.version {
		return o, nil
	}
	o.plain, o.secure = named(o.plain), named(o.secure)
	return o, errors.Join(o.validateEdge(), o.validateServing(), o.validateTimes())
}

// named leaves out what is empty.
func named(list []string) []string {
	var some []string
	for _, s := range list {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

// validateEdge checks who and where the edge is.
func (o *options) validateEdge() error {
	switch {
	case o.bucket == "":
		return errors.New("no bucket given: set --bucket or " + envBucket)
	case o.name == "":
		return errors.New("no name given: set --name to what this edge is called")
	case len(o.addresses) == 0:
		return errors.New("no address given: set --address to where clients reach this edge")
	case o.region == "" && o.zone == "" && o.coordinates == "":
		return errors.New("no location given: set --region, or --coordinates where there is no region")
	}
	if msgs := validation.IsDNS1123Label(o.name); len(msgs) > 0 {
		return fmt.Errorf("--name %q: %s", o.name, strings.Join(msgs, "; "))
	}
	for _, a := range o.addresses {
		if _, err := netip.ParseAddr(a); err != nil && (len(validation.IsDNS1123Subdomain(a)) > 0 || !strings.ContainsAny(a, "abcdefghijklmnopqrstuvwxyz")) {
			return fmt.Errorf("--address %q: it is neither an IP address nor a DNS name", a)
		}
	}
	var err error
	o.place, err = coordinates(o.coordinates)
	return err
}

// coordinates reads LATITUDE,LONGITUDE.
func coordinates(text string) (*v1alpha1.Coordinates, error) {
	if text == "" {
		return nil, nil
	}
	north, east, ok := strings.Cut(text, ",")
	latitude, err1 := strconv.ParseFloat(strings.TrimSpace(north), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(east), 64)
	if !ok || err1 != nil || err2 != nil || !(math.Abs(latitude) <= 90) || !(math.Abs(longitude) <= 180) {
		return nil, fmt.Errorf("--coordinates %q: want LATITUDE,LONGITUDE in degrees, such as 50.45,3.82", text)
	}
	return &v1alpha1.Coordinates{Latitude: latitude, Longitude: longitude}, nil
}

// validateServing checks what the edge listens on and reads.
func (o *options) validateServing() error {
	if len(o.plain)+len(o.secure) == 0 {
		return errors.New("nothing to listen on: set --http-listen or --https-listen")
	}
	for flag, list := range map[string][]string{"http-listen": o.plain, "https-listen": o.secure, "admin-listen": named([]string{o.admin})} {
		for _, address := range list {
			if err := listenable(address); err != nil {
				return fmt.Errorf("--%s %q: %w", flag, address, err)
			}
		}
	}
	for _, c := range o.trusted {
		if _, err := netip.ParsePrefix(c); err != nil {
			return fmt.Errorf("--trusted-proxies %q: want a range of addresses, such as 192.0.2.0/24 or 192.0.2.7/32", c)
		}
	}
	if (o.defaultCrt == "") != (o.defaultKey == "") {
		return errors.New("--default-certificate and --default-key need each other")
	}
	for flag, dir := range map[string]string{"certificates-dir": o.certificates, "state-dir": o.stateDir} {
		if err := folder(dir); err != nil {
			return fmt.Errorf("--%s %q: %w", flag, dir, err)
		}
	}
	return nil
}

// where is the place that it was told.
func (o *options) where() traffic.Place {
	return traffic.Place{Region: o.region, Zone: o.zone, Coordinates: o.place}
}

// folder says whether one is there that can be used; none need be named.
func folder(dir string) error {
	if dir == "" {
		return nil
	}
	i, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such folder: create it, readable by this user only")
	case err != nil:
		return err
	case !i.IsDir():
		return errors.New("it is no folder")
	}
	return nil
}

// listenable says whether an address is [HOST]:PORT.
func listenable(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("want [IP]:PORT")
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return errors.New("want [IP]:PORT")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("want a port from 1 to 65535")
	}
	return nil
}

func (o *options) validateTimes() error {
	switch {
	case o.poll < 10*time.Millisecond || o.poll > time.Hour:
		return fmt.Errorf("--poll-interval %s: want 10ms to 1h", o.poll)
	case o.heartbeat < time.Second || o.heartbeat > time.Hour:
		return fmt.Errorf("--heartbeat-interval %s: want 1s to 1h", o.heartbeat)
	case o.drain < 0 || o.drain > time.Hour:
		return fmt.Errorf("--drain %s: want 0s to 1h", o.drain)
	case o.verbosity < 0 || o.verbosity > 10:
		return fmt.Errorf("-v is %d: want 0 to 10", o.verbosity)
	}
	return nil
}
