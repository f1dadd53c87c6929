# Every target works on a fresh clone: `tools/bootstrap.py` brings what is missing, then says no more.
# ARGS goes to the program behind a target: make test ARGS="-k badge", make bench ARGS="--quick".

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
PYTHON := .venv/bin/python
# Tests start hundreds of Python processes. Where the environment says that none may keep what it
# compiled, each would compile the whole product anew.
export PYTHONDONTWRITEBYTECODE :=

# One worker more than there are processors, four at most: beyond that, each starts its own
# PostgreSQL for nothing. tests/distribution.py says what runs where.
PYTEST := $(PYTHON) -m pytest --hypothesis-profile=ci
PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadgroup
CODE := doorward edge controller tests tools bench

.PHONY: help demo test check bench sim dev format lint test-system test-endurance test-provision test-provision-full vectors reference docs release wiring card enclosure reading-limits lock clean ready-% diagrams

help: ## Print this list
	@if [ -t 1 ]; then on=$$(printf '\033[1m') off=$$(printf '\033[0m'); fi; \
	awk -v on="$$on" -v off="$$off" 'BEGIN { FS = ":.*## " } \
		/^[a-z-]+:.*## / { printf "  %s%-20s%s %s\n", on, $$1, off, $$2 }' Makefile

demo: ready-demo ## Run the product here: broker, controller and three simulated gateways
	@exec .venv/bin/doorward-controller demo $(ARGS)

test: ready-test ## Run every test, in parallel
	@$(PYTEST) $(PARALLEL) $(ARGS)

check: lint test ## Everything that must be green before a change is kept

bench: ready-test ## Measure: prints a table, writes JSON to var/bench/ (ARGS="--only NAME --quick")
	@$(PYTHON) -m bench $(ARGS)

sim: ready-test ## Play seeded histories of whole sites (ARGS="--seed 7", "--histories 500", "--faults")
	@$(PYTHON) -m tests.simulation $(ARGS)

dev: ready-test ## Get this checkout ready for work, with a hook that checks each commit
	@git config core.hooksPath tools/hooks
	@echo "Ready. Each commit is now checked for format and lint; 'make check' runs everything."

format: ready-lint ## Format the code and mend what ruff can mend
	@$(PYTHON) -m ruff format $(CODE)
	@$(PYTHON) -m ruff check --fix $(CODE)

lint: ready-lint ## Format, ruff, mypy, import contracts, spelling (all are run, then the verdict)
	@$(PYTHON) -m tools.lint

test-system: ready-test ## Only the tests that start real processes or a browser
	@$(PYTEST) -m "system or browser" $(ARGS)

test-endurance: ready-test ## The tests that take minutes each, as 200 rounds of kill -9
	@$(PYTEST) --endurance $(ARGS)

test-provision: ready-provision ## Boot Debian machines, set them up by the playbooks, scan (needs root)
	@$(PYTEST) -n0 -p no:randomly --provision tests/provision $(ARGS)

test-provision-full: ready-provision ## The same with everything that takes longer
	@$(PYTEST) -n0 -p no:randomly --provision --provision-full tests/provision $(ARGS)

vectors: ready-lint ## Write tests/vectors/ anew; git shows what changed
	@$(PYTHON) -m tools.make_vectors

reference: ready-lint ## Write docs/reference/ anew from the code that it describes
	@$(PYTHON) -m tools.make_reference

docs: ready-lint ## Build the documentation as pages into var/docs/site; a dead link or anchor fails
	@$(PYTHON) -m tools.make_site

release: ready-lint ## Build a release's files into dist/release/ (ARGS="--part gateway --platform cp311-aarch64")
	@$(PYTHON) -m tools.make_release $(ARGS)

wiring: ready-lint ## Draw the wiring of every build anew (needs Graphviz: apt install graphviz)
	@$(PYTHON) -m tools.draw_wiring $(ARGS)

diagrams: ready-test ## Draw the diagrams of docs/ anew (needs npm and Chromium)
	@$(PYTHON) -m tools.draw_diagrams $(ARGS)

card: ready-test ## Make the printed card of lamps and tones anew
	@$(PYTHON) -m tools.make_card $(ARGS)

enclosure: ready-lint ## Draw the printed head (needs OpenSCAD; ARGS="--stl FOLDER" for a printer)
	@$(PYTHON) -m tools.draw_enclosure $(ARGS)

reading-limits: ready-test ## Measure anew how small, blurred and moved a code may be (minutes)
	@$(PYTHON) -m tools.measure_reading

lock: ready-lint ## Lock the dependencies anew (ARGS="--upgrade" takes the newest)
	@$(PYTHON) -m tools.lock $(ARGS)

clean: ## Remove what the other targets made, environments included
	@rm -rf .venv .tools .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist build var
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

ready-%:
	@command -v python3 >/dev/null 2>&1 || { echo "python3 is missing: sudo apt-get install python3"; exit 1; }
	@python3 tools/bootstrap.py $*
