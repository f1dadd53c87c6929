"""The live feed of a signed-in page, and when each record was seen on it."""

import re
import threading
import time
from typing import Self

import httpx

from bench.site import Site
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import accounts, sign_in

PASSWORD = "bench only 12345"
_ROW = re.compile(r'id="scan-(\d+)"')
_JOIN_S = 20.0


def reader_of(site: Site, role: Role = Role.AUDITOR) -> httpx.Client:
    """Return a browser without scripts in which somebody of this role has signed in."""
    name = f"reader-{role.value}"
    accounts.create_operator(site.backend, local_actor(), name=name, password=PASSWORD, role=role)
    result = sign_in.sign_in(site.backend, name=name, password=PASSWORD, client="bench")
    if not isinstance(result, sign_in.SignedIn):
        raise TypeError(f"{name} was not signed in: {result}")
    client = httpx.Client(base_url=site.address, trust_env=False, timeout=60)
    client.cookies.set(sign_in.COOKIE, result.token, domain="127.0.0.1")
    return client


class LivePage:
    """Listens as the page of scans does. Use it as a context manager."""

    def __init__(self, reader: httpx.Client) -> None:
        """Listens to nothing yet."""
        self._reader = reader
        self._open = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.seen_s: dict[int, float] = {}
        """Number of a record in the table to when its row arrived."""
        self.resets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._open.wait(_JOIN_S):
            raise TimeoutError("the live feed did not open")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join(_JOIN_S)

    def _listen(self) -> None:
        with self._reader.stream("GET", "/live", params={"after": 0}) as stream:
            event = ""
            for line in stream.iter_lines():
                self._open.set()
                if self._stopping:
                    return
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                    self.resets += event == "reset"
                elif event == "rows" and line.startswith("data: "):
                    now_s = time.perf_counter()
                    for number in _ROW.findall(line):
                        self.seen_s.setdefault(int(number), now_s)
