# The commands of this project; `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION := $(shell cat VERSION)
# Where images are pushed, such as registry.example.com/team; an input, because it is yours.
REGISTRY ?= registry.example.com
IMG ?= $(REGISTRY)/itwin-webhook-operator:$(VERSION)
# The image's architecture, and the time of everything in it.
ARCH ?= $(shell go env GOARCH)
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Where `make release` writes.
DIST ?= dist
# What `make generate manifests` writes, below this folder.
OUT ?= .
# Webhooks in `make bench`, which takes several numbers, and `make chaos`.
N ?= 200
# Where `make bench` writes what it measured; docs for the documentation. With SEEDED=1 nothing is created by the operator.
REPORT ?= bin/bench
SEEDED ?=
# How long everything breaks in each scenario of `make chaos`, and what its choices follow from; 0 picks that.
FOR ?= 3m
SEED ?= 0
# How many orders of what happens at the same time `make crash` plays; SEED picks one.
SEEDS ?= 50
# The container engine that test/image runs the image by; without one, that package is left out on a developer's machine.
PODMAN := $(shell command -v podman)
# What `make test` tests: all but the chaos, whose outcome hangs on the machine; `make chaos` is for that.
PKG ?= $(filter-out %/test/chaos $(if $(PODMAN),,%/test/image),$(shell go list ./...))
# In the crash simulation one thing happens at a time: there is no race to detect, and much to run. Of the platform client
# the largest lists are left out under the race detector.
UNRACED = $(filter %/internal/simtest %/internal/platform,$(PKG))
RACED = $(filter-out %/internal/simtest,$(PKG))

BIN := $(CURDIR)/bin
TOOLS := bin/tools
comma := ,
# A curve takes several numbers of Webhooks, and all rows of the table.
CURVE = $(if $(SEEDED),,$(findstring $(comma),$(N)))
# Modules to vet and lint: hack/tools only pins versions, and what hack/controlplane holds wants all of Kubernetes.
MODULES := . examples/itwintest hack/image hack/curve hack/release hack/monitoring hack/apilint
KUBECTL ?= $(or $(shell command -v kubectl),$(shell go run ./hack/assets)/kubectl)

REVISION := $(shell git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)"
# Runs what follows with the control plane's binaries at hand.
WITH_ASSETS = assets=$$(go run ./hack/assets) && KUBEBUILDER_ASSETS="$$assets" ITWIN_BIN="$(BIN)"

NO_ENGINE = test/image is left out: it runs the image by Podman, which is not installed; apt-get install podman runc

##@ Use

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN { FS = ":.*##" } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*##/ { printf "  %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build bin/teardown-controllers ## Run a control plane, a simulated platform and the operator, until Ctrl-C.
	@$(WITH_ASSETS) $(BIN)/demo

.PHONY: install
install: ## Install the CRDs into the current kubeconfig's cluster.
	$(KUBECTL) apply --server-side -k config/crd

.PHONY: uninstall
uninstall: ## Remove the CRDs, once there is no object of these kinds.
	@hack/none-left.sh "$(KUBECTL)" webhooks connections clusterconnections
	$(KUBECTL) delete --ignore-not-found -k config/crd

.PHONY: deploy
deploy: bin/deploy/kustomization.yaml ## Run the operator in the current kubeconfig's cluster: make deploy IMG=...
	$(KUBECTL) apply --server-side -k config/crd
	$(KUBECTL) apply --server-side -k config/namespace
	$(KUBECTL) apply --server-side -k $(<D)

.PHONY: undeploy
undeploy: bin/deploy/kustomization.yaml ## Remove the operator, once there are no Webhooks. CRDs and namespace stay.
	@hack/none-left.sh "$(KUBECTL)" webhooks
	$(KUBECTL) delete --ignore-not-found -k $(<D)

##@ Build

.PHONY: build
build: bin/manager bin/itwin-simulator bin/kubectl-itwin bin/demo ## Build the programs into bin.

