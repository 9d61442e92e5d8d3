"""Errors that users see: one base class, one exit code each.

A message says what is wrong, where, what was found, and the way out. Only ``duckbt.cli`` turns these
into exit codes; everything below raises.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DuckbtError(Exception):
    """Base of all errors meant for users. ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(DuckbtError):
    """The call itself is wrong: unknown option value, impossible combination."""

    exit_code = 2


class StrategyError(DuckbtError):
    """The strategy file cannot be used: syntax, unknown names, look-ahead, wrong types."""

    exit_code = 3


class DataError(DuckbtError):
    """Market data is missing, changed, or not what it should be."""

    exit_code = 4


class ResourceError(DuckbtError):
    """Memory or disk ran out; nothing was left behind. ``required_mb``, ``available_mb``: as far as is known."""

    exit_code = 5

    def __init__(self, message: str, required_mb: float | None = None, available_mb: float | None = None) -> None:
        super().__init__(message)
        self.required_mb, self.available_mb = required_mb, available_mb


class ExpressionError(Exception):
    """An expression is refused; carries the spot so that the caller can add file and key.

    ``start`` and ``length`` count characters of ``text``.
    """

    def __init__(self, message: str, text: str, start: int = 0, length: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.text, self.start, self.length, self.hint = message, text, start, length, hint

    def show(self, indent: str = "  ") -> str:
        """The message with the expression and a caret line under the spot."""
        start = max(0, min(self.start, len(self.text)))
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", start)
        line = self.text[line_start : line_end if line_end >= 0 else len(self.text)]
        column = start - line_start
        carets = "^" * max(1, min(self.length, len(line) - column))
        shown = f"{self.message}\n{indent}{line}\n{indent}{' ' * column}{carets}"
        return f"{shown}\n{indent}{self.hint}" if self.hint else shown


def did_you_mean(name: str, known: Iterable[str], fallback: str = "") -> str:
    """``did you mean 'ema'?`` for a near miss, else ``fallback``."""
    spelled = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(repr(spelled[c]) for c in close)}?" if close else fallback
