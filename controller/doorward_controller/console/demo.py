"""The demonstration's page: present a badge, cut a gateway off, kill it, and watch what happens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.reasons import Reason
from doorward_controller.console.demo_port import DemoBadge, DemoControls, HeldUp
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import fleet_board, record_feed

router = APIRouter()

_NEWEST_ROWS = 8
_TOUR_ROWS = 50


@router.get("/demo")
def demo_page(visit: SignedIn) -> Response:
    """Shows the simulated gateways and the guided tour."""
    return visit.page("demo.html", _context(visit))


@router.get("/demo/part")
def demo_part(visit: SignedIn) -> Response:
    """The changing part: gateways, diagram, newest scans."""
    return visit.page("parts/demo.html", _context(visit))


@router.post("/demo/{gateway}/present")
def present_act(visit: GenuineSignedIn, gateway: str, badge: Annotated[str, Form()]) -> Response:
    """Holds a badge up to a camera."""
    controls = _controls(visit)
    return _act(visit, "presented", lambda: controls.present(gateway, badge))


@router.post("/demo/{gateway}/cut")
def cut_act(visit: GenuineSignedIn, gateway: str) -> Response:
    """Cuts a gateway off."""
    controls = _controls(visit)
    return _act(visit, "cut", lambda: controls.cut(gateway))


@router.post("/demo/{gateway}/restore")
def restore_act(visit: GenuineSignedIn, gateway: str) -> Response:
    """Connects a gateway again."""
    controls = _controls(visit)
    return _act(visit, "reconnected", lambda: controls.restore(gateway))


@router.post("/demo/{gateway}/kill")
def kill_act(visit: GenuineSignedIn, gateway: str) -> Response:
    """Kills a gateway's process."""
    controls = _controls(visit)
    return _act(visit, "killed", lambda: controls.kill(gateway))


def _act(visit: Visit, done: str, act: Callable[[], None]) -> Response:
    try:
        act()
    except LookupError as err:
        raise NotFoundError(f"the demonstration has no {err}") from err
    if visit.is_part:
        return visit.page("parts/demo_said.html", done=done)
    return visit.go("/demo", done=done)


def _controls(visit: Visit) -> DemoControls:
    if visit.demo is None:
        raise NotFoundError("this controller does not run a demonstration")
    return visit.demo


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """How far the newest badge that somebody issued here has come in the guided tour."""

    credential_id: str | None = None
    issued: bool = False
    granted: bool = False
    revoked: bool = False
    presented_again: bool = False
    refused: bool = False

    @property
    def next_step(self) -> int:
        """The first step that is still to do; 6 when all are done."""
        steps = (self.issued, self.granted, self.revoked, self.presented_again, self.refused)
        return steps.index(False) + 1 if False in steps else len(steps) + 1


def _context(visit: Visit) -> dict[str, object]:
    controls = _controls(visit)
    store = visit.backend.store
    gateways, badges, held_up = controls.gateways(), controls.badges(), controls.held_up()
    seen: dict[str, HeldUp] = {}
    for each in held_up:
        seen.setdefault(each.gateway_id, each)
    rows: tuple[record_feed.RecordRow, ...] = ()
    last_of: dict[str, record_feed.RecordRow] = {}
    if visit.may(Action.READ_RECORDS):
        rows = _newest(visit, _NEWEST_ROWS)
        for gateway in gateways:
            newest = _newest(visit, 1, gateway=gateway.id)
            last_of |= {row.gateway: row for row in newest}
    return {
        "gateways": gateways,
        "badges": badges,
        "tour": _tour(visit, badges, held_up),
        "seen": seen,
        "rows": rows,
        "names": names_of(visit, (row.credential_id for row in rows)),
        "last_of": last_of,
        "stored": sum(row.stored_records for row in fleet_board.gateways(store)),
    }


def _newest(
    visit: Visit, limit: int, gateway: str | None = None, badge: str | None = None
) -> tuple[record_feed.RecordRow, ...]:
    narrow = record_feed.RecordFilter(kind="scan", gateway=gateway, credential_id=badge)
    return record_feed.page(visit.backend.store, narrow, cursor=None, limit=limit).items


def _tour(visit: Visit, badges: Sequence[DemoBadge], held_up: Sequence[HeldUp]) -> Tour:
    """Reads the tour's progress off what the newest badge went through.

    Whoever held it up saw the lamp, so the tour needs no role that reads records. Where the role
    does, records count as well.
    """
    newest = next((each for each in badges if each.is_visitors), None)
    if newest is None or newest.credential_id is None:
        return Tour()
    lamps = {each.is_granted for each in held_up if each.credential_id == newest.credential_id}
    may_see = visit.may(Action.READ_RECORDS)
    scans = _newest(visit, _TOUR_ROWS, badge=newest.credential_id) if may_see else ()
    is_revoked = newest.state == "revoked"
    refused = is_revoked and (False in lamps or any(row.reason == Reason.REVOKED for row in scans))
    return Tour(
        credential_id=newest.credential_id,
        issued=True,
        granted=True in lamps or any(row.outcome == "grant" for row in scans),
        revoked=is_revoked,
        presented_again=refused,
        refused=refused,
    )
