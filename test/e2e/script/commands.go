package script

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-fed/kubectl-fed/test/fleet"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

// Commands is what scripts may say beyond testscript's own commands:
//
//	federate CLUSTER...          init $FED in $BUCKET, join the clusters, run their agents, wait until all are Ready
//	join CLUSTER [FLAG...]       join one more, and run its agent
//	agent start|stop|kill|pause|resume CLUSTER
//	edge start NAME ARG...       run an edge on $BUCKET, with those arguments of fed-edge
//	edge stop|kill|pause|resume NAME
//	certificate DIR HOST...      write tls.crt and tls.key for these hosts
//	eventually PATIENCE [!] REGEXP COMMAND...   until its output does (not) match; it must exit 0
//	holds DURATION [!] REGEXP COMMAND...        its output does (not) match all the time
//	capture NAME COMMAND...      the command's output becomes the environment variable NAME
//	outage on|off                the bucket is out of reach
//	forbid N PREFIX              the next N requests about names with that prefix are answered 403 (gs:// only)
func Commands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"federate":    cmdFederate,
		"join":        cmdJoin,
		"agent":       cmdAgent,
		"edge":        cmdEdge,
		"certificate": cmdCertificate,
		"eventually":  cmdEventually,
		"holds":       cmdHolds,
		"capture":     cmdCapture,
		"outage":      cmdOutage,
		"forbid":      cmdForbid,
	}
}

type agentsKey struct{}

// emulatorVariable is where clients of Cloud Storage look for an emulated one.
const emulatorVariable = "STORAGE_EMULATOR_HOST"

// agents runs those of one script and ends them with it.
type agents struct {
	bin string
	env *testscript.Env
}

func newAgents(bin string, e *testscript.Env) *agents {
	a := &agents{bin: bin, env: e}
	e.Defer(func() {
		f := a.fleet()
		for _, c := range f.Clusters() {
			_ = f.Stop(c, true)
		}
	})
	return a
}

func (a *agents) fleet() *fleet.Fleet {
	return &fleet.Fleet{
		Bin: a.bin, Kubeconfig: a.kubeconfig(), Namespace: a.env.Getenv("AGENTNS"),
		Dir: filepath.Join(a.env.WorkDir, "agents"),
	}
}

// kubeconfig is the shared lab's, or that of the script's own one.
func (a *agents) kubeconfig() string {
	first, _, _ := strings.Cut(a.env.Getenv("KUBECONFIG"), ":")
	return first
}

func fleetOf(ts *testscript.TestScript) *fleet.Fleet {
	f := ts.Value(agentsKey{}).(*agents).fleet()
	f.Kubeconfig, _, _ = strings.Cut(ts.Getenv("KUBECONFIG"), ":")
	f.Namespace = ts.Getenv("AGENTNS")
	f.Env = []string{emulatorVariable + "=" + ts.Getenv(emulatorVariable)} // a script may run one of its own
	f.Args = strings.Fields(ts.Getenv("AGENTARGS"))                        // a script that waits for silence lets agents beat faster
	return f
}

func cmdFederate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: federate CLUSTER...")
	}
	ts.Check(ts.Exec("kubectl", "fed", "init", ts.Getenv("FED"), "--bucket", ts.Getenv("BUCKET"), "--dns-zone-name", "example.com"))
	for _, c := range args {
		cmdJoin(ts, false, []string{c})
	}
	for _, c := range args {
		eventually(ts, time.Minute, true, regexp.MustCompile(`(?m)^`+c+`\s+Ready`),
			[]string{"kubectl", "fed", "--context", ts.Getenv("FED"), "get", "clusters"})
	}
}

func cmdJoin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: join CLUSTER [FLAG...]")
	}
	// Quietly: helm's notes would drown what the script is about.
	out, err := output(ts, append([]string{"kubectl", "fed", "--context", ts.Getenv("FED"), "join", args[0], "--cluster-context", args[0],
		"--install", "--chart", ts.Getenv("CHART"), "--agent-namespace", ts.Getenv("AGENTNS")}, slices.Concat(args[1:], onShared(ts))...))
	if err != nil {
		ts.Fatalf("join %s: %v\n%s", args[0], err, out)
	}
	cmdAgent(ts, false, []string{"start", args[0]})
}

