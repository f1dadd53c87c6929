"""Headers that keep a page to itself, and the token that ties a form to its session."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request

# Tabler draws check marks and arrows of form fields from data URIs in its style sheet.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": a browser would then send `Origin: null` with forms, which we compare.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

CSRF_HEADER = "x-csrf-token"


def new_visitor_key() -> str:
    """Returns the secret of a visitor who has not signed in."""
    return secrets.token_urlsafe(24)


def csrf_token(session_key: str) -> str:
    """Returns the token that forms of this session carry; it does not give the key away."""
    return hmac.new(session_key.encode(), b"doorward console csrf", hashlib.sha256).hexdigest()[:40]


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that the request comes from our own page, or says nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc == request.headers.get("host", "")


def same(expected: str, given: str) -> bool:
    """Whether two tokens are equal; takes the same time for every wrong one."""
    return hmac.compare_digest(expected.encode(), given.encode())
