package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// exit is how kubectl's commands end early here: unwinding, so that what was
// written is rung for and what was spooled is removed.
type exit struct {
	message string
	code    int
}

const interrupted = 130

// Main runs one command line and returns its exit code. name is how the
// command calls itself: "kubectl fed" or "kubectl-fed".
func Main(ctx context.Context, name string, connect Connect, streams genericiooptions.IOStreams, args []string) int {
	streams.Out, streams.ErrOut = escapeOnTerminal(streams.Out), escapeOnTerminal(streams.ErrOut)
	klog.SetLogger(logr.Discard()) // what client-go logs beside the errors it returns
	s := newSession(ctx, streams, connect)
	defer s.interrupt()
	cmdutil.BehaviorOnFatal(func(message string, code int) { panic(exit{message, code}) })
	defer cmdutil.DefaultBehaviorOnFatal()
	done := make(chan exit, 1)
	go func() { done <- run(s, name, args) }()
	var end exit
	select {
	case end = <-done:
	case <-s.abandoned:
		s.cleanUp("")
	}
	s.ring(s.ctx)
	if errors.Is(s.ctx.Err(), context.Canceled) {
		fmt.Fprintln(streams.ErrOut, "interrupted")
		return interrupted
	}
	if text := strings.TrimRight(end.message, "\n"); text != "" {
		fmt.Fprintln(streams.ErrOut, text)
	}
	return end.code
}

func run(s *session, name string, args []string) (end exit) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			end = r
		default:
			panic(r)
		}
		close(s.ended)
		end.message = s.cleanUp(end.message)
	}()
	root := newRoot(s, name)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.ErrOut)
	cmdutil.CheckErr(root.ExecuteContext(s.ctx))
	return exit{}
}
