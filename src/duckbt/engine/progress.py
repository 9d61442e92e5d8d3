"""How far a run is: for each stage and for the whole, with the time it will still take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

STEP = 0.02  # share of the whole between two ticks, at most
LONGEST_SILENCE = 60.0  # seconds between two ticks, at most


@dataclass(frozen=True)
class Tick:
    """One moment of a run. Shares are 0..1; ``eta`` is seconds to the end, unknown at the very start.

    ``rows_per_second``: bars of the run that are done with, counted by share, per second since the start.
    """

    stage: str
    stage_share: float
    share: float
    seconds: float
    eta: float | None
    rows_per_second: float


Listener = Callable[[Tick], None]


class Meter:
    """Turns "this stage has begun" and "it is so far" into ticks for ``listener``.

    Ticks come whenever a stage begins, for every 2 % of the whole, and after a minute without either; the last one is
    always 100 %. A stage that is over before anyone could look gives the ticks of all it covered, at once. ``weights``:
    expected seconds of each stage, in order. Several threads may call it.
    """

    def __init__(self, weights: Mapping[str, float], bars: int, listener: Listener) -> None:
        self._listener, self._bars = listener, bars
        total = sum(weights.values()) or 1.0
        self._begins: dict[str, float] = {}
        self._width = {name: weight / total for name, weight in weights.items()}
        reached = 0.0
        for name, width in self._width.items():
            self._begins[name] = reached
            reached += width
        self._lock = threading.Lock()
        self._start = time.perf_counter()
        self._stage, self._share, self._told = "", 0.0, -1.0
        self._told_at = self._start
        self.emissions = 0
        self.cpu = 0.0  # seconds of processor time spent here and in the listener

    def enter(self, stage: str) -> None:
        """A stage begins; all before it are done."""
        begin = time.thread_time()
        with self._lock:
            if stage != self._stage:
                self._reach(self._begins.get(stage, self._share), self._stage or stage, 1.0)
                self._stage = stage
                self._tell(stage, 0.0, self._share)
        self.cpu += time.thread_time() - begin

    def move(self, stage: str, stage_share: float) -> None:
        """The stage that runs has come so far; ignored when another one has begun since."""
        with self._lock:
            if stage == self._stage:
                self._reach(self._begins.get(stage, 0.0) + self._width.get(stage, 0.0) * stage_share, stage, stage_share)

    def finish(self) -> None:
        """All is done."""
        with self._lock:
            self._reach(1.0, "done", 1.0)
            if self._told < 1.0 or self._stage != "done":
                self._stage = "done"
                self._tell("done", 1.0, 1.0)

    def _reach(self, share: float, stage: str, stage_share: float) -> None:
        share = min(1.0, max(share, self._share))
        while share - self._told > STEP and self._told >= 0:
            self._tell(stage, stage_share, self._told + STEP)
        self._share = share
        if time.perf_counter() - self._told_at > LONGEST_SILENCE:
            self._tell(stage, stage_share, share)

    def _tell(self, stage: str, stage_share: float, share: float) -> None:
        now = time.perf_counter()
        seconds = now - self._start
        eta = seconds * (1 - share) / share if share > 0 else None
        self._told, self._told_at = share, now
        self.emissions += 1
        self._listener(Tick(stage, min(1.0, stage_share), share, seconds, eta, self._bars * share / max(seconds, 1e-9)))
