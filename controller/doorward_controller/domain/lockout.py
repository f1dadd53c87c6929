"""How long a door to sign in stays shut after failures: longer with each, and open by itself.

NIST SP 800-63B wants at most 100 failures in a row on one account; then somebody must open it.
"""

FREE_FOR_ACCOUNT = 5
"""Failures before an account is locked at all: people mistype."""

FREE_FOR_ADDRESS = 20
"""An office behind one address mistypes more often."""

FIRST_LOCK_S = 60
LONGEST_LOCK_S = 3600
"""Whoever locks others out on purpose must come back each hour."""

MOST_FAILURES = 100
FOREVER_UTC_S = 2**53 - 1
"""Until who manages accounts opens it."""


def lock_s(failures: int, free: int) -> int:
    """Returns how long to wait after that many failures in a row; 0 while they are free."""
    if failures < free:
        return 0
    doublings = min(failures - free, 16)
    return min(FIRST_LOCK_S << doublings, LONGEST_LOCK_S)


def account_locked_until(failures: int, now_utc_s: int) -> int:
    """Returns until when an account is locked after that many failures; 0 when it is not."""
    if failures >= MOST_FAILURES:
        return FOREVER_UTC_S
    wait_s = lock_s(failures, FREE_FOR_ACCOUNT)
    return now_utc_s + wait_s if wait_s else 0
