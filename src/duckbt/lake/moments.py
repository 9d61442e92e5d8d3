"""How the times of a table are written: typed timestamps, epoch numbers, text with or without an offset."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from duckbt.errors import DataError
from duckbt.sqlfiles import quote_name, quote_text

_DAYS = ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y",
         "%b %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")  # fmt: skip
_CLOCKS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M", "T%H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p",
           " %I-%p", "")  # fmt: skip
_DIGITS = ("%Y%m%d %H%M%S", "%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d")
FORMATS = tuple(day + clock for day in _DAYS for clock in _CLOCKS) + _DIGITS
_SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|UTC|[+-]\d\d(:?\d\d)?)")
_FIRST_DAY, _LAST_DAY = 19000101, 21001231  # whole numbers in between are days such as 20240131, no epoch seconds


@dataclass(frozen=True)
class Moments:
    """``kind``: timestamp, zoned (carries its own offset), epoch or text; ``formats``: how text is written."""

    kind: str
    column: str
    clock: str | None = None  # a second column with the time of day
    formats: tuple[str, ...] = ()
    typed: bool = False  # the column is a timestamp type, no text

    def sql(self) -> str:
        """SQL for the bar's time, as the source's clock shows it (UTC where the text or type carries a zone)."""
        column = quote_name(self.column)
        if self.kind == "timestamp":
            return f"{column}::timestamp"
        if self.kind == "zoned":
            moment = (
                column if self.typed else f"try_cast(regexp_replace(trim({column}), '\\s+([+-])', '\\1') as timestamptz)"
            )
            return f"timezone('UTC', {moment})"
        if self.kind == "epoch":
            return (
                f"case when {column} between {_FIRST_DAY} and {_LAST_DAY} "
                f"then try_strptime({column}::bigint::varchar, '%Y%m%d') else try(make_timestamp(case "
                f"when abs({column}) < 1e11 then round({column} * 1e6)::bigint when abs({column}) < 1e14 "
                f"then round({column} * 1e3)::bigint when abs({column}) < 1e17 then round({column})::bigint "
                f"else round({column})::bigint // 1000 end)) end"
            )
        text = f"trim({column}::varchar)"
        if self.clock:
            text = f"{text} || ' ' || trim({quote_name(self.clock)}::varchar)"
        return f"try_strptime({text}, [{', '.join(quote_text(f) for f in self.formats)}])"


def moments_of_type(type: str, column: str) -> Moments | None:
    """Times of a typed column (Parquet, Arrow); None when they are text."""
    upper = type.upper()
    if upper.startswith(("TIMESTAMP WITH", "TIMESTAMPTZ")):
        return Moments("zoned", column, typed=True)
    if upper.startswith("TIMESTAMP") or upper == "DATE":
        return Moments("timestamp", column, typed=True)
    return None if upper == "VARCHAR" else Moments("epoch", column)


def moments_of(
    connection: duckdb.DuckDBPyConnection,
    file: str,
    rows: str,
    column: str,
    clock: str | None,
    sample: list[str],
    time_format: str | None,
) -> Moments:
    """Times of a text column, judged by a sample and, where day and month may be swapped, by all ``rows`` (SQL).

    Raises DataError when they are not understood or ambiguous.
    """
    if time_format:
        return Moments("text", column, clock, (time_format,))
    if not sample:
        return Moments("text", column, clock, FORMATS)
    if clock is None and all(_ISO.fullmatch(m) for m in sample):
        return Moments("timestamp", column)
    if clock is None and sum(bool(_ZONED.fullmatch(m)) for m in sample) > len(sample) / 2:
        return Moments("zoned", column)
    fitting = _fitting(connection, sample)
    if (
        fitting
        and any(a in f for f in fitting for a in _SWAPPED)
        and any(b in f for f in fitting for b in _SWAPPED.values())
    ):
        day_first = _day_first(connection, file, rows, column, sample[0])
        fitting = [f for f in fitting if f.startswith("%d" if day_first else "%m")]
    if fitting:
        days = {re.split(r"[ T]%[HI]", f)[0] for f in fitting}
        family = [f for f in FORMATS if re.split(r"[ T]%[HI]", f)[0] in days and f not in fitting]
        return Moments("text", column, clock, (*fitting, *family))
    if clock is None and sum(bool(re.fullmatch(r"-?\d{1,19}(\.\d+)?", m)) for m in sample) > len(sample) / 2:
        return Moments("epoch", column)
    raise DataError(
        f"{file}: times such as {sample[0]!r} are not understood; say how they are written, "
        "as in --time-format '%d.%m.%Y %H:%M'"
    )


def _fitting(connection: duckdb.DuckDBPyConnection, sample: list[str]) -> list[str]:
    """Formats that read most of the sample, the best first."""
    tests = ", ".join(f"count(*) filter (year(try_strptime(t, {quote_text(f)})) between 1900 and 2100)" for f in FORMATS)
    counts = connection.execute(f"select {tests} from (select unnest(?::varchar[]) as t)", [sample]).fetchall()[0]
    ranked = sorted(zip(counts, range(len(FORMATS)), strict=True), key=lambda pair: (-pair[0], pair[1]))
    return [FORMATS[place] for count, place in ranked if count > len(sample) / 2]


def _day_first(connection: duckdb.DuckDBPyConnection, file: str, rows: str, column: str, example: str) -> bool:
    """Whether 01/02/2024 is the first of February, by all dates of the file. Raises DataError when nothing tells."""
    pattern = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d"
    big_first, big_second, firsts, seconds = connection.execute(
        "select count(*) filter (a > 12), count(*) filter (b > 12), count(distinct a), count(distinct b) from ("
        f"select try_cast(regexp_extract(t, '{pattern}', 1) as integer) as a, "
        f"try_cast(regexp_extract(t, '{pattern}', 2) as integer) as b "
        f"from (select {quote_name(column)}::varchar as t from {rows}))"
    ).fetchall()[0]
    if bool(big_first) != bool(big_second):
        return bool(big_first)
    if big_first:
        raise DataError(
            f"{file}: some dates can only be day first and others only month first, such as {example!r}; "
            "the file seems to be pieced together. Split it, or use --time-format for the part to keep"
        )
    if firsts == seconds:
        raise DataError(
            f"{file}: {example!r} may be day first or month first, and no date of the file tells; "
            "say it with --time-format '%d/%m/%Y …' or '%m/%d/%Y …'"
        )
    return bool(firsts > seconds)
