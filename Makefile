# `make help` lists the targets. Two set everything up by themselves: `make demo` and `make test`.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
# Where pip looks for torch; empty means pip's own configuration (`make TORCH_INDEX=URL demo` names another index).
TORCH_INDEX ?=
TORCH := torch==2.13.0
UV_VERSION := 0.13.8

STATE := .trainyard
ENVS := $(STATE)/envs
STAMPS := $(STATE)/stamps
PIP := $(STATE)/uv/bin/pip
UV := $(STATE)/uv/bin/uv
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export UV_CACHE_DIR ?= $(CURDIR)/$(STATE)/cache/uv
# As pip does: behind a proxy of a company its own authority is known to the system alone.
export UV_SYSTEM_CERTS ?= true
export NODE_USE_SYSTEM_CA ?= 1
export AWS_EC2_METADATA_DISABLED := true
# Without bytecode caches every process of this project starts three times slower.
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PYTHONPATH

# $(call environment,FOLDER,LOCKS): a Python environment with exactly what the locks name.
environment = echo "setup: $(1)"; test -x $(1)/bin/python || $(UV) venv -q --python $(PYTHON) $(1); \
	$(UV) pip install -q --python $(1)/bin/python --require-hashes --no-deps $(2:%=-r requirements/%.txt)
# tests/conftest.py says which tests share a process, and in which order they come. Three on two cores: many wait.
PYTEST := pytest -n 3 --dist loadfile --no-loadscope-reorder --tb=short --durations=40 --durations-min=5
# torch is no part of a lock: a CPU build has another name on every index.
torch = $(PIP) --python $(1)/bin/python install -qq $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMPS)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Trainyard needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": name another with PYTHON=/path/to/python3.11")'
	@command -v npm >/dev/null || { echo "Trainyard needs Node.js with npm: the CDK CLI is an npm package" >&2; exit 1; }
	@echo "setup: uv $(UV_VERSION)"
	@mkdir -p $(STAMPS) && $(PYTHON) -m venv $(STATE)/uv && $(PIP) install -qq uv==$(UV_VERSION)
	@touch $@

$(STAMPS)/node: package-lock.json $(STAMPS)/uv
	@echo "setup: CDK CLI" && npm ci --loglevel=error --no-audit --no-fund >/dev/null && touch $@

$(STAMPS)/operator: requirements/operator.txt $(STAMPS)/uv
	@$(call environment,.venv,operator)
	@$(UV) pip install -q --python .venv/bin/python --no-deps -e . && touch $@

$(STAMPS)/cloud: requirements/cloud.txt $(STAMPS)/uv
	@$(call environment,$(ENVS)/cloud,cloud) && touch $@

$(STAMPS)/training: requirements/training.txt $(STAMPS)/uv
	@$(call environment,$(ENVS)/training,training) && $(call torch,$(ENVS)/training) && touch $@

$(STAMPS)/triton: requirements/triton.txt $(STAMPS)/uv
	@$(call environment,$(ENVS)/triton,triton) && touch $@

$(STAMPS)/lmi: requirements/lmi.txt $(STAMPS)/uv
	@$(call environment,$(ENVS)/lmi,lmi) && $(call torch,$(ENVS)/lmi) && touch $@

# A machine without apt has no Slurm: the tests say so and skip.
$(STAMPS)/slurm: trainyard/local/clusters/slurm_packages.py $(STAMPS)/operator
	@if command -v apt-get >/dev/null; then \
	echo "setup: Slurm" && .venv/bin/python -m trainyard.local.clusters.slurm_packages $(STATE)/slurm && touch $@; \
	else echo "setup: no Slurm, as there is no apt-get" >&2; fi

$(STAMPS)/prometheus: tests/prometheus_programs.py $(STAMPS)/operator
	@if command -v apt-get >/dev/null; then \
	echo "setup: Prometheus" && .venv/bin/python tests/prometheus_programs.py $(STATE)/prometheus && touch $@; \
	else echo "setup: no Prometheus, as there is no apt-get" >&2; fi

$(STAMPS)/browser: tests/browser_program.py $(STAMPS)/operator
	@if command -v apt-get >/dev/null; then \
	echo "setup: browser" && .venv/bin/python tests/browser_program.py $(STATE)/browser && touch $@; \
	else echo "setup: no browser, as there is no apt-get" >&2; fi

$(STAMPS)/test: requirements/test.txt requirements/sdk.txt $(STAMPS)/operator
	@$(call environment,.venv,test sdk) && $(call torch,.venv) && touch $@

.PHONY: setup setup-deploy setup-test
setup: $(addprefix $(STAMPS)/,node operator cloud training triton) ## What `make demo` needs
setup-deploy: $(addprefix $(STAMPS)/,node operator) ## What a deployment needs: the CDK CLI and `trainyard`
setup-test: setup $(STAMPS)/test ## What `make check` and `make test` need

.PHONY: demo
demo: setup ## The main job: deploy, train on two hosts, survive a reclaim, register, serve, report
	@.venv/bin/python -m trainyard.demo

