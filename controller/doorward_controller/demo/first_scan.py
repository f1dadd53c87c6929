"""Waits for the moment that a person waits for: the first scan in the console."""

import contextlib
from threading import Event

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.api_client import ApiError
from doorward_controller.demo.errors import DemoError, StoppedError
from doorward_controller.demo.progress import since_process_start_s
from doorward_controller.demo.world import World
from doorward_controller.domain.permissions import Role

FIRST_SCAN_S = 60.0
"""How long is waited for it at all; the promise of 10 s is measured, not enforced here."""


def wait_serving(world: World, stop: Event) -> None:
    """Returns when the controller answers, or after a while in which it did not."""
    api = world.api_as(Role.SECURITY)

    def answers() -> bool:
        with contextlib.suppress(ApiError):
            api.get("/api/v1/records")
            return True
        return False

    wait_until(answers, timeout_s=FIRST_SCAN_S, stop=stop)


def wait_first_scan(world: World, stop: Event) -> float:
    """Returns the seconds from the start of this process to the first scan that the API shows.

    Raises:
        DemoError: a gateway does not start, or no scan arrives.
        StoppedError: `stop` was set meanwhile.
    """
    api = world.api_as(Role.SECURITY)

    def has_scan() -> bool:
        for gateway in world.gateways:
            gateway.raise_if_it_cannot_start()
        with contextlib.suppress(ApiError):
            return any(row["kind"] == "scan" for row in api.get("/api/v1/records")["items"])
        return False

    if wait_until(has_scan, timeout_s=FIRST_SCAN_S, stop=stop):
        return since_process_start_s(world.clock)
    if stop.is_set():
        raise StoppedError
    states = {gateway.name: gateway.state() for gateway in world.gateways}
    raise DemoError(f"no scan came within {FIRST_SCAN_S:.0f} s; the gateways say {states}")
