"""Time every indicator beside TA-Lib's C code on an array, and beside an ordinary window frame of DuckDB.

python scripts/bench_indicators.py BARS.parquet            # prints the tables of docs/performance.md
python scripts/bench_indicators.py BARS.parquet --write    # writes them there

All on one thread, bars in memory (a DuckDB table, numpy arrays). Seconds are those of the processor, so that other work
on the machine counts little. Contenders take turns; the best of the rounds counts. An indicator's time is that of the
scan that computes it on every bar, and of the stages it needs before the scan. The greatest value is asked for, because
a mere count would let DuckDB skip the last step.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np

from duckbt.compiler.bind import Binder
from duckbt.compiler.graph import Graph, longest
from duckbt.compiler.layers import Layers, Output
from duckbt.compiler.library import Library
from duckbt.compiler.syntax import parse_expression
from duckbt.engine.scan_steps import pieces_of
from duckbt.engine.stages import source_context, stage_steps
from duckbt.lake.source import SymbolBars
from duckbt.lake.timeframe import Timeframe
from duckbt.sqlfiles import quote_name, quote_text, render

sys.path.insert(0, str(Path(__file__).parent))
from talib_cases import CASES, PATTERNS, Case

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- indicators: made by scripts/bench_indicators.py -->", "<!-- end of indicators -->"
FRAMES = {  # the same values as an ordinary window frame
    "SMA": ("avg(close)", 30), "SUM": ("sum(close)", 30), "MAX": ("max(close)", 30), "MIN": ("min(close)", 30),
    "VAR": ("var_pop(close)", 5), "STDDEV": ("stddev_pop(close)", 5), "CORREL": ("corr(high, low)", 30),
    "LINEARREG_SLOPE": ("regr_slope(close, bar)", 14), "MIDPRICE": ("max(high) over f + min(low)", 14),
    "DONCHIAN": ("max(high) over f + min(low)", 20),
}  # fmt: skip
TWENTY = [
    "ema(close, 12)", "ema(close, 26)", "ema(close, 200)", "sma(close, 20)", "sma(close, 50)", "rsi(close, 14)", "atr(14)",
    "macd(close, 12, 26, 9)", "bbands(close, 20, 2, 2)", "adx(14)", "stoch(14, 3, 0, 3, 0)", "cci(20)", "mfi(14)", "obv()",
    "donchian(20)", "keltner(close, 20, 10, 2)", "willr(14)", "roc(close, 10)", "linearreg(close, 14)", "zscore(close, 20)",
]  # fmt: skip
AVERAGES = [f"ema(close, {n})" for n in range(5, 205, 5)]
SAME_MACHINE = (
    "HT_DCPHASE",
    "HT_PHASOR",
    "HT_SINE",
    "HT_TRENDLINE",
    "HT_TRENDMODE",
    "MAMA",
)  # as HT_DCPERIOD, which is timed
Array = np.ndarray[Any, Any]


class Bars:
    """The bars in memory, twice: as a table and as arrays."""

    def __init__(self, file: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("set threads = 1")
        self.connection.execute("set enable_progress_bar = false")
        self.connection.execute(
            "create table bars as select file_row_number as bar, 'X' as symbol, ts, open, high, low, close, volume "
            f"from read_parquet({quote_text(file)}, file_row_number = true)"
        )
        names = ("open", "high", "low", "close", "volume")
        columns = self.connection.execute(f"select {', '.join(names)} from bars").fetchnumpy()
        self.arrays = {n: np.ascontiguousarray(columns[n], float) for n in names}
        self.count = len(self.arrays["close"])
        self.arrays["periods"] = 2.0 + np.arange(self.count) % 20
        minute = Timeframe("1m")
        self.source: Any = SimpleNamespace(
            symbols=[SymbolBars(0, "X", self.count)],
            bars=self.count,
            timeframe=minute,
            datasets=[SimpleNamespace(timeframe=minute)],
        )

    def scan(self, expressions: Sequence[str]) -> Callable[[], object]:
        """What computes these expressions on every bar, in the pieces of a run; all values are looked at, none is kept."""
        graph, library = Graph(60), Library()
        binder = Binder(graph, library)
        nodes: dict[str, int] = {}
        for i, text in enumerate(expressions):
            bound = binder.bind(parse_expression(text))
            nodes |= {f"v{i}_{k}": v for k, v in (bound if isinstance(bound, dict) else {"": bound}).items()}
        layers = Layers(graph, [Output(name, node) for name, node in nodes.items()])
        statements = [s for step in stage_steps(graph, nodes.values(), self.source, "bars") for s in step.statements]
        looked = ", ".join(f"max({quote_name(name)})" for name in nodes)
        reach = longest([graph[node].reach for node in nodes.values()])
        for piece in pieces_of(self.source, reach):
            context = source_context(layers, "bars", True, piece.low, piece.high)
            statements.append(f"with\n{render('30_signals/layers.sql.j2', **context)}\nselect {looked} from scanned")

        def run() -> None:
            for statement in statements:
                self.connection.execute(statement).fetchall()

        return run

    def frame(self, function: str) -> Callable[[], object]:
        """The ordinary window frame."""
        sql, n = FRAMES[function]
        query = (
            f"select max(v) from (select {sql} over f as v from bars "
            f"window f as (order by bar rows between {n - 1} preceding and current row))"
        )
        return lambda: self.connection.execute(query).fetchall()

    def talib(self, case: Case) -> Callable[[], object]:
        """TA-Lib on the arrays."""
        from talib.abstract import Function

        function = Function(case.function)
        return lambda: function(self.arrays)


def best(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Processor seconds of each, the least of the rounds; in every round all take their turn."""
    seconds = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            begin = time.process_time()
            run()
            seconds[name] = min(seconds[name], time.process_time() - begin)
    return seconds


