// Command release packs the plugin for every platform and renders the krew
// manifest for the archives. What goes in is the source tree and a template;
// what comes out are files in one folder, the same bytes for the same input.
// It never uploads anything.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// platforms are those krew.yaml names.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
}

type platform struct{ os, arch string }

func (p platform) binary() string {
	if p.os == "windows" {
		return "kubectl-fed.exe"
	}
	return "kubectl-fed"
}

func (p platform) archive(version string) string {
	return fmt.Sprintf("kubectl-fed_%s_%s_%s.tar.gz", version, p.os, p.arch)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say archives or krew")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", "", "release, such as v1.2.3")
	switch args[0] {
	case "archives":
		root := flags.String("root", "", "root of the source tree")
		out := flags.String("out", "", "folder for the archives")
		ldflags := flags.String("ldflags", "", "flags for the linker")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return archives(*root, *out, *version, *ldflags)
	case "krew":
		template := flags.String("template", "", "template of the manifest")
		dir := flags.String("archives", "", "folder with the archives")
		out := flags.String("out", "", "manifest to write")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return krew(*template, *dir, *version, *out)
	}
	return fmt.Errorf("unknown command %q: say archives or krew", args[0])
}

// krew renders the template for the archives of one version.
func krew(template, dir, version, out string) error {
	text, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	sums := map[platform]string{}
	for _, p := range platforms {
		if sums[p], err = sum(filepath.Join(dir, p.archive(version))); err != nil {
			return fmt.Errorf("checksum: %w (make dist builds the archives)", err)
		}
	}
	manifest, err := render(string(text), version, sums)
	if err != nil {
		return fmt.Errorf("render %s: %w", template, err)
	}
	if err := os.WriteFile(out, []byte(manifest), 0o644); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	fmt.Println(out)
	return nil
}
