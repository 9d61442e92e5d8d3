"""The lake: a folder of datasets, one per symbol and timeframe, each with its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote

from duckbt.errors import DataError, UsageError, did_you_mean
from duckbt.lake.manifest import MANIFEST, DataFile, Manifest, read_manifest, sha256_of
from duckbt.lake.timeframe import Timeframe


@dataclass(frozen=True)
class Dataset:
    """The bars of one symbol in one timeframe."""

    folder: Path

    @cached_property
    def manifest(self) -> Manifest:
        """Read once, on first use."""
        return read_manifest(self.folder / MANIFEST)

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

    def find(self, symbol: str, timeframe: Timeframe) -> Dataset | None:
        """One dataset, or None."""
        folder = self.folder(symbol, timeframe)
        return Dataset(folder) if (folder / MANIFEST).is_file() else None

    def finest(self, symbol: str, timeframe: Timeframe) -> Dataset | None:
        """The dataset of that timeframe, else the coarsest finer one whose bars fill it exactly."""
        exact = self.find(symbol, timeframe)
        if exact:
            return exact
        finer = [
            d for d in self.datasets()
            if d.symbol == symbol and d.timeframe < timeframe and timeframe.seconds % d.timeframe.seconds == 0
        ]  # fmt: skip
        return max(finer, key=lambda d: d.timeframe, default=None)

    def choose(self, symbols: Sequence[str], timeframe: Timeframe) -> list[Dataset]:
        """The datasets a run uses, by symbol. Empty ``symbols``: every symbol that can serve the timeframe.

        Raises DataError for an empty lake, an unknown symbol or a timeframe that cannot be made.
        """
        known = self.symbols()
        if not known:
            raise DataError(
                f"no bars in the lake {self.root}: add some with `duckcli data ingest FILE --symbol S --timeframe 1m`, "
                "`duckcli data add`, or the sample with `duckcli data sample`"
            )
        if len(set(symbols)) != len(symbols):
            raise UsageError(f"a symbol is given twice: {', '.join(symbols)}")
        chosen = []
        for symbol in sorted(symbols or known):
            if symbol not in known:
                raise DataError(
                    f"no symbol {symbol!r} in the lake {self.root}; "
                    + did_you_mean(symbol, known, f"there are: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}")
                )
            dataset = self.finest(symbol, timeframe)
            if dataset:
                chosen.append(dataset)
            elif symbols:
                has = ", ".join(str(d.timeframe) for d in self.datasets() if d.symbol == symbol)
                raise DataError(f"{symbol} has no bars that can make {timeframe}: the lake {self.root} has {has}")
        if not chosen:
            raise DataError(f"no symbol in the lake {self.root} has {timeframe} bars or finer ones that fill them")
        return chosen
