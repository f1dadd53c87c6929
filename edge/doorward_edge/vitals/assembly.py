"""Puts the gateway's physician together; what it needs of the adapters is handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from cryptography import x509

from doorward.decision import Rules
from doorward.times import Clock, Instant
from doorward_edge.config import EdgeConfig
from doorward_edge.ports import Journal
from doorward_edge.vitals.camera_care import CameraCare, Notes, Watched
from doorward_edge.vitals.camera_ladder import Allowed
from doorward_edge.vitals.clock_book import Timed
from doorward_edge.vitals.journal_watch import JournalWatch
from doorward_edge.vitals.machine import Machine
from doorward_edge.vitals.measures import (
    BoardMeasure,
    CameraMeasure,
    CameraPlan,
    JournalMeasure,
    Measured,
    TrustMeasure,
)
from doorward_edge.vitals.monitor import Source, Vitals


class Figured(Timed, Clock, Protocol):
    """The gateway's clock; `SystemClock` is the real one."""

    def figures(self) -> Mapping[str, int]:
        """Returns offset, error bound and how long the source was not heard."""
        ...


class Seen(Watched, Measured, Protocol):
    """A camera and its reader; `Sight` is the real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the physician examines.

    Attributes:
        sights: by the camera's name: returns the camera, or None while it is being opened.
        more: other numbers, for example how often locks were released.
        errands: what the measuring thread does beside.
    """

    clock: Figured
    journal: Journal
    notes: Notes
    rules: Callable[[], Rules | None]
    sights: Mapping[str, Callable[[], Seen | None]]
    more: tuple[Source, ...] = ()
    errands: tuple[Callable[[Instant], None], ...] = ()


def make_vitals(config: EdgeConfig, body: Body, say_soon: Callable[[], None]) -> Vitals:
    """Returns the physician; it begins to measure when it is started."""
    began = body.clock.now()
    allowed = Allowed(
        services_a_day=config.health.service_restarts_a_day,
        boards_a_day=config.health.board_restarts_a_day,
    )
    care = CameraCare(body.sights, body.notes, allowed, began)
    watch = JournalWatch(body.journal, began.mono_ms)
    plans = {
        camera.name: CameraPlan(fps=camera.fps, sight=body.sights[camera.name])
        for camera in config.cameras
        if camera.name in body.sights
    }
    return Vitals(
        clock=body.clock,
        sources=(
            BoardMeasure(Machine(config.data_dir), began),
            CameraMeasure(plans, care),
            JournalMeasure(body.journal, watch),
            TrustMeasure(body.rules, partial(certificate_end_s, Path(config.broker.cert_file))),
            lambda _now: body.clock.figures(),
            *body.more,
        ),
        cameras=care,
        journal=watch,
        say_soon=say_soon,
        errands=body.errands,
    )


def certificate_end_s(path: Path) -> int | None:
    """Returns when the certificate in a PEM file ends, in UTC seconds; None when it has none."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None
    until = certificate.not_valid_after_utc
    return int((until - datetime.fromtimestamp(0, UTC)).total_seconds())
