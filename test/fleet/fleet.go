// Package fleet runs agents and edges on this machine. Agents are run as a member's Deployment would run
// them in it: with the arguments the chart rendered and a token of the chart's
// ServiceAccount, so that the chart's permissions are what is tested.
//
// The lab's nodes run no containers; this is the one thing that stands in for
// them. It is for tests and the demo, never part of the product.
package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	appsv1 "k8s.io/api/apps/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"k8s.io/client-go/tools/clientcmd"
)

const (
	agentProgram = "fed-agent"
	edgeProgram  = "fed-edge"
)

const (
	release      = "fed-agent"
	stopPatience = 20 * time.Second
)

// Fleet is the agents of one federation.
type Fleet struct {
	Bin        string // folder of kubectl and fed-agent
	Kubeconfig string // the lab's, with a context per cluster
	Namespace  string // where the chart was installed
	Dir        string // processes, tokens and logs
	Env        []string
	Args       []string // appended to what the chart rendered
}

// Process is a started agent, as it is recorded in Dir.
type Process struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // the kernel's start time: a PID alone may be another's by now
	Metrics string `json:"metrics"`
	Health  string `json:"health"`
	Log     string `json:"log"`
}

// Start runs the cluster's agent in the background. It outlives this process.
func (f *Fleet) Start(ctx context.Context, cluster string) (*Process, error) {
	if err := f.free(cluster); err != nil {
		return nil, err
	}
	pod, err := f.podSpec(ctx, cluster)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := f.memberKubeconfig(ctx, cluster, pod.ServiceAccountName)
	if err != nil {
		return nil, err
	}
	p := &Process{Metrics: freeAddress(), Health: freeAddress(), Log: filepath.Join(f.Dir, cluster+".log")}
	args := append(expand(pod.Containers[0].Args, f.Namespace),
		"--kubeconfig="+kubeconfig, "--metrics-bind-address="+p.Metrics, "--health-probe-bind-address="+p.Health)
	return p, f.spawn(agentProgram, cluster, p, append(args, f.Args...))
}

// StartEdge runs an edge in the background, under a name that no cluster has.
// It takes the arguments as fed-edge does; its administration listens on
// Process.Metrics.
func (f *Fleet) StartEdge(name string, args ...string) (*Process, error) {
	if err := f.free(name); err != nil {
		return nil, err
	}
	admin := freeAddress()
	p := &Process{Metrics: admin, Health: admin, Log: filepath.Join(f.Dir, name+".log")}
	return p, f.spawn(edgeProgram, name, p, append([]string{"--name=" + name, "--admin-listen=" + admin}, args...))
}

// free makes sure that nothing runs under the name yet.
func (f *Fleet) free(name string) error {
	if p, err := f.Process(name); err == nil && p.alive() {
		return fmt.Errorf("%s runs already, as process %d", name, p.PID)
	}
	return os.MkdirAll(f.Dir, 0o700)
}

func (f *Fleet) spawn(program, cluster string, p *Process, args []string) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(f.Bin, program), args...)
	cmd.Env = append(append(os.Environ(), "POD_NAMESPACE="+f.Namespace), f.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s of %s: %w", program, cluster, err)
	}
	p.PID = cmd.Process.Pid
	p.Started = startTime(p.PID)
	go func() { _ = cmd.Wait() }() // so that a killed agent is no zombie while this process lives
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(f.record(cluster), b, 0o600)
}

func (f *Fleet) record(cluster string) string { return filepath.Join(f.Dir, cluster+".json") }

// Process reads what Start recorded.
func (f *Fleet) Process(cluster string) (*Process, error) {
	b, err := os.ReadFile(f.record(cluster))
	if err != nil {
		return nil, fmt.Errorf("nothing was ever started for %s: %w", cluster, err)
	}
	p := &Process{}
	return p, json.Unmarshal(b, p)
}

// Clusters names those whose agent was started and not stopped, and such edges.
func (f *Fleet) Clusters() []string {
	records, _ := filepath.Glob(f.record("*"))
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = strings.TrimSuffix(filepath.Base(r), ".json")
	}
	return names
}

// Signal sends a signal to the cluster's agent.
func (f *Fleet) Signal(cluster string, sig syscall.Signal) error {
	p, err := f.Process(cluster)
	if err != nil {
		return err
	}
	if !p.alive() {
		return fmt.Errorf("that of %s does not run; its log is %s", cluster, p.Log)
	}
	return syscall.Kill(p.PID, sig)
}

// Stop ends the agent and waits until it has; kill does so without warning.
func (f *Fleet) Stop(cluster string, kill bool) error {
	p, err := f.Process(cluster)
	if err != nil {
		return err
	}
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	for deadline := time.Now().Add(stopPatience); p.alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("that of %s did not end within %v of signal %v; its log is %s", cluster, stopPatience, sig, p.Log)
		}
		if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		if !kill {
			_ = syscall.Kill(p.PID, syscall.SIGCONT) // a suspended one cannot hear
		}
	}
	return os.Remove(f.record(cluster))
}

func (p *Process) alive() bool {
	return p.Started != "" && startTime(p.PID) == p.Started
}

// startTime is field 22 of the process's stat; empty when it is gone or only
// waits to be collected.
func startTime(pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// podSpec is what helm installed in the member.
func (f *Fleet) podSpec(ctx context.Context, cluster string) (*corev1.PodSpec, error) {
	out, err := f.kubectl(ctx, cluster, "get", "deployment", release, "-o", "json")
	if err != nil {
		return nil, err
	}
	d := appsv1.Deployment{}
	if err := json.Unmarshal(out, &d); err != nil {
		return nil, fmt.Errorf("decode the Deployment of %s: %w", cluster, err)
	}
	if len(d.Spec.Template.Spec.Containers) != 1 {
		return nil, fmt.Errorf("the Deployment of %s has %d containers, want one", cluster, len(d.Spec.Template.Spec.Containers))
	}
	return &d.Spec.Template.Spec, nil
}

func expand(args []string, namespace string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = strings.ReplaceAll(a, "$(POD_NAMESPACE)", namespace)
	}
	return out
}

// memberKubeconfig has the member's address and the ServiceAccount's token.
func (f *Fleet) memberKubeconfig(ctx context.Context, cluster, account string) (string, error) {
	token, err := f.kubectl(ctx, cluster, "create", "token", account, "--duration=24h")
	if err != nil {
		return "", err
	}
	lab, err := clientcmd.LoadFromFile(f.Kubeconfig)
	if err != nil {
		return "", err
	}
	context, ok := lab.Contexts[cluster]
	if !ok {
		return "", fmt.Errorf("%s has no context %q", f.Kubeconfig, cluster)
	}
	own := clientcmdapi.NewConfig()
	own.Clusters[cluster] = lab.Clusters[context.Cluster]
	own.AuthInfos[account] = &clientcmdapi.AuthInfo{Token: strings.TrimSpace(string(token))}
	own.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: account}
	own.CurrentContext = cluster
	path := filepath.Join(f.Dir, cluster+".kubeconfig")
	return path, clientcmd.WriteToFile(*own, path)
}

func (f *Fleet) kubectl(ctx context.Context, cluster string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(f.Bin, "kubectl"),
		append([]string{"--kubeconfig", f.Kubeconfig, "--context", cluster, "--namespace", f.Namespace}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("kubectl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// freeAddress is a loopback address nobody listens on just now.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
