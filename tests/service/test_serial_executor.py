import asyncio
import threading
import time

import pytest

from playground.errors import Overloaded
from playground.service.serial_executor import RETRY_SECONDS, SerialExecutor


def test_work_is_done_in_turn_and_away_from_the_event_loop():
    inside, most, threads = [], [], set()

    def pieces(name):
        for index in range(3):
            inside.append(name)
            most.append(len(inside))
            threads.add(threading.current_thread())
            time.sleep(0.01)
            inside.remove(name)
            yield index

    async def main():
        turns = SerialExecutor(100)
        found = await asyncio.gather(*(turns.run(pieces(name), 10) for name in "abc"))
        assert found == [[0, 1, 2]] * 3
        assert turns.pending == 0

    asyncio.run(main())
    assert set(most) == {1}
    assert threading.main_thread() not in threads


def test_one_is_admitted_whatever_it_takes_and_more_is_refused():
    gate = threading.Event()

    def held():
        assert gate.wait(30)
        yield "done"

    async def main():
        turns = SerialExecutor(1)
        first = asyncio.create_task(turns.run(held(), 5))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:
            await turns.run(held(), 0.1)
        assert caught.value.retry_after_seconds == RETRY_SECONDS
        gate.set()
        assert await first == ["done"]
        assert await turns.run(held(), 0.1) == ["done"]

    asyncio.run(main())


def test_a_failure_is_raised_and_leaves_nothing_pending():
    def broken():
        raise RuntimeError("a tensor went away")
        yield

    async def main():
        turns = SerialExecutor(1)
        with pytest.raises(RuntimeError, match="went away"):
            await turns.run(broken(), 1)
        assert turns.pending == 0

    asyncio.run(main())
