"""Has the broker shut out what was revoked: each turn goes on where the last one stopped.

The act of revoking only notes what is to be done, so that a stop in between, or a broker that is
away, delays it and loses nothing.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.cut_off import CutOff
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import audit
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import cut_offs, gateways
from doorward_controller.store import devices as device_store

MAX_PROBLEM_CHARACTERS = 1_000
_TIME = Actor(name="time", role=Role.ADMIN)

_log = logging.getLogger(__name__)


class CuttingOff:
    """Remembers nothing but when it last failed; what is to be done stands in the store."""

    def __init__(self, backend: Backend) -> None:
        """Prepares; `turn` works."""
        self._backend = backend
        self._failed_at_ms = 0
        self._last: tuple[str, ...] | None = None

    def turn(self) -> int:
        """Does what is still to be done; returns for how many gateways something new is so."""
        backend = self._backend
        with backend.store.read() as connection:
            revoked = cut_offs.of_site(connection, backend.config.site)
        names = tuple(each.gateway for each in revoked)
        if not revoked and names == self._last:
            return 0
        # Also when there is none any more: the rules must let in again what was enrolled anew.
        self._last = names
        problem = _shut_out(backend, revoked)
        return sum(self._go_on(each, problem) for each in revoked)

    def _go_on(self, each: CutOff, problem: str) -> bool:
        is_listed = each.listed_at_utc_ms is not None or not problem
        now_ms = self._backend.clock.now().utc_ms
        if not each.is_to_be_thrown_out(now_ms, self._failed_at_ms):
            if each.ended_at_utc_ms is None:
                return False  # its turn comes; what was told of it stays as it is
            ended, why = True, ""
        else:
            ended, why = self._throw_out(each)
        waits = "; ".join(text for text in ("" if is_listed else problem, why) if text)
        newly_listed = is_listed and each.listed_at_utc_ms is None
        newly_ended = ended and each.ended_at_utc_ms is None
        if newly_listed or newly_ended or waits != each.problem:
            _note(self._backend, each, waits, listed=newly_listed, ended=newly_ended)
        return newly_listed or newly_ended

    def _throw_out(self, each: CutOff) -> tuple[bool, str]:
        try:
            self._backend.gatekeeper.throw_out(each.gateway)
        except BrokerError as err:
            self._failed_at_ms = self._backend.clock.now().utc_ms
            return each.ended_at_utc_ms is not None, str(err)
        return True, ""


def _shut_out(backend: Backend, revoked: Sequence[CutOff]) -> str:
    """Returns what is wrong, "" for nothing."""
    at = datetime.fromtimestamp(backend.clock.now().utc_s, UTC)
    try:
        backend.gatekeeper.shut_out([each.gateway for each in revoked], at)
    except BrokerError as err:
        return str(err)
    return ""


def _note(backend: Backend, each: CutOff, problem: str, *, listed: bool, ended: bool) -> None:
    now = backend.clock.now()
    values: dict[str, object] = {"problem": problem[:MAX_PROBLEM_CHARACTERS]}
    if listed:
        values["listed_at_utc_ms"] = now.utc_ms
    if ended:
        values["ended_at_utc_ms"] = now.utc_ms
    with backend.store.write() as connection:
        cut_offs.change(connection, [each.gateway_id], **values)
        if ended:
            _note_gone(backend, connection, each, now.utc_ms)
    if problem:
        _log.warning("gateway.cut_off_waits gateway=%s problem=%s", each.gateway, problem)
    backend.feed.announce(
        EventKind.GATEWAY,
        {"gateway": each.gateway, "online": False if ended else None, "last_seen_at_utc_ms": None},
    )


def _note_gone(backend: Backend, connection: sa.Connection, each: CutOff, now_ms: int) -> None:
    """The broker drops the last will of a client that the rules deny; so we note it ourselves."""
    found = gateways.find(connection, backend.config.site, each.gateway)
    if found is not None and found.online:
        device_store.begin_absence(connection, found.id, now_ms)
        gateways.change(connection, found.id, online=False, offline_since_utc_ms=now_ms)
    audit.append(
        connection, now_ms, _TIME, "cut_off_gateway", subject=each.gateway,
        detail={"seconds": (now_ms - each.asked_at_utc_ms) // 1000},
    )  # fmt: skip
