# Set-up happens on its own: every target needs the virtual environment, and pip fills it once.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: serve test lint types check pages conformance bench clean

serve: .venv/installed
	$(BIN)/chiptrail serve

test: .venv/installed
	$(BIN)/pytest --numprocesses 2 --dist loadfile

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/installed
	$(BIN)/mypy

check: lint types test

# The W3C's suites over HTTP, as a table. They lie beside the project (../shared/w3c) or nowhere.
conformance: .venv/installed
	$(BIN)/python -m tests.conformance

# The service beside other servers: tables, and what they say about the aims, in some ten minutes.
# For the docs, on an idle machine: make bench BENCH='--write docs/benchmarks.md', and
# BENCH='--triples 100000 --write docs/benchmarks-100k.md'.
bench: .venv/installed
	$(BIN)/python -m benchmarks.serving $(BENCH)

# The answers on the question pages are computed; this writes them anew.
pages: .venv/installed
	$(BIN)/python examples/queries/render.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv store build dist
