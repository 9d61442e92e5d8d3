"""Small charts of characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEIGHT = 9
MARKS = "*+ox#@%&"


def chart(series: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Lines of one panel with all series on one scale, the first one in dots; NULLs leave holes."""
    known = [v for values in series.values() for v in values if v is not None]
    if not known:
        return ["(no values on these bars)"]
    low, high = min(known), max(known)
    width = max(map(len, series.values()))
    rows = [[" "] * width for _ in range(HEIGHT)]
    marks = dict(zip(series, "·" + MARKS, strict=False))
    for name, values in series.items():
        for x, value in enumerate(values):
            if value is not None:
                rows[_row(value, low, high)][x] = marks.get(name, "?")
    labels = {0: f"{high:.6g}", HEIGHT - 1: f"{low:.6g}"}
    lines = [f"{labels.get(y, ''):>12} │{''.join(row).rstrip()}" for y, row in enumerate(rows)]
    return [*lines, " " * 14 + "   ".join(f"{marks.get(name, '?')} {name}" for name in series)]


def panels(price: Sequence[float | None], outputs: Mapping[str, Sequence[float | None]]) -> list[list[str]]:
    """The price with the outputs that lie on its scale, and the others below it."""
    known = [p for p in price if p is not None]
    room = (max(known) - min(known)) * 2 if known else 0.0

    def beside(values: Sequence[float | None]) -> bool:
        there = [v for v in values if v is not None]
        return bool(there and known) and min(there) >= min(known) - room and max(there) <= max(known) + room

    on_scale = {n: v for n, v in outputs.items() if beside(v)}
    rest = {n: v for n, v in outputs.items() if n not in on_scale}
    return [chart({"close": price, **on_scale}), *([chart(rest)] if rest else [])]


def _row(value: float, low: float, high: float) -> int:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - 1 - round(share * (HEIGHT - 1))