.PHONY: check lint types fast-tests synth static
# Their tests read what `synth`, which comes first, wrote.
check test: export TRAINYARD_TESTS_SYNTHESISED := $(CURDIR)/cdk.out
check: static fast-tests ## The gate of a commit: style, layers, types, fast tests, synth with its rules

# CDK computes on one core, and only while it synthesises.
static: setup-test
	@$(MAKE) -j2 --output-sync=target lint types synth

lint: setup-test
	@ruff check . && ruff format --check . && lint-imports

types: setup-test
	@mypy -n 2

fast-tests: setup-test
	@$(PYTEST) -m 'not slow and not e2e'

synth: setup-test ## Synthesise every environment with cdk-nag, CDK's validation and cfn-lint; no credentials
	@rm -rf cdk.out && cdk synth --quiet --strict --no-notices
	@find cdk.out -name '*.template.json' -print0 | xargs -0 -P 2 -n 25 cfn-lint --non-zero-exit-code error --

.PHONY: test
test: static ## Everything: the gate and the whole suite
	@$(PYTEST)

.PHONY: explore
explore: setup-test ## Every property of the tests with other examples each time
	@$(PYTEST) -m hypothesis --hypothesis-profile=explore

.PHONY: bench-synth
bench-synth: setup-test ## Synth time, as ratios to an empty stack and per resource
	@python -m benchmarks.synth

.PHONY: bench-checkpoint
bench-checkpoint: setup-test ## Checkpoints on this CPU: stall, dip, commit, recovery, beside torch's own ways to save
	@python -m benchmarks.checkpoint && python -m benchmarks.checkpoint_memory

.PHONY: bench-loader
bench-loader: setup-test ## Loading on this CPU: tokens and images from files and streamed, beside plain loops
	@python -m benchmarks.loader

.PHONY: bench-strategies
bench-strategies: setup-test ## What each strategy's step costs on this CPU, beside DDP's
	@python -m benchmarks.strategies

.PHONY: bench-serving
bench-serving: setup-test ## Triton beside the bare engine and FastAPI; what SageMaker's layer and many models cost
	@python -m benchmarks.serving && python -m benchmarks.serving_cpu && python -m benchmarks.serving_layer && python -m benchmarks.serving_many

.PHONY: bench-exports
bench-exports: setup-test ## Exported graphs beside their models, 8-bit weights beside the graphs: accuracy and time
	@python -m benchmarks.exports

.PHONY: equality
equality: setup-test ## Every strategy trains the same as one rank: a table, and failure where one differs
	@python -m benchmarks.equality

.PHONY: bench-gpu
bench-gpu: ## Llama on one GPU beside the Hugging Face Trainer and a plain loop; needs PyTorch and no network
	@$(PYTHON) -m benchmarks.gpu $(ARGS)

.PHONY: lmi
lmi: setup-test $(STAMPS)/lmi ## A real vLLM on this CPU behind an endpoint of the embedded cloud; sets up 3 GB
	@install -m 755 images/lmi/serve.py $(ENVS)/lmi/bin/serve
	@TRAINYARD_LMI=1 pytest -m lmi tests

.PHONY: prometheus
prometheus: $(STAMPS)/prometheus ## Prometheus, promtool and node_exporter for tests of alerts and pages (34 MB, apt)

.PHONY: browser
browser: $(STAMPS)/browser ## A headless Chromium for tests of pages, where the machine has none (65 to 160 MB, apt)

.PHONY: slurm test-slurm bench-slurm
slurm: $(STAMPS)/slurm ## Slurm, MUNGE and MariaDB from the distribution's packages, unpacked for nodes alone (23 MB, apt)

test-slurm: setup-test slurm ## A real Slurm on four nodes of namespaces: train, lose a node, resume; needs root
	@TRAINYARD_SLURM_RUN=1 pytest -m slurm -rs --durations=5 tests/cluster_code tests/trainyard/local/clusters

bench-slurm: setup-test slurm ## Seconds from a lost node to the requeue and the first new step; needs root
	@python -m benchmarks.slurm_requeue

.PHONY: soak
soak: setup-test ## Minutes of load: fifty models where ten fit, on a real Triton, and a worker killed under it
	@TRAINYARD_SOAK=1 pytest -m soak -s tests

.PHONY: clean
clean: ## Stop the embedded cloud and remove everything that is not in git
	@if test -x .venv/bin/trainyard; then .venv/bin/trainyard local reset --yes; fi
	@git clean -fdXq

.PHONY: lock
lock: $(STAMPS)/uv ## Write requirements/*.txt again from pyproject.toml
	@compile() { $(UV) pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header --generate-hashes "$$@"; }; \
	compile pyproject.toml --extra operator --group node --group guardrails --group runbooks --group dev --group training -o requirements/test.txt; \
	compile --group sdk -c requirements/test.txt -o requirements/sdk.txt; \
	compile pyproject.toml --extra operator --group node --group guardrails --group runbooks -c requirements/test.txt -o requirements/operator.txt; \
	compile --group training -c requirements/test.txt -o requirements/training.txt; \
	compile --group cloud -o requirements/cloud.txt; \
	compile --group triton -o requirements/triton.txt; \
	compile --group lmi -o requirements/lmi.txt
