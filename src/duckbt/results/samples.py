"""An indicator on the sample bars, to look at."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from duckbt.lake.sample import make_sample_lake
from duckbt.lake.store import Lake
from duckbt.results.prepared import prepare
from duckbt.results.run import scan_bars
from duckbt.sqlfiles import connect, quote_name
from duckbt.strategy.load import parse_strategy

SYMBOL, TIMEFRAME = "EURSYN", "1h"


def on_sample_bars(expression: str, folder: Path, bars: int) -> dict[str, list[float | None]]:
    """``close`` and the expression's outputs on the last ``bars`` hours of the sample data.

    ``folder``: where the strategy's own indicators lie beside, if it has any. Raises StrategyError as ``backtest`` does.
    """
    text = f"name = 'sample'\ntimeframe = '{TIMEFRAME}'\n[indicators]\nvalue = '''{expression}'''\n[entry]\nlong = 'false'"
    with TemporaryDirectory(prefix="duckbt-sample-") as scratch:
        lake = Lake(Path(scratch) / "lake")
        make_sample_lake(lake)
        prepared = prepare(parse_strategy(text, folder / "sample.toml"), lake, [SYMBOL, "GBPSYN"])
        out = Path(scratch) / "scan.parquet"
        scan_bars(prepared, out)
        columns = prepared.program.indicator_columns
        chosen = ", ".join(f"{quote_name(c)}::double" for c in ("close", *columns))
        query = f"select {chosen} from (select * from read_parquet(?) where symbol = ? order by ts desc limit ?) order by ts"
        with connect() as connection:
            rows = connection.execute(query, [str(out), SYMBOL, bars]).fetchall()
    names = ["close", *(c.removeprefix("value_") if c != "value" else c for c in columns)]
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
