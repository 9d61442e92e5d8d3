"""Which tables of a plan nobody reads any more, step by step: a long run should not carry what it is done with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from duckbt.engine.step import Step

_COMMENT = re.compile(r"--[^\n]*")
_MADE = re.compile(r"\bcreate or replace (table|view) (\w+)")
_WORD = re.compile(r"\w+")


def last_uses(steps: Sequence[Step]) -> list[list[str]]:
    """For every step the tables that no later step reads.

    A table that a view reads lives as long as the view is read. The step of a ledger counts as a reader of everything
    before it.
    """
    last: dict[str, int] = {}
    views: dict[str, set[str]] = {}
    for number, step in enumerate(steps):
        if step.ledger:
            last = dict.fromkeys(last, number)
        for statement in step.statements:
            text = _COMMENT.sub("", statement)
            words = set(_WORD.findall(text))
            found = {w for w in words if w in last} | {t for w in words for t in views.get(w, ())}
            for kind, name in _MADE.findall(text):
                if kind == "view":
                    views[name] = found - {name}
                else:
                    last[name] = number
            last |= dict.fromkeys(found, number)
    done: list[list[str]] = [[] for _ in steps]
    for name, number in last.items():
        done[number].append(name)
    return done
