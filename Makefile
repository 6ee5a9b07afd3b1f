# make run   start the service with everything embedded and print where to look
# make test  checks, then all tests (the browser tests skip where Chromium is missing)
# make bench [NAME=engine]   measure
# make chaos                 the long fault runs, about two hours: an evening's work for a machine that does nothing else. The counts
#                            stand in docs/reliability.md; fewer of them: make chaos KILLS=200 TROUBLES=150, one of them: ARGS="-k redis"
# make points                learn the points of the danger lexicon again, after its words or examples have changed

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# The tests start the program dozens of times: it is compiled once, also where the environment says to keep nothing.
unexport PYTHONDONTWRITEBYTECODE

# Two at a time: the types take as long as all the others together.
CHECKS := types style imports content

.PHONY: run test check $(CHECKS) compiled bench chaos points clean

run: $(STAMP)
	@$(PY) -m bot serve

test: $(STAMP)
	@$(MAKE) --no-print-directory -j 2 $(CHECKS) compiled
	$(PY) -m pytest -n 4 --dist worksteal --ignore tests/browser --ignore tests/chaos $(ARGS)
	$(PY) -m pytest -n 2 --dist load tests/chaos $(ARGS)
	$(PY) -m pytest -n 2 --dist loadfile tests/browser $(ARGS)

check: $(STAMP)
	@$(MAKE) --no-print-directory -j 2 $(CHECKS)

style: $(STAMP)
	$(VENV)/bin/ruff check bot storage handlers flows tests
	$(VENV)/bin/ruff format --check bot storage handlers flows tests

types: $(STAMP)
	$(VENV)/bin/mypy

imports: $(STAMP)
	$(VENV)/bin/lint-imports

content: $(STAMP)
	$(PY) -W error -m bot flows check

# Once, beside the checks, instead of once in each of the four processes; whatever is wrong is said by the run itself.
compiled: $(STAMP)
	@$(PY) -m pytest --collect-only -qq >/dev/null 2>&1 || true

bench: $(STAMP)
	$(PY) -m tests.benchmarks $(NAME)

chaos: $(STAMP)
	@echo "The long fault runs: about two hours on an idle machine of two cores; figures and the time of each at the end, also after Ctrl-C."
	CHAOS=full $(PY) -m pytest --durations 0 --durations-min 5 tests/chaos tests/contract/test_hostile.py tests/property/test_walks.py $(ARGS)

points: $(STAMP)
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[train]'
	$(PY) tests/benchmarks/learn_points.py $(OUT)
	$(PY) -m bot triage --report --lang en

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: $(PYTHON) is older (set PYTHON=…)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv), then run make again"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[test]' || { echo "Installation failed: pip could not reach a package index (see above), then run make again"; exit 2; }
	@touch $(STAMP)

clean:
	rm -rf $(VENV) var *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
