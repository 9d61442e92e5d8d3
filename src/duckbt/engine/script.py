"""A plan as one SQL script that the plain DuckDB shell executes."""

from __future__ import annotations

from duckbt.engine.plan import Plan

_HEAD = """-- {title}
-- Made by duckbt {version}. Run it with DuckDB 2.0 or later: every step of the backtest, from Parquet bars to metrics.
-- The tables it leaves: trades, signals, equity, metrics and all intermediate ones.
begin transaction;  -- so that nothing below runs when this is refused, not even in a shell that carries on after errors
select case
  when try_cast(regexp_extract(version(), 'v(\\d+)', 1) as integer) < 2
    then error('this script needs DuckDB 2.0 or later: older versions do not keep the order of some of its steps')
end as version_is_fit;
"""


def write_script(plan: Plan, title: str, version: str) -> str:
    """The whole run as text. Statements are the very ones the engine runs, in an order that works one by one."""
    parts = [_HEAD.format(title=title, version=version)]
    last = ""
    for name, statement in plan.statements():
        if name != last:
            parts.append(f"\n-- ===== {name} =====")
            last = name
        parts.append(f"{statement};")
    parts.append(
        "\ncommit;\n\nselect * exclude (combo_id, cand, entry_bar, exit_bar, entry_pos, exit_pos) "
        "from trades order by trade_id;"
    )
    return "\n".join(parts) + "\n"
