"""What all parameter sets of a sweep share, as arrays: the bars, and the candidates with their fills and levels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from duckbt.engine.arrays.account import UnitCosts
from duckbt.engine.arrays.exits import Answers, Bars
from duckbt.engine.arrays.touches import Pyramid, room
from duckbt.engine.context import Context
from duckbt.engine.plan import BAR_CHECKS
from duckbt.engine.session import Session, Work
from duckbt.errors import DuckbtError

Integers = NDArray[np.int64]
BATCH = 32_768  # rows that come from SQL at a time: they stay in the cache until they are in their place
DAY = 86_400_000_000  # microseconds


@dataclass
class Market:
    """What all parameter sets of a task share."""

    session: Session
    context: Context
    bars: Bars
    marks: Integers  # the last bar of every day (UTC) that has bars
    quantity: float
    costs: UnitCosts
    numbers: Integers  # of the candidates with a fill, ascending
    columns: dict[str, NDArray[Any]]
    answers: dict[int, Answers] = field(default_factory=dict)  # per level, of all candidates

    def members(self, signal_set: int) -> Integers:
        """Rows of ``columns``: the candidates of a signal set that get a fill."""
        sql = f"select cand from members where signal_set = {signal_set} and not conflict"
        found = fetch(self.session.connection, sql, "cand")["cand"]
        place = np.searchsorted(self.numbers, found)
        inside = place < len(self.numbers)
        place, found = place[inside], found[inside]
        rows: Integers = place[self.numbers[place] == found]
        return rows


def read_market(session: Session, context: Context, costs: UnitCosts, pool: ThreadPoolExecutor) -> Market:
    """Everything that is read before the first set. The shared steps must have run."""
    values = ", ".join(
        f"coalesce(({level.sql})::double, 'nan'::double) as l{level.number}" for level in context.program.levels
    )
    candidates = (
        f"select cand, direction::double as direction, entry_bar, entry_pos % 4 as moment, entry_price, first_held"
        f"{', ' + values if values else ''} from candidates where refused is null"
    )
    columns: dict[str, NDArray[Any]] = {}
    bars = _bars(session, pool, lambda cursor: columns.update(fetch(cursor, candidates, "cand")))
    if not (bars.ts[1:] > bars.ts[:-1]).all():
        session.check(BAR_CHECKS)  # says which
    (quantity,) = session.rows(f"select ({context.program.sizes[0]})::double")[0]
    return Market(session, context, bars, last_of_days(bars.ts), quantity, costs, columns["cand"], columns)


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, rising: str) -> dict[str, NDArray[Any]]:
    """The columns of a query without NULLs from a table that lies in the order of its column ``rising``."""
    table = connection.sql(sql).to_arrow_table()
    columns = {name: table[name].to_numpy() for name in table.column_names}
    if not (columns[rising][1:] > columns[rising][:-1]).all():
        raise DuckbtError(f"rows are not in the order of {rising}: {sql}")
    return columns


def last_of_days(ts: Integers) -> Integers:
    """Places of the last of every day (UTC) that has any; ``ts``: microseconds, rising."""
    midnights = np.arange(ts[0] // DAY + 1, ts[-1] // DAY + 1) * DAY
    return np.unique(np.append(np.searchsorted(ts, midnights), len(ts)) - 1)


def _bars(session: Session, pool: ThreadPoolExecutor, beside: Work) -> Bars:
    """The bars of the one symbol, which count from 0, as arrays. Every thread reads parts of them, batch by batch into
    their place, so that none is held twice. ``beside``: what else there is to read, so that no thread waits for it."""
    (size,) = session.rows("select count(*) from bars")[0]
    arrays = {"ts": np.empty(size, np.int64), "open": np.empty(size), "close": np.empty(size), "up": room(size),
              "down": room(size)}  # fmt: skip

    def read(part: int, cursor: duckdb.DuckDBPyConnection) -> None:
        begin, end = size * part // parts, size * (part + 1) // parts
        sql = (
            "select epoch_us(ts) as ts, open, close, greatest(high, open) as up, -least(low, open) as down "
            f"from bars where bar >= {begin} and bar < {end}"
        )
        for batch in cursor.sql(sql).to_arrow_reader(BATCH):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                arrays[name][begin : begin + len(batch)] = column.to_numpy()
            begin += len(batch)

    parts = 4 * session.threads
    session.side_by_side("bars as arrays", [beside, *(partial(read, part) for part in range(parts))])
    rising, falling = pool.map(partial(Pyramid, bars=size), (arrays["up"], arrays["down"]))
    return Bars(arrays["ts"], arrays["open"], arrays["close"], rising, falling)
