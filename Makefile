# `make run` fuses the shipped example; `make test` runs the tests. Each makes .venv and installs what it needs first.
# `make wheel` builds, checks and uses the wheel as users do; `make test-lowest` tests with the lowest versions of setup.cfg.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# files of tests are shared out among processes
PROCESSES ?= -n auto --maxprocesses 4 --dist loadfile

.PHONY: run run-dicom test check coverage fuzz docs wheel test-lowest niivue clean

run: $(VENV)/.run
	$(VENV)/bin/python -m monai.bundle run --config_file "['bundle/configs/inference.yaml','configs/mri_pet.yaml']" \
	  --dataset_dir bundle/example/sts_010 --output_dir output

run-dicom: $(VENV)/.run
	$(VENV)/bin/python -m monai.bundle run --config_file "['bundle/configs/inference.yaml','configs/mri_pet.yaml']" \
	  --dataset_dir bundle/example/dicom_sts_013 --output_dir output --output_format both

test: $(VENV)/.test
	$(VENV)/bin/python -m pytest $(PROCESSES)

check: $(VENV)/.dev
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/lint-imports setup.cfg --no-cache

# the lines that no test runs
coverage: $(VENV)/.dev
	$(VENV)/bin/python -m pytest --cov=monai_ddfm --cov-report=term-missing:skip-covered

# the readers against broken bytes, guided by coverage: FUZZ_SECONDS for each kind of file (Linux, CPython 3.11 to 3.13)
FUZZ_SECONDS ?= 300
fuzz: $(VENV)/.test
	$(PIP) atheris
	for target in nifti nifti_gz dicom dicomdir zip picture; do \
	  $(VENV)/bin/python -m tests.robustness.fuzz $$target --seconds $(FUZZ_SECONDS) || exit 1; done

# the documentation as a site, in site/; warnings are errors
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(VENV)/bin/mkdocs build --strict --quiet

wheel: $(VENV)/.dev
	rm -rf build dist
	$(VENV)/bin/python -m build --outdir dist .
	$(VENV)/bin/python -m twine check --strict dist/*
	PYTHON=$(PYTHON) .ci/wheel

# the report's viewer, fetched again from npm and verified by its checksum
niivue:
	$(PYTHON) .ci/niivue.py

test-lowest:
	PYTHON=$(PYTHON) PROCESSES="$(PROCESSES)" .ci/lowest

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python setup.cfg constraints.txt
	$(PIP) -e .
	touch $@

$(VENV)/.test: $(VENV)/bin/python setup.cfg constraints.txt
	$(PIP) -e ".[test]"
	touch $@

$(VENV)/.dev: $(VENV)/bin/python setup.cfg constraints.txt
	$(PIP) -e ".[test,dev]"
	touch $@

clean:
	rm -rf $(VENV) output build dist
