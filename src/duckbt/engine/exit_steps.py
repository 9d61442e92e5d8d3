"""Steps from signals to exits: fills, levels, the bars that touch them, and what ends every candidate."""

from __future__ import annotations

from duckbt.compiler.graph import longest
from duckbt.compiler.layers import Layers, Output
from duckbt.engine.context import Context
from duckbt.engine.scan_steps import pieces_of, table_names
from duckbt.engine.stages import source_context
from duckbt.engine.step import Step, stage
from duckbt.errors import StrategyError
from duckbt.sqlfiles import render
from duckbt.strategy.model import LimitOrder, StopOrder

TRAIL_BASE = 3  # trailing stops look at single bars at both ends of their walk: smaller blocks pay there
NAMES = {  # column of combos → name of the level in asked
    "stop": "stop", "target": "target", "trail": "trail", "trail_after": "after", "breakeven": "even",
    "breakeven_to": "even_to", "trail_price": "follow",
}  # fmt: skip


def placing_steps(context: Context) -> list[Step]:
    """Parameter sets, and where their levels lie."""
    program, rules = context.program, context.rules
    scales = [stage("40_entries/combo_scales", rows=program.combo_scales)] if program.combo_scales else []
    return [
        stage("40_entries/combos", combos=program.combos),
        *scales,
        stage(
            "40_entries/levels",
            levels=program.levels,
            kind=rules.entry,
            strict=rules.target_touch == "beyond",
            entry_bar_exits=rules.entry_bar_exits,
            optimist=rules.same_bar == "target_first",
        ),
    ]


def exit_steps(context: Context) -> list[Step]:
    """Touches of levels, and exits."""
    return [*_level_steps(context), *_decision_steps(context)]


def touch_steps(writes: str, questions: str, room: str = "50_exits") -> list[Step]:
    """The first touch of every question: the blocks it may lie in, then the bar."""
    places = writes.removesuffix("touches") + "touch_blocks"
    return [
        stage(f"{room}/{places}", "50_exits/touch_blocks", writes=places, questions=questions),
        stage(f"{room}/{writes}", "50_exits/touches", writes=writes, places=places),
    ]


def entry_steps(context: Context) -> list[Step]:
    """What no parameter set changes: stretches of conditions, signals with their fills, the bars of trailing stops."""
    program, kind = context.program, context.rules.entry
    order = context.strategy.entry.price
    steps = []
    if context.source.signals is not None:
        steps.append(stage("30_signals/anchors", ends=context.source.signals.ends))
    if program.watched:
        steps.append(stage("30_signals/stretches", conditions=program.watched, anchors=context.source.anchored))
    steps.append(
        stage(
            "40_entries/fired",
            order_sides=program.order_sides,
            session_flag=program.session_flag,
            carried=program.carried,
            anchors=context.source.anchored,
        )
    )
    steps.append(stage("40_entries/members", sides=program.sides))
    is_order = isinstance(order, LimitOrder | StopOrder)
    if is_order:
        steps.append(stage("40_entries/order_questions", kind=kind))
        steps += touch_steps("order_touches", "order_questions")
    cancels = next((s.cancel for s in program.sides if s.cancel is not None), None)
    steps.append(
        stage(
            "40_entries/candidates",
            kind=kind,
            valid_bars=order.bars if isinstance(order, LimitOrder | StopOrder) else 1,
            cancels=cancels,
            anchors=context.source.anchored,
            carried=program.carried,
        )
    )
    return steps


def _level_steps(context: Context) -> list[Step]:
    steps = [
        stage("50_exits/questions"),
        *touch_steps("touches", "questions"),
        stage("50_exits/level_touches"),
    ]
    if "breakeven" in context.roles:
        steps += [stage("50_exits/breakeven_questions"), *touch_steps("breakeven_touches", "breakeven_questions")]
    if "trail" in context.roles:
        steps += _trail_touches(context)
    if "trail_price" in context.roles:
        steps += _moving_steps(context)
    return steps


def trail_steps(context: Context) -> list[Step]:
    """What trailing stops need to know of the bars: the same for all parameter sets."""
    if "trail" not in context.roles:
        return []
    same_bar = context.rules.trail_high == "same_bar"
    pieces = pieces_of(context.source, 0, grid=1 << TRAIL_BASE)
    tables = table_names("trail_base", pieces)
    base = tuple(
        render(
            "50_exits/trail_base.sql.j2",
            bars=context.source.part("bars", p.low),
            table=t,
            low=p.low,
            high=p.high,
            same_bar=same_bar,
        )
        for p, t in zip(pieces, tables, strict=True)
    )
    return [
        Step("50_exits/trail_base", base, parallel=len(base) > 1),
        stage("50_exits/trail_blocks", tables=tables, top=context.levels_above(TRAIL_BASE)),
    ]


def _trail_touches(context: Context) -> list[Step]:
    rules = context.rules
    return [
        stage(
            "50_exits/trail_questions",
            kind=rules.entry,
            entry_bar_exits=rules.entry_bar_exits,
            activated="trail_after" in context.roles,
        ),
        *_moving_touches("trail", rules.trail_high == "same_bar"),
    ]


