"""What runs tasks on several processes: start-up, memory, overhead, and what happens when a worker is killed.

    python scripts/bench_runners.py                # all that can be imported
    python scripts/bench_runners.py --only ray dask

Eight tasks of about a second each on two workers, each runner in a process of its own. `first`: from before the import to
the answer of a first, empty task. `memory`: private memory (USS) of all processes but the one that asks, at that moment.
`tasks`: seconds for the eight. `killed`: the same with one worker killed (SIGKILL) while it works: how it ended. The
figures stand in docs/decisions.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

TASKS, WORKERS = 8, 2
Map = Callable[[Callable[[Any], int], Sequence[Any]], list[int]]


def work(argument: tuple[int, str]) -> int:
    """About a second of DuckDB on one thread; says who does it."""
    import duckdb

    number, folder = argument
    (Path(folder) / str(os.getpid())).touch()
    if number < 0:
        return number
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("select sum(hash(i)::double) from range(450_000_000) t(i)").fetchall()
    return number


def with_multiprocessing() -> Map:
    """The standard library's pool of processes."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(WORKERS, get_context("spawn"))
    return lambda f, items: list(pool.map(f, items))


def with_joblib() -> Map:
    """joblib with its default, loky."""
    import joblib

    pool = joblib.Parallel(WORKERS)
    return lambda f, items: pool(joblib.delayed(f)(i) for i in items)


def with_dask() -> Map:
    """dask.distributed on this machine."""
    from dask.distributed import Client

    client = Client(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    return lambda f, items: client.gather(client.map(f, items, pure=False))


def with_ray() -> Map:
    """Ray on this machine."""
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    return lambda f, items: ray.get([ray.remote(max_retries=3)(f).remote(i) for i in items])


def with_spark() -> Map:
    """Spark on this machine, by its RDDs."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    context = (
        SparkSession.builder.master(f"local[{WORKERS},4]").config("spark.ui.enabled", "false").getOrCreate().sparkContext
    )
    context.setLogLevel("OFF")
    return lambda f, items: context.parallelize(items, len(items)).map(f).collect()


def with_smallpond() -> Map:
    """smallpond, DuckDB jobs on Ray."""
    import pandas
    import smallpond

    session = smallpond.init(num_executors=0, data_root=tempfile.mkdtemp())

    def run(f: Callable[[Any], int], items: Sequence[Any]) -> list[int]:
        frame = session.from_pandas(pandas.DataFrame({"n": [n for n, _ in items]})).repartition(len(items))
        folder = items[0][1]
        return [row["done"] for row in frame.map(lambda row: {"done": f((row["n"], folder))}).take_all()]

    return run


RUNNERS = {name.removeprefix("with_"): f for name, f in list(globals().items()) if name.startswith("with_")}


def measured(name: str, kill: bool) -> dict[str, Any]:
    """One runner, in this process."""
    import psutil

    begin = time.perf_counter()
    run = RUNNERS[name]()
    with tempfile.TemporaryDirectory() as folder:
        run(work, [(-1, folder)])
        first = time.perf_counter() - begin
        others = psutil.Process().children(recursive=True)
        memory = sum(p.memory_full_info().uss for p in others if p.is_running())
        for mark in Path(folder).iterdir():
            mark.unlink()

        def killer() -> None:
            while not (marks := [int(p.name) for p in Path(folder).iterdir()]):
                time.sleep(0.02)
            time.sleep(0.4)
            os.kill(marks[0], signal.SIGKILL)

        if kill:
            threading.Thread(target=killer, daemon=True).start()
        begin = time.perf_counter()
        try:
            done = sorted(run(work, [(n, folder) for n in range(TASKS)]))
            ended = "all results" if done == list(range(TASKS)) else f"{len(done)} results"
        except BaseException as error:  # whatever a runner raises is the finding
            ended = type(error).__name__
    return {"first": first, "memory": memory / 1e6, "seconds": time.perf_counter() - begin, "ended": ended}


def _in_a_process(command: list[str]) -> dict[str, Any]:
    """What it says in the end; its output goes to a file, because workers that outlive it would hold a pipe open."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            return {"ended": "nothing after 120 s"}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        said, complaint = out.read().splitlines(), err.read().splitlines()
    if said and said[-1].startswith("{"):
        told: dict[str, Any] = json.loads(said[-1])
        return told
    return {"ended": complaint[-1] if complaint else "process died"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(RUNNERS), default=list(RUNNERS))
    parser.add_argument("--one", choices=list(RUNNERS), help=argparse.SUPPRESS)
    parser.add_argument("--kill", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("\n" + json.dumps(measured(options.one, options.kill)), flush=True)
        os._exit(0)
    print(f"{TASKS} tasks, {WORKERS} workers, load {os.getloadavg()[0]:.1f}\n")
    print("| runner | first, s | memory, MB | tasks, s | a worker killed |\n|---|---:|---:|---:|---|")
    for name in options.only:
        rows = []
        for kill in (False, True):
            command = [sys.executable, __file__, "--one", name, *(["--kill"] if kill else [])]
            rows.append(_in_a_process(command))
        whole, killed = rows
        if "first" not in whole:
            print(f"| {name} | | | | {whole['ended']} |", flush=True)
            continue
        after = f", {killed['seconds']:.1f} s" if "seconds" in killed else ""
        figures = f"{whole['first']:.1f} | {whole['memory']:.0f} | {whole['seconds']:.1f}"
        print(f"| {name} | {figures} | {killed['ended']}{after} |", flush=True)


if __name__ == "__main__":
    main()
