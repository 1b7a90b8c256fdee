package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
	"github.com/kubectl-fed/kubectl-fed/plugin/server"
)

// spool is where checked input waits for kubectl's commands to read it.
type spool struct {
	dir string
	// sources by the spooled file's path, to speak of what the user named.
	sources map[string]string
}

// checkInput reads all that -f names before kubectl's command does, refuses
// the whole of it if anything is wrong, and hands the command what it read: so
// that nothing is half done, old versions are converted, and streams and URLs
// are read once.
func (s *session) checkInput(cmd *cobra.Command) error {
	names, err := cmd.Flags().GetStringSlice("filename")
	if err != nil || len(names) == 0 {
		return nil // kubectl's command says what it needs
	}
	recursive, _ := cmd.Flags().GetBool("recursive")
	sources, readErr := s.readSources(s.ctx, names, recursive)
	all, err := s.decodeInput(sources)
	if err := errors.Join(readErr, err); err != nil {
		return listed(err)
	}
	if dryRun, err := cmdutil.GetDryRunStrategy(cmd); err != nil || dryRun != cmdutil.DryRunClient {
		if err := errors.Join(err, s.refusals(all)); err != nil {
			return listed(err)
		}
	}
	for _, d := range all {
		for _, w := range d.warnings {
			s.warn("%s", w)
		}
	}
	var out []spoolable
	for _, d := range all {
		body, err := stream(d.objects)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		out = append(out, spoolable{d.name, body})
	}
	return s.spoolAll(cmd, out)
}

// refusals are why the federation would not take objects, found out before the
// first is written. A Namespace and a Placement of the same submission count.
func (s *session) refusals(all []decoded) error {
	srv, err := s.Server()
	if err != nil {
		return err
	}
	fallback, _, err := s.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	coming := map[string]bool{}
	var together []*unstructured.Unstructured
	for _, d := range all {
		for _, o := range d.objects {
			if o.Kind.Group == "" && o.Kind.Kind == "Namespace" {
				coming[o.Object.GetName()] = true
			}
			obj := o.Object.DeepCopy()
			if obj.GetNamespace() == "" && o.Kind.Namespaced {
				obj.SetNamespace(fallback)
			}
			together = append(together, obj)
		}
	}
	var faults []error
	next := 0
	for _, d := range all {
		for _, o := range d.objects {
			obj := together[next]
			next++
			kind := o.Kind
			kind.Namespaced = kind.Namespaced && !coming[obj.GetNamespace()]
			err := srv.Refusal(s.ctx, kind, obj, together...)
			if apierrors.IsServiceUnavailable(err) || s.ctx.Err() != nil {
				return err // it would be the same for all
			}
			if err != nil {
				faults = append(faults, &manifest.Error{Source: o.Source, Line: o.Line, Err: err})
			}
		}
	}
	return errors.Join(faults...)
}

// spoolUnread keeps streams and URLs for a command that looks at them twice.
// What cannot be decoded stays as it is: it may still name what is to go.
func (s *session) spoolUnread(cmd *cobra.Command) error {
	names, err := cmd.Flags().GetStringSlice("filename")
	if err != nil || len(names) == 0 {
		return nil
	}
	recursive, _ := cmd.Flags().GetBool("recursive")
	sources, err := s.readSources(s.ctx, names, recursive)
	if err != nil {
		return listed(err)
	}
	var all []spoolable
	for _, src := range sources {
		one := spoolable{name: src.name}
		for _, d := range src.docs {
			body := slices.Concat(d.Raw, []byte("\n---\n"))
			if objects, _, err := manifest.Decode(d, s.table); err == nil {
				if body, err = stream(objects); err != nil {
					return fmt.Errorf("%s: %w", src.name, err)
				}
			}
			one.body = append(one.body, body...)
		}
		all = append(all, one)
	}
	return s.spoolAll(cmd, all)
}

// decodeInput knows the submission's own definitions, and asks the federation
// for its other custom resources only when a kind is unknown without them.
func (s *session) decodeInput(sources []source) ([]decoded, error) {
	s.table = s.table.With(definedIn(sources, s.table)...)
	all, err := decodeSources(sources, s.table)
	var unknown *manifest.NoKindError
	if err == nil || !errors.As(err, &unknown) {
		return all, err
	}
	more, moreErr := s.customKinds()
	if moreErr != nil || len(more) == 0 {
		return nil, errors.Join(err, moreErr)
	}
	s.table = s.table.With(more...)
	return decodeSources(sources, s.table)
}

func (s *session) customKinds() ([]kinds.Kind, error) {
	hub, err := s.Hub()
	if err != nil {
		return nil, err
	}
	return server.CustomKinds(s.ctx, hub, hub, s.table)
}

// listed puts several faults on a line each.
func listed(err error) error {
	faults := flatten(err)
	if len(faults) == 1 {
		return faults[0]
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = f.Error()
	}
	return fmt.Errorf("%d faults in the input, nothing was written:\n  %s", len(faults), strings.Join(lines, "\n  "))
}

func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error }) // what errors.Join made, and nothing below it
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// spoolable is what one source becomes.
type spoolable struct {
	name string
	body []byte
}

// spoolAll writes files and makes them the command's input.
func (s *session) spoolAll(cmd *cobra.Command, all []spoolable) error {
	dir, err := os.MkdirTemp("", "kubectl-fed-")
	if err != nil {
		return fmt.Errorf("keep the input for a moment: %w", err)
	}
	s.spool = spool{dir: dir, sources: map[string]string{}}
	var names []string
	for i, one := range all {
		path := filepath.Join(dir, strconv.Itoa(i), filepath.Base(one.name))
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("keep the input for a moment: %w", err)
		}
		if err := os.WriteFile(path, one.body, 0o600); err != nil {
			return fmt.Errorf("keep the input for a moment: %w", err)
		}
		s.spool.sources[path] = one.name
		names = append(names, path)
	}
	return replaceNames(cmd.Flags(), names)
}

func stream(objects []*manifest.Object) ([]byte, error) {
	var out []byte
	for _, o := range objects {
		doc, err := json.Marshal(o.Object.Object)
		if err != nil {
			return nil, err
		}
		out = append(append(out, doc...), "\n---\n"...)
	}
	return out, nil
}

func replaceNames(flags *pflag.FlagSet, names []string) error {
	value, ok := flags.Lookup("filename").Value.(pflag.SliceValue)
	if !ok {
		return errors.New("--filename takes no list")
	}
	return value.Replace(names)
}

// cleanUp removes what was spooled and lets a message name what the user named.
func (s *session) cleanUp(message string) string {
	for path, name := range s.spool.sources {
		message = strings.ReplaceAll(message, path, name)
	}
	if s.spool.dir != "" {
		_ = os.RemoveAll(s.spool.dir) // of no use to anybody; the system removes it in the end
	}
	return message
}
