# Everything runs in .venv, which make builds from requirements.lock: nothing has to be installed or activated by hand.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# the first of these that is 3.11 or newer; `python3` first, since that is what people expect to be used
PYTHONS := python3 python3.13 python3.12 python3.11

# bytecode is kept, whatever the environment says: without it each test process compiles everything anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: alerts chaos docs fuzz overload help install demo test check unit properties asyncapi integration format schemas lock broker-possible bench

help:
	@echo "make install       all that is needed into .venv; any other target does it by itself"
	@echo "make demo          the whole engine for about a minute: broker, stages, citizens, officers (REPORTS=file.csv takes real reports)"
	@echo "make test          check, unit, properties and integration: what CI runs"
	@echo "make check         lint, format, types, import directions, published schemas, wording"
	@echo "make unit          the tests that need no broker; of each property a few examples, always the same"
	@echo "make properties    the properties with more examples, others at each run (PROFILE=deep for ten times as many)"
	@echo "make asyncapi      AsyncAPI's own parser and ajv on schemas/, where there is node"
	@echo "make integration   the tests on a real Kafka"
	@echo "make bench         what the engine carries, as figures (BENCH=--small for a quick look, BENCH=\"--only b --small\" for a part)"
	@echo "make chaos         workers and broker killed, frozen and moved under load (SEED=1708 MINUTES=5 NODES=1 or 3)"
	@echo "make fuzz          hostile records on each inward topic (SEED=1708 RECORDS=100000)"
	@echo "make overload      ten times the reports that it carries, while officers go on (SECONDS=60)"
	@echo "make alerts        the alert rules, by Prometheus' own promtool if there is one"
	@echo "make docs          write the command-line reference to build/docs/cli.md"
	@echo "make format        put the code into its form"
	@echo "make schemas       write schemas/ anew from the models"
	@echo "make lock          resolve the dependencies anew"

install: $(STAMP)

demo: $(STAMP) broker-possible
	@$(BIN)/alur demo $(if $(REPORTS),--reports "$(REPORTS)")

test: check unit properties asyncapi integration

check: $(STAMP) alerts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/alur schemas check
	$(BIN)/pytest --quiet tests/unit/project/test_wording.py

# the unit tests look at the rules too; only promtool knows the language in which they are written
alerts:
	@if command -v promtool >/dev/null; then \
	  cd docs/deploy/prometheus && promtool check config prometheus.yml && promtool test rules alerts_test.yml; \
	else \
	  echo "alerts: not tried, for want of promtool (on Debian, apt-get install prometheus)"; \
	fi

unit: $(STAMP)
	$(BIN)/pytest --numprocesses 2 --dist worksteal -p no:logging -m "not long" tests/unit tests/system/protocol

properties: $(STAMP)
	$(BIN)/pytest --numprocesses 2 --dist worksteal -p no:logging -m "hypothesis or long" \
	  --hypothesis-profile $(or $(PROFILE),full) tests/unit tests/system/protocol

asyncapi: $(STAMP)
	@$(BIN)/python -m tests.support.check_asyncapi $(VENV)/asyncapi

# in the order of the files: by their number of tests, the longest would come last, since they are one test each
integration: $(STAMP) broker-possible
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/integration

# the programs over whole stages share how these are started and watched
bench: $(STAMP) broker-possible
	@$(BIN)/python -m tests.benchmarks.bench $(BENCH)

chaos: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.chaos.chaos --seed $(or $(SEED),1708) --minutes $(or $(MINUTES),5) --nodes $(or $(NODES),1)

fuzz: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.fuzz --seed $(or $(SEED),1708) --records $(or $(RECORDS),100000)

overload: $(STAMP) broker-possible
	@$(BIN)/python -m tests.system.overload --seconds $(or $(SECONDS),60)

docs: $(STAMP)
	@$(BIN)/python -m agents.cli.reference build/docs/cli.md
	@echo "wrote build/docs/cli.md"

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(STAMP)
	$(BIN)/alur schemas write

# says in one line what to install where there is no way to have a broker
broker-possible: $(STAMP)
	@$(BIN)/python -m agents.local_broker

# names and versions only: where packages come from is the business of whoever installs them
lock: $(STAMP)
	@rm -rf $(VENV)/lock
	@$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,otel]'
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
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev,otel]'
	@touch $@
