"""The functions and operators an expression may use on values of one bar, and how each is written in SQL.

Every entry is total: where the mathematics has no answer (division by zero, root of a negative number, overflow)
the value is NULL, never NaN, infinity or an error, because both would compare as true somewhere.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from duckbt.compiler.graph import Graph, Type

ATOM, UNARY, TIMES, PLUS, COMPARE, NOT, AND, OR = 100, 70, 60, 50, 40, 35, 30, 20


@dataclass(frozen=True)
class Scalar:
    """One pointwise function: how many arguments, of which kind, what comes out, and its SQL."""

    sql: str | Callable[..., str]
    accepts: str = "number"  # number, boolean, time, text, any
    returns: Type = "same"
    least: int = 1
    most: int = 1
    makes_null: bool = False
    precedence: int = ATOM
    repeats: bool = False  # the SQL names an argument more than once
    fold: Callable[..., Any] | None = None


def _infix(symbol: str, precedence: int, fold: Callable[..., Any] | None = None, **more: Any) -> Scalar:
    return Scalar(f"{{0}} {symbol} {{1}}", precedence=precedence, least=2, most=2, fold=fold, **more)


def _finite(call: str) -> Scalar:
    arguments = call.count("{")
    return Scalar(
        f"case when isfinite({call}) then {call} end",
        returns="double", least=arguments, most=arguments, makes_null=True, repeats=True,
    )  # fmt: skip


def _where(condition: str, call: str, fold: Callable[..., Any] | None = None) -> Scalar:
    return Scalar(f"case when {condition} then {call} end", returns="double", makes_null=True, repeats=True, fold=fold)


def _part(name: str) -> Scalar:
    return Scalar(f"{name}({{0}})", accepts="time", returns="integer")


def _real(name: str, fold: Callable[..., Any] | None = None) -> Scalar:
    return Scalar(f"{name}({{0}})", returns="double", fold=fold)


def _comparison(symbol: str, fold: Callable[..., Any] | None = None) -> Scalar:
    return _infix(symbol, COMPARE, fold, accepts="any", returns="boolean")


def _join(symbol: str, precedence: int, fold: Callable[..., Any]) -> Scalar:
    return Scalar(
        f" {symbol} ".join, accepts="boolean", returns="boolean", least=2, most=999, precedence=precedence, fold=fold
    )


def _list(name: str, **more: Any) -> Scalar:
    return Scalar(lambda *a: f"{name}({', '.join(a)})", **more)


def _case(*parts: str) -> str:
    branches = " ".join(f"when {w} then {t}" for w, t in zip(parts[:-1:2], parts[1:-1:2], strict=True))
    return f"case {branches} end" if parts[-1] == "null" else f"case {branches} else {parts[-1]} end"


def _extreme(symbol: str) -> Callable[..., str]:
    """Greatest or least of two values that are never NULL: three times as fast as DuckDB's own."""
    return lambda a, b: f"case when {a} {symbol}= {b} then {a} else {b} end"


def _strict(symbol: str) -> Callable[..., str]:
    """Greatest or least that is NULL where an argument is (DuckDB's own skips NULLs)."""
    return lambda a, b: f"case when {a} {symbol}= {b} then {a} when {b} {symbol} {a} then {b} end"


def _divide(a: str, b: str) -> str:
    try:
        return f"{a} / {b}" if float(b) != 0 else f"{a} / null"
    except ValueError:
        return f"{a} / nullif({b}, 0)"


