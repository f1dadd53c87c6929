"""Six digits that change every 30 seconds (RFC 6238), as authenticator programs show them."""

import base64

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

SECRET_BYTES = 20
"""RFC 4226, section 4: as long as the hash."""

PERIOD_S = 30
DIGITS = 6
_STEPS_OFF = (0, -1, 1)
"""A phone's clock may be half a minute off."""


def step_of(secret: bytes, code: str, now_utc_s: int, last_step: int) -> int | None:
    """Returns the step to which the code belongs, None when it is wrong or was used before.

    Args:
        secret: what the authenticator holds too.
        code: what was typed; blanks do not count.
        now_utc_s: when.
        last_step: the newest step that was accepted; it and all before are used up.
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    newest = now_utc_s // PERIOD_S
    for step in (newest + off for off in _STEPS_OFF):
        right = _totp(secret).generate(step * PERIOD_S)
        if bytes_eq(right, typed.encode()) and step > last_step:
            return step
    return None


def code_at(secret: bytes, now_utc_s: int) -> str:
    """Returns what an authenticator shows then."""
    return _totp(secret).generate(now_utc_s).decode()


def link(secret: bytes, *, account: str, issuer: str) -> str:
    """Returns the `otpauth` address that authenticators read from a QR code."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def typed_form(secret: bytes) -> str:
    """Returns the secret as people type it, in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), PERIOD_S)  # noqa: S303  # what every authenticator knows
