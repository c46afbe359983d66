# What a person or a build machine does with a checkout. Needs make (3.81 or newer) and Python 3.11+, nothing else:
# `.venv` is made on first use, from hash-locked files, with uv where it is on PATH and with venv + pip elsewhere.

VENV := .venv
BIN := $(VENV)/bin
# A stamp says "this lock is installed"; it lives inside the environment and goes away with it.
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
BENCH_READY := $(VENV)/.ready-bench
BUILD_INPUTS := requirements-build.lock pyproject.toml

export PYTHON
# Keeps a shell's own settings (an activated environment, say) away from the project's; and lets Python keep what
# it has compiled, without which every test process starts seconds later.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check words bench bench-million bench-due bench-filing bench-steady fire lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(RUN_READY) ## Run the whole product on this machine with a demo cast (options: ARGS="...")
	@$(BIN)/slamon demo $(ARGS)

# Three at once on two cores: some of them wait for processes they started.
test: $(DEV_READY) ## Run the tests, on two cores (a choice of them: ARGS="tests/domain -k pause")
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-slow: $(DEV_READY) ## Run the heavy tests that `make test` leaves out, one after another: each starts processes of its own
	@$(BIN)/python -m pytest -n 0 -m slow --timeout 600 $(ARGS)

check: $(DEV_READY) ## Lint, formatting, types, imports between rooms, the locks, the API's document
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/check_locks.py
	@$(BIN)/slamon openapi | $(BIN)/python .ci/check_openapi.py
	@if docker compose version >/dev/null 2>&1; then \
	  SLAMON_SECRET_KEY=x SLAMON_DATABASE_PASSWORD=x SLAMON_DATABASE_OWNER_PASSWORD=x docker compose config --quiet; fi

words: $(DEV_READY) ## Bring a language's file up to date with every sentence there is: ARGS=de
	@$(BIN)/python -m tests.wording.messages_of_slamon $(ARGS)

bench: $(BENCH_READY) ## Measure the calendar and the cycle (options: ARGS="...")
	@$(BIN)/python -m bench $(ARGS)

bench-million: $(BENCH_READY) ## Measure with a million requests on file; takes a while
	@$(BIN)/python -m bench.million $(ARGS)

bench-due: $(BENCH_READY) ## Measure from the due instant to the message, and how fast a backlog drains
	@$(BIN)/python -m bench.due $(ARGS)

bench-filing: $(BENCH_READY) ## Measure filing over HTTP against bare inserts
	@$(BIN)/python -m bench.filing $(ARGS)

bench-steady: $(BENCH_READY) ## Measure starting, stopping, idling and a soak with a million requests; takes half an hour
	@$(BIN)/python -m bench.steady $(ARGS)

fire: $(DEV_READY) ## Kill processes at random while 1,500 requests fall due, and count what is lost (options: ARGS="...")
	@$(BIN)/python -m bench.fire $(ARGS)

lock: ## Resolve pyproject.toml into the requirements*.lock files; needs uv (newer versions: ARGS=--upgrade)
	@$(LOCK)

clean: ## Remove .venv and everything the tools leave behind; never data in var/
	@rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -type d \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

# ---- the environment ----

$(RUN_READY): requirements.lock $(BUILD_INPUTS)
	@$(MAKE_VENV)
	@$(call INSTALL,requirements.lock)
	@touch $@

$(DEV_READY): requirements-dev.lock $(BUILD_INPUTS)
	@$(MAKE_VENV)
	@$(call INSTALL,requirements-dev.lock)
	@touch $@

$(BENCH_READY): requirements-bench.lock $(BUILD_INPUTS)
	@$(MAKE_VENV)
	@$(call INSTALL,requirements-bench.lock)
	@touch $@

IS_PYTHON := import sys; sys.exit(sys.version_info < (3, 11))
# Leaves a sound .venv alone, whoever made it; a broken one is made again.
define MAKE_VENV
if $(BIN)/python -c '$(IS_PYTHON)' 2>/dev/null \
    && { command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip --version >/dev/null 2>&1; }; then exit 0; fi; \
python=; no_venv=; \
for candidate in $$PYTHON python3.13 python3.12 python3.11 python3; do \
  "$$candidate" -c '$(IS_PYTHON)' >/dev/null 2>&1 || continue; \
  if ! command -v uv >/dev/null 2>&1 && ! "$$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
    no_venv="$${no_venv:-$$candidate}"; continue; \
  fi; \
  python="$$candidate"; break; \
done; \
if [ -z "$$python" ] && [ -n "$$no_venv" ]; then \
  echo "slamon: $$no_venv has no venv/ensurepip module, so no environment can be made." >&2; \
  echo "  Debian and Ubuntu: apt-get install python3-venv (or the one of that version, such as python3.12-venv)." >&2; \
  echo "  Or install uv, or name another Python: make PYTHON=/path/to/python3" >&2; exit 1; \
fi; \
if [ -z "$$python" ] && ! command -v uv >/dev/null 2>&1; then \
  echo "slamon: no Python 3.11 or newer found (tried: $$PYTHON python3.13 python3.12 python3.11 python3)." >&2; \
  echo "  Install one (apt-get install python3 python3-venv; brew install python@3.13)," >&2; \
  echo "  or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; \
fi; \
rm -rf $(VENV); \
if command -v uv >/dev/null 2>&1; then \
  echo "Making $(VENV) with uv ($${python:-a Python that uv fetches})"; \
  uv venv --quiet --python "$${python:-3.13}" $(VENV); \
else \
  echo "Making $(VENV) with $$python"; \
  "$$python" -m venv $(VENV); \
fi || { rm -rf $(VENV); echo "slamon: $(VENV) could not be made." >&2; exit 1; }
endef

# The last step builds slamon itself, editable, with the locked build tools: nothing unpinned is ever fetched.
define INSTALL
echo "Installing $(1) into $(VENV)"; \
if command -v uv >/dev/null 2>&1; then \
  set -- uv pip install --quiet --python $(BIN)/python; \
else \
  set -- $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input; \
fi; \
"$$@" --no-deps --require-hashes -r $(1) \
  && "$$@" --no-deps --require-hashes -r requirements-build.lock \
  && "$$@" --no-deps --no-build-isolation -e .
endef

# ---- the locks ----

# No addresses and no paths in the output. The widest set is resolved first and binds the others,
# so that every file names the same versions. `editables` is what hatchling asks for on an editable install.
UV = PATH="$$PATH:$(BIN)" uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links $(ARGS)
define LOCK
set -e; \
$(UV) --version >/dev/null 2>&1 || { echo "slamon: make lock needs uv" >&2; exit 1; }; \
$(COMPILE) pyproject.toml --extra demo --extra s3 --group dev --group bench -o requirements-bench.lock; \
$(COMPILE) pyproject.toml --extra demo --extra s3 --group dev -c requirements-bench.lock -o requirements-dev.lock; \
$(COMPILE) pyproject.toml --extra demo -c requirements-bench.lock -o requirements.lock; \
$(UV) run --quiet --no-project --python '>=3.11' python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "editables", sep="\n")' \
  | $(COMPILE) - -c requirements-bench.lock -o requirements-build.lock; \
if grep -n '://' requirements*.lock; then echo "slamon: a lock file holds an address" >&2; exit 1; fi
endef
