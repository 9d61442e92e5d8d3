# Two commands for a newcomer: `make demo` and `make test`. Needs Python 3.11 or later, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types setup clean equivalence bench

demo: $(BIN)/.installed
	$(BIN)/duckcli backtest run --results results
	@echo "Look around: $(BIN)/duckcli backtest list, $(BIN)/duckcli data list, or open results/catalog.duckdb"

test: $(BIN)/.developed
	$(BIN)/pytest -n auto

lint: $(BIN)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.developed
	$(BIN)/mypy

setup: $(BIN)/.developed

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(BIN)/.developed: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv lake results build dist

# Runs vectorbt and backtesting.py beside ours in an environment of their own.
equivalence:
	$(PYTHON) -m venv .venv-equivalence
	.venv-equivalence/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-equivalence.txt -e '.[equivalence]'
	.venv-equivalence/bin/python -m pytest tests/equivalence
