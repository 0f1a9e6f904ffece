# One target per habit. `make up` needs Python 3.11 or newer and nothing else.
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up demo test lint types format bench clean constraints migration

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

up: $(RUNTIME) ## Run everything on this machine; ARGS="--port 9000" passes options on
	@exec $(BIN)/twoway up $(if $(wildcard policy.yaml),--policy policy.yaml) $(ARGS)

demo: $(RUNTIME) ## Run it with made-up people on a clock on which an hour takes a second
	@exec $(BIN)/twoway up --demo $(ARGS)

# What failed beside two others is told once more by itself: a real fault fails again, and a test that only wants a quiet machine is named.
test: $(DEV) ## Run the tests, three at a time; ARGS="-k claim" passes options on
	$(BIN)/python -m pytest -n 3 $(ARGS) || { test $$? = 1 && echo "What failed is run again by itself." \
		&& $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS); }

lint: $(DEV) ## Look for mistakes, and for imports that point the wrong way
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(DEV) ## Check types
	$(BIN)/mypy

format: $(DEV) ## Lay the code out
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

bench: $(DEV) ## Measure; takes a few minutes
	$(BIN)/python -m bench $(ARGS)

migration: $(DEV) ## Write the next migration after a change of models/tables; m="what changes"
	$(BIN)/python -m local.migration "$(m)"

clean: ## Remove what was built; data stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# setuptools is pinned with the rest, because it installs the project itself
COMPILE = printf 'setuptools>=77\n' | $(BIN)/uv pip compile - pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make constraints' --quiet

constraints: $(DEV) ## Pin the newest dependencies that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --output-file constraints.txt
	$(COMPILE) --extra dev --constraint constraints.txt --output-file constraints-dev.txt

$(RUNTIME): constraints.txt pyproject.toml | $(BIN)/pip
	$(call install,constraints.txt)

$(DEV): constraints-dev.txt pyproject.toml | $(BIN)/pip
	$(call install,constraints-dev.txt)

define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q models workflows activities api local cli.py worker.py
	@touch $@
endef

$(BIN)/pip:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
		if command -v $$python >/dev/null && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
				echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; \
			fi; \
			exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo "Python 3.11 or newer is needed; python3 here is $$(python3 --version 2>&1 || true). Install it, or name it: make PYTHON=/path/to/python3"; exit 1
