import pytest

from playground.errors import Misdirected, SessionNotFound
from playground.replica import Replica


def test_an_id_leads_every_other_replica_to_its_own():
    a, b = Replica("a"), Replica("b")
    for identifier in (a.new_id(), a.new_id("live-")):
        error = b.missing(identifier, SessionNotFound())
        assert isinstance(error, Misdirected)
        assert error.replica == "a"
        assert str(error) == str(error.otherwise) == "Session not found"


def test_an_id_of_ones_own_and_any_other_are_missing():
    a, alone = Replica("a"), Replica()
    missing = SessionNotFound()
    for identifier in (
        a.new_id(), alone.new_id("live-"), "plain", "a.b", "owner/name@" + "a" * 40,
        "live-evil.example." + "x" * 22, "b." + "x" * 23, "B." + "x" * 22, "",
    ):  # fmt: skip
        assert a.missing(identifier, missing) is missing, identifier
    assert alone.missing(a.new_id(), missing) is missing, "it has no others"


@pytest.mark.parametrize("name", ["", "a"])
def test_ids_differ_and_hold_what_their_names_allow(name):
    ids = {Replica(name).new_id("live-") for _ in range(100)}
    assert len(ids) == 100
    assert all(i.startswith(f"live-{name}") and ("." in i) == bool(name) for i in ids)
