# Two commands do all the set-up on a fresh Debian machine with Go: `make lab` and `make test`.
SHELL := /bin/bash
export CGO_ENABLED := 0

# The tools are built from pinned versions outside go.mod: their dependencies would choose ours.
TOOLS    := $(CURDIR)/.tools
BUF      := github.com/bufbuild/buf/cmd/buf@v1.50.0
PB_GO    := google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
PB_GRPC  := google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0
VALIDATE := github.com/bufbuild/protovalidate@v1.2.2
CHECKER  := honnef.co/go/tools/cmd/staticcheck@v0.8.2

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# What the tests run as peers and witnesses.
PACKAGES := iproute2 iputils-ping isc-dhcp-client isc-dhcp-server kea-dhcp6-server ndisc6 bird2 dhcpcd-base dibbler-client dibbler-server radvd kea-admin frr procps zsh fish lintian systemd dbus adduser user-mode-linux linux-image-amd64 qemu-system-x86 xz-utils nftables openssh-server openssh-client thc-ipv6 python3-scapy

.PHONY: build lab deb test root unit generate generated lint modules tools packages clean

# The network of a new machine may need a while: what fetches is tried again, for about three minutes.
again = again() { local wait; for wait in 2 5 10 20 40 90; do "$$@" && return; echo "again in $$wait s: $$*" >&2; sleep $$wait; done; "$$@"; }

# Where programs and packages go.
OUT := bin

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(OUT)/sixfold ./cmd/sixfold

lab: build
	$(OUT)/sixfold lab

# A Debian package, for dpkg -i.
deb: build
	cmd/sixfold/package/build-deb.sh $(OUT)/sixfold $(VERSION) $(OUT)

test: root packages modules lint generated unit

# A result of another day says nothing of this kernel and these peers: no cached ones.
unit: root
	CI=$${CI:-true} go test -count=1 -timeout 20m ./...

root:
	@[ "$$(id -u)" = 0 ] || { echo 'make test needs root: it installs packages and makes network namespaces. Run: sudo -E env PATH="$$PATH" make test'; exit 1; }

modules:
	@$(again); again go mod download

lint: tools
	@out=$$(git ls-files '*.go' | grep -v '\.pb\.go$$' | xargs gofmt -l); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	go vet ./...
	$(TOOLS)/bin/staticcheck ./...
	$(TOOLS)/bin/buf lint proto

# Fails when the generated code is not what the .proto files say.
generated: tools
	@tmp=$$(mktemp -d) && $(TOOLS)/bin/buf generate -o $$tmp && \
	for f in $$(cd $$tmp/proto && find . -name '*.pb.go'); do cmp $$tmp/proto/$$f proto/$$f || { rm -rf $$tmp; echo 'generated code is old: run make generate'; exit 1; }; done; rm -rf $$tmp

generate: tools
	$(TOOLS)/bin/buf format -w proto
	$(TOOLS)/bin/buf generate

tools: $(TOOLS)/.stamp
$(TOOLS)/.stamp: Makefile
	@mkdir -p $(TOOLS)/bin
	@$(again); for t in $(BUF) $(PB_GO) $(PB_GRPC) $(CHECKER); do echo "go install $$t"; GOBIN=$(TOOLS)/bin again go install $$t || exit 1; done
	@$(again); dir=$$(again go mod download -json $(VALIDATE) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p') && [ -n "$$dir" ] && \
	rm -rf $(TOOLS)/protovalidate && mkdir -p $(TOOLS)/protovalidate/buf/validate && \
	install -m 644 $$dir/proto/protovalidate/buf/validate/validate.proto $(TOOLS)/protovalidate/buf/validate/
	@touch $@

# Installs what is missing, and keeps the daemons of the packages from starting by themselves.
packages:
	@missing=; for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] || { echo "installing$$missing"; \
	  policy=/usr/sbin/policy-rc.d; made=; [ -e $$policy ] || { printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; made=1; }; \
	  $(again); again apt-get -qq update && DEBIAN_FRONTEND=noninteractive again apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $$missing >/dev/null; rc=$$?; \
	  [ -z "$$made" ] || rm -f $$policy; exit $$rc; }

clean:
	rm -rf bin .tools
