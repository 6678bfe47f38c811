# make run    set everything up and serve the app on http://127.0.0.1:8000 (PORT=8080 make run for another port)
# make test   set everything up and run the tests
# make check-model  gates, digests and reproduction of the releases, and a training on a few rows, end to end
# make bench  compare with other ways of serving the model; needs wrk, and installs the others under var/bench
# make bench  compare with other servers;  make bench-growth, bench-micro, bench-budget  what docs/performance.md tells of
# make faults  break what is around a real server (disk, database, processes, clients), and write docs/reliability.md; takes minutes
# make fuzz   send hostile requests to a real server for FUZZ_SECONDS=60, by FUZZ_SEED=1; docs/fuzzing.md
# make setup  set up alone;  make check  lint, types, import contracts, deployment checks;  make lock  renew the lock files

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export OMP_NUM_THREADS := 1

.PHONY: run test fuzz faults setup setup-dev check check-model lock format clean
.PHONY: bench bench-growth bench-micro bench-budget
.DEFAULT_GOAL := run

run: setup
	@PORT=$(PORT) deploy/run-local $(BIN)

test: setup-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)

faults: setup-dev
	$(BIN)/python -m scripts.faults $(FAULTS)

fuzz: setup-dev
	$(BIN)/python -m scripts.fuzz

check: setup-dev
	deploy/check $(BIN)

check-model: setup-dev
	deploy/check-model $(BIN)

bench: setup
	$(BIN)/python benchmarks/compare_servers.py $(BENCH_ARGS)

setup: $(VENV)/installed

setup-dev: $(VENV)/installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one by PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements-train.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-train.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
lock: setup-dev
	$(BIN)/$(COMPILE) --extra web -o requirements.lock
	$(BIN)/$(COMPILE) -c requirements.lock -o requirements-base.lock
	$(BIN)/$(COMPILE) --extra web --extra train -c requirements.lock -o requirements-train.lock
	$(BIN)/$(COMPILE) --all-extras --group dev -c requirements.lock -o requirements-dev.lock

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-growth: setup-dev
	$(BIN)/python -m benchmarks.growth $(BENCH_ARGS)

bench-micro: setup-dev
	$(BIN)/python -m pytest benchmarks/test_micro.py --ds benchmarks.settings -p no:xdist -p no:randomly \
		--benchmark-columns=min,median,iqr,rounds --benchmark-time-unit=ms $(BENCH_ARGS)

bench-budget: setup-dev
	$(BIN)/python -m pytest --quiet benchmarks/test_budget.py --ds benchmarks.settings -p no:xdist -p no:randomly
	$(BIN)/python -m benchmarks.budget $(BENCH_ARGS)

clean:
	rm -rf $(VENV) var staticfiles
