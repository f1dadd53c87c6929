"""Passwords by NIST SP 800-63B: long, not guessable, never cut short; no rules about letters.

Guessing is left to zxcvbn, which knows the commonest passwords, names and words, keyboard walks,
dates and repetitions.
"""

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from doorward_controller.config import Config
from doorward_controller.errors import InvalidError
from doorward_controller.services.acting import Act
from doorward_controller.store import accounts

MAX_PASSWORD = 256
_LEAST_CHARACTERS = 5
_LEAST_SCORE = 3
"""Of 4; more than 10^8 guesses, while an account allows 100 in a row."""

_GUESSED_CHARACTERS = 72
"""The time of guessing grows with the square of the length."""

_DRAWN_GROUPS, _DRAWN_LETTERS = 5, 4
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look like others: the first password is read from a screen or a paper."""

hasher = PasswordHasher()
"""argon2id with the parameters that RFC 9106 recommends for memory-constrained machines."""


def check(config: Config, name: str, password: str) -> None:
    """Raises InvalidError for a password that the rules refuse: too short, too easy, too common."""
    least = config.accounts.min_password_characters
    text = normal(password)
    if not least <= len(text) <= MAX_PASSWORD:
        raise InvalidError(
            f"the password has {len(text)} characters, must be {least} to {MAX_PASSWORD}",
            code="password_length",
        )
    if name.casefold() in text.casefold() or len(set(text)) < _LEAST_CHARACTERS:
        raise InvalidError(
            "the password is too easy: it holds the account's name or hardly any characters",
            code="password_weak",
        )
    found = zxcvbn(text[:_GUESSED_CHARACTERS], user_inputs=[name, config.site, "doorward"])
    if found["score"] < _LEAST_SCORE:
        raise InvalidError(
            "the password is easy to guess: it is common, or made of words, dates or keys in a row;"
            " take several words that have nothing to do with each other",
            code="password_common",
        )


def draw() -> str:
    """Returns a first password of about 99 random bits, in groups that can be read aloud."""
    groups = (
        "".join(secrets.choice(_LETTERS) for _ in range(_DRAWN_LETTERS))
        for _ in range(_DRAWN_GROUPS)
    )
    return "-".join(groups)


def hashed(password: str) -> str:
    """Returns what is kept of a password."""
    return hasher.hash(normal(password))


def give(doing: Act, operator_id: int, password: str, *, must_change: bool) -> None:
    """Makes a password that was checked an account's own; earlier failures are forgotten."""
    accounts.change_operator(
        doing.connection,
        operator_id,
        password_hash=hashed(password),
        password_set_at_utc_s=doing.now.utc_s,
        must_change=must_change,
        failures=0,
        locked_until_utc_s=0,
    )


def is_right(password_hash: str, password: str) -> bool:
    """Says whether the password belongs to the hash."""
    try:
        return hasher.verify(password_hash, normal(password)[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


def normal(password: str) -> str:
    """Returns the same characters however a keyboard composed them (NIST: NFKC before hashing)."""
    return unicodedata.normalize("NFKC", password)
