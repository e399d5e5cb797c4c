package router

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/sixfold-router/sixfold/integration/netns"
)

var update = flag.Bool("update", false, "write the expected previews anew")

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }
