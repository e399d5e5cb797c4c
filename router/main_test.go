package router

import (
	"os"
	"testing"

	"github.com/sixfold-router/sixfold/integration/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Isolate(m)) }