.PHONY: image
image: ## Write the operator's image to bin/image.tar, without a container engine.
	GOOS=linux GOARCH=$(ARCH) $(GO_BUILD) -o bin/image/manager ./cmd/manager
	cd hack/image && go run . \
		-binary $(ARCH)=$(BIN)/image/manager -tag $(IMG) -version $(VERSION) -o $(BIN)/image.tar

.PHONY: release
release: ## Write manifests, chart, images, kubectl plugin, SBOMs and checksums to dist: make release REGISTRY=registry.example.com/team
	@hack/release.sh $(REGISTRY) $(DIST)

.PHONY: generate
generate: $(TOOLS)/controller-gen ## Generate DeepCopy methods.
	@for version in api/*/; do \
		$< object:headerFile=hack/boilerplate.go.txt paths=./$$version output:dir=$(OUT)/$$version || exit 1; \
	done

.PHONY: manifests
manifests: $(TOOLS)/controller-gen ## Generate CRDs, RBAC, settings for other tools and docs/troubleshooting.md.
	$< crd paths=./api/... output:dir=$(OUT)/config/crd/bases
	$< rbac:roleName=manager-role paths=./controllers/... output:dir=$(OUT)/config/rbac
	@mkdir -p $(OUT)/config/monitoring $(OUT)/config/argocd $(OUT)/docs
	hack/prometheus-rule.sh >$(OUT)/config/monitoring/prometheus_rule.yaml
	hack/argocd-cm.sh >$(OUT)/config/argocd/argocd-cm.yaml
	go run ./hack/troubleshooting >$(OUT)/docs/troubleshooting.md

.PHONY: clean
clean: ## Remove what was built, except the control plane that other projects may share.
	rm -rf bin

##@ Check

.PHONY: test
test: build bin/teardown-controllers $(if $(filter %/test/image,$(PKG)),bin/release) ## Run all tests, on a real control plane.
	@$(if $(PODMAN),,echo "$(NO_ENGINE)" >&2; $(if $(CI),exit 1))
	@$(WITH_ASSETS) $(if $(RACED),go test -race -timeout 60m $(RACED))
	@$(if $(UNRACED),go test -timeout 60m $(UNRACED))
	@$(WITH_ASSETS) go -C examples/itwintest test ./...
	cd hack/image && go test ./...
	@$(WITH_ASSETS) go -C hack/monitoring test ./...
	cd hack/curve && go test ./...
	@$(WITH_ASSETS) go -C hack/release test -timeout 60m ./...

.PHONY: bench
bench: build ## Count what N Webhooks cost: make bench N=100,1000,10000
	@mkdir -p $(REPORT) $(BIN)/bench
	@ITWIN_FIGURES=$(BIN)/bench/simulated.json go test ./internal/simtest -count=1 -v -run TestBulkChanges
	@$(WITH_ASSETS) go test ./test/bench -count=1 -v -timeout 3h -args -n=$(N) $(if $(SEEDED),-seeded) \
		-report=$(abspath $(REPORT)) -simulated=$(BIN)/bench/simulated.json
	@$(if $(CURVE),cd hack/curve && go run . -data $(abspath $(REPORT))/performance.json \
		-o $(abspath $(REPORT))/performance.svg)

.PHONY: dashboard
dashboard: build ## Draw docs/dashboard.svg: the dashboard, after twelve minutes of scrapes of the operator.
	@$(WITH_ASSETS) go -C hack/monitoring test ./scrape -count=1 -timeout 30m -run '^TestEveryQueryFindsSeriesInAScrape$$' \
		-args -drawing=$(CURDIR)/docs/dashboard.svg

.PHONY: chaos
chaos: build bin/teardown-controllers ## Kill the operator and break all around it: make chaos N=200 FOR=3m SEED=0
	@$(WITH_ASSETS) go test ./test/chaos -count=1 -v -timeout 60m -args -n=$(N) -for=$(FOR) -seed=$(SEED) -settle-timeout=10m

.PHONY: crash
crash: ## End the operator everywhere, under many orders of what happens at once: make crash SEEDS=200, or SEED=7
	CRASH_SEEDS=$(SEEDS) CRASH_SEED=$(SEED) go test ./internal/simtest -run '^TestPermutedSchedules$$' -count=1 -timeout 60m

.PHONY: verify
verify: verify-generated verify-modules verify-format verify-sizes verify-release vet lint lint-api vuln ## Check everything that is not a test.

.PHONY: vet
vet: ## Run go vet.
	$(call each,go vet ./...)

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Run golangci-lint.
	$(call each,$(CURDIR)/$< run --config $(CURDIR)/.golangci.yml)

.PHONY: lint-api
lint-api: $(TOOLS)/apilint ## Hold the API to the conventions of Kubernetes.
	$< ./api/...

.PHONY: vuln
vuln: $(TOOLS)/govulncheck ## Look for known vulnerabilities in what we call.
	hack/vuln.sh $< ./...

.PHONY: verify-generated
verify-generated:
	hack/verify-generated.sh

.PHONY: verify-release
verify-release:
	hack/verify-release.sh

.PHONY: verify-modules
verify-modules:
	@for mod in $$(git ls-files --cached --others --exclude-standard '*go.mod'); do \
		echo "go mod tidy -diff in $$(dirname "$$mod")"; \
		(cd "$$(dirname "$$mod")" && go mod tidy -diff) || { echo "run go mod tidy there" >&2; exit 1; }; \
	done

.PHONY: verify-format
verify-format:
	@files=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	test -z "$$files" || { printf 'run gofmt -w on:\n%s\n' "$$files" >&2; exit 1; }

.PHONY: verify-sizes
verify-sizes:
	@large=$$(git ls-files --cached -z | xargs -0 stat -c '%s %n' | awk '$$1 > 1048576'); \
	test -z "$$large" || { printf 'larger than 1 MiB, as built programs are:\n%s\n' "$$large" >&2; exit 1; }

# Files

# each runs a command in every module of ours.
each = @for mod in $(MODULES); do echo "$(1) in $$mod"; (cd "$$mod" && $(1)) || exit 1; done

.PHONY: FORCE
# The Go build cache knows best what is up to date.
bin/manager bin/itwin-simulator bin/kubectl-itwin bin/demo: FORCE
	$(GO_BUILD) -o $@ ./cmd/$(@F)

# The release of which test/image runs the image.
bin/release: FORCE
	@PLUGIN_PLATFORMS= hack/release.sh $(REGISTRY) $@ >/dev/null

# Empties deleted namespaces and collects garbage, which a control plane of envtest does not.
bin/teardown-controllers: hack/controlplane/go.mod $(wildcard hack/controlplane/cmd/teardown-controllers/*.go)
	@go run ./hack/assets -build ./cmd/$(@F) -o $@ >/dev/null
	@touch $@

# An overlay, so that the image of a deployment changes no file that git knows.
define OVERLAY
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../config/default]
patches:
- target: {kind: Deployment}
  patch: '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "$(IMG)"}]'
endef
export OVERLAY

bin/deploy/kustomization.yaml: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$OVERLAY" >$@

$(TOOLS)/controller-gen: TOOL := hack/tools sigs.k8s.io/controller-tools/cmd/controller-gen
$(TOOLS)/govulncheck: TOOL := hack/tools golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/golangci-lint: TOOL := hack/tools/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/apilint: TOOL := hack/apilint .
$(TOOLS)/controller-gen $(TOOLS)/govulncheck: hack/tools/go.mod
$(TOOLS)/golangci-lint: hack/tools/golangci-lint/go.mod
$(TOOLS)/apilint: hack/apilint/go.mod hack/apilint/main.go
$(TOOLS)/%:
	@echo "building $(@F), once per version; that can take minutes"
	@cd $(word 1,$(TOOL)) && go build -trimpath -o $(CURDIR)/$@ $(word 2,$(TOOL))
	@touch $@
