"""What every request must get past before a page sees it, and the headers of every answer."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward.times import Clock

MOST_BODY_BYTES = 16 * 1024
BODY_S = 10.0
"""A form is a kilobyte; who takes longer to send it is holding a connection."""

BURST = 60
PER_S = 20
MOST_CLIENTS = 512

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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
_METHODS = frozenset({"GET", "HEAD", "POST"})


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_mono_ms: int


class RateLimit:
    """So many requests a second from one address; more for a moment."""

    def __init__(self, burst: int = BURST, per_s: float = PER_S) -> None:
        """Every address begins with a full burst."""
        self._burst, self._per_s = burst, per_s
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, client: str, now_mono_ms: int) -> bool:
        """Takes one request of this address in, or not."""
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now_mono_ms)
        gained = (now_mono_ms - bucket.at_mono_ms) / 1000 * self._per_s
        bucket.tokens = min(self._burst, bucket.tokens + gained)
        bucket.at_mono_ms = now_mono_ms
        self._buckets[client] = bucket
        while len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class Wall:
    """Stands in front of the pages: host, method, origin, rate, size and time of the body."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], clock: Clock) -> None:
        """Takes the pages, and the names under which they may be asked for."""
        self._app = app
        self._hosts = hosts
        self._clock = clock
        self._rate = RateLimit()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what does not get past; hands the rest on."""
        if scope["type"] != "http":
            return
        sending = _with_headers(send)
        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, sending)
            return
        body = await _body(scope, receive)
        if isinstance(body, PlainTextResponse):
            await body(scope, receive, sending)
            return
        await self._app(scope, _replayed(body, receive), sending)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        client = scope.get("client")
        if not self._rate.admits(client[0] if client else "", self._clock.now().mono_ms):
            return PlainTextResponse("Too many requests.", 429, {"Retry-After": "2"})
        if host_of(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("Not a name of this gateway.", 421)
        if scope["method"] not in _METHODS:
            return PlainTextResponse("Not here.", 405, {"Allow": "GET, HEAD, POST"})
        if scope["method"] == "POST" and not is_own_page(headers):
            return PlainTextResponse("This form did not come from our page.", 403)
        return None


def host_of(host: str) -> str:
    """Returns a Host header without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[").lower()
    return host.partition(":")[0].lower()


def is_own_page(headers: Headers) -> bool:
    """Whether the browser says that the request comes from our own page.

    A browser always says one of the two with a form; what says neither is no browser.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin.partition("://")[2] == headers.get("host", "")
    return site == "same-origin"


async def _body(scope: Scope, receive: Receive) -> bytes | PlainTextResponse:
    """Returns the whole body, or the answer to one that is too long or too slow."""
    too_long = PlainTextResponse(f"At most {MOST_BODY_BYTES} bytes.", 413, {"Connection": "close"})
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared[:12]) > MOST_BODY_BYTES:
        return too_long
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return PlainTextResponse("", 400)
                body += bytes(message.get("body", b""))
                if len(body) > MOST_BODY_BYTES:
                    return too_long
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return PlainTextResponse("Too slow.", 408, {"Connection": "close"})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Returns a `receive` that gives the body once, then what really comes: the disconnect."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
