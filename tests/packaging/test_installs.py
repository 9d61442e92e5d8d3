"""Every way of installing gives a ``duckcli`` that works, with the SQL and the sample inside, and the same results."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("hatchling") and importlib.util.find_spec("build")),
    reason="building needs hatchling and build: pip install -e '.[dev]'",
)
MADE = {".git", ".venv", ".hypothesis", "lake", "results", "dist", "build"}  # at the top only
KINDS = ("wheel", "wheel from sdist", "editable")


def run(*command: object, **options: object) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "DUCKBT"))}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, env=environment, **options)
    assert done.returncode == 0, done.stderr or done.stdout
    return str(done.stdout)


def build(tree: Path, kind: str) -> Path:
    """The wheel or sdist of a source tree; no network, with the build backend that is installed."""
    run(sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", tree / "dist", tree)
    return next((tree / "dist").glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, as in a download."""
    copied = tmp_path_factory.mktemp("source") / "duckbt"

    def left_out(folder: str, names: list[str]) -> list[str]:
        top = Path(folder) == ROOT
        return [n for n in names if (top and n in MADE) or n == "__pycache__" or n.endswith("_cache")]

    shutil.copytree(ROOT, copied, ignore=left_out)
    return copied


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    return build(tree, "wheel")


@pytest.fixture(scope="module")
def sdist(tree: Path) -> Path:
    return build(tree, "sdist")


@pytest.fixture(scope="module")
def wheel_from_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return build(next(folder.iterdir()), "wheel")


def environment_with(folder: Path, *what: object) -> Path:
    """A new environment with duckbt alone installed; its dependencies are those of this one. Returns its ``bin``."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages") if os.name == "posix" else folder.glob("Lib/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    bin = folder / ("bin" if os.name == "posix" else "Scripts")
    run(sys.executable, "-m", "pip", "--python", bin / "python", "install", "--quiet", "--no-deps", "--no-index",
        "--no-build-isolation", "--disable-pip-version-check", *what)  # fmt: skip
    return bin


@pytest.fixture(scope="module", params=KINDS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """(kind, folder of the commands) of every way to install."""
    folder = tmp_path_factory.mktemp("environment")
    if request.param == "editable":
        return request.param, environment_with(folder, "-e", request.getfixturevalue("tree"))
    name = "wheel" if request.param == "wheel" else "wheel_from_sdist"
    return request.param, environment_with(folder, request.getfixturevalue(name))


@pytest.fixture(scope="module")
def here_and_now(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the installation that runs these tests makes of the sample."""
    folder = tmp_path_factory.mktemp("here")
    return json.loads(run(sys.executable, "-m", "duckbt", "backtest", "run", "--json", cwd=folder))


@pytest.mark.slow
def test_an_installation_works(installed: tuple[str, Path], here_and_now: dict, tmp_path: Path, tree: Path) -> None:
    kind, bin = installed
    where = "import duckbt.sqlfiles as s, duckbt.lake.sample as d; print(s.sql_root()); print(d.sample_folder())"
    sql, sample = run(bin / "python", "-c", where, cwd=tmp_path).splitlines()
    if kind == "editable":
        assert (Path(sql), Path(sample)) == (tree / "sql", tree / "data" / "sample")
    else:
        assert (Path(sql).parts[-2:], Path(sample).parts[-2:]) == (("duckbt", "_sql"), ("duckbt", "_sample"))
        assert str(bin.parent) in sql
    assert run(bin / "duckcli", "--version", cwd=tmp_path).startswith("duckbt ")
    document = json.loads(run(bin / "duckcli", "backtest", "run", "--json", cwd=tmp_path))
    assert document["trades"] > 1000
    assert document["run_id"] == here_and_now["run_id"]
    assert document["metrics"] == here_and_now["metrics"]
    assert run(bin / "duckcli", "backtest", "new", "mine", cwd=tmp_path).startswith("mine.toml")


def tracked(folder: str) -> set[str]:
    return {
        p.relative_to(ROOT / folder).as_posix()
        for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("which", ["wheel", "wheel_from_sdist"])
def test_a_wheel_holds_every_file_it_needs_and_no_other(which: str, request: pytest.FixtureRequest) -> None:
    with zipfile.ZipFile(request.getfixturevalue(which)) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    expected = {f"duckbt/{n}" for n in tracked("src/duckbt")}
    expected |= {f"duckbt/_sql/{n}" for n in tracked("sql")} | {f"duckbt/_sample/{n}" for n in tracked("data/sample")}
    assert names == expected


@pytest.mark.slow
def test_an_sdist_can_be_tested_and_read(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    for part in ("README.md", "Makefile", "constraints.txt", "pyproject.toml", "scripts/make_bars.py", "tests/conftest.py",
                 "sql/20_indicators/overlap/ema.sql", "data/sample/ema_cross.toml", "docs/semantics.md"):  # fmt: skip
        assert part in names
    assert not [n for n in names if n.startswith((".venv", "lake/", "results/", "dist/")) or "__pycache__" in n]


def test_the_pinned_versions_are_the_ones_in_use() -> None:
    """constraints.txt names every package that a fresh installation for development brings, with one version."""
    from importlib.metadata import distribution, distributions, version

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert all("==" in line for line in lines)
    pinned = {canonicalize_name(name): pin for name, _, pin in (line.partition("==") for line in lines)}
    there = {canonicalize_name(d.name) for d in distributions()}
    todo, seen = [("duckbt", "dev")], set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or name not in there:
            continue
        seen.add((name, extra))
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
    needed_names = {name for name, _ in seen} - {"duckbt", "pip", "setuptools"}
    assert sorted(needed_names - pinned.keys()) == []
    assert {n: version(n) for n in sorted(needed_names)} == {n: pinned[n] for n in sorted(needed_names)}
