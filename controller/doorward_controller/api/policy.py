"""Rules, releases, how far they have come, and what they would decide."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import POLICY, RULES, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.queries import policies, propagation
from doorward_controller.queries.paging import Page
from doorward_controller.queries.policies import ReleaseRow
from doorward_controller.queries.propagation import Propagation
from doorward_controller.services import policy_release, rules, simulation
from doorward_controller.services.policy_release import Released
from doorward_controller.services.simulation import Verdict

router = APIRouter(tags=["policy"])
reads = Depends(Needs(Action.READ_FLEET))


class PolicyBody(BaseModel):
    """The newest release, and whether the rules have changed since."""

    newest: ReleaseRow | None
    has_unreleased_rules: bool


class SimulateBody(BaseModel):
    """Would this credential get in there, then?"""

    credential_id: str = Field(max_length=16)
    portal: str = Field(max_length=32)
    at_utc_s: Annotated[int, Field(ge=0, lt=2**40)]


@router.get("/rules", dependencies=[reads, Shows(RULES)])
def show_rules(backend: BackendDep) -> RuleBook:
    """The newest rule book, released or not."""
    return rules.current(backend)


@router.put(
    "/rules",
    status_code=204,
    dependencies=[Depends(Needs(Action.EDIT_RULES)), Changes(RULES, needed=True)],
)
def save_rules(body: RuleBook, backend: BackendDep, actor: ActorDep) -> None:
    """Saves a new rule book; nothing changes at a gate before a release."""
    rules.save_rules(backend, actor, body)


@router.post(
    "/rules/back",
    status_code=204,
    dependencies=[Depends(Needs(Action.EDIT_RULES)), Changes(RULES, needed=True)],
)
def go_back(backend: BackendDep, actor: ActorDep) -> None:
    """Saves the released rule book as the newest: what was changed since is laid aside."""
    rules.go_back(backend, actor, rules.edition(backend).number)


@router.get("/policy", dependencies=[reads, Shows(POLICY)])
def show_policy(backend: BackendDep) -> PolicyBody:
    """What was released last; `GET /policy/releases` has the older ones."""
    newest = policies.releases(backend.store, 1)
    return PolicyBody(
        newest=newest[0] if newest else None,
        has_unreleased_rules=policies.has_unreleased_rules(backend.store),
    )


@router.get("/policy/releases", dependencies=[reads])
def list_releases(backend: BackendDep, paging: Paging) -> Page[ReleaseRow]:
    """What was released, newest first."""
    return paging.given(
        policies.releases_page(backend.store, cursor=paging.cursor, limit=paging.limit)
    )


@router.post(
    "/policy/release",
    status_code=201,
    dependencies=[Depends(Needs(Action.RELEASE_POLICY)), Changes(POLICY)],
)
def release(backend: BackendDep, actor: ActorDep) -> Released:
    """Builds, signs and publishes the next version."""
    return policy_release.release(backend, actor)


@router.get("/propagation/{what}", dependencies=[reads])
def spread(
    what: Literal["status", "bundle"],
    backend: BackendDep,
    version: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> Propagation:
    """How far a status number or a policy has come, by default the newest."""
    of = propagation.of_status if what == "status" else propagation.of_bundle
    return of(backend.store, version)


@router.post("/simulate", dependencies=[Depends(Needs(Action.SIMULATE))])
def simulate(body: SimulateBody, backend: BackendDep, actor: ActorDep) -> Verdict:
    """What a gate that has the newest policy and status would decide."""
    return simulation.would_grant(
        backend,
        actor,
        credential_id=body.credential_id,
        portal=body.portal,
        at_utc_s=body.at_utc_s,
    )
