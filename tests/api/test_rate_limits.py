"""Limits for each client address on trainings and loads, and who counts as the client."""

import secrets
from contextlib import ExitStack

import pytest
from starlette.datastructures import Address, Headers
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.rate_limits import RateLimit, client_network
from playground.errors import RateLimited
from playground.service.playground import Playground
from tests.api.scenarios import GENERATE, HELLO, NEXT, error

HUB = "http://127.0.0.1:9"  # nobody is there
PROXY, CLIENT, OTHER = "192.0.2.1", "203.0.113.7", "203.0.113.8"
TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Peer:
    """A client of an API with an address of its own; all share the API's event loop."""

    def __init__(self, client, address):
        self.client = client
        self.address = address

    def request(self, *args, headers=None, **options):
        headers = {"Test-Peer": self.address} | (headers or {})
        return self.client.request(*args, headers=headers, **options)

    def post(self, *args, **options):
        return self.request("POST", *args, **options)

    def get(self, *args, **options):
        return self.request("GET", *args, **options)


def with_test_peers(app):
    """The app as a server would call it for a peer of the address in the header Test-Peer."""

    async def call(scope, receive, send):
        if scope["type"] == "http":
            scope["client"] = (Headers(scope=scope)["Test-Peer"], 1234)
        await app(scope, receive, send)

    return call


@pytest.fixture
def api(settings, clock):
    """`api(address, **settings)`: a client with this address; all of the same API."""
    with ExitStack() as stack:
        started = []

        def connect(address=CLIENT, **values):
            if not started:
                limits = {"hub_loads_per_hour": 2, "trainings_per_hour": 2, "hub_seconds": 0.5}
                service = Playground(settings.model_copy(update=limits | values))
                app = with_test_peers(create_api(service, clock=clock))
                started.append(stack.enter_context(TestClient(app)))
            return Peer(started[0], address)

        yield connect


def load(client, name="a", forwarded=None, **headers):
    headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
    return client.post("/api/loads", json={"repo_id": f"owner/{name}"}, headers=headers)


def statuses(client, forwarded):
    """Of loads of different models, one for each X-Forwarded-For."""
    return [load(client, secrets.token_hex(4), forwarded=value).status_code for value in forwarded]


# --- The limit ---------------------------------------------------------------------------------


def test_an_address_beyond_its_limit_is_told_when_to_try_again(api, clock):
    client = api()
    assert [load(client, name).status_code for name in "ab"] == [202, 202]
    refused = load(client, "c")
    told = "Many models were loaded from your network just now; try again in 1800 s"
    assert error(refused, 429) == told
    assert refused.headers["Retry-After"] == "1800"
    assert refused.headers["X-Error"] == "RateLimited"
    german = error(load(client, "c", **{"X-Language": "de"}), 429)
    assert german.startswith("Aus deinem Netz")
    assert load(api(OTHER), "c").status_code == 202, "another address"
    clock.now += 1799
    assert load(client, "c").headers["Retry-After"] == "1"
    clock.now += 1
    assert load(client, "c").status_code == 202
    assert load(client, "d").status_code == 429


def test_loads_that_are_waited_for_count_too(api):
    client = api()
    for name in "ab":
        assert client.post("/api/sessions", json={"repo_id": f"owner/{name}"}).status_code == 503
    assert client.post("/api/sessions", json={"repo_id": "owner/c"}).status_code == 429
    assert load(client, "c").status_code == 429


def test_a_class_that_opens_the_same_model_is_one_load(api):
    client = api()
    assert {load(client, "a").status_code for _ in range(30)} == {202}
    assert load(client, "b").status_code == 202
    assert load(client, "c").status_code == 429
    assert load(client, "a").status_code == 202


def test_what_is_refused_at_once_does_not_count(api):
    client = api()
    for _ in range(5):
        assert client.post("/api/loads", json={"repo_id": "no address"}).status_code == 400
        assert train(client, "short", text="x").status_code == 400
    assert load(client, "a").status_code == 202
    assert train(client, "me-0123456789abcdef").status_code == 201
    for _ in range(5):
        assert train(client, "me-0123456789abcdef").status_code == 409
    assert train(client, "you-0123456789abcdef").status_code == 201


