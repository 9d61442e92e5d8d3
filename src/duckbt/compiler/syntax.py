"""Text of an expression → tree, read by DuckDB's own parser.

Only the parser runs (``json_serialize_sql`` on a private in-memory connection); nothing is bound or executed.
Everything that is not an expression over values of the current bar is refused here or in ``bind``.
"""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import dataclass
from typing import Any

import duckdb

from duckbt.errors import ExpressionError

_PREFIX = "select "
_NOWHERE = 18446744073709551615


@dataclass(frozen=True)
class Expr:
    """One node of the tree. ``kind``: literal, name, parameter, call, field. ``start``/``length`` in characters."""

    kind: str
    value: Any
    args: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()
    start: int = 0
    length: int = 1
    text: str = ""

    def error(self, message: str, hint: str = "") -> ExpressionError:
        """An error that points at this node."""
        return ExpressionError(message, self.text, self.start, self.length, hint)


_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is not distinct from",
    "CONJUNCTION_AND": "and",
    "CONJUNCTION_OR": "or",
}
_OPERATORS = {
    "OPERATOR_NOT": "not",
    "OPERATOR_IS_NULL": "is null",
    "OPERATOR_IS_NOT_NULL": "is not null",
    "COMPARE_IN": "in",
    "COMPARE_NOT_IN": "not in",
    "OPERATOR_COALESCE": "coalesce",
    "OPERATOR_NULLIF": "nullif",
}
_REFUSED = {
    "SUBQUERY": "a subquery; an expression may only use the bars of this run",
    "WINDOW": "a window function; use prev(x, n), highest(x, n) and the other indicators",
    "LAMBDA": "a lambda",
    "STAR": "a star; name the columns",
    "POSITIONAL_REFERENCE": "a positional reference",
    "COLLATE": "a collation",
    "DEFAULT": "DEFAULT",
}

_lock = threading.Lock()


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"enable_external_access": "false"})


def _serialize(sql: str) -> dict[str, Any]:
    with _lock:
        row = _parser().execute("select json_serialize_sql($1)", [sql]).fetchall()[0]
    result: dict[str, Any] = json.loads(row[0])
    return result


def parse_select(sql: str) -> list[tuple[str, Expr]]:
    """The outputs ``(alias, tree)`` of one plain ``select a as b, …`` without FROM or any other clause.

    Raises ExpressionError with the position of the trouble.
    """
    tree = _serialize(sql)
    if tree.get("error"):
        at = int(tree.get("position", 0) or 0)
        start = len(sql.encode()[:at].decode(errors="ignore"))
        raise ExpressionError(f"not valid SQL: {tree['error_message']}", sql, start, 1)
    statements = tree["statements"]
    if len(statements) != 1:
        raise ExpressionError("one expression is expected, got several statements", sql, sql.find(";"), 1)
    node = statements[0]["node"]
    extra = next((k for k in ("where_clause", "having", "sample", "qualify", "group_expressions") if node.get(k)), None)
    plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY" and not node["cte_map"]["map"]
    if not plain or extra or node["modifiers"]:
        raise ExpressionError(
            "only an expression is allowed here: no FROM, WHERE, UNION, ORDER BY or other clause", sql, 0, len(sql)
        )
    reader = _Reader(sql)
    return [(item.get("alias") or "", reader.read(item)) for item in node["select_list"]]


def parse_expression(text: str) -> Expr:
    """Tree of one expression, positions relative to ``text``. Raises ExpressionError."""
    if not text.strip():
        raise ExpressionError("the expression is empty", text, 0, 1)
    try:
        outputs = parse_select(_PREFIX + text)
    except ExpressionError as error:
        raise ExpressionError(
            error.message, text, max(0, error.start - len(_PREFIX)), min(error.length, max(1, len(text))), error.hint
        ) from None
    if len(outputs) != 1:
        raise ExpressionError("one expression is expected, got several separated by commas", text, 0, len(text))
    alias, tree = outputs[0]
    if alias:
        raise ExpressionError(f"unexpected name {alias!r} after the expression", text, text.rfind(alias), len(alias))
    return _shift(tree, text)


def _shift(tree: Expr, text: str) -> Expr:
    return Expr(
        tree.kind,
        tree.value,
        tuple(_shift(a, text) for a in tree.args),
        tuple((k, _shift(v, text)) for k, v in tree.keywords),
        max(0, tree.start - len(_PREFIX)),
        tree.length,
        text,
    )


