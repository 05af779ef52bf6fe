"""The real time."""

import asyncio
import time


class SystemClock:
    """Implements the `Clock` port with the system's clocks."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def tick(self) -> float:
        """Seconds of a clock that never steps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
