"""Making raw files readable: archives unpacked, odd encodings turned into UTF-8. Bytes only; no bars yet."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO

from duckbt.errors import DataError

TABLES = {".parquet": "parquet", ".pq": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow"}
_NOT_DATA = (".txt", ".md", ".pdf", ".html")


@dataclass(frozen=True)
class Readable:
    """A file DuckDB or Arrow can read: ``name`` is what users see, ``path`` where it lies now."""

    name: str
    path: Path
    kind: str  # text, parquet, arrow
    temporary: bool = False

    def arrow(self) -> Any:
        """The table of an Arrow file, mapped into memory. Raises DataError when it is none."""
        import pyarrow
        import pyarrow.feather

        try:
            return pyarrow.feather.read_table(self.path, memory_map=True)
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            raise DataError(f"{self.name} is not a readable Arrow file: {error}") from None

    def discard(self) -> None:
        """Remove the copy that was made to read it."""
        if self.temporary:
            self.path.unlink(missing_ok=True)


def readable(path: Path, scratch: Path) -> Iterator[Readable]:
    """The file itself, or each member of an archive. Raises DataError for what cannot be opened."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty")
        if path.suffix.lower() == ".zip":
            yield from _unzip(path, scratch)
        else:
            yield _one(path, path.name, scratch)
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _one(path: Path, name: str, scratch: Path) -> Readable:
    kind = TABLES.get(Path(name).suffix.lower())
    if kind:
        return Readable(name, path, kind)
    with _stream(path) as stream:
        encoding = _encoding(stream.read(1 << 16))
    if encoding is None:
        return Readable(name, path, "text")
    return Readable(name, _converted(path, encoding, scratch), "text", temporary=True)


def _unzip(path: Path, scratch: Path) -> Iterator[Readable]:
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
        members = [m for m in members if Path(m.filename).suffix.lower() not in _NOT_DATA] or members
        members = [m for m in members if m.file_size]
        if not members:
            raise DataError(f"{path}: the archive is empty")
        for member in members:
            target = _beside(scratch, Path(member.filename).name)
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            found = _one(target, f"{path.name}/{Path(member.filename).name}", scratch)
            if found.path != target:
                target.unlink()
            yield Readable(found.name, found.path, found.kind, temporary=True)


def as_clean_text(file: Readable, scratch: Path) -> Readable:
    """A copy in which every byte that is no UTF-8 has become a replacement mark, and every NUL a blank."""
    return Readable(file.name, _converted(file.path, "utf-8", scratch), "text", temporary=True)


def _stream(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _beside(scratch: Path, name: str) -> Path:
    handle, path = mkstemp(suffix=f"-{name}", dir=scratch)
    io.FileIO(handle).close()
    return Path(path)


def _encoding(head: bytes) -> str | None:
    """None for UTF-8 without a mark; else the encoding to convert from."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    zeros_even, zeros_odd = head[0:200:2].count(0), head[1:200:2].count(0)
    if max(zeros_even, zeros_odd) > len(head[:200]) // 4:
        return "utf-16-le" if zeros_odd > zeros_even else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return None


def _converted(path: Path, encoding: str, scratch: Path) -> Path:
    target = _beside(scratch, path.name.removesuffix(".gz"))
    with (
        io.TextIOWrapper(_stream(path), encoding=encoding, errors="replace", newline="") as reader,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        while block := reader.read(1 << 20):
            out.write(block.replace("\0", " "))
    return target


def first_lines(file: Readable, count: int = 50) -> list[str]:
    """The first non-empty lines of a text file, without line ends; long ones cut at 2,000 characters."""
    lines: list[str] = []
    with io.TextIOWrapper(_stream(file.path), encoding="utf-8", errors="replace", newline=None) as stream:
        for _ in range(count * 4):
            line = stream.readline(2_000)
            if not line or len(lines) == count:
                break
            if line.strip():
                lines.append(line.rstrip("\r\n"))
    return lines


def blank_lines(file: Readable) -> int:
    """Blank lines above the first line that is none."""
    with io.TextIOWrapper(_stream(file.path), encoding="utf-8", errors="replace", newline=None) as stream:
        for count in range(1000):
            if stream.readline(2_000).strip():
                return count
    return 0
