"""Policy: what the gateways decide by, which version each has, and the release of a new one."""

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import policies, propagation
from doorward_controller.services import policy_release, rules

router = APIRouter()

_RELEASES = 5


@router.get("/policy")
def policy_page(visit: SignedIn) -> Response:
    """Shows the rules in words, the released version, and how far it has got."""
    visit.require(Action.READ_FLEET)
    return visit.page("policy.html", _context(visit))


@router.get("/policy/part")
def policy_part(visit: SignedIn) -> Response:
    """How far the released version has got."""
    visit.require(Action.READ_FLEET)
    return visit.page("parts/policy.html", _context(visit))


@router.post("/policy/release")
def release_act(visit: GenuineSignedIn) -> Response:
    """Makes a new version of the rules and the badges, signs it and sends it to every gateway."""
    policy_release.release(visit.backend, visit.actor)
    return visit.go("/policy", done="released")


def _context(visit: Visit) -> dict[str, object]:
    store = visit.backend.store
    book, portals = rules.current(visit.backend), policies.all_portals(store)
    return {
        "book": book,
        "bundle": propagation.of_bundle(store),
        "portals": portals,
        "rule_of": {each.portal: book.rule_of(each.portal, each.options_json) for each in portals},
        "releases": policies.releases(store, limit=_RELEASES),
        "is_behind": policies.has_unreleased_rules(store),
    }