// onShared keeps releases that are installed side by side in one cluster from
// making the same object of it at once.
func onShared(ts *testscript.TestScript) []string {
	if strings.HasPrefix(ts.Getenv("KUBECONFIG"), ts.Getenv("LAB_DIR")+"/") {
		return nil
	}
	return []string{"--set", "ingressClass.create=false"}
}

func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: agent start|stop|kill|pause|resume CLUSTER, edge stop|kill|pause|resume NAME")
	}
	f, cluster := fleetOf(ts), args[1]
	switch args[0] {
	case "start":
		_, err := f.Start(context.Background(), cluster)
		ts.Check(err)
	case "stop":
		ts.Check(f.Stop(cluster, false))
	case "kill":
		ts.Check(f.Stop(cluster, true))
	case "pause":
		ts.Check(f.Signal(cluster, syscall.SIGSTOP))
	case "resume":
		ts.Check(f.Signal(cluster, syscall.SIGCONT))
	default:
		ts.Fatalf("agent: there is no %q", args[0])
	}
}

func cmdEdge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: edge start NAME ARG... | edge stop|kill|pause|resume NAME")
	}
	if args[0] != "start" {
		cmdAgent(ts, false, args)
		return
	}
	_, err := fleetOf(ts).StartEdge(args[1], append([]string{"--bucket=" + ts.Getenv("BUCKET")}, args[2:]...)...)
	ts.Check(err)
}

// condition is the common form of eventually and holds.
func condition(ts *testscript.TestScript, args []string) (time.Duration, bool, *regexp.Regexp, []string) {
	if len(args) > 1 && args[1] == "!" {
		d, _, re, command := condition(ts, append([]string{args[0]}, args[2:]...))
		return d, false, re, command
	}
	if len(args) < 3 {
		ts.Fatalf("usage: eventually|holds DURATION [!] REGEXP COMMAND...")
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	return d, true, re, args[2:]
}

func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	d, want, re, command := condition(ts, args)
	eventually(ts, d, want != neg, re, command)
}

func eventually(ts *testscript.TestScript, patience time.Duration, want bool, re *regexp.Regexp, command []string) {
	var out string
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if out, err = output(ts, command); err == nil && re.MatchString(out) == want {
			ts.Logf("%s", out)
			return
		}
	}
	ts.Fatalf("after %v %s still says (%v, match of %q wanted: %v):\n%s", patience, strings.Join(command, " "), err, re, want, out)
}

func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	d, want, re, command := condition(ts, args)
	want = want != neg
	for deadline := time.Now().Add(d); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		if out, err := output(ts, command); err != nil || re.MatchString(out) != want {
			ts.Fatalf("%s does not hold (%v, match of %q wanted: %v):\n%s", strings.Join(command, " "), err, re, want, out)
		}
	}
}

func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: capture NAME COMMAND...")
	}
	out, err := output(ts, args[1:])
	if err != nil {
		ts.Fatalf("%s: %v\n%s", strings.Join(args[1:], " "), err, out)
	}
	ts.Setenv(args[0], strings.TrimSpace(out))
}

// output runs a command as a script's exec would, without failing the script.
func output(ts *testscript.TestScript, command []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "USER", "KUBECONFIG", "LAB_DIR", emulatorVariable} {
		cmd.Env = append(cmd.Env, k+"="+ts.Getenv(k))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func cmdOutage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || (args[0] != "on" && args[0] != "off") {
		ts.Fatalf("usage: outage on|off")
	}
	on := args[0] == "on"
	if server, ok := ts.Value(emulatorKey{}).(*gcsemu.Server); ok {
		server.SetOutage(on)
		return
	}
	from, to := ts.Getenv("BUCKET_DIR"), ts.Getenv("BUCKET_DIR")+".away"
	if !on {
		from, to = to, from
	}
	ts.Check(ts.Exec("mv", from, to))
}

func cmdForbid(ts *testscript.TestScript, neg bool, args []string) {
	server, ok := ts.Value(emulatorKey{}).(*gcsemu.Server)
	if neg || !ok || len(args) != 2 {
		ts.Fatalf("usage, on gs:// only: forbid N PREFIX")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	server.Inject(gcsemu.Fault{Name: args[1], Times: n, Status: http.StatusForbidden})
}
