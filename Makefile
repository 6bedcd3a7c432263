# The two commands to know are `make demo` and `make test`; `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= local
ARGS ?=
SEEDS ?= 1000

.PHONY: help demo test test-fast faults simulate bench results month table check up down format schemas lock clean

help:                         ## List every target with what it does.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/ready           ## Route 200 fictional referrals through the real services and show them, with four stories.
	$(BIN)/python -m deploy.demo $(ARGS)

# First the tests without servers, each on any core; then the others by folder, each folder with servers of its own.
# pytest ends with 5 where ARGS selects no test of one half.
test: $(VENV)/ready           ## The whole suite; starts the Kafka and MongoDB it needs. ARGS= goes to pytest.
	@$(BIN)/python -m pytest -m "not servers" -n auto --dist worksteal $(ARGS); without=$$?; \
	STACK=$(STACK) $(BIN)/python -m pytest -m servers -n auto --dist loadgroup $(ARGS); with=$$?; \
	case "$$without $$with" in "0 0" | "0 5" | "5 0") ;; *) exit 1 ;; esac

test-fast: $(VENV)/ready      ## The tests that need no servers, with few simulated seeds, on all cores; in a minute and a half.
	SEEDS=10 $(BIN)/python -m pytest -m "not servers and not slow" -n auto --dist worksteal $(ARGS)

faults: $(VENV)/ready         ## Kill, freeze and cut off every service and server, and check that nothing is lost (some twenty minutes).
	FAULTS=full STACK=local $(BIN)/python -m pytest tests/faults -s --show-capture=no $(ARGS)

simulate: $(VENV)/ready       ## Run the whole system in memory under random faults, SEEDS= times (1000).
	$(BIN)/python -m tests.simulation $(SEEDS)

bench: $(VENV)/ready          ## Measure speed against a baseline of the same run, into build/bench.json. ONLY=step|growth|flow|match
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

results: $(VENV)/ready        ## Write the last results of simulate, faults and bench into README.
	$(BIN)/python -m tests.tools.readme_results
	$(BIN)/python -m tests.tools.readme_front

month: $(VENV)/ready          ## Simulate a month at the field's acceptance rates: loop closure, times to answer, re-routes. ARGS=300
	$(BIN)/python -m tests.simulation.month $(ARGS)

table: $(VENV)/ready          ## Write the table of states and events from the code into README.
	$(BIN)/python -m tests.tools.readme_states

check: $(VENV)/ready          ## Check style, types and architecture rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

up: $(VENV)/ready             ## Start Kafka, MongoDB and the four services, and leave them running.
	$(BIN)/python -m deploy.local up

down: $(VENV)/ready           ## Stop what `make up` started.
	$(BIN)/python -m deploy.local down

format: $(VENV)/ready         ## Format the code and fix what the linter can.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: picture
picture: $(VENV)/ready        ## Draw the picture in README again: run the demo and write deploy/demo/demo.svg.
	$(BIN)/python -m deploy.demo --svg deploy/demo/demo.svg $(ARGS)

schemas: $(VENV)/ready        ## Write the JSON Schemas of all messages and the AsyncAPI document to contracts/schemas.
	$(BIN)/python -m contracts.schemas

lock:                         ## Resolve pyproject.toml again into the requirements.lock files (needs uv).
	uv pip compile --generate-hashes --universal --no-emit-index-url --extra console --extra tracing --extra local --extra analyst --extra dev \
	  --custom-compile-command "make lock" -q pyproject.toml -o requirements.lock
	uv pip compile --generate-hashes --universal --no-emit-index-url --constraint requirements.lock --no-annotate --extra tracing \
	  --custom-compile-command "make lock" -q pyproject.toml -o deploy/docker/requirements.lock
	uv pip compile --generate-hashes --universal --no-emit-index-url --constraint requirements.lock --no-annotate --extra console \
	  --custom-compile-command "make lock" -q pyproject.toml -o deploy/docker/operator.lock

$(VENV)/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which one with: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

clean:                        ## Remove the virtual environment, build results and caches.
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
