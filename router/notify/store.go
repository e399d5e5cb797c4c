package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/sixfold-router/sixfold/router/disk"
)

// record is what a consumer was told last.
type record struct {
	Prefix         netip.Prefix `json:"prefix,omitzero"`
	PreferredUntil time.Time    `json:"preferred_until,omitzero"`
	ValidUntil     time.Time    `json:"valid_until,omitzero"`
	Consumer       string       `json:"consumer"` // digest of its configuration
	Told           time.Time    `json:"told,omitzero"`
	// The file was written, or is about to be, and the program that goes with it has not run since.
	Owed bool `json:"owed,omitempty"`
}

// maxRecords bounds the records of consumers that are not configured any more. They are kept, because a configuration that is put
// back would have everybody told again.
const maxRecords = 1000

// load reads the records. A file that cannot be read is as good as none: all are told again, which the caller may log.
func load(path string) (map[string]record, error) {
	all := map[string]record{}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return map[string]record{}, fmt.Errorf("read what consumers were told: %w", err)
	}
	return all, nil
}

// save writes the records.
func save(path string, all map[string]record) error {
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(path, append(b, '\n'))
}
