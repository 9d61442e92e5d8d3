"""duckbt: a DuckDB, SQL-centric backtester."""

__version__ = "0.1.0"
