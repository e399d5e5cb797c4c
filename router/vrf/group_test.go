package vrf

import (
	"errors"
	"strings"
	"testing"
)

const unified = `25 30 0:23 / /proc rw shared:12 - proc proc rw
30 1 8:1 / / rw - ext4 /dev/vda1 rw
35 30 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
`

func TestGroupIn(t *testing.T) {
	for _, tt := range []struct {
		name, mounts, own, mount, group string
	}{
		{"systemd", unified, "0::/system.slice/ssh.service\n", "/sys/fs/cgroup", "/sys/fs/cgroup/system.slice/ssh.service"},
		{"root", unified, "0::/\n", "/sys/fs/cgroup", "/sys/fs/cgroup"},
		{"hybrid", strings.ReplaceAll(unified, "/sys/fs/cgroup ", "/sys/fs/cgroup/unified "), "12:cpu:/a\n1:name=systemd:/b\n0::/c\n", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/c"},
		{"container", strings.Replace(unified, "0:30 / ", "0:30 /pod/one ", 1), "0::/pod/one/init\n", "/sys/fs/cgroup", "/sys/fs/cgroup/init"},
		{"blanks", strings.Replace(unified, "/sys/fs/cgroup ", `/my\040groups `, 1), "0::/x\n", "/my groups", "/my groups/x"},
		{"outside", unified, "0::/../../etc\n", "/sys/fs/cgroup", "/sys/fs/cgroup/etc"},
		{"only version 1", strings.ReplaceAll(unified, "- cgroup2", "- cgroup"), "1:name=systemd:/b\n", "", ""},
		{"nothing", "", "", "", ""},
	} {
		mount, group, err := groupIn(strings.NewReader(tt.mounts), tt.own)
		if mount != tt.mount || group != tt.group || (err != nil) != (tt.mount == "") || err != nil && !errors.Is(err, errNoGroups) {
			t.Errorf("%s: %q, %q, %v", tt.name, mount, group, err)
		}
	}
}

func TestGroupFor(t *testing.T) {
	for _, tt := range [][3]string{
		{"/sys/fs/cgroup/user.slice", "mgmt", "/sys/fs/cgroup/user.slice/sixfold-vrf/mgmt"},
		{"/sys/fs/cgroup/user.slice/sixfold-vrf/mgmt", "blue", "/sys/fs/cgroup/user.slice/sixfold-vrf/blue"},
		{"/sys/fs/cgroup", "mgmt", "/sys/fs/cgroup/sixfold-vrf/mgmt"},
	} {
		if got := groupFor(tt[0], tt[1]); got != tt[2] {
			t.Errorf("from %s: %s", tt[0], got)
		}
	}
}

func FuzzGroupIn(f *testing.F) {
	f.Add(unified, "0::/system.slice/ssh.service\n")
	f.Fuzz(func(t *testing.T, mounts, own string) {
		mount, group, err := groupIn(strings.NewReader(mounts), own)
		if err == nil && !strings.HasPrefix(group, strings.TrimSuffix(mount, "/")) && !strings.Contains(mount, "..") && !strings.Contains(mount, "//") && strings.HasPrefix(mount, "/") && !strings.Contains(mount, "/.") {
			t.Errorf("%q is not below %q", group, mount)
		}
	})
}
