"""Policy: what the gateways decide by, what a release would change, and the release itself."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import order_words, portal_search
from doorward_controller.console.i18n import Language, mark
from doorward_controller.console.portal_search import EVERY, PortalSearch, Search
from doorward_controller.console.visit import GenuineSignedIn, Piece, SignedIn, Visit
from doorward_controller.domain.difference_words import (
    Sentence,
    say_named,
    say_rights,
    say_roster,
    say_too_old,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.errors import ActError, InvalidError
from doorward_controller.queries import policies, propagation
from doorward_controller.services import (
    policy_preview,
    policy_release,
    proposing,
    rules,
    second_person,
)

router = APIRouter()

_POLICY = ("/policy", mark("Policy"))
_DIFFERENCES = Piece(title=mark("What a release would change"), back=_POLICY)
_RERUN = Piece(title=mark("Past scans under the saved rules"), back=_POLICY)
_RELEASES = 5
_MAX_DAYS = 31


@router.get("/policy")
def policy_page(visit: SignedIn, search: Search) -> Response:
    """Shows the rules in words, the released version, and how far it has got."""
    visit.require(Action.READ_FLEET)
    return visit.page("policy.html", _context(visit, search))


@router.get("/policy/part")
def policy_part(visit: SignedIn) -> Response:
    """How far the released version has got."""
    visit.require(Action.READ_FLEET)
    return visit.page("parts/policy.html", _context(visit))


@router.get("/policy/differences")
def differences_part(visit: SignedIn, book: int | None = None) -> Response:
    """What a release would change, in words."""
    visit.require(Action.SIMULATE)
    try:
        found = policy_preview.compare(visit.backend, visit.actor, book)
    except ActError as err:
        return visit.piece(
            "parts/differences.html", **_DIFFERENCES, found=None, refusal=err, ow=order_words
        )
    return visit.piece(
        "parts/differences.html",
        **_DIFFERENCES,
        found=found,
        refusal=None,
        losses=[(say(visit, say_rights(each)), each) for each in found.rights if each.is_loss],
        gains=[(say(visit, say_rights(each)), each) for each in found.rights if not each.is_loss],
        named=[say(visit, say_named(each)) for each in found.named],
        roster=[say(visit, each) for each in say_roster(found.roster)],
        too_old=[(say(visit, say_too_old(each)), each) for each in found.too_old],
        ow=order_words,
    )


@router.get("/policy/rerun")
def rerun_part(
    visit: SignedIn, first: str = "", last: str = "", book: int | None = None
) -> Response:
    """What would have been decided otherwise, by default yesterday."""
    visit.require(Action.SIMULATE)
    yesterday = visit.reader.local(visit.reader.now_ms).date() - timedelta(days=1)
    try:
        begin, end = _day(first) or yesterday, _day(last) or _day(first) or yesterday
        if not 0 <= (end - begin).days < _MAX_DAYS:
            raise InvalidError(f"at most {_MAX_DAYS} days", code="bad_span")
        found = policy_preview.rerun(
            visit.backend,
            visit.actor,
            from_utc_ms=_midnight_ms(visit, begin),
            to_utc_ms=_midnight_ms(visit, end + timedelta(days=1)),
            book_id=book,
        )
    except ActError as err:
        return visit.piece("parts/rerun.html", **_RERUN, rerun=None, refusal=err, ow=order_words)
    return visit.piece(
        "parts/rerun.html",
        **_RERUN,
        rerun=found,
        refusal=None,
        first=begin,
        last=end,
        ow=order_words,
    )


@router.post("/policy/release")
def release_act(visit: GenuineSignedIn) -> Response:
    """Makes a new version of the rules and the badges, signs it and sends it to every gateway."""
    policy_release.release(visit.backend, visit.actor)
    return visit.go("/policy", done="released")


@router.post("/policy/propose")
def propose_act(
    visit: GenuineSignedIn, reason: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Proposes the release to a second person."""
    proposal = proposing.propose_release(visit.backend, visit.actor, reason)
    return visit.go(f"/approvals/{proposal.id}", done="proposed")


def say(visit: Visit, sentence: Sentence) -> str:
    """Returns a sentence in the reader's language."""
    return sentence.zh if visit.reader.language is Language.CHINESE else sentence.en


def _context(visit: Visit, search: PortalSearch = EVERY) -> dict[str, object]:
    store = visit.backend.store
    book = rules.current(visit.backend)
    portals = portal_search.find(policies.all_portals(store), search)
    yesterday = visit.reader.local(visit.reader.now_ms).date() - timedelta(days=1)
    return {
        "ow": order_words,
        "book": book,
        "bundle": propagation.of_bundle(store),
        "portals": portals,
        "rule_of": {
            each.portal: book.rule_of(each.portal, each.options_json) for each in portals.rows
        },
        "releases": policies.releases(store, limit=_RELEASES),
        "is_behind": policies.has_unreleased_rules(store),
        "needs_second": second_person.stops(
            visit.backend, visit.actor, ProposalKind.RELEASE_POLICY
        ),
        "yesterday": yesterday.isoformat(),
    }


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise InvalidError(f"{text[:40]!r} is not a day", code="when_unreadable") from err


def _midnight_ms(visit: Visit, day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=visit.reader.zone).timestamp() * 1000)
