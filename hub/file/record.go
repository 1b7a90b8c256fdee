package file

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"sync"
	"time"
)

// identity tells two files apart without reading them. A writer of ours gives
// each file a modification time to the nanosecond, which a later change in
// place cannot meet by accident.
type identity struct {
	Inode   uint64 `json:"inode"`
	ModTime int64  `json:"mtime"` // nanoseconds since 1970
	Size    int64  `json:"size"`
}

// sighting is a file as it was found.
type sighting struct {
	id      identity
	changed time.Time // when the file system last changed it, whatever its mtime says
	regular bool
}

// state is one version of an object.
type state struct {
	Generation int64             `json:"generation"`
	Identity   identity          `json:"file"`
	SHA256     string            `json:"sha256"`
	Updated    time.Time         `json:"updated"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

// record is what is kept of one key beside its file. It names up to two
// states, oldest first; the file that is there tells which of them is the
// object. The second was about to replace the first when it was written.
type record struct {
	Key    string  `json:"key"`
	States []state `json:"states"`
	// Deleting: the file is being removed, so one with the same content that
	// appears later is a new object.
	Deleting bool `json:"deleting,omitempty"`
}

func (r record) match(id identity) (state, bool) {
	for _, st := range r.States {
		if st.Identity == id {
			return st, true
		}
	}
	return state{}, false
}

// newest is the state that content is compared with when the identity is
// unknown.
func (r record) newest() *state {
	if len(r.States) == 0 || r.Deleting {
		return nil
	}
	return &r.States[len(r.States)-1]
}

// highest is the highest generation the record knows of.
func (r record) highest() int64 {
	var highest int64
	for _, st := range r.States {
		highest = max(highest, st.Generation)
	}
	return highest
}

// loadRecord reads a key's record. A missing or torn one is empty: the file
// then counts as placed by somebody else.
func loadRecord(root *os.Root, key string) (record, error) {
	data, err := root.ReadFile(recordPath(key))
	if isMissing(err) {
		return record{Key: key}, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("read its record: %w", err)
	}
	var rec record
	if json.Unmarshal(data, &rec) != nil || rec.Key != key {
		return record{Key: key}, nil
	}
	return rec, nil
}

// saveRecord replaces a key's record. It is not synced: losing it in a power
// cut costs the metadata, never the content.
func (b *Bucket) saveRecord(root *os.Root, rec record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if err := b.replace(root, recordPath(rec.Key), append(data, '\n')); err != nil {
		return fmt.Errorf("write its record: %w", err)
	}
	return nil
}

// replace writes a small file of the hidden folder whole.
func (b *Bucket) replace(root *os.Root, name string, data []byte) error {
	temp, err := b.writeTemp(root, data, false)
	if err != nil {
		return err
	}
	err = b.disk.rename(root, temp.name, name)
	if isMissing(err) {
		if err = root.MkdirAll(path.Dir(name), 0o777); err == nil {
			err = b.disk.rename(root, temp.name, name)
		}
	}
	if err != nil {
		_ = root.Remove(temp.name)
	}
	return err
}

// sightings remembers the states of files seen, so that a poll or a listing
// need not read their records again. A state never changes for an identity.
type sightings struct {
	mu     sync.RWMutex
	states map[string]state
}

const maxSightings = 50_000

func (s *sightings) get(key string, id identity) (state, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, ok := s.states[key]
	return st, ok && st.Identity == id
}

func (s *sightings) put(key string, st state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil || len(s.states) >= maxSightings {
		s.states = make(map[string]state)
	}
	s.states[key] = st
}
