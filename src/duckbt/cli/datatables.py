"""Tables that ``duckcli data`` prints: files, datasets, findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from duckbt.cli import show
from duckbt.lake.ingest import Report
from duckbt.lake.manifest import Manifest

FILES_SHOWN = 20


def ingest_report(report: Report) -> None:
    """What an ingest read, what it changed, and what it could not use."""
    known = [f for f in report.files if f.state == "known"]
    read = [f for f in report.files if f.state == "read"]
    if read:
        show.table(
            ("file", "dialect", "clock", "symbol", "bars of", "rows", "kept", "repeats dropped", "rejected"),
            [(f.name, f.dialect, f.clock, _few(f.symbols), f.timeframe, f.rows, f.kept, f.duplicates, f.rejected)
             for f in read[:FILES_SHOWN]],
        )  # fmt: skip
        if len(read) > FILES_SHOWN:
            show.out.print(f"… and {len(read) - FILES_SHOWN:,} more files ({sum(f.rows for f in read):,} rows in all)")
        show.out.print()
    if known:
        show.out.print(f"{_few([f.name for f in known])}: in the lake already, nothing to do")
    datasets([m for m, _ in report.datasets])
    for manifest, change in report.datasets:
        if change.absorbed or change.replaced or change.kept_old:
            show.out.print(
                f"{manifest.symbol}: {change.added:,} bars added, {change.absorbed:,} were there already"
                + (f", {change.replaced:,} replaced" if change.replaced else "")
                + (f", {change.kept_old:,} differ and were left as they are" if change.kept_old else "")
            )
    for name, error in report.failed:
        said = error if error.startswith(name) else f"{name}: {error}"
        show.err.print(f"[red]not read[/] {escape(said)}", soft_wrap=True)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def datasets(manifests: Sequence[Manifest]) -> None:
    """One line per dataset, then what needs saying about some."""
    if not manifests:
        return
    show.table(
        ("symbol", "bars of", "bars", "first", "last", "repeats dropped", "rejected", "prices broken", "gaps", "missing",
         "largest gap", "clock"),
        [(m.symbol, m.timeframe + (" in place" if m.in_place else ""), m.rows, m.first_ts, m.last_ts, m.duplicates.removed,
          m.rejected.rows, m.ohlc_violations, m.gaps.inside, m.gaps.missing, span(m.gaps.largest_seconds),
          f"of {m.derived.timeframe}" if m.derived else m.timezone) for m in manifests],
    )  # fmt: skip
    for m in manifests:
        for sample in m.rejected.samples[:3]:
            show.out.print(f"[yellow]{escape(m.symbol)}[/] rejected: {escape(sample)}")
        if m.switches.repeated or m.switches.skipped:
            show.out.print(
                f"[yellow]{m.symbol}[/] clock {m.timezone}: {m.switches.repeated:,} rows in hours that happen twice, told "
                f"apart by their order; {m.switches.skipped:,} rows at times that do not exist"
            )
        for note in m.notes:
            show.out.print(f"[yellow]{m.symbol}[/] {note}")


def audit_summary(rows: Sequence[dict[str, Any]]) -> None:
    """One line per dataset that has findings."""
    columns = {
        "rejected": "rejected", "identical": "repeats", "conflicting": "conflicts", "out_of_order": "backward",
        "switches": "clock", "ohlc": "prices broken", "gaps": "gaps", "missing": "missing", "largest_gap": "largest",
        "holidays": "holidays", "closed": "closed", "spikes": "spikes", "splits": "splits?", "zero_volume": "volume 0",
        "flat": "flat", "off_grid": "off grid",
    }  # fmt: skip
    quiet = {"holidays", "closed"}
    found = [row for row in rows if any(row[name] for name in columns if name not in quiet)]
    if found:
        shown = {name: title for name, title in columns.items() if any(row[name] for row in found)}
        show.table(("symbol", "bars of", "bars", *shown.values()),
                   [(r["symbol"], r["timeframe"], r["bars"], *(r[name] for name in shown)) for r in found])  # fmt: skip
    if len(found) < len(rows):
        show.out.print(f"{len(rows) - len(found):,} of {len(rows):,} datasets have no findings")


def audit_findings(findings: Sequence[dict[str, Any]], limit: int) -> None:
    """Findings one by one, at most ``limit`` per dataset and check; of gaps the largest, closed hours left out."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for finding in findings:
        if finding["kind"] != "closed":
            groups.setdefault((finding["symbol"], finding["timeframe"], finding["check_name"]), []).append(finding)
    for (symbol, timeframe, check), found in groups.items():
        shown = sorted(found, key=lambda f: -f["bars"])[:limit] if check == "gaps" else found[:limit]
        more = f", {len(shown)} of {len(found)}" if len(shown) < len(found) else ""
        show.out.print()
        show.table(
            ("from", "until", "bars", "kind", "value", "detail"),
            [(f["ts"], f["until"], f["bars"], f["kind"], f["value"], f["detail"] or "") for f in shown],
            title=f"{symbol} {timeframe} {check}{more}",
        )


def span(seconds: float) -> str:
    """A length of time as people say it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return "–"
