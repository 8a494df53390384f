"""The server's handle of one worker process: connection and shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from playground.training import protocol
from playground.training.fork_server import Connection

STOP_TIMEOUT_SECONDS = 5.0  # until the connection of a worker that has not exited is closed


@dataclass(slots=True)
class WorkerHandle:
    """A job's worker; `connection` is None until its process has started.

    task: applies the worker's events. kill_timer: set once Stop was sent.
    """

    task: asyncio.Task[None] | None = None
    connection: Connection | None = None
    kill_timer: asyncio.TimerHandle | None = None

    @property
    def is_stopping(self) -> bool:
        return self.kill_timer is not None

    def send(self, command: protocol.Command) -> None:
        """Send a command; it is dropped if the process has not started yet."""
        if self.connection is not None:
            self.connection[1].write(protocol.encode(command))

    def stop(self) -> None:
        """Send Stop, on which the worker saves its state and exits; `end` it after a timeout."""
        if not self.is_stopping:
            self.send(protocol.Stop())
            loop = asyncio.get_running_loop()
            self.kill_timer = loop.call_later(STOP_TIMEOUT_SECONDS, self.end)

    def end(self) -> None:
        """Close the server's end of the connection; the worker exits when it reads the end."""
        if self.connection is not None and self.connection[1].can_write_eof():
            self.connection[1].write_eof()

    async def events(self) -> AsyncGenerator[protocol.Event, None]:
        """The worker's events until it exits."""
        assert self.connection is not None
        try:
            async for line in self.connection[0]:
                yield protocol.decode_event(line)
        except ConnectionError:  # killed with commands unread
            return

    def close(self) -> None:
        """Release the timer and the connection."""
        if self.kill_timer is not None:
            self.kill_timer.cancel()
        if self.connection is not None:
            self.connection[1].close()
