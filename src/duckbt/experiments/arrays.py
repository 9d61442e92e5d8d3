"""The fast way through many parameter sets (placeholder until measured)."""

from __future__ import annotations

import pyarrow as pa

from duckbt.engine.context import Context
from duckbt.engine.session import Session


def able(context: Context) -> bool:
    """Whether this strategy can go the fast way."""
    return False


def figures(session: Session, context: Context) -> pa.Table:
    """Rows of figures."""
    raise NotImplementedError
