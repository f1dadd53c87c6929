"""The keys of the site: how they stand, a new one, one that leaked."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.envelope import key_id_of
from doorward_controller.console import key_words
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import site_keys
from doorward_controller.queries.site_keys import SiteKey, SiteKeys
from doorward_controller.services import (
    key_rotation,
    key_withdrawal,
    proposing,
    second_person,
)

router = APIRouter()


@router.get("/keys")
def keys_page(visit: SignedIn) -> Response:
    """Shows every key by what it is for."""
    return visit.page("keys.html", _shown(visit))


@router.get("/keys/part")
def keys_part(visit: SignedIn) -> Response:
    """The lists alone."""
    return visit.page("parts/keys.html", _shown(visit))


@router.get("/keys/new")
def new_page(visit: SignedIn, use: KeyUse) -> Response:
    """Says what a new key means, and asks once more."""
    return _new(visit, use)


@router.post("/keys/new")
def new_act(visit: GenuineSignedIn, use: Annotated[KeyUse, Form()]) -> Response:
    """Makes a new key."""
    try:
        made = key_rotation.rotate(visit.backend, visit.actor, use)
    except ActError as err:
        return _new(visit, use, refusal=err)
    return visit.go("/keys", done="key-in-use" if made.is_in_use else "key-made")


@router.get("/keys/{key_id}/use")
def use_page(visit: SignedIn, key_id: str) -> Response:
    """Names the gateways that will refuse what the key signs, and asks once more."""
    return _use(visit, key_id)


@router.post("/keys/{key_id}/use")
def use_act(visit: GenuineSignedIn, key_id: str) -> Response:
    """Uses a key that waits."""
    try:
        key_rotation.take_up(visit.backend, visit.actor, key_id)
    except ActError as err:
        return _use(visit, key_id, refusal=err)
    return visit.go("/keys", done="key-in-use")


@router.get("/keys/{key_id}/withdraw")
def withdraw_page(visit: SignedIn, key_id: str) -> Response:
    """Says what will be refused, and asks for the key's number."""
    visit.require(Action.MANAGE_KEYS)
    visit.require_fresh()
    return _withdraw(visit, key_id)


@router.post("/keys/{key_id}/withdraw")
def withdraw_act(
    visit: GenuineSignedIn,
    key_id: str,
    number: Annotated[str, Form(max_length=100)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
    expected: Annotated[int, Form()] = 0,
) -> Response:
    """Withdraws it, or proposes to where the rule wants a second person."""
    visit.require(Action.MANAGE_KEYS)
    visit.require_fresh()
    try:
        if number.strip().lower() != key_id:
            raise InvalidError(
                f"the number is {number[:40]!r}, the key is {key_id[:8]}", code="number_differs"
            )
        if _needs_another(visit):
            proposal = proposing.propose_withdrawal(visit.backend, visit.actor, key_id, note)
            return visit.go(f"/approvals/{proposal.id}", done="proposed")
        done = key_withdrawal.withdraw(visit.backend, visit.actor, key_id, note, expected=expected)
    except ActError as err:
        return _withdraw(visit, key_id, refusal=err, note=note)
    target = f"/revocations/{done.batch.id}" if done.batch else "/keys"
    return visit.go(target, done="key-withdrawn")


def _found(visit: Visit) -> SiteKeys:
    backend = visit.backend
    return site_keys.site_keys(
        backend.store,
        backend.config.site,
        key_id_of(backend.keys.intake_public),
        backend.clock.now().utc_s,
    )


def _shown(visit: Visit) -> dict[str, object]:
    visit.require(Action.READ_CREDENTIALS)
    found = _found(visit)
    uses: dict[str, list[SiteKey]] = {}
    for each in found.keys:
        uses.setdefault(each.use, []).append(each)
    return {
        "kw": key_words,
        "found": found,
        "spread": found.propagation,
        "uses": uses,
        "can_change": frozenset(KeyUse),
        "has_root": visit.backend.keys.root is not None,
    }


def _new(visit: Visit, use: KeyUse, refusal: ActError | None = None) -> Response:
    visit.require(Action.MANAGE_KEYS)
    return visit.page(
        "key_new.html",
        status_code=refusal.status if refusal else 200,
        kw=key_words,
        use=use.value,
        total=_found(visit).propagation.total,
        refusal=refusal,
    )


def _use(visit: Visit, key_id: str, refusal: ActError | None = None) -> Response:
    visit.require(Action.MANAGE_KEYS)
    return visit.page(
        "key_use.html",
        status_code=refusal.status if refusal else 200,
        kw=key_words,
        key=_one(visit, key_id),
        refusal=refusal,
    )


def _withdraw(
    visit: Visit, key_id: str, refusal: ActError | None = None, note: str = ""
) -> Response:
    return visit.page(
        "key_withdraw.html",
        status_code=refusal.status if refusal else 200,
        kw=key_words,
        key=_one(visit, key_id),
        told=key_withdrawal.preview(visit.backend, visit.actor, key_id),
        needs_another=_needs_another(visit),
        note_max=key_withdrawal.MAX_NOTE_CHARACTERS,
        refusal=refusal,
        note=note,
    )


def _one(visit: Visit, key_id: str) -> SiteKey:
    found = next((each for each in _found(visit).keys if each.key_id == key_id), None)
    if found is None:
        raise NotFoundError(f"there is no key {key_id[:40]!r}")
    return found


def _needs_another(visit: Visit) -> bool:
    return second_person.stops(visit.backend, visit.actor, ProposalKind.WITHDRAW_KEY)
