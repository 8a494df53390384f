import asyncio

import pytest

from playground.errors import LoadCancelled, LoadNotFound
from playground.service.loads import LoadRegistry
from tests.fake_work import Work


def test_a_load_from_its_beginning_to_its_end():
    async def scenario():
        loads, work = LoadRegistry(), Work()
        load = loads.start(work)
        assert (load.state, load.total_bytes) == ("loading", None)
        await asyncio.sleep(0)
        assert (load.state, load.done_bytes, load.total_bytes) == ("loading", 1, 3)
        work.end.set()
        await asyncio.wait({load.task})
        assert (loads.get(load.load_id).state, load.result()) == ("done", 1)
        failing = Work()
        failing.error = ValueError("no")
        failing.end.set()
        load = loads.start(failing)
        await asyncio.wait({load.task})
        assert load.state == "failed"
        with pytest.raises(ValueError, match="no"):
            load.result()
        await loads.close()
        with pytest.raises(LoadNotFound):
            loads.get(load.load_id)

    asyncio.run(scenario())


def test_a_cancelled_load():
    async def scenario():
        loads, work = LoadRegistry(), Work()
        load = loads.start(work)
        await asyncio.sleep(0)
        assert (await loads.cancel(load.load_id)).state == "cancelled"
        assert work.cancelled == 1
        with pytest.raises(LoadCancelled):
            load.result()
        await loads.close()

    asyncio.run(scenario())
