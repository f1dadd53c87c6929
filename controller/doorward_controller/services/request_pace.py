"""Buckets of requests: in memory where one process answers, in the database where several do.

With PostgreSQL each process takes tokens from the one bucket that a caller has in the database, for
the next second and as many as the caller needed lately: one statement for a single request, one for
some dozens of a busy caller. What it does not use up in that second is lost, so that together they
never grant more than the settings say. Who was refused is refused from memory until there can be a
token again: somebody who asks too often costs no statements.
"""

import asyncio
import hashlib
import logging
import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import anyio.to_thread

from doorward.times import Clock
from doorward_controller.domain.token_bucket import Bucket, Rate, Taken, take
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services.backend import Backend
from doorward_controller.store import request_buckets
from doorward_controller.store.session import Store

MAX_CALLERS = 50_000
"""The ones who asked longest ago are forgotten beyond, which is as if their buckets were full."""
LEASE_MS = 1_000
_AT_ONCE = 4
"""Threads that wait for the database; requests have threads of their own."""
_PART_OF_BURST = 10
_SWEEP_MS = 600_000
_log = logging.getLogger(__name__)


class Pace(Protocol):
    """Says whether a caller may ask once more."""

    async def take(self, caller: str, rate: Rate) -> Taken:
        """Takes a token, or says when there is one."""


def pace_of(backend: Backend, rates: Iterable[Rate]) -> Pace:
    """Returns the buckets of this process, or those that it shares."""
    own = OwnPace(backend.clock)
    if backend.store.is_sqlite:
        return own
    return SharedPace(backend.store, backend.clock, own, max(rate.window_s for rate in rates))


class OwnPace:
    """Buckets in memory."""

    def __init__(self, clock: Clock) -> None:
        """Begins with full buckets."""
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def take(self, caller: str, rate: Rate) -> Taken:
        """Takes a token, or says when there is one."""
        taken = take(self._buckets.get(caller), rate, self._clock.now().mono_ms)
        self._buckets[caller] = taken.bucket
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return taken


@dataclass(slots=True)
class _Lease:
    """What this process may grant to a caller by itself.

    Attributes:
        tokens: how many are left of those that it took.
        left: how many were left in the database.
        used: how many it granted.
    """

    tokens: int = 0
    left: float = 0.0
    used: int = 0
    until_mono_ms: int = -LEASE_MS
    refused_until_mono_ms: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SharedPace:
    """Buckets in the database, of which this process takes some tokens at a time."""

    def __init__(self, store: Store, clock: Clock, own: OwnPace, longest_s: int) -> None:
        """Begins without any.

        Args:
            store: the database that all share.
            clock: for how long a lease lasts.
            own: serves while the database is away.
            longest_s: after so long every bucket is full.
        """
        self._store = store
        self._clock = clock
        self._own = own
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._threads: anyio.CapacityLimiter | None = None
        self._longest_s = longest_s
        self._swept_mono_ms = clock.now().mono_ms

    async def take(self, caller: str, rate: Rate) -> Taken:
        """Takes a token, or says when there is one."""
        lease = self._lease(caller)
        if (known := self._from_memory(lease, rate)) is not None:
            return known
        async with lease.turn:
            # Whoever had the turn before may have taken enough for us too.
            if (known := self._from_memory(lease, rate)) is not None:
                return known
            try:
                await self._renew(caller, lease, rate)
            except StoreUnavailableError:
                return await self._own.take(caller, rate)
            return self._from_memory(lease, rate) or _refused(lease, rate)

    def _lease(self, caller: str) -> _Lease:
        lease = self._leases.setdefault(caller, _Lease())
        self._leases.move_to_end(caller)
        if len(self._leases) > MAX_CALLERS:
            self._leases.popitem(last=False)
        return lease

    def _from_memory(self, lease: _Lease, rate: Rate) -> Taken | None:
        """Returns what needs no statement, None where the database must be asked."""
        now_ms = self._clock.now().mono_ms
        if now_ms < lease.refused_until_mono_ms:
            return _refused(lease, rate)
        if lease.tokens < 1 or now_ms >= lease.until_mono_ms:
            return None
        lease.tokens -= 1
        lease.used += 1
        left = lease.left + lease.tokens
        return Taken(
            bucket=Bucket(tokens=left, at_mono_ms=now_ms),
            is_allowed=True,
            left=math.floor(left),
            full_in_s=math.ceil((rate.burst - left) / rate.per_s),
            retry_in_s=0,
        )

    async def _renew(self, caller: str, lease: _Lease, rate: Rate) -> None:
        """Takes as many as the caller needed lately, twice over; one for who is new or was away."""
        now_ms = self._clock.now().mono_ms
        is_busy = now_ms < lease.until_mono_ms + LEASE_MS
        most = max(1, rate.burst // _PART_OF_BURST)
        wanted = min(max(1, 2 * lease.used), most) if is_busy else 1
        digest = hashlib.sha256(caller.encode("utf-8", "replace")).digest()[:16]
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_AT_ONCE)
        granted, left = await anyio.to_thread.run_sync(
            self._ask, digest, rate, wanted, limiter=self._threads
        )
        now_ms = self._clock.now().mono_ms
        lease.tokens, lease.left, lease.used = granted, left, 0
        lease.until_mono_ms = now_ms + LEASE_MS
        if not granted:
            wait_ms = math.ceil((1 - left) / rate.per_s * 1000)
            lease.refused_until_mono_ms = now_ms + min(wait_ms, LEASE_MS)

    def _ask(self, caller: bytes, rate: Rate, wanted: int) -> tuple[int, float]:
        with self._store.write() as connection:
            found = request_buckets.take(
                connection, caller, per_s=rate.per_s, burst=rate.burst, wanted=wanted
            )
        self._sweep()
        return found

    def _sweep(self) -> None:
        """Now and then deletes the buckets that are full again."""
        now_ms = self._clock.now().mono_ms
        if now_ms - self._swept_mono_ms < _SWEEP_MS:
            return
        self._swept_mono_ms = now_ms
        with self._store.write() as connection:
            gone = request_buckets.forget(connection, self._longest_s)
        _log.debug("request_pace.swept callers=%d", gone)


def _refused(lease: _Lease, rate: Rate) -> Taken:
    return Taken(
        bucket=Bucket(tokens=lease.left, at_mono_ms=0),
        is_allowed=False,
        left=math.floor(lease.left),
        full_in_s=math.ceil((rate.burst - lease.left) / rate.per_s),
        retry_in_s=max(1, math.ceil((1 - lease.left) / rate.per_s)),
    )
