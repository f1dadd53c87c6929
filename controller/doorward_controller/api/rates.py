"""How often one may ask: a bucket for each token, session and address, for all processes together.

The answers say what is left, as draft-ietf-httpapi-ratelimit-headers writes it. Signing in has a
bound of its own, which counts wrong passwords.
"""

import hashlib

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_controller.api.deps import client_of
from doorward_controller.api.errors import problem
from doorward_controller.domain.token_bucket import Rate, Taken
from doorward_controller.services.backend import Backend
from doorward_controller.services.request_pace import pace_of
from doorward_controller.services.sign_in import COOKIE


class Rates:
    """Answers 429 to who asks too often."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        """Wraps `app`; the clock and the settings are the backend's."""
        self._app = app
        limits = backend.config.limits
        caller = Rate(per_s=limits.requests_per_s, burst=limits.burst)
        address = Rate(per_s=limits.address_requests_per_s, burst=limits.address_burst)
        self._rates = {"token": caller, "session": caller, "address": address}
        self._pace = pace_of(backend, self._rates.values())
        self._is_on = limits.enabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes from the address's bucket first: guessed tokens have no bucket worth having."""
        if scope["type"] != "http" or not self._is_on:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        policy, taken = "address", await self._take("address", client_of(request))
        if taken.is_allowed and (known := _caller(request)) is not None:
            policy, taken = known[0], await self._take(*known)
        fields = self._fields(policy, taken)
        if not taken.is_allowed:
            answer = problem(
                429,
                "too_many_requests",
                f"too many requests by this {policy}; try again in {taken.retry_in_s} s",
                headers={**fields, "Retry-After": str(taken.retry_in_s)},
            )
            await answer(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(fields)
            await send(message)

        await self._app(scope, receive, telling)

    async def _take(self, policy: str, who: str) -> Taken:
        return await self._pace.take(f"{policy} {who}", self._rates[policy])

    def _fields(self, policy: str, taken: Taken) -> dict[str, str]:
        rate = self._rates[policy]
        return {
            "RateLimit-Policy": f'"{policy}";q={rate.burst};w={rate.window_s}',
            "RateLimit": f'"{policy}";r={taken.left};t={taken.full_in_s}',
        }


def _caller(request: Request) -> tuple[str, str] | None:
    """Returns kind and hash of what the request is signed with, whether it counts or not."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "token", _hashed(token.strip())
    cookie = request.cookies.get(COOKIE)
    return ("session", _hashed(cookie)) if cookie else None


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