SCALARS: dict[str, Scalar] = {
    "+": _infix("+", PLUS, lambda a, b: a + b),
    "-": _infix("-", PLUS, lambda a, b: a - b),
    "*": _infix("*", TIMES, lambda a, b: a * b),
    "/": Scalar(_divide, returns="double", least=2, most=2, makes_null=True, precedence=TIMES,
                fold=lambda a, b: a / b if b else None),
    "//": Scalar("floor({0} / nullif({1}, 0))", returns="double", least=2, most=2, makes_null=True,
                 fold=lambda a, b: a // b if b else None),
    "%": Scalar("{0} % nullif({1}, 0)", least=2, most=2, makes_null=True, precedence=TIMES,
                fold=lambda a, b: math.fmod(a, b) if b else None),
    "negate": Scalar("-{0}", precedence=UNARY, fold=lambda a: -a),
    "^": _finite("pow({0}, {1})"),
    "abs": Scalar("abs({0})", fold=abs),
    "sign": Scalar("sign({0})", returns="integer"),
    "sqrt": _where("{0} >= 0", "sqrt({0})", lambda a: math.sqrt(a) if a >= 0 else None),
    "ln": _where("{0} > 0", "ln({0})", lambda a: math.log(a) if a > 0 else None),
    "log10": _where("{0} > 0", "log10({0})", lambda a: math.log10(a) if a > 0 else None),
    "log2": _where("{0} > 0", "log2({0})", lambda a: math.log2(a) if a > 0 else None),
    "exp": _finite("exp({0})"),
    "sin": _real("sin"), "cos": _real("cos"), "tan": _real("tan"), "atan": _real("atan"),
    "asin": _where("{0} between -1 and 1", "asin({0})"),
    "acos": _where("{0} between -1 and 1", "acos({0})"),
    "sinh": _finite("sinh({0})"), "cosh": _finite("cosh({0})"), "tanh": _real("tanh"),
    "atan2": Scalar("atan2({0}, {1})", returns="double", least=2, most=2),
    "floor": _real("floor", math.floor), "ceil": _real("ceil", math.ceil), "trunc": _real("trunc", math.trunc),
    "round": _list("round", most=2, fold=lambda a, d=0: math.copysign(math.floor(abs(a) * 10**d + 0.5) / 10**d, a)),
    "pi": Scalar("pi()", returns="double", least=0, most=0, fold=lambda: math.pi),
    "greatest": _list("greatest", least=2, most=99, fold=max),  # written as one of those below
    "least": _list("least", least=2, most=99, fold=min),
    "known greatest": Scalar(_extreme(">"), least=2, most=2, repeats=True),
    "known least": Scalar(_extreme("<"), least=2, most=2, repeats=True),
    "strict greatest": Scalar(_strict(">"), least=2, most=2, repeats=True),
    "strict least": Scalar(_strict("<"), least=2, most=2, repeats=True),
    "coalesce": _list("coalesce", accepts="any", least=2, most=99),
    "nullif": _list("nullif", accepts="any", least=2, most=2, makes_null=True),
    "case": Scalar(_case, accepts="any", least=3, most=999),
    "=": _comparison("=", operator.eq), "<>": _comparison("<>", operator.ne), "<": _comparison("<", operator.lt),
    "<=": _comparison("<=", operator.le), ">": _comparison(">", operator.gt), ">=": _comparison(">=", operator.ge),
    "seeded": Scalar("case when {1} > {2} then {3} * {0} when {1} >= {4} then {5} * pow({6}, {1} - {2}) * {0} else 0e0 end",
                     returns="double", least=7, most=7, repeats=True),
    "seeded once": Scalar("case when {1} > {2} then {3} * {0} when {1} = {2} then {4} * {0} else 0e0 end",
                          returns="double", least=5, most=5, repeats=True),
    "fixed": Scalar("case when abs({0}) <= 562949953421312 then ({0} * 1125899906842624)::hugeint end", returns="fixed",
                    makes_null=True, repeats=True),
    "minus fixed": Scalar("{0} - coalesce({1}, 0)", accepts="any", returns="fixed", least=2, most=2, precedence=PLUS),
    "low part": Scalar("({0} - {1}::hugeint)::double", accepts="any", returns="double", least=2, most=2),
    "plus fixed": Scalar("({0}::hugeint + {1}::hugeint)", returns="fixed", least=2, most=2),
    "from fixed": Scalar("({0} - {1})::double / 1125899906842624", accepts="any", returns="double", least=2, most=2,
                         precedence=TIMES),
    "is distinct from": _comparison("is distinct from"),
    "is not distinct from": _comparison("is not distinct from"),
    "between": Scalar("{0} between {1} and {2}", accepts="any", returns="boolean", least=3, most=3,
                      precedence=COMPARE),
    "in": Scalar(lambda x, *a: f"{x} in ({', '.join(a)})", accepts="any", returns="boolean", least=2, most=999,
                 precedence=COMPARE),
    "not in": Scalar(lambda x, *a: f"{x} not in ({', '.join(a)})", accepts="any", returns="boolean", least=2,
                     most=999, precedence=COMPARE),
    "~~": Scalar("{0} like {1}", accepts="text", returns="boolean", least=2, most=2, precedence=COMPARE),
    "is null": Scalar("{0} is null", accepts="any", returns="boolean", precedence=COMPARE),
    "is not null": Scalar("{0} is not null", accepts="any", returns="boolean", precedence=COMPARE),
    "not": Scalar("not {0}", accepts="boolean", returns="boolean", precedence=NOT, fold=operator.not_),
    "and": _join("and", AND, lambda *a: all(a)), "or": _join("or", OR, lambda *a: any(a)),
    "year": _part("year"), "quarter": _part("quarter"), "month": _part("month"), "week": _part("week"),
    "day": _part("day"), "hour": _part("hour"), "minute": _part("minute"), "second": _part("second"),
    "dayofweek": _part("dayofweek"), "isodow": _part("isodow"), "dayofyear": _part("dayofyear"),
    "dayname": Scalar("dayname({0})", accepts="time", returns="text"),
    "monthname": Scalar("monthname({0})", accepts="time", returns="text"),
    "epoch": Scalar("epoch({0})", accepts="time", returns="double"),
    "date_part": Scalar("date_part({0}, {1})", accepts="any", returns="integer", least=2, most=2),
    "date_trunc": Scalar("date_trunc({0}, {1})", accepts="any", returns="timestamp", least=2, most=2),
    "local": Scalar("timezone({1}, timezone('UTC', {0}))", accepts="any", returns="timestamp", least=2, most=2),
    "cast double": Scalar("try_cast({0} as double)", accepts="any", returns="double", makes_null=True, fold=float),
    "cast integer": Scalar("try_cast({0} as bigint)", accepts="any", returns="integer", makes_null=True, fold=round),
    "cast boolean": Scalar("try_cast({0} as boolean)", accepts="any", returns="boolean", makes_null=True),
    "cast date": Scalar("try_cast({0} as date)", accepts="any", returns="date", makes_null=True),
    "cast time": Scalar("try_cast({0} as time)", accepts="any", returns="time", makes_null=True),
    "cast timestamp": Scalar("try_cast({0} as timestamp)", accepts="any", returns="timestamp", makes_null=True),
    "cast text": Scalar("cast({0} as varchar)", accepts="any", returns="text"),
}  # fmt: skip

ALIASES = {
    "**": "^", "pow": "^", "power": "^", "log": "log10", "ceiling": "ceil", "mod": "%", "if": "case", "!=": "<>",
    "cast float": "cast double", "cast decimal": "cast double", "cast numeric": "cast double",
    "cast bigint": "cast integer", "cast int": "cast integer", "cast int4": "cast integer",
    "cast int8": "cast integer", "cast real": "cast double", "cast float8": "cast double", "cast varchar": "cast text",
    "cast datetime": "cast timestamp", "cast bool": "cast boolean",
}  # fmt: skip

NUMBERS = ("double", "integer", "null")
TIMES_OF_DAY = ("timestamp", "date", "time", "null")


def call(graph: Graph, name: str, args: Sequence[int]) -> int:
    """Node of a pointwise call; constants are folded (with Python's IEEE doubles, the same as DuckDB's).

    Raises KeyError for an unknown name, TypeError with a readable message for wrong arguments.
    """
    name = ALIASES.get(name, name)
    if name in ("-", "+") and len(args) == 1:
        return args[0] if name == "+" else call(graph, "negate", args)
    scalar = SCALARS[name]
    if not scalar.least <= len(args) <= scalar.most:
        many = f"{scalar.least}" if scalar.least == scalar.most else f"{scalar.least} to {scalar.most}"
        raise TypeError(f"{name} takes {many} argument{'s' if many != '1' else ''}, got {len(args)}")
    nodes = [graph[a] for a in args]
    _check(name, scalar.accepts, [n.type for n in nodes])
    if scalar.fold and all(n.op == "literal" and isinstance(n.value, int | float) for n in nodes):
        try:
            return graph.literal(scalar.fold(*(n.value for n in nodes)))
        except (OverflowError, ValueError):
            return graph.literal(None)
    nullable = scalar.makes_null or any(n.nullable for n in nodes)
    if name == "/" and nodes[1].op == "literal":
        nullable = nodes[0].nullable or not nodes[1].value
    if name in ("is null", "is not null", "is distinct from", "is not distinct from"):
        nullable = False
    if name == "coalesce":
        nullable = nodes[-1].nullable
    if name in ("greatest", "least"):
        kind = "strict" if nullable else "known"
        return functools.reduce(lambda a, b: _make(graph, f"{kind} {name}", (a, b), nullable), args)
    return _make(graph, name, tuple(args), nullable)


def _make(graph: Graph, name: str, args: tuple[int, ...], nullable: bool) -> int:
    scalar = SCALARS[name]
    types = [graph[a].type for a in args]
    if name == "case":
        types = [*types[1:-1:2], types[-1]]
    return graph.add("call", name, args, scalar.returns if scalar.returns != "same" else unify(types), nullable=nullable)


def unify(types: Sequence[Type]) -> Type:
    """The common type of values that may stand for each other."""
    known = [t for t in types if t != "null"]
    if not known:
        return "double"
    return "double" if "double" in known else known[0]


def _check(name: str, accepts: str, types: Sequence[Type]) -> None:
    if name == "case":
        for condition in types[:-1:2]:
            if condition not in ("boolean", "null"):
                raise TypeError(f"CASE WHEN needs a condition (true or false), got {describe(condition)}")
        return
    groups = {"number": NUMBERS, "boolean": ("boolean", "null"), "time": TIMES_OF_DAY, "text": ("text", "null")}
    if accepts in groups:
        for t in types:
            if t not in groups[accepts]:
                wanted = {"number": "numbers", "boolean": "conditions (true or false)", "time": "a time", "text": "text"}
                raise TypeError(f"{name} works on {wanted[accepts]}, got {describe(t)}")
    elif name in ("=", "<>", "<", "<=", ">", ">=", "between", "in", "not in"):
        kinds = {("number" if t in NUMBERS else t) for t in types if t != "null"}
        if len(kinds) > 1 and "text" not in kinds:
            raise TypeError(f"{name} cannot compare {' with '.join(sorted(describe(k) for k in kinds))}")
        if kinds == {"number", "text"} or kinds == {"boolean", "text"}:
            raise TypeError(f"{name} cannot compare {' with '.join(sorted(describe(k) for k in kinds))}")


def describe(type: Type) -> str:
    """A type in a trader's words."""
    return {
        "double": "a number", "integer": "a number", "number": "a number", "boolean": "a condition",
        "text": "text", "timestamp": "a timestamp", "date": "a date", "time": "a time of day", "null": "NULL",
    }.get(type, type)  # fmt: skip


def write(name: str, args: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """SQL of a call and its binding strength; ``args`` are (SQL, binding strength) of the arguments."""
    scalar = SCALARS[name]
    texts = []
    for place, (text, precedence) in enumerate(args):
        needs = scalar.precedence
        if scalar.precedence == ATOM:
            needs = COMPARE + 1 if scalar.repeats or not callable(scalar.sql) else 0
        tight = precedence > needs or (place == 0 and precedence == needs and scalar.precedence in (PLUS, TIMES))
        nested = name in ("and", "or") and precedence > needs
        texts.append(text if tight or nested or precedence == ATOM or needs == 0 else f"({text})")
    if name in ("and", "or"):
        return f" {name} ".join(texts), scalar.precedence
    sql = scalar.sql(*texts) if callable(scalar.sql) else scalar.sql.format(*texts)
    return sql, scalar.precedence
