"""What an ID token must say before somebody is let in by it (OpenID Connect Core 1.0, 3.1.3.7).

Its signature is checked elsewhere, before. Here nothing is believed because it is signed: a token
of the same provider may be meant for another program, for another sign-in, or for yesterday.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

MAX_AGE_S = 600
"""Between the token's making and its use lies one redirection and one request."""

MAX_SUBJECT = 255
MAX_METHODS = 20


class TokenRefusedError(Exception):
    """The token is not for this sign-in; `code` names the rule, and nothing of the token."""

    def __init__(self, code: str) -> None:
        """Names the rule."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What this sign-in waits for.

    Attributes:
        nonce: that was sent with the question.
        skew_s: how far the provider's clock may be from ours.
        proved_since_utc_s: since when the person must have signed in there; None: whenever.
    """

    issuer: str
    client_id: str
    nonce: str
    skew_s: int
    proved_since_utc_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Whom the provider vouches for, and by what they proved it there (amr, acr)."""

    issuer: str
    subject: str
    methods: frozenset[str]
    context: str


def proven(claims: Mapping[str, object], expected: Expected, now_utc_s: int) -> Proven:
    """Returns for whom a token was made whose signature is right. Raises TokenRefusedError."""
    if claims.get("iss") != expected.issuer:
        raise TokenRefusedError("wrong_issuer")
    _check_audience(claims, expected.client_id)
    _check_times(claims, expected, now_utc_s)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "replace"), expected.nonce.encode()
    ):
        raise TokenRefusedError("wrong_nonce")
    subject = claims.get("sub")
    is_subject = isinstance(subject, str) and subject.isascii() and subject.isprintable()
    if not isinstance(subject, str) or not is_subject or not 0 < len(subject) <= MAX_SUBJECT:
        raise TokenRefusedError("bad_subject")
    context = claims.get("acr")
    return Proven(
        issuer=expected.issuer,
        subject=subject,
        methods=_methods(claims.get("amr")),
        context=context if isinstance(context, str) else "",
    )


def _check_audience(claims: Mapping[str, object], client_id: str) -> None:
    audience, party = claims.get("aud"), claims.get("azp")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named:
        raise TokenRefusedError("wrong_audience")
    is_shared = len(named) > 1
    if (is_shared or party is not None) and party != client_id:
        raise TokenRefusedError("wrong_party")


def _check_times(claims: Mapping[str, object], expected: Expected, now_utc_s: int) -> None:
    ends, made = _moment(claims.get("exp")), _moment(claims.get("iat"))
    if ends is None or ends <= now_utc_s - expected.skew_s:
        raise TokenRefusedError("expired")
    if made is None or made > now_utc_s + expected.skew_s:
        raise TokenRefusedError("from_the_future")
    if made < now_utc_s - MAX_AGE_S - expected.skew_s:
        raise TokenRefusedError("too_old")
    begins = claims.get("nbf")
    if begins is not None and (_moment(begins) or 2**53) > now_utc_s + expected.skew_s:
        raise TokenRefusedError("from_the_future")
    since = expected.proved_since_utc_s
    if since is not None:
        proved = _moment(claims.get("auth_time"))
        if proved is None or proved < since - expected.skew_s:
            raise TokenRefusedError("not_proved_again")


def _moment(value: object) -> int | None:
    """Returns a time as whole seconds; True is no time, though Python counts it as 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 else None


def _methods(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(each for each in value[:MAX_METHODS] if isinstance(each, str))
