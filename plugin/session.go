package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
	"github.com/kubectl-fed/kubectl-fed/plugin/server"
)

// envBucket names the federation where no flag does.
const envBucket = "KUBECTL_FED_BUCKET"

// session is one command's link to a federation: found when first needed, rung
// when the command is done.
type session struct {
	genericiooptions.IOStreams
	ctx     context.Context
	config  *genericclioptions.ConfigFlags
	bucket  string
	reason  string
	connect Connect
	now     func() time.Time
	// table of the kinds this command may name, its own definitions included.
	table *kinds.Table

	open    sync.Once
	hub     Hub
	openErr error

	serve  sync.Once
	server *server.Server

	mu      sync.Mutex
	written map[string]int64

	spool spool
	// ended is closed when the command is done.
	ended chan struct{}
	// waitingFor is what a wait that begins is for; empty where nobody wonders.
	waitingFor string
	// interrupt cancels the command. abandoned is closed when it has been for
	// a while and still waits.
	interrupt context.CancelFunc
	own       sync.Once
	abandoned chan struct{}
}

func newSession(ctx context.Context, streams genericiooptions.IOStreams, connect Connect) *session {
	ctx, interrupt := context.WithCancel(ctx)
	return &session{IOStreams: streams, ctx: ctx, interrupt: interrupt, config: configFlags(), connect: connect, now: time.Now,
		table: kinds.Builtin(), written: map[string]int64{}, ended: make(chan struct{}), abandoned: make(chan struct{})}
}

// configFlags are kubectl's, but for those that describe a server.
func configFlags() *genericclioptions.ConfigFlags {
	c := genericclioptions.NewConfigFlags(true)
	c.CacheDir, c.APIServer, c.TLSServerName, c.Insecure, c.CertFile, c.KeyFile, c.CAFile = nil, nil, nil, nil, nil, nil, nil
	c.BearerToken, c.Impersonate, c.ImpersonateUID, c.ImpersonateGroup, c.ImpersonateUserExtra = nil, nil, nil, nil, nil
	c.ClusterName, c.AuthInfoName, c.DisableCompression = nil, nil, nil
	return c
}

func (s *session) addFlags(flags *pflag.FlagSet) {
	s.config.AddFlags(flags)
	flags.StringVar(&s.bucket, "bucket", "", "URL of the federation's bucket: gs://NAME or file:///DIRECTORY. "+
		"Otherwise "+envBucket+", or the kubeconfig context that init wrote")
	flags.StringVar(&s.reason, "reason", "", "Why this is done; kept with what is written")
}

// Hub is the federation's bucket, which may not have been asked anything yet.
func (s *session) Hub() (Hub, error) {
	s.open.Do(func() {
		url, err := s.bucketURL()
		if err != nil {
			s.openErr = err
			return
		}
		s.hub, s.openErr = s.connect(s.ctx, url)
	})
	return s.hub, s.openErr
}

func (s *session) bucketURL() (string, error) {
	if s.bucket != "" {
		return s.bucket, nil
	}
	// A context that is asked for by name wins over the environment.
	fromContext, err := s.contextBucket()
	if url := os.Getenv(envBucket); url != "" && *s.config.Context == "" {
		return url, nil
	}
	if err != nil {
		return "", err
	}
	if fromContext != "" {
		return fromContext, nil
	}
	if *s.config.Context != "" {
		return "", fmt.Errorf("the kubeconfig context %q is not a federation's: its cluster has no %s extension. "+
			"Name the federation's bucket with --bucket", *s.config.Context, v1alpha1.KubeconfigExtension)
	}
	return "", errors.New("no federation is named: say --bucket gs://NAME (or file:///DIRECTORY), set " + envBucket +
		", or choose with --context a kubeconfig context that kubectl fed init wrote")
}

// contextBucket is what the kubeconfig context's cluster says, if it does.
func (s *session) contextBucket() (string, error) {
	config, err := s.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	name := config.CurrentContext
	if *s.config.Context != "" {
		name = *s.config.Context
		if config.Contexts[name] == nil {
			return "", fmt.Errorf("context %q does not exist in the kubeconfig", name)
		}
	}
	if config.Contexts[name] == nil {
		return "", nil
	}
	cluster := config.Clusters[config.Contexts[name].Cluster]
	if cluster == nil {
		return "", nil
	}
	return extensionBucket(cluster.Extensions[v1alpha1.KubeconfigExtension])
}

type bucketExtension struct {
	Bucket string `json:"bucket"`
}

func extensionBucket(o runtime.Object) (string, error) {
	u, ok := o.(*runtime.Unknown)
	if !ok {
		return "", nil
	}
	e := bucketExtension{}
	if err := json.Unmarshal(u.Raw, &e); err != nil {
		return "", fmt.Errorf("the kubeconfig extension %s: %w", v1alpha1.KubeconfigExtension, err)
	}
	return e.Bucket, nil
}

// Federation reads who the bucket belongs to, and says so when there is none.
func (s *session) Federation(ctx context.Context) (Hub, *v1alpha1.Federation, error) {
	hub, err := s.Hub()
	if err != nil {
		return nil, nil, err
	}
	f, err := hub.Federation(ctx)
	return hub, f, s.explain(err)
}

func (s *session) explain(err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	url, _ := s.bucketURL() // it was found a moment ago
	return fmt.Errorf("there is no federation in %s: make one with kubectl fed init NAME --bucket %s", url, url)
}

// Server answers kubectl's commands over the federation.
func (s *session) Server() (*server.Server, error) {
	hub, err := s.Hub()
	if err != nil {
		return nil, err
	}
	s.serve.Do(func() {
		s.server = server.New(server.Options{Specs: hub, Roster: hub, Statuses: hub, Leader: hub, Table: s.table, Now: s.now,
			Provenance: func(*http.Request) v1alpha1.Provenance { return s.provenance() },
			Written:    s.wrote, Waiting: s.waiting})
	})
	return s.server, nil
}

func (s *session) provenance() v1alpha1.Provenance {
	return v1alpha1.Provenance{Author: author(), Reason: s.reason, Client: "kubectl-fed/" + version.Version}
}

// author is who the operating system says runs this: a claim, no proof.
func author() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		return name + "@" + host
	}
	return name
}

// wrote notes a change for the bell.
func (s *session) wrote(path string, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[path] = generation
}

// waiting is called when a command begins to wait for the members: now the
// leader must know, and the user what for.
func (s *session) waiting(ctx context.Context) {
	s.ring(ctx)
	s.own.Do(func() { go s.ownSignals() })
	s.mu.Lock()
	what := s.waitingFor
	s.waitingFor = ""
	s.mu.Unlock()
	if what != "" {
		go s.progress("waiting for " + what)
	}
}

// progress says the same again and again until the command ends.
func (s *session) progress(text string) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-ticker.C:
			fmt.Fprintln(s.ErrOut, text)
		}
	}
}

// ringFor bounds the bell: a command whose changes are durable is done, rung or not.
const ringFor = 8 * time.Second

// ring tells the leader of what was written since the last ring. If it cannot,
// the leader finds out within half a minute by itself.
func (s *session) ring(ctx context.Context) {
	s.mu.Lock()
	changed := s.written
	s.written = map[string]int64{}
	s.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ringFor)
	defer cancel()
	if err := s.hub.Ring(ctx, changed); err != nil {
		fmt.Fprintf(s.ErrOut, "Warning: what was written is safe, but the leader could not be told and will see it within 30 seconds: %v\n", err)
	}
}

// warn prints one warning.
func (s *session) warn(format string, args ...any) {
	fmt.Fprintln(s.ErrOut, "Warning: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
}
