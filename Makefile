# From a bare Python 3.11 to 3.13; each target makes the virtual environment that it needs.

PYTHON ?= python3
RUN := .venvs/run
DEV := .venvs/dev
DEV_EXTRAS := av,browser,dev,docs,eval,mosei,opensmile,postgresql,serve,train
LOWEST := .venvs/lowest
PYTEST_OPTIONS ?=
MUTATED ?= runtime
MUTANTS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-all test-lowest mutants lint format bench docs constraints clean

help:
	@echo "make demo         analyse the example call and say where its page is (no PyTorch)"
	@echo "make test         run the tests, but for the slow ones"
	@echo "make test-all     run every test"
	@echo "make test-lowest  run the tests with the lowest versions that pyproject.toml allows"
	@echo "make mutants      plant faults in a package and see which the tests miss (hours)"
	@echo "make lint         check style, types and the order of imports"
	@echo "make format       mend what can be mended of the style"
	@echo "make bench        print the figures of docs/benchmarks.md that need no corpora"
	@echo "make docs         build the documentation into site/"
	@echo "make constraints  pin the newest versions of everything in constraints.txt"
	@echo "make clean        remove the virtual environments and all that was built"

demo: $(RUN)/ready
	$(RUN)/bin/tonfall analyze examples/call.wav --output out/demo --format json,csv --plot png,html
	@echo "The page: out/demo/call.html (open it in a browser)"
	@echo "Now for your own recordings: . $(RUN)/bin/activate; tonfall analyze RECORDING"

# A file's tests stay together, in as many processes as there are cores, four at most: each takes
# a gigabyte and a half.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

test: $(DEV)/ready
	$(DEV)/bin/python -m pytest -m "not slow" $(PARALLEL) $(PYTEST_OPTIONS)

test-all: $(DEV)/ready
	$(DEV)/bin/python -m pytest $(PYTEST_OPTIONS)

# Old libraries warn of newer ones below them; what they warn of is not ours to mend.
test-lowest: $(LOWEST)/ready
	$(LOWEST)/bin/python -m pytest -m "not slow" $(PYTEST_OPTIONS) \
		-W default::DeprecationWarning -W default::FutureWarning -W default::PendingDeprecationWarning

# One package at a time; in the environment of the tests and a tool that they do not need.
mutants: .venvs/mutants/ready
	$(PYTHON) .ci/mutants.py $(MUTATED) .venvs/mutants/bin/mutmut $(MUTANTS)

lint: $(DEV)/ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-logo

format: $(DEV)/ready
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

bench: $(DEV)/ready
	$(DEV)/bin/python -m benchmarks.startup
	$(DEV)/bin/python -m benchmarks.speed
	$(DEV)/bin/python -m benchmarks.vad speed

docs: $(DEV)/ready
	NO_MKDOCS_2_WARNING=1 $(DEV)/bin/mkdocs build --strict --quiet
	@echo "The documentation: site/index.html (open it in a browser)"

# torch stays at its pin until someone raises it by hand: its newest wheel may bring gigabytes.
constraints:
	$(PYTHON) -m venv --clear .venvs/resolve
	grep '^torch==' constraints.txt > .venvs/torch.txt
	.venvs/resolve/bin/python -m pip install -qq --upgrade pip
	.venvs/resolve/bin/python -m pip install -qq --dry-run --report .venvs/resolution.json \
		--constraint .venvs/torch.txt --editable '.[$(DEV_EXTRAS)]'
	$(PYTHON) .ci/constraints.py < .venvs/resolution.json > .venvs/constraints.txt
	mv .venvs/constraints.txt constraints.txt

clean:
	rm -rf .venvs site dist out/demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A file named "ready" marks an environment that is complete; it is made anew when the pins change.
define environment
@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	found=`command -v $(PYTHON) >/dev/null && $(PYTHON) --version 2>&1 || echo missing`; \
	echo "Tonfall needs Python 3.11 to 3.13, but $(PYTHON) is $$found:" \
		"name another, for instance: make test PYTHON=python3.12" >&2; exit 1; }
@echo "Setting up $(@D) (once; $(if $(filter $(RUN),$(@D)),a minute or more,3 GB and many minutes: PyTorch is among it)) ..."
@$(PYTHON) -m venv $(@D)
@$(@D)/bin/python -m pip install -qq --constraint $(2) --editable $(1)
@touch $@
endef

$(RUN)/ready: pyproject.toml constraints.txt
	$(call environment,.,constraints.txt)

$(DEV)/ready: pyproject.toml constraints.txt
	$(call environment,'.[$(DEV_EXTRAS)]',constraints.txt)

$(LOWEST)/ready: pyproject.toml .ci/lowest.py
	@mkdir -p .venvs
	@$(PYTHON) .ci/lowest.py < pyproject.toml > .venvs/lowest.txt
	$(call environment,'.[$(DEV_EXTRAS)]',.venvs/lowest.txt)

.venvs/mutants/ready: pyproject.toml constraints.txt
	$(call environment,'.[$(DEV_EXTRAS)]' mutmut==3.8.1,constraints.txt)
