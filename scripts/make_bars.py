"""Make synthetic price bars: the sample data of this project, or large sets for benchmarks.

    python scripts/make_bars.py                                  # rewrites data/sample
    python scripts/make_bars.py --bars 6900000 --symbols 1 --seed 7 --out big      # Parquet for `duckcli data add`

Everything follows from the seed. The prices are invented; any likeness to a market is intended but not real.
"""

from __future__ import annotations

import argparse
import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
MINUTE = np.timedelta64(60, "s")


def trading_minutes(start: str, bars: int) -> np.ndarray:
    """The first ``bars`` minutes from ``start`` on between Sunday 22:00 and Friday 22:00 UTC."""
    weeks = bars // (5 * 1440) + 2
    first = np.datetime64(start, "s")
    days_since_sunday = (first.astype("datetime64[D]").astype(int) + 4) % 7
    sunday = first.astype("datetime64[D]") - np.timedelta64(int(days_since_sunday), "D")
    week = (sunday.astype("datetime64[s]") + np.timedelta64(22, "h")) + np.arange(5 * 1440) * MINUTE
    minutes = (week[None, :] + np.arange(weeks)[:, None] * np.timedelta64(7, "D")).ravel()
    found: np.ndarray = minutes[minutes >= first][:bars]
    return found


def walk(
    rng: np.random.Generator, ts: np.ndarray, start: float, tick: float, volatility: float, turnover: int = 40
) -> dict[str, np.ndarray]:
    """Bars on a price grid of ``tick``: sessions, volatility clusters, a drift that changes sign now and then."""
    n = len(ts)
    hour = (ts.astype("datetime64[m]").astype(np.int64) // 60 % 24).astype(int)
    session = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.8, 1.3, 1.4, 1.2, 1.0, 1.0,
                        1.2, 1.7, 1.8, 1.6, 1.3, 1.0, 0.8, 0.7, 0.6, 0.5, 0.4, 0.4])[hour]  # fmt: skip
    blocks = np.repeat(rng.normal(0, 0.35, n // 240 + 1), 240)[:n]
    drift = np.repeat(rng.normal(0, 0.03, n // 2880 + 1), 2880)[:n]
    sigma = volatility * session * np.exp(blocks)
    step = (rng.standard_t(5, n) * 0.77 + drift) * sigma
    close = np.round(start * np.exp(np.cumsum(step)) / tick).astype(np.int64)
    opened = np.empty(n, np.int64)
    opened[0] = round(start / tick)
    opened[1:] = close[:-1] + rng.integers(-1, 2, n - 1)
    gap = np.flatnonzero(np.diff(ts) > MINUTE) + 1
    opened[gap] += np.round(rng.normal(0, 12, len(gap))).astype(np.int64)
    reach = np.round(np.abs(rng.normal(0, 0.6, (2, n))) * sigma * start / tick).astype(np.int64)
    high = np.maximum(opened, close) + reach[0]
    low = np.minimum(opened, close) - reach[1]
    volume = rng.poisson(turnover * session * np.exp(blocks))
    decimals = max(0, round(-np.log10(tick)))
    prices = {k: np.round(v * tick, decimals) for k, v in
              {"open": opened, "high": high, "low": low, "close": close}.items()}  # fmt: skip
    return {"ts": ts, **prices, "volume": volume}


def holes(rng: np.random.Generator, ts: np.ndarray, share: float, outages: int) -> np.ndarray:
    """Minutes without a tick, and a few outages of hours."""
    keep = rng.random(len(ts)) > share
    for at in rng.integers(0, len(ts), outages):
        keep[at : at + int(rng.integers(60, 240))] = False
    return ts[keep]


def with_duplicates(rng: np.random.Generator, bars: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Repeat ``count`` bars in place, as feeds do after a reconnect."""
    at = np.sort(rng.integers(1000, len(bars["ts"]) - 1000, count))
    order = np.sort(np.concatenate([np.arange(len(bars["ts"])), at]), kind="stable")
    return {name: values[order] for name, values in bars.items()}


def write_csv(path: Path, bars: dict[str, np.ndarray]) -> None:
    """Gzip CSV with a header, the same bytes every time."""
    text = np.datetime_as_string(bars["ts"], unit="s")
    table = pa.table({"time": np.char.replace(text, "T", " "), **{k: v for k, v in bars.items() if k != "ts"}})
    buffer = io.BytesIO()
    pa.csv.write_csv(table, buffer, pa.csv.WriteOptions(quoting_style="none"))
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(buffer.getvalue())


def make_sample(folder: Path, seed: int) -> None:
    """Two currency-like symbols of minutes, one stock-like symbol of days."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (symbol, start, tick, volatility) in enumerate(
        [("EURSYN", 1.10, 1e-5, 9e-5), ("GBPSYN", 1.27, 1e-5, 1.0e-4)]
    ):
        rng = np.random.default_rng([seed, number])
        ts = holes(rng, trading_minutes("2024-01-01", 86_000), 0.004, 3)
        bars = with_duplicates(rng, walk(rng, ts, start, tick, volatility), 12)
        write_csv(folder / f"{symbol}_M1.csv.gz", bars)
    rng = np.random.default_rng([seed, 99])
    days = np.datetime64("2014-01-01", "D") + np.arange(3650)
    days = days[((days.astype(int) + 4) % 7 > 0) & ((days.astype(int) + 4) % 7 < 6)].astype("datetime64[s]")
    write_csv(folder / "STKSYN_D1.csv.gz", walk(rng, days, 60.0, 0.01, 0.02, 2_000_000))


def make_big(folder: Path, bars: int, symbols: int, seed: int) -> None:
    """One sorted zstd Parquet file a symbol, written in blocks so that memory stays small."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(symbols):
        rng = np.random.default_rng([seed, 1000 + number])
        symbol = f"SYN{number:03d}"
        ts = trading_minutes("2004-01-01", bars)
        made = walk(rng, ts, 1.10, 1e-5, 6e-5)
        level = np.log(made["close"])
        trend = np.linspace(level[0], level[-1], bars) - level[0]
        for name in ("open", "high", "low", "close"):  # keep the price in range over decades
            made[name] = np.round(made[name] * np.exp(-trend), 5)
        made["high"] = np.maximum.reduce([made[k] for k in ("open", "high", "close")])
        made["low"] = np.minimum.reduce([made[k] for k in ("open", "low", "close")])
        table = pa.table(
            {"symbol": pa.array([symbol] * bars, pa.string()), "ts": made["ts"].astype("datetime64[us]"),
             **{k: made[k].astype(np.float64) for k in ("open", "high", "low", "close", "volume")}}
        )  # fmt: skip
        pa.parquet.write_table(table, folder / f"{symbol}_M1.parquet", compression="zstd", row_group_size=122_880)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, help="bars per symbol; without it the sample data is made")
    parser.add_argument("--symbols", type=int, default=1)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    if given.bars is None:
        make_sample(given.out or SAMPLE, given.seed)
    else:
        make_big(given.out or Path("big"), given.bars, given.symbols, given.seed)


if __name__ == "__main__":
    main()
