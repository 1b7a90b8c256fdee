package plugin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestNamesAreCompleted(t *testing.T) {
	tests := []struct {
		line []string
		want string
	}{
		{[]string{"traffic", "drain", ""}, "eu\nnew\nus\n:4\n"},
		{[]string{"traffic", "undrain", "n"}, "new\n:4\n"},
		{[]string{"traffic", "drain", "eu", ""}, "new\nus\n:4\n"},
		{[]string{"traffic", "weight", "eu=20", ""}, "new=\nus=\n:6\n"},
		{[]string{"traffic", "weight", "eu="}, "eu=\n:6\n"},
		{[]string{"traffic", "get", "u"}, "us\n:4\n"},
		{[]string{"traffic", "get", "-o", ""}, "json\nyaml\nwide\n:4\n"},
		{[]string{"traffic", "edges", ""}, ":4\n"},
		{[]string{"traffic", "unregister", "edge-e"}, "edge-eu\n:4\n"},
		{[]string{"traffic", "drain", "--dry-run="}, "none\nclient\nserver\n:4\n"},
		{[]string{"cordon", ""}, "eu\nnew\nus\n:4\n"},
		{[]string{"drain", ""}, "eu\nnew\nus\n:4\n"},
		{[]string{"unjoin", ""}, "eu\nnew\nus\n:4\n"},
		{[]string{"unjoin", "eu", ""}, ":4\n"},
	}
	for _, tt := range tests {
		got := command(t, serves(), "", append([]string{"__completeNoDesc"}, tt.line...)...)
		if got.code != 0 || got.out != tt.want {
			t.Errorf("%v: %+v", tt.line, got)
		}
	}
}

func TestWhatCannotBeListedIsNotCompleted(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "config"))
	t.Setenv(envBucket, "memory:")
	var out bytes.Buffer
	connect := func(context.Context, string) (Hub, error) { return nil, errors.New("forbidden") }
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: io.Discard}
	code := Main(t.Context(), "kubectl fed", connect, streams, []string{"__completeNoDesc", "traffic", "drain", ""})
	if code != 0 || out.String() != ":4\n" {
		t.Errorf("code %d, %q", code, out.String())
	}
}
