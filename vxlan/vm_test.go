package vxlan

import (
	"testing"

	"github.com/sixfold-router/sixfold/integration/vm"
)

// TestOlderKernel has what depends on the kernel on one of 2022, which does not move a running device to another group.
func TestOlderKernel(t *testing.T) {
	if vm.Run(t, vm.UML) {
		return
	}
	if kernelRejoins() {
		t.Error("this kernel moves devices to other groups: it is not old enough")
	}
	t.Run("classes", TestKernelClasses)
	t.Run("remotes", TestKernelRemotes)
	t.Run("family", TestKernelFamily)
}
