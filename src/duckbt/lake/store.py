"""The lake: a folder of datasets, one per symbol and timeframe, each with its manifest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote

from duckbt.errors import DataError, UsageError, did_you_mean
from duckbt.lake.clock import Anchor
from duckbt.lake.manifest import MANIFEST, DataFile, Manifest, read_manifest, sha256_of
from duckbt.lake.timeframe import Timeframe

MIDNIGHT = "00:00 UTC"  # when days begin where no anchor is said


@dataclass(frozen=True)
class Dataset:
    """The bars of one symbol in one timeframe."""

    folder: Path
    draft: Manifest | None = None  # not yet published

    @cached_property
    def manifest(self) -> Manifest:
        """Read once, on first use."""
        return self.draft or read_manifest(self.folder / MANIFEST)

    @property
    def symbol(self) -> str:
        """As it is spelled in reports."""
        return unquote(self.folder.parent.name)

    @property
    def timeframe(self) -> Timeframe:
        """Bar length."""
        return Timeframe(self.folder.name)

    def path(self, file: DataFile) -> Path:
        """Where a data file lies: relative to the dataset, or absolute for Parquet registered in place."""
        return (self.folder / file.path).resolve()

    def check_files(self, thoroughly: bool = False) -> None:
        """Raise DataError, naming the file, if one is missing or no longer what the manifest says.

        Size and modification time decide, unless they differ or ``thoroughly`` is set: then the bytes do.
        """
        for file in self.manifest.files:
            path = self.path(file)
            if not path.is_file():
                raise DataError(
                    f"{path} is missing (bars of {self.symbol} {self.timeframe}); put it back or ingest {self.symbol} again"
                )
            state = path.stat()
            same = state.st_size == file.bytes and state.st_mtime_ns == file.modified_ns
            if (thoroughly or not same) and sha256_of(path) != file.sha256:
                raise DataError(
                    f"{path} has changed since it was registered for {self.symbol} {self.timeframe}; "
                    f"`duckcli data {'add' if self.manifest.in_place else 'ingest'}` it again, or restore it"
                )


class Lake:
    """Datasets below one folder: ``<SYMBOL>/<TIMEFRAME>/manifest.json``."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, symbol: str, timeframe: Timeframe) -> Path:
        """Where a dataset lives; characters that a folder name cannot hold are percent-encoded."""
        return self.root / quote(symbol, safe=" .-_+=^&") / str(timeframe)

    def datasets(self) -> list[Dataset]:
        """All datasets, by symbol and then timeframe."""
        found = [Dataset(path.parent) for path in self.root.glob(f"*/*/{MANIFEST}") if path.parent.name[0] != "."]
        return sorted(found, key=lambda d: (d.symbol, d.timeframe))

    def symbols(self) -> list[str]:
        """All symbols, sorted."""
        return sorted({d.symbol for d in self.datasets()})

    @property
    def dialects(self) -> Path:
        """Where users keep dialects of their own."""
        return self.root / "dialects"

    def find(self, symbol: str, timeframe: Timeframe) -> Dataset | None:
        """One dataset, or None."""
        folder = self.folder(symbol, timeframe)
        return Dataset(folder) if (folder / MANIFEST).is_file() else None

    def up_to_date(self, dataset: Dataset) -> bool:
        """Whether resampled bars are still what their finer bars make; true for all others."""
        derived = dataset.manifest.derived
        if derived is None:
            return True
        finer = self.find(dataset.symbol, Timeframe(derived.timeframe))
        return finer is not None and finer.manifest.digest() == derived.digest

    def finest(self, symbol: str, timeframe: Timeframe, anchor: Anchor | None = None) -> Dataset | None:
        """A symbol's dataset of ``timeframe``, else the coarsest finer one whose bars fill it exactly.

        Bars that were made of finer ones must have been made with the same ``anchor`` (none is 00:00 UTC), and those
        finer ones must not have changed since. Bars that came from files keep the days of their source: they do where no
        anchor is asked for.
        """
        return self._finest([d for d in self.datasets() if d.symbol == symbol], timeframe, anchor)

    def _finest(self, having: Sequence[Dataset], timeframe: Timeframe, anchor: Anchor | None) -> Dataset | None:
        for dataset in having:
            if dataset.timeframe != timeframe:
                continue
            derived = dataset.manifest.derived
            fits = (derived.anchor or MIDNIGHT) == str(anchor or MIDNIGHT) if derived else anchor is None
            if fits and self.up_to_date(dataset):
                return dataset
        grid = math.gcd(timeframe.seconds, anchor.seconds or 86400, 3600) if anchor else timeframe.seconds
        finer = [d for d in having if d.timeframe < timeframe and grid % d.timeframe.seconds == 0 and not d.manifest.derived]
        return max(finer, key=lambda d: d.timeframe, default=None)

    def finer(self, symbol: str, timeframe: Timeframe, anchor: Anchor | None = None) -> Dataset:
        """The coarsest bars finer than ``timeframe`` that fill it. Raises DataError when there are none."""
        having = [d for d in self.datasets() if d.symbol == symbol and d.timeframe < timeframe]
        found = self._finest(having, timeframe, anchor)
        if found is None:
            raise DataError(self._missing(symbol, timeframe))
        return found

    def _missing(self, symbol: str, timeframe: Timeframe) -> str:
        known = self.symbols()
        if symbol not in known:
            some = f"there are: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}" if known else "it is empty"
            return f"no symbol {symbol!r} in the lake {self.root}; " + did_you_mean(symbol, known, some)
        has = ", ".join(str(d.timeframe) for d in self.datasets() if d.symbol == symbol)
        return f"{symbol} has no bars that can make {timeframe}: the lake {self.root} has {has}"

    def choose(self, symbols: Sequence[str], timeframe: Timeframe, anchor: Anchor | None = None) -> list[Dataset]:
        """The datasets a run uses, by symbol. Empty ``symbols``: every symbol that can serve the timeframe.

        Raises DataError for an empty lake, an unknown symbol or a timeframe that cannot be made.
        """
        known: dict[str, list[Dataset]] = {}
        for dataset in self.datasets():
            known.setdefault(dataset.symbol, []).append(dataset)
        if not known:
            raise DataError(
                f"no bars in the lake {self.root}: add some with `duckcli data ingest FILE --symbol S --timeframe 1m`, "
                "`duckcli data add`, or the sample with `duckcli data sample`"
            )
        if len(set(symbols)) != len(symbols):
            raise UsageError(f"a symbol is given twice: {', '.join(symbols)}")
        chosen = []
        for symbol in sorted(symbols or known):
            found = self._finest(known.get(symbol, []), timeframe, anchor)
            if found:
                chosen.append(found)
            elif symbols:
                raise DataError(self._missing(symbol, timeframe))
        if not chosen:
            raise DataError(f"no symbol in the lake {self.root} has {timeframe} bars or finer ones that fill them")
        return chosen
