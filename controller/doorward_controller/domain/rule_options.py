"""The parts of a rule book: what people say of a grant, a portal, a group and a zone (pure)."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from doorward.ids import PortalId, parse_name, parse_portal_id
from doorward.policy import (
    DEFAULT_MAX_AGE_S,
    DEFAULT_WAIT_S,
    MAX_ENTRIES,
    MAX_LED,
    MAX_RANK,
    AntiPassback,
    Direction,
    Foreign,
    GroupRule,
    InDoubt,
    Posture,
    PresenceDoubt,
    Unlisted,
)
from doorward_controller.domain.directory_groups import MAX_NAME_CHARACTERS

MAX_WAIT_S = 120
DAY_S = 86_400

_SAID = WithJsonSchema({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"})
Name = Annotated[str, AfterValidator(parse_name), _SAID]
PortalName = Annotated[PortalId, AfterValidator(parse_portal_id), _SAID]
Seconds = Annotated[int, Field(ge=0, le=DAY_S)]
Entries = Annotated[int, Field(ge=0, le=MAX_ENTRIES)]
DirectoryName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
"""A group's name as the organisation's directory has it."""


class UnmetError(ValueError):
    """A part asks for something that its other fields do not allow; `code` says what is missing."""

    def __init__(self, code: str, message: str) -> None:
        """Keeps the code beside the sentence."""
        super().__init__(message)
        self.code = code


class Part(BaseModel):
    """Something that is read whole, with nothing in it that has no meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GrantLine(Part):
    """A group may pass a zone's portals while a schedule is open, this way and so often."""

    group: Name
    zone: Name
    schedule: Name
    qualifications: tuple[Name, ...] = ()
    way: Direction = Direction.BOTH
    per_day: Entries = 0
    per_visit: Entries = 0


class PortalOptions(Part):
    """How one portal behaves; gateway and zone come from its enrolment."""

    pulse_ms: Annotated[int, Field(ge=100, le=30_000)] = 3000
    direction: Direction = Direction.ENTRY
    beyond: Name | None = None
    posture: Posture = Posture.NORMAL
    posture_rank: Annotated[int, Field(ge=1, le=MAX_RANK)] | None = None
    posture_until: Annotated[int, Field(ge=0)] | None = None
    unlisted: Unlisted = Unlisted.BY_CLASS
    clock_untrusted: InDoubt = InDoubt.DENY
    max_age_s: Annotated[int, Field(ge=60, le=366 * DAY_S)] = DEFAULT_MAX_AGE_S
    stale: InDoubt = InDoubt.DENY
    foreign: Foreign = Foreign.DENY
    qualifications: tuple[Name, ...] = ()
    unlock: Name | None = None
    unlock_after_first: bool = False
    antipassback: AntiPassback = AntiPassback.OFF
    antipassback_s: Seconds = 0
    presence_unknown: PresenceDoubt = PresenceDoubt.ALLOW
    min_interval_s: Seconds = 0
    escorted: tuple[Name, ...] = ()
    escorts: tuple[Name, ...] = ()
    escort_leads: Annotated[int, Field(ge=0, le=MAX_LED)] = 0
    two_persons: bool = False
    wait_s: Annotated[int, Field(ge=1, le=MAX_WAIT_S)] = DEFAULT_WAIT_S
    interlock: tuple[PortalName, ...] = ()

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.escorted and not self.escorts:
            raise UnmetError("escorts_missing", "escorted groups need a group among escorts")
        if self.escort_leads and not self.escorted:
            raise UnmetError("escorted_missing", "escort_leads needs a group among escorted")
        if self.antipassback is AntiPassback.TIMED and not self.antipassback_s:
            raise UnmetError("time_missing", "timed anti-passback needs antipassback_s")
        if self.unlock_after_first and self.unlock is None:
            raise UnmetError("schedule_missing", "unlock_after_first needs a schedule in unlock")
        return self


class GroupOptions(Part):
    """What belongs to being in a group; see `doorward.policy.GroupRule`."""

    rank: Annotated[int, Field(ge=0, le=MAX_RANK)] = 0
    duress: bool = False
    once: bool = False
    exempt: bool = False

    def rule(self) -> GroupRule:
        """Returns it as gateways read it."""
        return GroupRule(
            rank=self.rank, is_duress=self.duress, is_once=self.once, is_exempt=self.exempt
        )


class ZoneOptions(Part):
    """What belongs to a zone; see `doorward.policy.ZoneRule`."""

    within: Name | None = None
    at_most: Annotated[int, Field(ge=0)] = 0
    per_day: Entries = 0
    per_visit: Entries = 0