def _moving_touches(kind: str, same_bar: bool) -> list[Step]:
    """Trailing stops and trail prices share one walk: the first block bar by bar, later blocks, the last one's bars."""
    names = {
        "questions": f"{kind}_questions",
        "blocks": f"{kind}_blocks",
        "starts": f"{kind}_starts",
        "ends": f"{kind}_ends",
        "moving": kind == "moving",
        "same_bar": same_bar,
    }
    return [
        stage(f"50_exits/{kind}_starts", "50_exits/trail_starts", **names),
        stage(f"50_exits/{kind}_ends", "50_exits/trail_ends", **names),
        stage(f"50_exits/{kind}_touches", "50_exits/trail_touches", writes=f"{kind}_touches", **names),
    ]


def _moving_steps(context: Context) -> list[Step]:
    """The series of the trail price over all bars, its pyramid, and the walk. One series a strategy."""
    program = context.program
    if context.source.anchored:
        raise StrategyError("exit.trail_price cannot be combined with exit.resolve_on; use exit.trail")
    if len(program.moving) > 1:
        raise StrategyError("exit.trail_price cannot depend on a parameter that varies within one sweep")
    long, short = program.moving[0]
    nothing = program.graph.literal(None)
    outputs = [
        Output("follow_long", nothing if long is None else long),
        Output("follow_short", nothing if short is None else short),
    ]
    layers = Layers(program.graph, outputs)
    reach = longest([program.graph[o.node].reach for o in outputs])
    pieces = pieces_of(context.source, reach)
    tables = table_names("moving_values", pieces)
    scans = tuple(
        render(
            "30_signals/scan.sql.j2",
            table=table,
            keep_from=piece.keep_from,
            **source_context(layers, context.source.part("bars", piece.low), piece.one_symbol, piece.low, piece.high),
            outputs={o.name: "double" for o in outputs},
            conditions=[],
            not_before=None,
        )
        for piece, table in zip(pieces, tables, strict=True)
    )
    steps = [Step("50_exits/moving_values", scans, parallel=len(scans) > 1)]
    if len(scans) > 1:
        join = stage(
            "50_exits/moving_values_all", "30_signals/scan_all", writes="moving_values", tables=tables,
            columns=["bar", "follow_long", "follow_short"],
        )  # fmt: skip
        steps.append(join)
    return [
        *steps,
        stage("50_exits/moving_blocks", top=context.levels_above(TRAIL_BASE)),
        stage("50_exits/moving_questions", entry_bar_exits=context.rules.entry_bar_exits),
        *_moving_touches("moving", False),
    ]


def _decision_steps(context: Context) -> list[Step]:
    program, rules, roles = context.program, context.rules, context.roles
    joins = {NAMES[column]: column for column in NAMES if column in roles}
    parts = [number for number, _ in context.parts]
    columns = {f"{name}_bar" for name in joins}
    if "breakeven" in roles:
        columns.add("moved_bar")
    if "trail" in roles:
        columns.add("trailed_bar")
    if "trail_price" in roles:
        columns.add("followed_bar")
    asked = stage(
        "50_exits/asked",
        joins=joins,
        roles=roles,
        scales=parts,
        moving="trail_price" in roles,
        activated="trail_after" in roles,
        exits=any(c.exit_set is not None for c in program.combos),
        session=program.session_set,
        anchors=context.source.anchored,
    )
    exits = stage(
        "50_exits/exits",
        columns=columns,
        parts=parts,
        same_bar="stop_first" if rules.same_bar == "finer" else rules.same_bar,
        gap_fill=rules.gap_fill,
        strict=rules.target_touch == "beyond",
        trail_high=rules.trail_high,
        at_end=rules.at_end,
        free_pos=_free_pos(context),
        entry_ambiguous=_entry_ambiguous(context, joins, parts),
    )
    goals = (["target_price"] if "target" in joins else []) + [f"part_{n}_price" for n in parts]
    if not context.source.finer or not goals:
        return [asked, exits]
    inside = stage(
        "50_exits/inside_order", goals=goals, finer=context.source.finer, seconds=context.source.timeframe.seconds
    )
    return [asked, exits, inside, *([stage("50_exits/exits_inside")] if "target" in joins else [])]


def _free_pos(context: Context) -> str:
    """The first moment at which a new trade may begin, counted like exit_pos."""
    if context.rules.reentry_on_exit_bar:
        return "4 * exit_bar + if(ends_at_open, 0, 2)"
    return f"4 * (exit_bar + {1 if context.rules.entry == 'close' else 2})"


def _entry_ambiguous(context: Context, joins: dict[str, str], parts: list[int]) -> str:
    """Whether the bar an order was filled in may have done more than it surely did. See docs/semantics.md."""
    if context.rules.entry not in ("limit", "stop") or not context.rules.entry_bar_exits:
        return "false"
    against = [n for n in ("stop", "trail", "follow") if n in joins and not (n == "trail" and "after" in joins)]
    maybe = " or ".join(f"coalesce({n}_maybe, false)" for n in against) or "false"
    sure = " or ".join(f"coalesce({n}_sure, false)" for n in against) or "false"
    target = "coalesce(target_maybe, false)" if "target" in joins else "false"
    target_sure = "coalesce(target_sure, false)" if "target" in joins else "false"
    scale = " or ".join(f"coalesce(part_{p}_maybe, false)" for p in parts) or "false"
    return (
        f"(({maybe}) and ({target} or {scale})) or (({maybe}) and not ({sure})) "
        f"or (not ({maybe}) and {target} and not {target_sure})"
    )
