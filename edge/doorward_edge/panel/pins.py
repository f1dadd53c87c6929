"""Whether a PIN is right: argon2id, one at a time, as slow for numbers that do not exist."""

import asyncio
import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from doorward.staff import (
    MAX_PIN_DIGITS,
    MIN_HASH_MEMORY_KIB,
    MIN_HASH_PASSES,
    MIN_PIN_DIGITS,
    StaffMember,
)

MOST_WAITING = 4
"""Each check takes tens of megabytes and a good part of a second: no queue for a flood."""

_PIN = re.compile(rf"[0-9]{{{MIN_PIN_DIGITS},{MAX_PIN_DIGITS}}}")
_NOBODY = (
    f"$argon2id$v=19$m={MIN_HASH_MEMORY_KIB},t={MIN_HASH_PASSES},p=1"
    "$bm9ib2R5LWlzLWhlcmUtMQ$wZpGBdOxYDLT4hlAxB9EbY2WvWkY0a0zTq3rYHZ8x1w"
)
"""The hash of no PIN that anybody knows; checked for numbers that are not on the list."""


class BusyError(RuntimeError):
    """Too many PINs wait to be checked."""


class PinCheck:
    """Checks PINs off the event loop, one after the other."""

    def __init__(self) -> None:
        """Takes the verifier; a hash says its own parameters."""
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    @property
    def is_busy(self) -> bool:
        """Whether one more would have to be turned away."""
        return self._waiting >= MOST_WAITING

    async def is_right(self, member: StaffMember | None, pin: str) -> bool:
        """Whether this is the member's PIN; False for nobody, after the same time.

        Raises:
            BusyError: too many wait already.
        """
        if self.is_busy:
            raise BusyError(f"{self._waiting} PINs wait to be checked, at most {MOST_WAITING}")
        self._waiting += 1
        try:
            async with self._turn:
                hashed = member.pin_hash if member else _NOBODY
                is_it = await asyncio.to_thread(self._verify, hashed, pin)
        finally:
            self._waiting -= 1
        return is_it and member is not None

    def _verify(self, hashed: str, pin: str) -> bool:
        given = pin if _PIN.fullmatch(pin) else "0"
        try:
            self._hasher.verify(hashed, given)
        except (VerificationError, InvalidHashError):
            return False
        return given == pin
