"""Failures to sign in that belong to no account: by address, and by names that nobody has.

It is kept in memory, in this process alone: a restart forgets it, the accounts' own locks stay.
"""

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from doorward_controller.domain.lockout import FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS, lock_s

MAX_KEPT = 4096
"""Addresses, and names; the one that failed longest ago goes first."""

FORGET_S = 3600
_IPV6_PREFIX = 64
"""One household has so many addresses."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_at_s: int = 0
    locked_until_s: int = 0


class _Book:
    """Failures by key, at most `MAX_KEPT` of them."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._kept: OrderedDict[bytes, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def locked_until_s(self, key: bytes, now_s: int) -> int:
        found = self._kept.get(key)
        return found.locked_until_s if found and found.locked_until_s > now_s else 0

    def add(self, key: bytes, now_s: int) -> int:
        found = self._kept.pop(key, None) or _Failures()
        if now_s - found.last_at_s > FORGET_S:
            found = _Failures()
        found.count += 1
        found.last_at_s = now_s
        wait_s = lock_s(found.count, self._free)
        found.locked_until_s = now_s + wait_s if wait_s else 0
        self._kept[key] = found
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found.locked_until_s


class Doorstep:
    """Who failed before the door. Seconds are UTC, as the accounts' locks are."""

    def __init__(self) -> None:
        """Knows of nobody."""
        self._guard = threading.Lock()
        self._addresses = _Book(FREE_FOR_ADDRESS)
        self._strangers = _Book(FREE_FOR_ACCOUNT)

    def address_locked_until_s(self, client: str, now_s: int) -> int:
        """Returns until when an address must wait; 0 when it need not."""
        with self._guard:
            return self._addresses.locked_until_s(_key(_network(client)), now_s)

    def stranger_locked_until_s(self, name: str, now_s: int) -> int:
        """Returns until when a name that nobody has is answered as a locked account is."""
        with self._guard:
            return self._strangers.locked_until_s(_key(name), now_s)

    def address_failed(self, client: str, now_s: int) -> int:
        """Counts a failure; returns until when the address must wait now."""
        with self._guard:
            return self._addresses.add(_key(_network(client)), now_s)

    def stranger_failed(self, name: str, now_s: int) -> int:
        """Counts a failure of a name that nobody has: it must look like one that somebody has."""
        with self._guard:
            return self._strangers.add(_key(name), now_s)

    def __len__(self) -> int:
        """How much is kept."""
        with self._guard:
            return len(self._addresses) + len(self._strangers)


def _key(text: str) -> bytes:
    """People type their password where the name belongs: only a hash is kept."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _network(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
