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
from typing import BinaryIO

from duckbt.errors import DataError

TABLES = {".parquet": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow"}


@dataclass(frozen=True)
class Readable:
    """A file DuckDB or Arrow can read: ``name`` is what users see, ``path`` where it lies now."""

    name: str
    path: Path
    kind: str  # text, parquet, arrow


def readable(path: Path, scratch: Path) -> Iterator[Readable]:
    """The file itself, or each member of an archive. Raises DataError for what cannot be opened."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    if path.suffix.lower() == ".zip":
        yield from _unzip(path, scratch)
        return
    kind = TABLES.get(path.suffix.lower())
    yield Readable(path.name, path, kind) if kind else Readable(path.name, _as_utf8(path, scratch), "text")


def _unzip(path: Path, scratch: Path) -> Iterator[Readable]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
            tables = [m for m in members if Path(m.filename).suffix.lower() not in (".txt", ".md", ".pdf")] or members
            for number, member in enumerate(tables):
                target = scratch / f"{number}-{Path(member.filename).name}"
                with archive.open(member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                for inner in readable(target, scratch):
                    yield Readable(f"{path.name}/{Path(member.filename).name}", inner.path, inner.kind)
                target.unlink(missing_ok=True)
            if not tables:
                raise DataError(f"{path}: the archive is empty")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} is not a readable zip archive: {error}") from None


def _as_utf8(path: Path, scratch: Path) -> Path:
    """``path`` itself when it is UTF-8 (or gzip of it), else a converted copy."""
    if path.suffix.lower() == ".gz":
        try:
            with gzip.open(path, "rb") as stream:
                head = stream.read(1 << 16)
        except (OSError, EOFError) as error:
            raise DataError(f"{path} is not readable gzip: {error}") from None
        return (
            path if not head or _encoding(head) is None else _convert(gzip.open(path, "rb"), path, _encoding(head), scratch)
        )
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    encoding = _encoding(head)
    return path if encoding is None else _convert(path.open("rb"), path, encoding, scratch)


def _encoding(head: bytes) -> str | None:
    """None for UTF-8 without a mark; else the encoding to convert from."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    if head[1:2] == b"\0" or head[0:1] == b"\0":
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return None


def _convert(stream: BinaryIO | gzip.GzipFile, path: Path, encoding: str | None, scratch: Path) -> Path:
    target = scratch / f"utf8-{path.name.removesuffix('.gz')}"
    with (
        io.TextIOWrapper(stream, encoding=encoding or "utf-8", errors="replace", newline="") as reader,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(reader, out, 1 << 20)
    return target


def first_lines(file: Readable, count: int = 50) -> list[str]:
    """The first non-empty lines of a text file, without line ends; long ones cut at 2,000 characters."""
    opener = gzip.open if file.path.suffix.lower() == ".gz" else open
    lines: list[str] = []
    with opener(file.path, "rt", encoding="utf-8", errors="replace", newline=None) as stream:
        for _ in range(count * 4):
            line = stream.readline(2_000)
            if not line or len(lines) == count:
                break
            if line.strip():
                lines.append(line.rstrip("\r\n"))
    return lines
