# Everything runs in .venv, which make builds from requirements.lock.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# the first of these that is 3.11 or newer is used
PYTHONS := python3 python3.13 python3.12 python3.11

# keep bytecode: without it each test process compiles everything again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: alerts chaos docs fuzz overload help install demo test check unit properties every-unit asyncapi integration format kills schemas lock broker-possible bench

help:
	@echo "make install       install everything into .venv; other targets do it as needed"
	@echo "make demo          run the engine for a minute: broker, stages, citizens, officers (REPORTS=file.csv imports real reports)"
	@echo "make test          check, unit with properties, asyncapi and integration: what CI runs"
	@echo "make check         lint, format, types, import directions, published schemas, wording"
	@echo "make unit          the quick tests, without a broker; a few fixed examples of each property"
	@echo "make properties    the long unit tests, and more examples of each property (PROFILE=deep: ten times as many)"
	@echo "make asyncapi      check schemas/ with AsyncAPI's parser and ajv, if node is installed"
	@echo "make integration   tests on a real Kafka (PROCESSES=2: less load on a slow machine)"
	@echo "make bench         measure throughput, latency and memory (BENCH=--small: quickly, BENCH=\"--only b --small\": one part)"
	@echo "make chaos         kill, freeze and move workers and brokers under load (SEED=1708 MINUTES=5 NODES=1 or 3)"
	@echo "make fuzz          send hostile records to each inward topic (SEED=1708 RECORDS=100000)"
	@echo "make overload      send ten times the capacity, while officers work (SECONDS=60)"
	@echo "make kills         kill the mirror at any moment, compare it row by row (TIMES=100)"
	@echo "make alerts        test the alert rules with promtool, if installed"
	@echo "make docs          write the command-line reference to build/docs/cli.md"
	@echo "make format        format the code"
	@echo "make schemas       generate schemas/ from the models"
	@echo "make lock          resolve the dependencies"

install: $(STAMP)

demo: $(STAMP) broker-possible
	@$(BIN)/alur demo $(if $(REPORTS),--reports "$(REPORTS)")

test: check every-unit asyncapi integration

check: $(STAMP) alerts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/alur schemas check
	$(BIN)/pytest --quiet tests/unit/project/test_wording.py

# the unit tests check the rules too, promtool their expressions
alerts:
	@if command -v amtool >/dev/null; then amtool check-config docs/deploy/prometheus/alertmanager.yml >/dev/null; fi
	@if command -v promtool >/dev/null; then \
	  cd docs/deploy/prometheus && promtool check config prometheus.yml && promtool test rules alerts_test.yml; \
	else \
	  echo "alerts: skipped, promtool is not installed (on Debian, apt-get install prometheus prometheus-alertmanager)"; \
	fi

# the wording is in `make check`
UNIT := $(BIN)/pytest --numprocesses 2 --dist worksteal -p no:logging --ignore tests/unit/project/test_wording.py \
  tests/unit tests/system/protocol
PROPERTIES := --hypothesis-profile $(or $(PROFILE),full)

unit: $(STAMP)
	$(UNIT) -m "not long"

properties: $(STAMP)
	$(UNIT) -m "hypothesis or long" $(PROPERTIES)

# both in one run, without the few examples of a property that has its many
every-unit: $(STAMP)
	$(UNIT) $(PROPERTIES)

asyncapi: $(STAMP)
	@$(BIN)/python -m tests.support.check_asyncapi $(VENV)/asyncapi

# in the order of the files: by number of tests, the longest files, with one test each, would run last; three at once on
# two cores, since they wait much: for deadlines, for the sessions of stages that were killed
integration: $(STAMP) broker-possible
	$(BIN)/python -m tests.support.with_broker \
	  $(BIN)/pytest --numprocesses $(or $(PROCESSES),3) --dist loadfile --no-loadscope-reorder --durations 20 tests/integration

# programs over whole stages
bench: $(STAMP) broker-possible
	@$(BIN)/python -m tests.benchmarks.bench $(BENCH)

chaos: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.chaos.chaos --seed $(or $(SEED),1708) --minutes $(or $(MINUTES),5) --nodes $(or $(NODES),1)

fuzz: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.fuzz --seed $(or $(SEED),1708) --records $(or $(RECORDS),100000)

overload: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.overload --seconds $(or $(SECONDS),60)

kills: $(STAMP) broker-possible
	TIMES=$(or $(TIMES),100) $(BIN)/pytest tests/integration/test_mirror.py -k whenever

docs: $(STAMP)
	@$(BIN)/python -m tests.support.cli_reference build/docs/cli.md
	@echo "wrote build/docs/cli.md"

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(STAMP)
	$(BIN)/alur schemas write

# fails in one line with what to install if no broker can be started
broker-possible: $(STAMP)
	@$(BIN)/python -m agents.local_broker

# names and versions only; the installing machine chooses the package index
lock: $(STAMP)
	@rm -rf $(VENV)/lock
	@$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,mirror,otel]'
	@{ echo "# Written by \`make lock\`; used as constraints by make and by the Dockerfile."; \
	  $(VENV)/lock/bin/pip list --disable-pip-version-check --format freeze --exclude alur --exclude pip --exclude setuptools; } > requirements.lock
	@rm -rf $(VENV)/lock
	@echo "requirements.lock: $$(grep -c == requirements.lock) packages"

$(STAMP): pyproject.toml requirements.lock
	@for python in $(PYTHONS); do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed: on Debian, apt-get install python3 python3-venv" >&2; exit 1
	@echo "installing alur and its dependencies into $(VENV): once, about a minute"
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev,mirror,otel]'
	@touch $@
