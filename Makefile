# kubectl-fed: `make help` explains every target.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# Every build and test of every module uses the same flags, so that they share one build cache.
export CGO_ENABLED := 0
export GOFLAGS     := -trimpath -buildvcs=false

GO       ?= go
BIN      := $(CURDIR)/bin
DIST     := $(CURDIR)/dist
FUZZTIME ?= 10s
# Packages tested side by side.
JOBS     ?= 2

MODULE  := github.com/kubectl-fed/kubectl-fed
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null || echo v0.0.0-dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X $(MODULE)/pkg/version.Version=$(VERSION) -X $(MODULE)/pkg/version.Commit=$(COMMIT)

HELM_VERSION          := v3.22.0
VEGETA_VERSION        := v12.12.0
GOLANGCI_LINT_VERSION := v2.15.0

# Built by `go install`, helm takes itself for one of Kubernetes 1.20's time when it renders without a cluster.
HELM_LDFLAGS := -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36

# go-tool BINARY,PACKAGE,MODULE,VERSION,LDFLAGS: installs into bin/ unless that very version is there.
define go-tool
	@if ! $(GO) version -m $(BIN)/$(1) 2>/dev/null | grep -qE "^\s+mod\s+$(3)\s+$(4)\s"; then \
	  echo "installing $(1) $(4) (once; a minute or two)"; \
	  GOBIN=$(BIN) $(GO) install -ldflags '$(5)' $(2)@$(4); \
	fi
endef

##@ Build

.PHONY: build
build: ## Build bin/kubectl-fed, bin/fed-agent and bin/fed-edge.
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/kubectl-fed ./cmd/fed-agent ./cmd/fed-edge

.PHONY: lab
lab: ## Build bin/lab (real clusters on this machine), bin/kubectl (a link to it), bin/fleet, bin/k8shserver and bin/gcs-emulator.
	./test/lab/build.sh $(BIN)/lab
	ln -sf lab $(BIN)/kubectl
	$(GO) build -o $(BIN)/ ./test/fleet/cmd/fleet ./test/gcsemu/cmd/gcs-emulator ./test/k8shserver

.PHONY: node-tools
node-tools: ## Put what the lab's real nodes run into bin/node: containerd, runc, CNI plugins (Debian's packages, not installed), images.
	./.ci/node-tools $(BIN)/node

# The edge's image in bin/, for the script that gives it to a real node: few need it, and it is large.
.PHONY: edge-image
edge-image: build
	@cd .ci && $(GO) run ./image -binary $(BIN)/fed-edge -arch $$($(GO) env GOARCH) -name lab.kubectl-fed.io/fed-edge:1 \
	  -license ../LICENSE -out $(BIN)/fed-edge.tar

.PHONY: tools
tools: tools-helm tools-lint ## Install the pinned helm and golangci-lint into bin/.

.PHONY: tools-helm
tools-helm:
	$(call go-tool,helm,helm.sh/helm/v3/cmd/helm,helm.sh/helm/v3,$(HELM_VERSION),$(HELM_LDFLAGS))

.PHONY: tools-vegeta
tools-vegeta:
	$(call go-tool,vegeta,github.com/tsenart/vegeta/v12,github.com/tsenart/vegeta/v12,$(VEGETA_VERSION),)

.PHONY: tools-lint
tools-lint:
	$(call go-tool,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,github.com/golangci/golangci-lint/v2,$(GOLANGCI_LINT_VERSION))

##@ See it work

.PHONY: demo
demo: build lab tools-helm ## Federate 5 real clusters on this machine, step by step; KEEP=1 leaves them running.
	KEEP=$(KEEP) ./test/demo/run.sh

##@ Test

.PHONY: test
test: unit e2e ## Everything: unit, conformance and end-to-end tests. Needs no root.

.PHONY: unit
unit: tools-helm ## Unit and conformance tests of every module.
	$(GO) test -p $(JOBS) $$($(GO) list ./... | grep -v '^$(MODULE)/test/\(e2e\|e2ehost\|edgebench\|conformance\)\(/\|$$\)')
	cd test/lab && $(GO) test -p $(JOBS) ./...
	cd .ci && $(GO) test -p $(JOBS) ./chart ./docs ./image ./release

.PHONY: e2e
e2e: build lab tools-helm ## End-to-end scripts: the real binaries against real API servers.
	$(GO) test -count=1 -parallel 6 -timeout 40m ./test/conformance ./test/e2e/...

.PHONY: e2e-host
e2e-host: host-check build lab tools-helm tools-vegeta node-tools edge-image ## End-to-end scripts with pods that run. Needs root; restores the host afterwards.
	./.ci/host run $(GO) test -count=1 -parallel 2 -timeout 30m ./test/e2ehost

.PHONY: host-check
host-check:
	@./.ci/host check

.PHONY: host-restore
host-restore: ## End what a cut short e2e-host left behind, and compare the host with the state noted before it.
	./.ci/host restore

.PHONY: bench
bench: build lab tools-helm ## Measure latency, memory and operations; writes docs/benchmarks.md.
	$(GO) run ./test/bench -bin $(BIN) -out docs/benchmarks.md

.PHONY: bench-edge
bench-edge: host-check build lab tools-helm tools-vegeta node-tools ## Count the requests that fail while things die, through an edge and an HAProxy; writes into docs/benchmarks.md. Needs root and haproxy.
	./.ci/host run $(GO) test -count=1 -timeout 20m ./test/edgebench

.PHONY: bench-plan
bench-plan: ## Benchmarks of the planner, with ratios against two simpler ones in the same run.
	$(GO) test -run '^$$' -bench . -benchmem ./pkg/plan/...

