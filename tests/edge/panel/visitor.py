"""A browser without a window: keeps cookies, sends forms, and says where it comes from."""

import re
import ssl
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

import httpx

from tests.fakes.panel_site import PIN

_HIDDEN = re.compile(r'name="(csrf|once|pending)" value="([^"]*)"')


class Passing(Protocol):
    """A clock that a visit takes a second of."""

    def pass_s(self, seconds: float) -> None: ...


class Visited(Protocol):
    """Whose pages are looked at."""

    @property
    def certificate(self) -> ssl.SSLContext: ...

    @property
    def clock(self) -> Passing: ...


class Visitor(AbstractContextManager["Visitor"]):
    """Somebody at a browser on the site's network."""

    def __init__(self, site: Visited, port: int) -> None:
        self.site = site
        self.address = f"https://127.0.0.1:{port}"
        self.client = httpx.Client(
            base_url=self.address, verify=site.certificate, trust_env=False, timeout=30
        )
        self.hidden: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._seen(self.client.get(path, headers=headers))

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        own = {"origin": self.address, "sec-fetch-site": "same-origin"}
        sent = {"content-type": "application/x-www-form-urlencoded"} | own
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (sent | given).items() if value}
        return self._seen(self.client.post(path, data=self.hidden | form, headers=kept))

    def sign_in(self, number: str, purpose: str = "manual", pin: str = PIN) -> httpx.Response:
        self.get(f"/sign-in/{purpose}")
        return self.post(f"/sign-in/{purpose}", {"number": number, "pin": pin})

    def _seen(self, response: httpx.Response) -> httpx.Response:
        self.site.clock.pass_s(1)
        found = dict(_HIDDEN.findall(response.text))
        if found:
            self.hidden = found
        return response
