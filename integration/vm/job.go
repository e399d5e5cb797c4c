package vm

import (
	"encoding/json"
	"fmt"
	"os"
)

// job is what the machine's first process is to do. The host writes it into a file, jobFile names it on the kernel's command
// line: what the kernel does not know there becomes the environment of its first process.
type job struct {
	Mark    string   // begins the lines of our own in the output
	Out     string   // the device for the output
	Early   []string // modules that the root file system needs, before it is there
	Late    []string // the others, in the host's file system
	Link    string   // a directory of modules that modprobe does not find: it gets a link to it, below /lib/modules
	Lower   mount    // the host's file system
	Systemd bool     // the first process becomes systemd, once all is mounted
	Exe     string   // the test program
	Args    []string
	Env     []string
	Dir     string
}

// mount is how the host's file system is mounted, read-only.
type mount struct{ Source, Type, Options string }

// jobFile is the environment variable of the machine's first process that has the path of its job.
const jobFile = "SIXFOLD_VM_JOB"

func (j *job) write(file string) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func readJob(file string) (*job, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var j job
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &j, nil
}

// The lines of our own in the output, each after the mark of the job.
const (
	wordUp   = "up"   // the first process runs the test program now
	wordExit = "exit" // and its exit code: the test program has ended
	wordFail = "fail" // and why: the first process gives up
)
