"""Putting aside what could not be read or trusted."""

import hashlib
import logging

import sqlalchemy as sa

from doorward_controller.domain.intake_reasons import ALARMS
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.opening import Unfit
from doorward_controller.store import quarantine
from doorward_controller.store.quarantine import Quarantined

MAX_TEXT = 300

_log = logging.getLogger(__name__)


def put_aside(
    connection: sa.Connection,
    *,
    topic: str,
    gateway: str,
    wire: bytes,
    unfit: Unfit,
    at_utc_ms: int,
) -> None:
    """Keeps a message with its reason within the caller's transaction."""
    quarantine.keep(
        connection,
        Quarantined(
            at_utc_ms=at_utc_ms,
            gateway=_storable(gateway),
            topic=_storable(topic),
            reason=unfit.reason.value,
            detail=_storable(unfit.detail),
            size_bytes=len(wire),
            sha256=hashlib.sha256(wire).hexdigest(),
            head=wire,
        ),
    )


def announce(backend: Backend, gateway: str, unfit: Unfit) -> None:
    """Tells the console and the log; what does not happen by itself is told louder."""
    level = logging.ERROR if unfit.reason in ALARMS else logging.WARNING
    _log.log(level, "quarantine.kept reason=%s gateway=%s", unfit.reason.value, gateway[:32])
    data = {
        "gateway": gateway[:32],
        "reason": unfit.reason.value,
        "alarm": unfit.reason in ALARMS,
    }
    backend.feed.announce(EventKind.QUARANTINE, data)


def _storable(text: str) -> str:
    """Returns what every database takes: PostgreSQL knows neither NUL nor half a surrogate pair."""
    return text[:MAX_TEXT].replace("\0", "\u2400").encode("utf-8", "replace").decode("utf-8")
