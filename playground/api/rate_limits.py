"""Rate limits for each client address, on what is costly to start; generating text has none."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from cachetools import TTLCache
from starlette.datastructures import Address

from playground.errors import (
    InvalidInput,
    RateLimited,
    TooManyLoads,
    TooManyTrainings,
    TrainingConflict,
    TrainingUnavailable,
)
from playground.settings import Settings

Charge = Callable[..., AbstractContextManager[None]]

_HOUR = 3600.0  # seconds
_ADDRESSES_MAX = 10_000  # remembered; the least recently used go first
_IPV6_PREFIX = 64  # bits: the network of one subscriber, who may use all of its addresses

# Refusals that come before the costly work.
_FREE = (InvalidInput, TooManyLoads, TooManyTrainings, TrainingConflict, TrainingUnavailable)


class RateLimits:
    """The rate limits of an API."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.trainings = RateLimit(settings.trainings_per_hour, "training.address_limit", clock)
        self.hub_loads = RateLimit(settings.hub_loads_per_hour, "hub_errors.address_limit", clock)


class RateLimit:
    """A token bucket for each client address: it holds `per_hour`, and is refilled in an hour.

    Kept as the time at which a bucket is full again, as in the generic cell rate algorithm (ITU-T
    I.371). Of this process alone; not for several threads.
    """

    def __init__(self, per_hour: int, message: str, clock: Callable[[], float]) -> None:
        """per_hour: 0 for no limit. message: key of RateLimited's."""
        self._interval = _HOUR / per_hour if per_hour else 0.0
        self._message = message
        self._clock = clock
        self._full_at: TTLCache[str, float] = TTLCache(_ADDRESSES_MAX, _HOUR, clock)
        self._charged: TTLCache[tuple[str, str], bool] = TTLCache(_ADDRESSES_MAX, _HOUR, clock)

    @contextmanager
    def charge(self, client: Address | None, item: str | None = None) -> Iterator[None]:
        """Take a token for the work inside; given back where that is refused at once.

        item: what is used; within an hour an address pays for each only once, so that a class may
        open the same model. Raises RateLimited.
        """
        network = client_network(client)
        if not self._interval or (item is not None and (network, item) in self._charged):
            yield
            return
        self._take(network)
        if item is not None:
            self._charged[network, item] = True
        try:
            yield
        except _FREE:
            self._give_back(network, item)
            raise

    def _take(self, network: str) -> None:
        now = self._clock()
        full_at = max(now, self._full_at.get(network, now)) + self._interval
        if (excess := full_at - now - _HOUR) > 1e-6:  # of floating-point sums
            raise RateLimited(self._message, math.ceil(excess))
        self._full_at[network] = full_at

    def _give_back(self, network: str, item: str | None) -> None:
        if network in self._full_at:
            self._full_at[network] -= self._interval
        if item is not None:
            self._charged.pop((network, item), None)


def client_network(client: Address | None) -> str:
    """The address whose bucket is used: an IPv4 address, or the /64 network of an IPv6 one.

    "" for all clients whose address is unknown.
    """
    try:
        address = ipaddress.ip_address(client.host if client else "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, _IPV6_PREFIX), strict=False))
