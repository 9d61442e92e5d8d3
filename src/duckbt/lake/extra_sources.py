"""Bars a run needs beside its own: currency pairs for the account, finer bars for what happens inside a bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from duckbt.errors import DataError
from duckbt.lake.manifest import COLUMNS
from duckbt.lake.source import BarSource, Rate, open_bars
from duckbt.lake.store import Dataset, Lake
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name, render


def with_rates(
    source: BarSource, lake: Lake, currency: str, quotes: Mapping[str, str], timeframe: Timeframe
) -> tuple[BarSource, list[Dataset]]:
    """The source with a conversion rate for every symbol, and the datasets of the pairs used.

    A symbol's quote currency is given in ``quotes`` or is the last three letters of a six-letter name.
    Raises DataError when it cannot be told or no pair leads to the account's currency.
    """
    rates, used = [], []
    for entry in source.symbols:
        name = "".join(c for c in entry.symbol.split("-")[0].split(".")[0] if c.isalpha()).upper()
        quote = quotes.get(entry.symbol) or (name[3:6] if len(name) == 6 else None)
        if quote is None:
            raise DataError(
                f"the quote currency of {entry.symbol} cannot be told from its name; give it: size.quotes = "
                f'{{ {entry.symbol} = "USD" }}'
            )
        if quote == currency:
            rates.append(Rate(entry.symbol, []))
            continue
        pair = _pair(lake, quote, currency, timeframe)
        if pair is None:
            raise DataError(
                f"{entry.symbol} is quoted in {quote}, the account is in {currency}, and the lake has neither "
                f"{quote}{currency} nor {currency}{quote} in {timeframe} or finer bars"
            )
        dataset, inverse = pair
        dataset.check_files()
        columns = {c: dataset.manifest.columns.get(c, quote_name(c)) for c in COLUMNS}
        files = [str(dataset.path(f)) for f in dataset.manifest.files]
        rates.append(Rate(entry.symbol, files, columns["ts"], columns["close"], inverse, dataset.timeframe.seconds))
        used.append(dataset)
    if not used:
        return source, []
    statement = ("10_bars/rates", render("10_bars/rates.sql.j2", rates=rates))
    files = source.files + [f for r in rates for f in r.files]
    return replace(source, rates=tuple(rates), statements=[*source.statements, statement], files=files), used


def _pair(lake: Lake, quote: str, currency: str, timeframe: Timeframe) -> tuple[Dataset, bool] | None:
    for name, inverse in ((f"{quote}{currency}", False), (f"{currency}{quote}", True)):
        for symbol in lake.symbols():
            if symbol.upper().split("-")[0] == name:
                dataset = lake.finest(symbol, timeframe)
                if dataset:
                    return dataset, inverse
    return None


def with_finer(source: BarSource, lake: Lake) -> tuple[BarSource, list[Dataset]]:
    """The source with views of every finer timeframe the lake has of its symbols, coarse to fine, and their datasets."""
    symbols = {d.symbol for d in source.datasets}
    own = source.timeframe
    finer = sorted({d.timeframe for d in lake.datasets() if d.symbol in symbols and d.timeframe < own}, reverse=True)
    finer = [t for t in finer if own.seconds % t.seconds == 0]
    if not finer:
        raise DataError(
            f'exit.same_bar = "finer" needs bars finer than {own} in the lake {lake.root}, and there are none for '
            f"{', '.join(sorted(symbols))}"
        )
    statements, files, used = list(source.statements), list(source.files), []
    for number, timeframe in enumerate(finer):
        datasets = [d for d in lake.datasets() if d.symbol in symbols and d.timeframe == timeframe and d.manifest.ordered]
        for dataset in datasets:
            dataset.check_files()
        inner = open_bars(datasets, name=f"finer_{number}")
        statements += inner.bar_statements
        files += inner.files
        used += datasets
    return replace(source, statements=statements, files=files, finer=tuple(t.seconds for t in finer)), used


def resolved_on(
    signals: BarSource, lake: Lake, timeframe: Timeframe, first: datetime | None, last: datetime | None
) -> BarSource:
    """Bars of ``timeframe`` to fill and exit on; ``signals`` (named ``signal_bars``) are the strategy's own.

    Raises DataError when a symbol lacks them.
    """
    datasets = lake.choose([d.symbol for d in signals.datasets], timeframe)
    for dataset in datasets:
        dataset.check_files()
    fine = open_bars(datasets, first, last, timeframe=timeframe)
    if [s.symbol for s in fine.symbols] != [s.symbol for s in signals.symbols]:
        raise DataError(f"not every symbol has {timeframe} bars in the range of the run")
    statements = [*fine.statements, *signals.bar_statements]
    return replace(fine, statements=statements, files=[*fine.files, *signals.files], signals=signals)


def all_datasets(source: BarSource, *more: Sequence[Dataset]) -> list[Dataset]:
    """Every dataset a run reads, each once, in a stable order."""
    found: dict[str, Dataset] = {}
    groups = [source.datasets, source.signals.datasets if source.signals else [], *more]
    for group in groups:
        for dataset in group:
            found.setdefault(str(dataset.folder), dataset)
    return list(found.values())