def train(client, visitor, text=TEXT):
    body = {"visitor": visitor, "text": text, "preset": "quick-15k", "steps": 12}
    return client.post("/api/trainings", json=body)


def test_trainings_have_a_limit_of_their_own(api):
    client = api()
    for name in ("one", "two"):
        assert train(client, f"{name}-0123456789abcdef").status_code == 201
    refused = train(client, "three-0123456789abcdef")
    told = "Many trainings were started from your network just now; try again in 1800 s"
    assert error(refused, 429) == told
    assert refused.headers["Retry-After"] == "1800"
    assert load(client).status_code == 202
    assert train(api(OTHER), "three-0123456789abcdef").status_code == 201


def test_no_limit(api):
    client = api(hub_loads_per_hour=0)
    assert {load(client, f"model{i}").status_code for i in range(100)} == {202}


def test_playing_is_never_limited(api):
    client = api(hub_loads_per_hour=1, trainings_per_hour=1)
    assert [load(client, name).status_code for name in "ab"] == [202, 429]
    for path, body in ((NEXT, HELLO), (GENERATE, HELLO | {"n": 1})):
        assert {client.post(path, json=body).status_code for _ in range(100)} == {200}
    assert {client.get("/api/sessions").status_code for _ in range(100)} == {200}


# --- The client --------------------------------------------------------------------------------


def test_what_an_unknown_peer_forwards_is_not_believed(api):
    assert statuses(api(), [OTHER, "198.51.100.1", "::1"]) == [202, 202, 429]
    assert load(api(OTHER)).status_code == 202, "whom it named pays nothing"


def test_behind_a_trusted_proxy_each_client_has_its_own(api):
    proxy = api(PROXY, trusted_proxies=(PROXY,))
    assert statuses(proxy, [CLIENT, CLIENT, CLIENT, OTHER]) == [202, 202, 429, 202]
    assert statuses(api(CLIENT), [None]) == [429], "asked directly, it is the same client"


def test_what_a_client_wrote_in_front_of_its_address_changes_nothing(api):
    proxy = api(PROXY, trusted_proxies=(PROXY,))
    spoofed = [f"{OTHER}, {CLIENT}", f"{PROXY}, {CLIENT}", f"junk,,{CLIENT}"]
    assert statuses(proxy, spoofed) == [202, 202, 429]


def test_a_chain_of_two_proxies(api):
    proxy = api(PROXY, trusted_proxies=(PROXY, "2001:db8:1::/48"))
    inner = "2001:db8:1::5"
    assert statuses(proxy, [f"{CLIENT}, {inner}"] * 3) == [202, 202, 429]
    assert statuses(proxy, [f"{OTHER}, {CLIENT}, {inner}"]) == [429]
    assert statuses(proxy, [f"{CLIENT}, 198.51.100.1, {inner}"]) == [202], "an unknown proxy"


def test_the_addresses_of_an_ipv6_network_are_one_client(api):
    network = "2001:db8:7:8"
    clients = [api(f"{network}::1"), api(f"{network}:9::2"), api(f"{network}:ffff::3")]
    assert [load(c, n).status_code for c, n in zip(clients, "abc", strict=True)] == [202, 202, 429]
    assert load(api("2001:db8:7:9::1")).status_code == 202


def test_an_ipv6_client_behind_a_proxy(api):
    proxy = api("::1", trusted_proxies=("::1",))
    forwarded = ["2001:db8::1", "[2001:db8::2]:443", "2001:db8::3", "2001:db8:1::1"]
    assert statuses(proxy, forwarded) == [202, 202, 429, 202]


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::/64"),
        ("testclient", ""),
        ("x" * 60_000, ""),
    ],
)
def test_networks(host, network):
    assert client_network(Address(host, 1234)) == network
    assert client_network(None) == ""


def test_the_memory_for_addresses_is_bounded(clock):
    limit = RateLimit(1, "training.address_limit", clock)

    def peer(i):
        return Address(f"10.0.{i >> 8}.{i & 255}", 1234)

    for i in range(12_000):
        with limit.charge(peer(i), "model"):
            pass
    assert len(limit._full_at) == len(limit._charged) == 10_000
    with pytest.raises(RateLimited), limit.charge(peer(11_999)):
        pass
    with limit.charge(peer(0)):
        pass
    clock.now += 3601
    assert len(limit._full_at) == 0
