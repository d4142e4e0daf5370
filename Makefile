# Two commands are enough: `make run` and `make test`.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: run test lint format bench soak install install-dev clean

run: install
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: lint
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not soak"

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each benchmark prints its own ratios; see the top of each file for its options.
bench: install-dev
	PYTHONPATH=. $(BIN)/python -m tests.benchmarks

soak: install-dev
	$(BIN)/pytest -n 2 -rP -m soak --timeout 3600 tests/soak

install: .venv/installed

install-dev: .venv/installed-dev

.venv/installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed. Received: " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache
