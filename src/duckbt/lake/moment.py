"""Points in time as users give them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from duckbt.errors import UsageError


def moment(value: datetime | date | str | None, name: str) -> datetime | None:
    """A date or time as naive UTC; text is ISO 8601, and without an offset UTC is meant.

    ``name`` is what messages call it. Raises UsageError for text that is no time.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise UsageError(f"{name} {value}: write a date as 2024-01-31 or 2024-01-31T08:00") from None
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
