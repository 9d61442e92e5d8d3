"""Sweeps on a Ray cluster: two nodes as processes of their own, an S3 server for lake and parts, a node killed midway."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="the extra duckbt[ray] is not installed")

from test_equality import BASE, GRID  # noqa: E402

from conftest import strategy, walk  # noqa: E402
from duckbt.errors import DataError  # noqa: E402
from duckbt.experiments import sweep as sweep_module  # noqa: E402
from duckbt.experiments.ray_runner import RayRunner  # noqa: E402
from duckbt.experiments.store import Store, local_lake  # noqa: E402
from duckbt.experiments.sweep import plan_sweep, run_sweep  # noqa: E402
from duckbt.lake.store import Lake  # noqa: E402

FILES = ("combos.parquet", "trades.parquet")


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.workers = [made.add_node(num_cpus=1), made.add_node(num_cpus=1)]
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    from pyarrow import fs

    files = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], scheme="http", allow_bucket_creation=True)
    files.create_dir("market")
    yield "s3://market"
    server.stop()


def same_files(one: Path, two: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_two_nodes_one_killed(
    cluster: Any, make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The merged result has the bytes of a local one, though a node dies while it works."""
    file = strategy(**BASE)
    plan = plan_sweep(file, make_lake(X=walk(1, 6_000), Y=walk(2, 6_000)), GRID, by_symbol=True)
    local = run_sweep(plan, tmp_path / "local", keep_trades="all")
    ended = []

    def kill_one(report: Any) -> None:
        ended.append(report)
        if len(ended) == 2:
            cluster.remove_node(cluster.workers[0], allow_graceful=False)

    runner = RayRunner(cluster.address, sets_a_task=9)
    done = run_sweep(plan, tmp_path / "ray", runner=runner, keep_trades="all", report=kill_one)
    assert len(ended) == 12
    assert all(r.status == "done" for r in ended)
    same_files(local, done)


def test_lake_and_parts_in_s3(cluster: Any, bucket: str, make_lake: Callable[..., Lake], tmp_path: Path) -> None:
    file = strategy(**BASE)
    lake = make_lake(X=walk(3, 3_000))
    store = Store(f"{bucket}/lake/X/1m")
    store.put([p for p in (lake.root / "X" / "1m").iterdir() if p.is_file()])
    local = run_sweep(plan_sweep(file, lake, GRID), tmp_path / "local", keep_trades="all")
    plan = plan_sweep(file, f"{bucket}/lake", GRID, symbols=["X"])
    runner = RayRunner(cluster.address, f"{bucket}/parts", sets_a_task=20)
    same_files(local, run_sweep(plan, tmp_path / "ray", runner=runner, keep_trades="all"))
    # another sweep may leave its parts in the same place
    other = {**GRID, "k": [0.75, 1.25, 2.0]}
    local = run_sweep(plan_sweep(file, lake, other), tmp_path / "local", keep_trades="all")
    plan = plan_sweep(file, f"{bucket}/lake", other, symbols=["X"])
    same_files(local, run_sweep(plan, tmp_path / "ray", runner=runner, keep_trades="all"))


def test_a_symbol_that_is_not_there(bucket: str) -> None:
    with pytest.raises(DataError, match="no bars in s3://market/lake/NONE"):
        local_lake(f"{bucket}/lake", ["NONE"])


def test_a_part_that_nobody_can_see_is_told(
    cluster: Any, make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store must be shared by all nodes; where it is not, the task fails with a word about it."""
    monkeypatch.setattr("duckbt.experiments.ray_runner.Store.fetch", lambda *a: False)
    plan = plan_sweep(strategy(**BASE), make_lake(X=walk(1)), {"n": [2, 3]})
    with pytest.raises(sweep_module.DuckbtError, match="is it shared by all nodes"):
        run_sweep(plan, tmp_path, runner=RayRunner(cluster.address, str(tmp_path / "parts")))