def rows(bars: Bars, cases: Sequence[Case], rounds: int) -> Iterator[str]:
    """A line per function."""
    ratios = []
    for case in cases:
        contenders = {"ours": bars.scan([case.expression]), "talib": bars.talib(case)}
        if case.function in FRAMES:
            contenders["frame"] = bars.frame(case.function)
        seconds = best(contenders, rounds)
        ratios.append(seconds["ours"] / seconds["talib"])
        frame = f"{seconds['frame']:.2f} | {seconds['frame'] / seconds['ours']:.1f}" if "frame" in seconds else " | "
        line = f"| `{case.expression}` | {seconds['ours']:.2f} | {seconds['talib']:.3f} | {ratios[-1]:.1f} | {frame} |"
        print(line, file=sys.stderr, flush=True)
        yield line
    within = sum(r <= 10 for r in ratios)
    yield f"\nWithin 10 times TA-Lib's C: {within} of {len(ratios)}; the median ratio is {np.median(ratios):.1f}."


def together(bars: Bars, rounds: int) -> Iterator[str]:
    """Twenty indicators of one strategy, one by one and together."""
    for name, texts in (("Twenty indicators", TWENTY), ("Forty averages", AVERAGES)):
        contenders = {text: bars.scan([text]) for text in texts} | {"together": bars.scan(texts)}
        seconds = best(contenders, rounds)
        alone, both = sum(seconds[t] for t in texts), seconds["together"]
        shown = ", ".join(f"`{t}`" for t in (texts if texts is TWENTY else [texts[0], "…", texts[-1]]))
        yield f"{name} ({shown}): one by one {alone:.2f} s, together in one scan {both:.2f} s."


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="functions to time, as in SMA,EMA")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.relative_to(ROOT)}")
    args = parser.parse_args()
    bars = Bars(args.file)
    every = [c for c in (*CASES, *PATTERNS) if c.function not in SAME_MACHINE]
    chosen = [c for c in every if not args.only or c.function in args.only.split(",")]
    lines = [
        f"{bars.count:,} bars in memory, one thread, processor seconds, the best of {args.rounds} rounds.\n",
        *([] if args.only else together(bars, args.rounds)),
        "\n| | here | TA-Lib | ratio | window frame | times ours |",
        "|---|--:|--:|--:|--:|--:|",
        *rows(bars, chosen, args.rounds),
    ]
    if args.write:
        text = PAGE.read_text(encoding="utf-8")
        made = "\n".join([BEGIN, *lines, END])
        PAGE.write_text(text[: text.index(BEGIN)] + made + text[text.index(END) + len(END) :], encoding="utf-8")
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
