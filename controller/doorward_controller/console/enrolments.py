"""Adding gateways: a claim as a QR code, the code to compare, confirming, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from markupsafe import Markup

from doorward.enrolment import CODE_PREFIX, Claim
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.enrolment_claims import ClaimState, EnrolmentClaim
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.queries import enrolments, fleet_board
from doorward_controller.services import claims, rules
from doorward_controller.services.claims import MadeClaim
from doorward_controller.services.codes import draw_link
from doorward_controller.services.enrolment import NewPortal

router = APIRouter(prefix="/enrolments")

PORTAL_ROWS = 2
"""In and out; a gateway with more is rare, and on a phone each row is long."""
_HISTORY = 30
_COMMAND = "doorward-edge enrol"

Texts = Annotated[list[str] | None, Form()]


@router.get("")
def enrolments_page(visit: SignedIn) -> Response:
    """Shows what waits and what was."""
    visit.require(Action.ENROL_GATEWAY)
    return visit.page("enrolments.html", _all(visit))


@router.get("/part")
def enrolments_part(visit: SignedIn) -> Response:
    """The changing part of it."""
    visit.require(Action.ENROL_GATEWAY)
    return visit.page("parts/enrolments.html", _all(visit))


@router.get("/new")
def new_page(visit: SignedIn, gateway: Annotated[str, Query(max_length=32)] = "") -> Response:
    """The form; for a gateway that exists, the one that gives it new keys."""
    return _form(visit, gateway=gateway, is_replacement=bool(gateway))


@router.post("")
def make_act(
    visit: GenuineSignedIn,
    gateway: Annotated[str, Form(max_length=100)] = "",
    is_replacement: Annotated[str, Form(max_length=1)] = "",
    portal: Texts = None,
    zone: Texts = None,
    label: Texts = None,
) -> Response:
    """Makes a claim and shows it, this once."""
    visit.require_fresh()
    rows = list(zip(portal or (), zone or (), label or (), strict=False))[:PORTAL_ROWS]
    try:
        made = claims.make_claim(
            visit.backend,
            visit.actor,
            gateway=gateway.strip(),
            portals=[
                NewPortal(portal=name.strip(), zone=place.strip(), label=called.strip()[:100])
                for name, place, called in rows
                if name.strip()
            ],
            is_replacement=is_replacement == "1",
        )
    except ActError as err:
        return _form(
            visit, gateway=gateway, rows=rows, is_replacement=is_replacement == "1", refusal=err
        )
    return _one(visit, made.id, made=made)


@router.get("/{claim_id}")
def claim_page(visit: SignedIn, claim_id: str) -> Response:
    """Shows one claim, without its secret."""
    return _one(visit, claim_id)


@router.get("/{claim_id}/part")
def claim_part(visit: SignedIn, claim_id: str) -> Response:
    """The changing part of one claim."""
    visit.require(Action.ENROL_GATEWAY)
    return visit.page("parts/enrolment.html", _context(visit, claim_id), refusal=None)


@router.post("/{claim_id}/confirm")
def confirm_act(
    visit: GenuineSignedIn, claim_id: str, code: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Has the certificate signed."""
    visit.require_fresh()
    try:
        gateway = claims.confirm_claim(visit.backend, visit.actor, claim_id, code=code)
    except NotFoundError:
        raise
    except ActError as err:
        return _one(visit, claim_id, refusal=err)
    return visit.go(f"/gateways/{gateway}", done="gateway-enrolled")


@router.post("/{claim_id}/refuse")
def refuse_act(visit: GenuineSignedIn, claim_id: str) -> Response:
    """Refuses whoever asked."""
    claims.refuse_claim(visit.backend, visit.actor, claim_id)
    return visit.go(f"/enrolments/{claim_id}")


@router.post("/{claim_id}/withdraw")
def withdraw_act(visit: GenuineSignedIn, claim_id: str) -> Response:
    """Takes a claim back."""
    claims.withdraw_claim(visit.backend, visit.actor, claim_id)
    return visit.go("/enrolments", done="saved")


def _all(visit: Visit) -> dict[str, object]:
    store, now_s = visit.backend.store, visit.reader.now_ms // 1000
    pending = enrolments.pending(store, now_s)
    waiting = {claim.id for claim in pending}
    past = enrolments.page(store, limit=_HISTORY + len(pending)).items
    return {
        "pending": pending,
        "past": [claim for claim in past if claim.id not in waiting][:_HISTORY],
        "now_s": now_s,
        "is_on": bool(visit.backend.config.enrolment.url),
    }


def _form(
    visit: Visit,
    *,
    gateway: str = "",
    rows: list[tuple[str, str, str]] | None = None,
    is_replacement: bool = False,
    refusal: ActError | None = None,
) -> Response:
    visit.require(Action.ENROL_GATEWAY)
    store = visit.backend.store
    if is_replacement and fleet_board.gateway(store, gateway) is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}")
    shown = [*(rows or ()), *([("", "", "")] * PORTAL_ROWS)][:PORTAL_ROWS]
    return visit.page(
        "enrolment_new.html",
        status_code=refusal.status if refusal else 200,
        gateway=gateway,
        rows=shown,
        zones=rules.current(visit.backend).zones,
        is_replacement=is_replacement,
        refusal=refusal,
        is_on=bool(visit.backend.config.enrolment.url),
    )


def _one(
    visit: Visit,
    claim_id: str,
    *,
    made: MadeClaim | None = None,
    refusal: ActError | None = None,
) -> Response:
    visit.require(Action.ENROL_GATEWAY)
    claim = made.claim if made else None
    text = claim.to_text() if claim else ""
    return visit.page(
        "enrolment.html",
        _context(visit, claim_id),
        status_code=refusal.status if refusal else 200,
        made=made,
        command=f"{_COMMAND} --claim {text}",
        typed_command=_typed_command(claim) if claim else "",
        picture=Markup(draw_link(text)) if text else "",  # noqa: S704  # drawn by us
        refusal=refusal,
    )


def _typed_command(claim: Claim) -> str:
    return (
        f"{_COMMAND} --controller {claim.url} --site {claim.site} --gateway {claim.gateway}"
        f" --typed {claim.to_typed()}"
    )


def _context(visit: Visit, claim_id: str) -> dict[str, object]:
    claim = enrolments.claim(visit.backend.store, claim_id)
    if claim is None:
        raise NotFoundError(f"there is no claim {claim_id[:40]!r}")
    now_s = visit.reader.now_ms // 1000
    state = claim.state_at(now_s)
    return {
        "claim": claim,
        "state": state.value,
        "left_s": max(0, claim.ends_at_utc_s - now_s),
        "compare_picture": _compare_picture(claim, state),
    }


def _compare_picture(claim: EnrolmentClaim, state: ClaimState) -> str:
    """For a gateway without a screen: it says by its lamps whether its own code is the same."""
    if state is not ClaimState.ASKED:
        return ""
    return Markup(draw_link(CODE_PREFIX + claim.code))  # noqa: S704  # drawn by us
