"""Repos with a branch for each step."""

from playground.checkpoints.schema import WEIGHTS
from playground.hub.layout import STEP_BRANCHES_MAX, step_branches
from tests.hub.scenarios import REPO, STEP_0, STEP_50, run, text


def test_steps_in_branches(hub, settings, tiny):
    hub.commit("ada/branches", {k: tiny[k] for k in ("config.json", "vocab.json", WEIGHTS)})
    for step, path in ((0, STEP_0), (50, STEP_50), (100, WEIGHTS)):
        hub.commit("ada/branches", {WEIGHTS: tiny[path]}, branch=f"step{step}")
    main = hub.repos["ada/branches"].branches["main"]

    async def scenario(service):
        session = await service.load_from_hub("ada/branches")
        assert session.session_id == f"ada/branches@{main}"
        assert session.run.steps == [0, 50, 100]
        same = await service.load_from_hub(REPO)
        for step in (0, 50, 100):
            expected = await text(service, same.session_id, step)
            assert await text(service, session.session_id, step) == expected
        return session.session_id

    session_id = run(settings, scenario)

    async def next_process(service):
        assert len(await text(service, session_id, 0)) == 5

    run(settings, next_process)


def test_many_step_branches_are_thinned_out_evenly():
    steps = step_branches({f"step{n}": str(n) for n in range(0, 143_001, 1000)} | {"main": "x"})
    assert len(steps) == STEP_BRANCHES_MAX
    assert next(iter(steps)) == 0
    assert [*steps][-1] == 143_000
    assert [*steps] == sorted(steps)
    assert all(commit == str(step) for step, commit in steps.items())
