"""Where workers leave their parts and find the lake: a folder all of them see, or an S3-compatible store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import gettempdir

from pyarrow import fs

from duckbt.errors import DataError
from duckbt.lake.store import Lake
from duckbt.lake.timeframe import Timeframe

# AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION as usual; AWS_ENDPOINT_URL for servers that are not Amazon's


def is_remote(uri: str) -> bool:
    """Whether it is no plain folder."""
    return "://" in uri


def _opened(uri: str) -> tuple[fs.FileSystem, str]:
    if not is_remote(uri):
        return fs.LocalFileSystem(), str(Path(uri).resolve())
    scheme, _, path = uri.partition("://")
    if scheme == "s3":
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        plain = bool(endpoint and endpoint.startswith("http://"))
        return fs.S3FileSystem(endpoint_override=endpoint, scheme="http" if plain else "https"), path.rstrip("/")
    files, path = fs.FileSystem.from_uri(uri)
    return files, str(path)


class Store:
    """A flat folder of files, written whole: a file that can be seen is complete."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._files, self._path = _opened(uri)

    def put(self, files: Sequence[Path]) -> None:
        """Copy files in; on a plain folder beside and renamed, on S3 an object appears when it is whole."""
        if not is_remote(self.uri):
            self._files.create_dir(self._path, recursive=True)
        for file in files:
            target = f"{self._path}/{file.name}"
            beside = target if is_remote(self.uri) else f"{target}.{os.getpid()}.tmp"
            fs.copy_files(str(file), beside, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self._files)
            if beside != target:
                self._files.move(beside, target)

    def fetch(self, names: Collection[str], folder: Path) -> bool:
        """Bring files to a local folder. False when one of them is not there."""
        infos = self._files.get_file_info([f"{self._path}/{name}" for name in names])
        if any(info.type != fs.FileType.File for info in infos):
            return False
        for info, name in zip(infos, names, strict=True):
            if not (folder / name).exists():
                _copy(self._files, info.path, folder / name)
        return True


def _copy(files: fs.FileSystem, path: str, target: Path) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    fs.copy_files(path, str(beside), source_filesystem=files, destination_filesystem=fs.LocalFileSystem())
    beside.rename(target)


def local_lake(uri: str, symbols: Sequence[str]) -> Path:
    """The lake as a local folder; of a remote one the datasets of ``symbols`` (none: all) are copied once per machine.

    Raises DataError when a symbol is not there.
    """
    if not is_remote(uri):
        return Path(uri)
    files, path = _opened(uri)
    cache = Path(gettempdir()) / f"duckbt-lake-{hashlib.sha256(uri.encode()).hexdigest()[:12]}"
    folders = [f"{path}/{Lake(path).folder(s, Timeframe('1d')).parent.name}" for s in symbols] or [path]
    for folder in folders:
        found = files.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
        if not found:
            raise DataError(f"no bars in {uri.rstrip('/')}{folder.removeprefix(path)}")
        # data first: a manifest that can be seen has all its files
        for info in sorted(found, key=lambda f: f.base_name == "manifest.json"):
            if info.type == fs.FileType.File:
                target = cache / info.path.removeprefix(path).lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                if info.base_name == "manifest.json" or not _is_copy(target, info):
                    _copy(files, info.path, target)
    return cache


def _is_copy(target: Path, info: fs.FileInfo) -> bool:
    """Whether a file was fetched before and has not been replaced in the store since."""
    if not target.exists():
        return False
    stat = target.stat()
    return stat.st_size == info.size and (info.mtime_ns is None or info.mtime_ns <= stat.st_mtime_ns)
