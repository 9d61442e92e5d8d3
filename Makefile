# Two commands for a newcomer: `make demo` and `make test`. Needs Python 3.11 or later, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test coverage lint types setup clean equivalence bench

demo: $(BIN)/.installed
	$(BIN)/duckcli backtest run --results results
	@echo "Look around: $(BIN)/duckcli backtest list, $(BIN)/duckcli data list, or open results/catalog.duckdb"

test: $(BIN)/.developed
	$(BIN)/pytest -n auto

# Lines and branches that the tests run; fails below 90 % of lines.
coverage: $(BIN)/.developed
	$(BIN)/pytest -n auto --cov=src/duckbt --cov-branch --cov-report=term-missing:skip-covered --cov-report=json:results/coverage.json
	$(BIN)/python -c "import json; t = json.load(open('results/coverage.json'))['totals']; \
	lines, branches = 100 * t['covered_lines'] / t['num_statements'], 100 * t['covered_branches'] / t['num_branches']; \
	print(f'{lines:.1f} % of lines, {branches:.1f} % of branches'); raise SystemExit(lines < 90)"

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
