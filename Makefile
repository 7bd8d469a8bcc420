# make demo   the station with a simulated reader and a Drive API of its own
# make test   everything a change must pass, run against the built wheel
# make deb    the Debian package for this machine
#
# Both install what a fresh Debian or Raspberry Pi OS lacks, and say what. .venv is for running tagsmith, .venv-test for
# proving it; neither knows the other.

PYTHON ?= python3
UV ?= uv
RUN := .venv
TEST := .venv-test
SOURCES := $(shell find src -not -name '*.pyc' -not -name __pycache__) pyproject.toml README.md LICENSE

# The short tests wait more than they work: on two cores four processes take half the time of two. What no part names
# is the last one.
SHORT = $(TEST)/bin/pytest -m "not long"
PART_1 := tests/tui tests/test_headless.py
PART_2 := tests/courier tests/drive tests/sandbox tests/station tests/doctor tests/bench
PART_3 := tests/readers tests/lines tests/scanners tests/setup tests/test_wires.py tests/test_pcsc_station.py
PART_4 := tests/journal
PARTS := $(PART_1) $(PART_2) $(PART_3) $(PART_4)

# The locks name everything, so nothing is resolved: Debian 12's pip takes a newer release for `name[extra]` than is pinned.
PIP_INSTALL := -m pip install --quiet --no-input --disable-pip-version-check
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# What is tested is what is installed, and nothing that happens to lie on a path.
unexport PYTHONPATH PYTHONHOME
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-long coverage generated bench setup lock clean deb system-demo system-test system-long system-deb

help:
	@echo "make demo        the station with a simulated reader and a Drive API of its own"
	@echo "make test        lint, types, import contracts and tests, against the built wheel"
	@echo "make test-long   the long proofs"
	@echo "make deb         the Debian package for this machine's suite and architecture, in build/"
	@echo "make coverage    which lines no short test reaches"
	@echo "make bench       what tagsmith costs, measured against bare programs"
	@echo "make setup       an editable installation with all tools in .venv, for work on the code"
	@echo "make generated   write the generated parts of docs/, and the udev rules, anew"
	@echo "make lock        write requirements/*.txt anew (UPGRADE=1: with the newest versions; needs uv)"
	@echo "make clean       remove what these made, except .venv"
	@echo "PYTHON=…         another Python than python3 (3.11 or newer)"

demo: $(RUN)/.installed
	$(RUN)/bin/tagsmith demo

# A bare machine has no locale but C; tmux then draws no block letters.
test test-long coverage bench: export LC_ALL := C.UTF-8

test: $(TEST)/.installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports --no-logo
	@echo '$(SHORT), in five parts at once'
	@$(SHORT) $(PART_1) >.part-1.log 2>&1 & one=$$!; \
	$(SHORT) $(PART_2) >.part-2.log 2>&1 & two=$$!; \
	$(SHORT) $(PART_3) >.part-3.log 2>&1 & three=$$!; \
	$(SHORT) $(PART_4) >.part-4.log 2>&1 & four=$$!; \
	$(SHORT) $(addprefix --ignore=,$(PARTS)); status=$$?; \
	for part in $$one $$two $$three $$four; do wait $$part || status=1; done; \
	cat .part-*.log; rm -f .part-*.log; \
	exit $$status

coverage: $(TEST)/.installed
	$(SHORT) --cov --cov-report=term

test-long: $(TEST)/.installed | system-long system-deb
	$(TEST)/bin/pytest -m long

# On the suite's own Python, whatever PYTHON is: the package depends on that one.
deb: | system-deb
	/usr/bin/python3 packaging/deb.py

generated: $(TEST)/.installed
	$(TEST)/bin/python docs/generate.py
	$(TEST)/bin/python docs/catalogue.py

bench: $(TEST)/.installed
	$(TEST)/bin/python benchmarks

setup: $(RUN)/.requirements requirements/test.txt requirements/hardware.txt | system-test
	@echo "Installing tagsmith, editable, with all tools into $(RUN)"
	$(RUN)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements/test.txt
	PATH="$(CURDIR)/$(RUN)/bin:$$PATH" $(RUN)/bin/python $(PIP_INSTALL) --no-deps --require-hashes --no-build-isolation -r requirements/hardware.txt
	$(RUN)/bin/python $(PIP_INSTALL) --no-deps --no-index --no-build-isolation --editable .

lock:
	$(UV) $(LOCK) $(if $(UPGRADE),--upgrade) --group dev pyproject.toml --output-file requirements/test.txt
	$(UV) $(LOCK) --constraint requirements/test.txt pyproject.toml --output-file requirements/base.txt
	$(UV) $(LOCK) --constraint requirements/test.txt --group build --output-file requirements/build.txt
	$(UV) $(LOCK) $(if $(UPGRADE),--upgrade) --constraint requirements/test.txt --extra all --extra gpio pyproject.toml --output-file requirements/hardware.txt

clean:
	rm -rf $(TEST) build dist .coverage .coverage.* .part-*.log .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -f $(RUN)/.installed

system-demo:
	@requirements/system demo "$(PYTHON)"

system-test:
	@requirements/system test "$(PYTHON)"

system-long:
	@requirements/system long "$(PYTHON)"

system-deb:
	@requirements/system deb /usr/bin/python3

$(RUN)/bin/python: | system-demo
	$(PYTHON) -m venv --clear $(RUN)

$(RUN)/.requirements: requirements/base.txt requirements/build.txt | $(RUN)/bin/python
	@echo "Installing what tagsmith needs to run into $(RUN)"
	$(RUN)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements/base.txt -r requirements/build.txt
	@touch $@

# An editable installation already runs the sources as they are: it is left alone.
$(RUN)/.installed: $(RUN)/.requirements $(SOURCES)
	@if $(RUN)/bin/python -c 'import sys, tagsmith; sys.exit("site-packages" in tagsmith.__file__)' 2>/dev/null; \
	then echo "$(RUN) holds an editable tagsmith"; \
	else set -x; $(RUN)/bin/python $(PIP_INSTALL) --force-reinstall --no-deps --no-index --no-build-isolation .; fi
	@touch $@

$(TEST)/bin/python: | system-test
	$(PYTHON) -m venv --clear $(TEST)

# Some hardware libraries are compiled here: with the build tools of the lock, so they come after them, without isolation.
$(TEST)/.requirements: requirements/test.txt requirements/hardware.txt | $(TEST)/bin/python
	@echo "Installing what the tests need into $(TEST)"
	$(TEST)/bin/python $(PIP_INSTALL) --no-deps --require-hashes -r requirements/test.txt
	PATH="$(CURDIR)/$(TEST)/bin:$$PATH" $(TEST)/bin/python $(PIP_INSTALL) --no-deps --require-hashes --no-build-isolation -r requirements/hardware.txt
	@touch $@

$(TEST)/.installed: $(TEST)/.requirements $(SOURCES)
	rm -rf dist
	$(TEST)/bin/python -m build --wheel --no-isolation --outdir dist
	$(TEST)/bin/python $(PIP_INSTALL) --force-reinstall --no-deps --no-index dist/*.whl
	@touch $@
