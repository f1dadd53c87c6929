"""What a release would change: in words of both languages, and by past scans decided again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.domain.difference_words import (
    Sentence,
    say_named,
    say_rights,
    say_roster,
    say_too_old,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.policy_differences import RightsChange, RosterChange
from doorward_controller.domain.rule_changes import NamedChange
from doorward_controller.domain.software_age import TooOld
from doorward_controller.services import policy_preview
from doorward_controller.services.policy_preview import Rerun

router = APIRouter(tags=["policy"])
BookId = Annotated[int, Field(ge=1, lt=2**53)] | None


class SaidRights(BaseModel):
    """Some people's gain or loss, in words and in full."""

    said: Sentence
    change: RightsChange


class SaidNamed(BaseModel):
    """Something that is called differently, in words and in full."""

    said: Sentence
    change: NamedChange


class SaidTooOld(BaseModel):
    """A gateway whose software is too old, in words and in full."""

    said: Sentence
    gateway: TooOld


class DifferencesBody(BaseModel):
    """Everything that would change."""

    is_none: bool
    people: int
    affected: int
    rights: list[SaidRights]
    named: list[SaidNamed]
    roster: RosterChange
    roster_said: list[Sentence]
    too_old: list[SaidTooOld]


class SpanBody(BaseModel):
    """Which scans, by the gateways' clocks, at most a month; `rule_book_id` is an edition."""

    from_utc_ms: Annotated[int, Field(ge=0, lt=2**50)]
    to_utc_ms: Annotated[int, Field(ge=0, lt=2**50)]
    rule_book_id: BookId = None


@router.get("/policy/differences", dependencies=[Depends(Needs(Action.SIMULATE))])
def show_differences(
    backend: BackendDep, actor: ActorDep, rule_book_id: BookId = None
) -> DifferencesBody:
    """Compares what is released with what a release now would release."""
    found = policy_preview.compare(backend, actor, rule_book_id)
    return DifferencesBody(
        is_none=found.is_none,
        people=found.people,
        affected=found.affected,
        rights=[SaidRights(said=say_rights(each), change=each) for each in found.rights],
        named=[SaidNamed(said=say_named(each), change=each) for each in found.named],
        roster=found.roster,
        roster_said=list(say_roster(found.roster)),
        too_old=[SaidTooOld(said=say_too_old(each), gateway=each) for each in found.too_old],
    )


@router.post("/policy/rerun", dependencies=[Depends(Needs(Action.SIMULATE))])
def rerun(body: SpanBody, backend: BackendDep, actor: ActorDep) -> Rerun:
    """Decides past scans under the released and under the saved rules; changes nothing."""
    return policy_preview.rerun(
        backend,
        actor,
        from_utc_ms=body.from_utc_ms,
        to_utc_ms=body.to_utc_ms,
        book_id=body.rule_book_id,
    )
