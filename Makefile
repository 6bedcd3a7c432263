# Two commands to know: `make demo` and `make test`. The rest is for those who stay.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= local
ARGS ?=
SEEDS ?= 1000

.PHONY: demo test faults simulate month bench results table check up down format lock schemas clean

demo: $(VENV)/ready           ## Route 200 fictional referrals through the real services and show it; and four stories by name.
	$(BIN)/python -m deploy.demo $(ARGS)

test: $(VENV)/ready           ## The whole suite; starts the Kafka and MongoDB it needs. ARGS= goes to pytest.
	STACK=$(STACK) $(BIN)/python -m pytest $(ARGS)

faults: $(VENV)/ready         ## Kill, freeze and cut off everything, a hundred kills and more, and check what is left (about twenty minutes).
	FAULTS=full STACK=local $(BIN)/python -m pytest tests/faults -s --show-capture=no $(ARGS)

simulate: $(VENV)/ready       ## The whole system on twins under random faults, SEEDS= times (1000).
	$(BIN)/python -m tests.simulation $(SEEDS)

bench: $(VENV)/ready          ## Speed against a baseline of the same run; writes build/bench.json. ONLY=step|growth|flow|match
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

results: $(VENV)/ready        ## Put what simulate, faults and bench last found into README.
	$(BIN)/python -m tests.tools.readme_results
	$(BIN)/python -m tests.tools.readme_front

month: $(VENV)/ready          ## A simulated month at the field's acceptance rates: loop-closure, times to answer, re-routes. ARGS=300
	$(BIN)/python -m tests.simulation.month $(ARGS)

table: $(VENV)/ready          ## Write state × event → state into README, as the code has it.
	$(BIN)/python -m tests.tools.readme_states

check: $(VENV)/ready          ## Lint, types and architecture rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

up: $(VENV)/ready             ## Start the stack and the four services, and leave them running.
	$(BIN)/python -m deploy.local up

down: $(VENV)/ready           ## Stop what `make up` started.
	$(BIN)/python -m deploy.local down

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: picture
picture: $(VENV)/ready        ## Draw the picture in README again: run the demo and write deploy/demo/demo.svg.
	$(BIN)/python -m deploy.demo --svg deploy/demo/demo.svg $(ARGS)

schemas: $(VENV)/ready        ## Write the JSON Schemas of all messages and the AsyncAPI document to contracts/schemas.
	$(BIN)/python -m contracts.schemas

lock:                         ## Resolve pyproject.toml anew into requirements.lock (needs uv).
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

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
