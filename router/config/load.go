package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"buf.build/go/protoyaml"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// MaxSize is the largest configuration that Load takes, in bytes.
const MaxSize = 16 << 20

// LoadFile reads and checks a configuration file.
func LoadFile(path string) (*Config, *sixfoldv1.Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, nil, err
	}
	return Load(path, text)
}

// Load reads and checks a configuration. The name stands in errors. Everything that is wrong with the text is in the one
// error, an *Errors.
func Load(name string, text []byte) (*Config, *sixfoldv1.Config, error) {
	message, root, r := decode(name, text)
	if message == nil {
		return nil, nil, r.err()
	}
	cfg := build(message, root, r)
	if err := r.err(); err != nil {
		return nil, nil, err
	}
	inFileOrder(r.warnings)
	cfg.Warnings = r.warnings
	return cfg, message, nil
}

// FromProto checks a configuration that came as a message. Its errors, an *Errors, have field paths and no positions.
func FromProto(message *sixfoldv1.Config) (*Config, error) {
	r := &report{}
	// A copy by way of the wire has no nil inside and shares nothing with the caller's message.
	wire, err := proto.Marshal(message)
	if err == nil {
		message = &sixfoldv1.Config{}
		err = proto.Unmarshal(wire, message)
	}
	if err != nil {
		r.add(position{}, "", nil, err.Error())
		return nil, r.err()
	}
	cfg := build(message, &spot{}, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	inFileOrder(r.warnings)
	cfg.Warnings = r.warnings
	return cfg, nil
}

// decode reads the text into a message without looking at what the values mean. The message is nil when the text cannot be
// read at all; else it has what could be read, and the spot tree has the places of everything.
func decode(name string, text []byte) (*sixfoldv1.Config, *spot, *report) {
	r := &report{file: name}
	if len(text) > MaxSize {
		r.add(position{1, 1}, "", nil, fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20))
		return nil, nil, r
	}
	s := strings.TrimPrefix(string(text), "\ufeff")
	r.lines = strings.Split(s, "\n")
	if !checkCharacters(s, r) {
		return nil, nil, r
	}
	d := &decoder{report: r}
	message := &sixfoldv1.Config{}
	err := protoyaml.UnmarshalOptions{CustomUnmarshaler: d}.Unmarshal([]byte(s), message)
	switch {
	case d.root == nil && err != nil:
		syntaxError(s, err, r)
		return nil, nil, r
	case d.root == nil:
		r.add(position{1, 1}, "", nil, emptyFile)
		return nil, nil, r
	case err != nil:
		// The decoder leaves nothing in the tree that does not fit the schema, so this is not reached; were it, a refused
		// file is better than one that is read wrongly.
		r.add(position{1, 1}, "", nil, errors.Join(errors.New("cannot be read"), err).Error())
	}
	if !checkSingle(s, r) || d.fatal {
		return nil, nil, r
	}
	return message, d.root, r
}

const emptyFile = "the file is empty; a configuration without anything is written {}"