.PHONY: bench-edge-path
bench-edge-path: ## Benchmarks of a request's way through an edge, with ratios against a plain reverse proxy in the same run, and of the choice of an endpoint.
	$(GO) test -run '^$$' -bench . -benchmem ./agent/edge/http

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s) each.
	FUZZTIME=$(FUZZTIME) ./.ci/fuzz

##@ Check

.PHONY: lint
lint: tools-lint ## Lint, the architecture's import rules included.
	$(BIN)/golangci-lint run ./...
	cd .ci && $(BIN)/golangci-lint run ./...
	cd test/lab && $(BIN)/golangci-lint run $(LAB_LINTERS) ./...

# Linters that read types would have to read all of Kubernetes for the lab; vet and the compiler do.
LAB_LINTERS := --enable-only cyclop,funlen,gochecknoinits,ineffassign,misspell

.PHONY: verify
verify: verify-format verify-scripts verify-vet verify-tidy verify-generated verify-chart verify-docs verify-krew verify-depguard ## Formatting, scripts, vet, tidy modules, generated files, chart, links, krew manifest, import rules.
	@echo "verify: all good"

.PHONY: verify-format
verify-format:
	@files=$$(git ls-files -co --exclude-standard -- '*.go' | while read -r f; do if [ -f "$$f" ]; then echo "$$f"; fi; done | xargs -r gofmt -l); \
	if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi
	@echo "verify-format: ok"

# Scripts are those with a shell's first line, whatever their name. Every bash reads them; shellcheck does where it is installed.
.PHONY: verify-scripts
verify-scripts:
	@git grep -lE '^#!.*\b(ba)?sh$$' -- ':!*.txtar' | while read -r f; do \
	  bash -n "$$f"; \
	  if command -v shellcheck >/dev/null; then shellcheck -x -S warning "$$f"; fi; \
	done
	@echo "verify-scripts: ok"

.PHONY: verify-vet
verify-vet:
	$(GO) vet ./...
	cd test/lab && $(GO) vet ./...
	cd .ci && $(GO) vet ./...

.PHONY: verify-tidy
verify-tidy:
	$(GO) mod tidy -diff
	cd test/lab && $(GO) mod tidy -diff
	cd .ci && $(GO) mod tidy -diff

.PHONY: generate
generate: lab ## Regenerate what is generated, from an API server of the lab.
	./.ci/generate

.PHONY: verify-generated
verify-generated: lab
	@before=$$(git diff | git hash-object --stdin; git status --porcelain); \
	$(MAKE) -s generate; \
	after=$$(git diff | git hash-object --stdin; git status --porcelain); \
	if [ "$$before" != "$$after" ]; then echo "generated files were out of date; commit what 'make generate' just changed:"; git status --short; exit 1; fi
	@echo "verify-generated: ok"

.PHONY: verify-chart
verify-chart: tools-helm
	$(BIN)/helm lint --strict --quiet charts/fed-agent -f charts/fed-agent/ci/values.yaml
	$(BIN)/helm lint --strict --quiet charts/fed-edge -f charts/fed-edge/ci/values.yaml
	cd .ci && $(GO) test -count=1 ./chart

.PHONY: verify-docs
verify-docs:
	cd .ci && $(GO) test -count=1 ./docs

.PHONY: verify-krew
verify-krew:
	cd .ci && $(GO) test -count=1 ./release

.PHONY: verify-depguard
verify-depguard: tools-lint
	cd .ci && $(GO) test -count=1 ./depguard

##@ Release

.PHONY: image
image: ## Write OCI images of fed-agent, fed-edge and the sample application to dist/ (IMAGE_ARCH=amd64|arm64); needs no registry, no container engine.
	GOOS=linux GOARCH=$(IMAGE_ARCH) $(GO) build -ldflags '$(LDFLAGS)' -o $(DIST)/linux-$(IMAGE_ARCH)/ ./cmd/fed-agent ./cmd/fed-edge ./test/k8shserver
	@cd .ci && for name in fed-agent fed-edge k8shserver; do \
	  $(GO) run ./image -binary $(DIST)/linux-$(IMAGE_ARCH)/$$name -arch $(IMAGE_ARCH) -name $(IMAGE_REPOSITORY)/$$name:$(VERSION) \
	    -license ../LICENSE -out $(DIST)/$$name-linux-$(IMAGE_ARCH).tar; \
	done

IMAGE_REPOSITORY ?= ghcr.io/kubectl-fed
IMAGE_ARCH       ?= $(shell $(GO) env GOARCH)

.PHONY: dist
dist: ## Build release archives of kubectl-fed for every platform into dist/, with checksums.
	cd .ci && $(GO) run ./release archives -root .. -out $(DIST) -version $(VERSION) -ldflags '$(LDFLAGS)'

.PHONY: krew
krew: dist ## Render krew.yaml to dist/fed.yaml for the archives in dist/.
	cd .ci && $(GO) run ./release krew -template ../krew.yaml -archives $(DIST) -version $(VERSION) -out $(DIST)/fed.yaml

##@ Housekeeping

.PHONY: clean
clean: ## Stop the demo and the lab, remove everything built here.
	@if [ -d .demo ] && [ -x $(BIN)/fleet ]; then $(BIN)/fleet -dir .demo/agents stop || true; fi
	@for lab in .demo/lab .lab; do if [ -d $$lab ] && [ -x $(BIN)/lab ]; then LAB_DIR=$$lab $(BIN)/lab down || true; fi; done
	./.ci/host restore
	rm -rf $(BIN) $(DIST) .cache/host .demo .demo-failed .lab

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "; printf "Usage: make <target>\n"} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-zA-Z0-9_-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
