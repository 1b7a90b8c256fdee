package file

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// The hidden folder. Nothing in it is an object.
const (
	hidden       = ".kubectl-fed"
	formatFile   = hidden + "/format"     // tells that the directory is a bucket
	lockFile     = hidden + "/lock"       // held while anything changes
	highFile     = hidden + "/generation" // the highest generation ever deleted
	tempDir      = hidden + "/tmp"
	recordDir    = hidden + "/records"
	versionDir   = hidden + "/versions"
	format       = "kubectl-fed file bucket 1\n"
	maxTempAge   = time.Hour
	keptVersions = 50 // per key
)

// versioned are the prefixes whose past can be read back.
var versioned = []string{"specs/", "clusters/"}

func isVersioned(key string) bool {
	for _, prefix := range versioned {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// checkKey is hub.CheckKey, and refuses the names that listings leave out.
func checkKey(key string) error {
	if err := hub.CheckKey(key); err != nil {
		return err
	}
	for element := range strings.SplitSeq(key, "/") {
		if isIgnored(element) {
			return fmt.Errorf("%w: %q holds %q, a name that file:// buckets leave to hidden and backup files",
				hub.ErrInvalidKey, key, element)
		}
	}
	return nil
}

// isIgnored tells names that are no objects: hidden files, among them our own
// folder and the temporary files of rsync and editors, and editors' backups.
func isIgnored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		(strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"))
}

// shelf is where something about a key is kept: a name of fixed length, so
// that no key is too long for it and none is another's directory.
func shelf(dir, key string) string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:])
	return dir + "/" + name[:2] + "/" + name
}

func recordPath(key string) string   { return shelf(recordDir, key) + ".json" }
func versionsPath(key string) string { return shelf(versionDir, key) }

func versionPath(key string, generation int64) string {
	return versionsPath(key) + "/" + strconv.FormatInt(generation, 10)
}

// parents yields the directories of a key that are not at the top, deepest
// first.
func parents(key string) []string {
	var dirs []string
	for dir := path.Dir(key); strings.Contains(dir, "/"); dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// removeStaleTemps drops what killed processes left behind. A failure means
// only that it stays a while longer.
func removeStaleTemps(root *os.Root, now time.Time) {
	dir, err := root.Open(tempDir)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		temp := tempDir + "/" + name
		if info, err := root.Lstat(temp); err == nil && now.Sub(info.ModTime()) > maxTempAge {
			_ = root.Remove(temp)
		}
	}
}
