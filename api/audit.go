package api

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"strings"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
)

const (
	// keptRecords bounds the records of each kind that ListAudit has; the files have more.
	keptRecords = 4096
	// refusedBurst and refusedEvery bound the records of refused calls: who is refused chooses how often.
	refusedBurst = 20
	refusedEvery = 10 * time.Second
	// interrupted stands in the place of a result that was never written.
	interrupted = "UNKNOWN"
)

// audit keeps the records of calls that changed something or were refused. Refused ones are in a file of their own, so that no
// number of them takes the room of the others. A record is written before the call, without code, and again after it.
type audit struct {
	mu         sync.Mutex // guards all below
	next       uint64
	done       trail // what changed something
	denied     trail // what was refused
	tokens     float64
	filled     time.Time // when tokens was right
	suppressed uint64    // refused calls without a record since the last one that has one
}

// trail is the newest records of one kind, and where they are on disk.
type trail struct {
	file    *logFile // nil: in memory only
	records []*sixfoldv1.AuditRecord
}

func newAudit() *audit { return &audit{next: 1, tokens: refusedBurst} }

// open reads what was recorded before, and goes on after it.
func (a *audit) open(path string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range []struct {
		trail *trail
		path  string
	}{{&a.done, path}, {&a.denied, path + ".refused"}} {
		file, err := openLog(one.path)
		if err != nil {
			return err
		}
		lines, err := file.read()
		if err != nil {
			return errors.Join(err, file.close())
		}
		one.trail.file = file
		for _, line := range lines {
			r := &sixfoldv1.AuditRecord{}
			// The last line may be cut off by a power failure; what stands before it counts.
			if protojson.Unmarshal(line, r) == nil && r.GetId() > 0 {
				one.trail.put(r)
				a.next = max(a.next, r.GetId()+1)
			}
		}
		for _, r := range one.trail.records {
			if r.GetCode() == "" {
				r.Code, r.Message = interrupted, "the router ended before the call did"
			}
		}
	}
	return nil
}

func (a *audit) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.done.file.close(), a.denied.file.close())
}

// put adds a record, or replaces the one with its number.
func (t *trail) put(r *sixfoldv1.AuditRecord) {
	for i := len(t.records) - 1; i >= 0 && t.records[i].GetId() >= r.GetId(); i-- {
		if t.records[i].GetId() == r.GetId() {
			t.records[i] = r
			return
		}
	}
	if t.records = append(t.records, r); len(t.records) > 2*keptRecords {
		t.records = slices.Clone(t.records[keptRecords:])
	}
}

func (t *trail) write(r *sixfoldv1.AuditRecord, durable bool) error {
	if t.file == nil {
		return nil
	}
	line, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(r)
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	for _, c := range line {
		if c != '\n' {
			compact.WriteByte(c)
		}
	}
	compact.WriteByte('\n')
	return t.file.append(compact.Bytes(), durable)
}

func (a *audit) record(c *caller, method, request string) *sixfoldv1.AuditRecord {
	r := &sixfoldv1.AuditRecord{
		Id: a.next, Time: timestamppb.Now(), Caller: c.name, Role: c.role.String(), Origin: c.origin, Method: shortMethod(method), Request: request,
	}
	a.next++
	return r
}

// begin records that a call will be made. With durable set it returns when that is on disk.
func (a *audit) begin(c *caller, method, request string, durable bool) (*sixfoldv1.AuditRecord, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.record(c, method, request)
	if err := a.done.write(r, durable); err != nil {
		if durable {
			return nil, err
		}
		a.done.put(r)
		return r, err
	}
	a.done.put(r)
	return r, nil
}

// end records what came of a call.
func (a *audit) end(begun *sixfoldv1.AuditRecord, result error, durable bool) error {
	r := proto.Clone(begun).(*sixfoldv1.AuditRecord)
	r.Code, r.Message = outcome(result)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done.put(r)
	return a.done.write(r, durable)
}

// refused records a call that was not let through, unless there were too many lately.
func (a *audit) refused(c *caller, method string, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if !a.filled.IsZero() {
		a.tokens = min(refusedBurst, a.tokens+now.Sub(a.filled).Seconds()/refusedEvery.Seconds())
	}
	a.filled = now
	if a.tokens < 1 {
		a.suppressed++
		return
	}
	a.tokens--
	r := a.record(c, method, "")
	r.Code, r.Message = outcome(why)
	if a.suppressed > 0 {
		r.Message += fmt.Sprintf(" (%d more refused calls before this one are not on record)", a.suppressed)
		a.suppressed = 0
	}
	a.denied.put(r)
	_ = a.denied.write(r, false) // a full disk is told by the calls that change something
}

// list returns copies of the records that are remembered.
func (a *audit) list() []*sixfoldv1.AuditRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []*sixfoldv1.AuditRecord
	for _, t := range []*trail{&a.done, &a.denied} {
		for _, r := range t.records[max(0, len(t.records)-keptRecords):] {
			out = append(out, proto.Clone(r).(*sixfoldv1.AuditRecord))
		}
	}
	return out
}

// outcome is the code of an answer by its name in the gRPC specification, and its message.
func outcome(err error) (code, message string) {
	s := statusOf(err)
	if s.Code() == codes.OK {
		return "OK", ""
	}
	return codeName(s.Code()), clean(shorten(s.Message(), 500))
}

// codeName writes PermissionDenied as PERMISSION_DENIED.
func codeName(c codes.Code) string {
	if c == codes.Canceled {
		return "CANCELLED"
	}
	var b strings.Builder
	for i, r := range c.String() {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// summary says in short what a request asks for. Of the text of a configuration it has only the size and the hash.
func summary(req proto.Message) string {
	if req == nil {
		return ""
	}
	m := req.ProtoReflect()
	fields := m.Descriptor().Fields()
	var parts []string
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) || config.Secret(f) {
			continue
		}
		name, v := string(f.Name()), m.Get(f)
		switch {
		case name == "text":
			parts = append(parts, fmt.Sprintf("text=%d bytes, sha256 %x", len(v.String()), sha256.Sum256([]byte(v.String()))))
		case f.Kind() == protoreflect.StringKind && !f.IsList():
			parts = append(parts, fmt.Sprintf("%s=%q", name, shorten(v.String(), 100)))
		case f.Message() != nil && f.Message().FullName() == "google.protobuf.Duration":
			d := v.Message()
			parts = append(parts, fmt.Sprintf("%s=%v", name, change.Span(time.Duration(d.Get(d.Descriptor().Fields().ByName("seconds")).Int())*time.Second)))
		case f.Message() == nil && !f.IsList():
			parts = append(parts, fmt.Sprintf("%s=%v", name, v.Interface()))
		}
	}
	return clean(shorten(strings.Join(parts, " "), 500))
}
