"""Work for tests of concurrency."""

import asyncio


class Work:
    """Work that is done when it is told, and counts how often it began and was cancelled."""

    def __init__(self):
        self.begun = self.cancelled = 0
        self.end = asyncio.Event()
        self.error = None

    async def __call__(self, report):
        self.begun += 1
        report(1, 3)
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        report(3, 3)
        if self.error:
            raise self.error
        return self.begun