class _Reader:
    """Turns DuckDB's serialized tree into ``Expr``; refuses what expressions may not contain."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.bytes = sql.encode()

    def span(self, item: dict[str, Any]) -> tuple[int, int]:
        at = item.get("query_location", _NOWHERE)
        if at >= len(self.bytes):
            return 0, 1
        length = item.get("query_location_length", 0) or 1
        start = len(self.bytes[:at].decode(errors="ignore"))
        return start, max(1, len(self.bytes[at : at + length].decode(errors="ignore")))

    def make(self, item: dict[str, Any], kind: str, value: Any, args: tuple[Expr, ...] = (), keywords: Any = ()) -> Expr:
        start, length = self.span(item)
        return Expr(kind, value, args, tuple(keywords), start, length, self.sql)

    def refuse(self, item: dict[str, Any], what: str) -> ExpressionError:
        start, length = self.span(item)
        return ExpressionError(f"not allowed in an expression: {what}", self.sql, start, length)

    def read(self, item: dict[str, Any]) -> Expr:
        kind = item["class"]
        if kind == "CONSTANT":
            return self.literal(item)
        if kind == "COLUMN_REF":
            names = item["column_names"]
            tree = self.make(item, "name", names[0].lower())
            for field in names[1:]:
                tree = self.make(item, "field", field.lower(), (tree,))
            return tree
        if kind == "PARAMETER":
            return self.make(item, "parameter", item["identifier"])
        if kind == "FUNCTION":
            return self.function(item)
        if kind in ("COMPARISON", "CONJUNCTION"):
            return self.comparison(item)
        if kind == "BETWEEN":
            parts = tuple(self.read(item[k]) for k in ("input", "lower", "upper"))
            return self.make(item, "call", "between", parts)
        if kind == "CASE":
            branches = [self.read(check[k]) for check in item["case_checks"] for k in ("when_expr", "then_expr")]
            return self.make(item, "call", "case", (*branches, self.read(item["else_expr"])))
        if kind == "CAST":
            target = item["type_expr"]["type_name"].lower()
            return self.make(item, "call", f"cast {target}", (self.read(item["child"]),))
        if kind == "OPERATOR":
            return self.operator(item)
        raise self.refuse(item, _REFUSED.get(kind, kind.lower()))

    def literal(self, item: dict[str, Any]) -> Expr:
        kind, text = item["literal"]["kind"], item["literal"]["text"]
        if kind == "INTEGER" and abs(int(text)) < 2**53:
            return self.make(item, "literal", int(text))
        if kind in ("NUMERIC", "INTEGER"):
            return self.make(item, "literal", float(text))
        if kind == "BOOLEAN":
            return self.make(item, "literal", text.lower() == "true")
        if kind == "STRING":
            return self.make(item, "literal", text)
        if kind == "NULL_LITERAL":
            return self.make(item, "literal", None)
        raise self.refuse(item, f"a {kind.lower()} constant")

    def function(self, item: dict[str, Any]) -> Expr:
        if item.get("schema") or item.get("catalog"):
            raise self.refuse(item, "a function of another schema")
        if item.get("filter") or item.get("distinct") or item["order_bys"]["orders"]:
            raise self.refuse(item, "FILTER, DISTINCT or ORDER BY inside a function")
        plain, named = [], []
        for argument in item["arguments"]:
            value = self.read(argument["expression"])
            if argument["name"]:
                named.append((argument["name"].lower(), value))
            else:
                plain.append(value)
        return self.make(item, "call", item["function_name"].lower(), tuple(plain), named)

    def comparison(self, item: dict[str, Any]) -> Expr:
        name = _COMPARISONS.get(item["type"])
        if name is None:
            raise self.refuse(item, item["type"].lower())
        children = item.get("children") or [item["left"], item["right"]]
        return self.make(item, "call", name, tuple(self.read(c) for c in children))

    def operator(self, item: dict[str, Any]) -> Expr:
        children = tuple(self.read(c) for c in item["children"])
        if item["type"] == "STRUCT_EXTRACT" and isinstance(children[1].value, str):
            return self.make(item, "field", children[1].value.lower(), children[:1])
        name = _OPERATORS.get(item["type"])
        if name is None:
            raise self.refuse(item, item["type"].lower().replace("_", " "))
        return self.make(item, "call", name, children)
