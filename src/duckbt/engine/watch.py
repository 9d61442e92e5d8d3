"""One thread beside a session: it looks at memory and progress a few times a second, and stops what takes too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from duckbt.engine.memory import resident

EVERY = 0.1  # seconds between two looks


class Watch:
    """Samples this process's memory: ``peak`` bytes, and ``too_much(bytes)`` once when it exceeds ``ceiling``.

    ``look`` is called with every sample; ``cpu`` is the processor time all of this took, in seconds.
    """

    def __init__(self, ceiling: int, too_much: Callable[[int], None], look: Callable[[], None]) -> None:
        self._ceiling, self._too_much, self._look = ceiling, too_much, look
        self._stop = threading.Event()
        self.peak, self.cpu = resident(), 0.0
        self._thread = threading.Thread(target=self._run, name="duckbt-watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        told = False
        while not self._stop.wait(EVERY):
            begin = time.thread_time()
            self.sample()
            if self.peak > self._ceiling and not told:
                told = True
                self._too_much(self.peak)
            self._look()
            self.cpu += time.thread_time() - begin

    def sample(self) -> None:
        """Take one sample now."""
        self.peak = max(self.peak, resident())

    def stop(self) -> None:
        """End the thread; the figures stay."""
        if self._thread.is_alive():
            self.sample()
        self._stop.set()
        self._thread.join()
