"""What is known of a roll-out's member, and what follows from it. Pure.

A command that a gateway was never sent is given anew when it is back; one that was sent and of
which nothing was heard is not, because it may have been carried out. An update has succeeded when
the gateway says that the release proved well, not when it took the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from doorward.commands import CommandName
from doorward.outcomes import JobState
from doorward.software import ENDED_BADLY, SoftwareReport, UpdateOutcome, UpdateState
from doorward_controller.domain.roll_out import MemberState, MemberWord
from doorward_controller.domain.roll_out_order import CommandOrder, ConfigurationOrder, Order

_ENDED_BADLY = frozenset(
    {JobState.FAILED, JobState.REJECTED, JobState.TIMED_OUT, JobState.CANCELED}
)
SUPERSEDED = "superseded by another configuration"
REVOKED = "the gateway was revoked"


class Want(StrEnum):
    """What is to be handed to a member next."""

    SETTINGS = "settings"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known of one member.

    Attributes:
        command: state of its command, None before it was given.
        was_sent: whether that command left for the gateway.
        version: of the configuration that it was asked to take, 0 before.
        newest: version that is desired of it last, by whomever.
        in_force: version that it works with.
        taken: version that it took, which may wait for a restart.
        rejected: versions that it refused or took back, with its words.
        command_id: of its command, empty before it was given.
        software: how it says that its own software stands, None where it does not.
    """

    online: bool = True
    is_enrolled: bool = True
    command: JobState | None = None
    command_detail: str = ""
    was_sent: bool = False
    version: int = 0
    newest: int = 0
    in_force: int = 0
    taken: int = 0
    rejected: Mapping[int, str] = field(default_factory=dict)
    command_id: str = ""
    software: SoftwareReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A word to a member's state, and the particulars."""

    word: MemberWord
    detail: str = ""


def sign_of(order: Order, state: MemberState, signs: Signs) -> Sign | None:
    """Returns what the signs say of a member, None while they say nothing new."""
    if state is MemberState.SUCCEEDED:
        return _software_relapse(order, signs) if _updates(order) else _relapse(signs)
    if state is not MemberState.ASKED:
        return None
    if not signs.is_enrolled:
        return Sign(word=MemberWord.FAIL, detail=REVOKED)
    if isinstance(order, ConfigurationOrder):
        return _of_settings(order, signs)
    return _of_software(order, signs) if _updates(order) else _of_command(signs)


def want_of(order: Order, signs: Signs) -> Want | None:
    """Returns what a member that was asked is to be handed now, None for nothing."""
    if isinstance(order, ConfigurationOrder):
        if signs.version == 0:
            return Want.SETTINGS
        if not (order.restart and signs.taken == signs.version != signs.in_force):
            return None
    is_due = signs.command is None or (signs.command is JobState.TIMED_OUT and not signs.was_sent)
    return Want.COMMAND if is_due and signs.online else None


def _relapse(signs: Signs) -> Sign | None:
    error = signs.rejected.get(signs.version) if signs.version else None
    return None if error is None else Sign(word=MemberWord.FAIL, detail=error)


def _of_command(signs: Signs) -> Sign | None:
    if signs.command is JobState.SUCCEEDED:
        return Sign(word=MemberWord.SUCCEED, detail=signs.command_detail)
    return _bad_end(signs)


def _updates(order: Order) -> bool:
    return isinstance(order, CommandOrder) and order.name is CommandName.UPDATE_SOFTWARE


def _version(order: Order) -> str:
    return str(order.arguments.get("version", "")) if isinstance(order, CommandOrder) else ""


def _of_software(order: Order, signs: Signs) -> Sign | None:
    """A command that was taken is only the beginning: what counts is what proved well."""
    said, version = signs.software, _version(order)
    if said is not None and version and said.confirmed == version:
        return Sign(word=MemberWord.SUCCEED, detail=f"{version} proved well")
    if said is None or not signs.command_id or said.order != signs.command_id:
        return _bad_end(signs)
    if said.state is not UpdateState.IDLE or said.outcome is UpdateOutcome.NONE:
        return None
    if not version and said.outcome is UpdateOutcome.RETURNED:
        return Sign(word=MemberWord.SUCCEED, detail=f"{said.confirmed} is back")
    if said.outcome in ENDED_BADLY:
        return Sign(word=MemberWord.FAIL, detail=f"{said.outcome.value}: {said.detail}")
    return None


def _software_relapse(order: Order, signs: Signs) -> Sign | None:
    said, version = signs.software, _version(order)
    if said is None or not version or said.confirmed in {version, ""}:
        return None
    return Sign(word=MemberWord.FAIL, detail=f"it went back to {said.confirmed}")


def _of_settings(order: ConfigurationOrder, signs: Signs) -> Sign | None:
    if signs.version == 0:
        return None
    if (refused := _relapse(signs)) is not None:
        return refused
    if signs.in_force == signs.version or (not order.restart and signs.taken == signs.version):
        return Sign(word=MemberWord.SUCCEED)
    if max(signs.newest, signs.in_force, signs.taken) > signs.version:
        return Sign(word=MemberWord.FAIL, detail=SUPERSEDED)
    return _bad_end(signs)


def _bad_end(signs: Signs) -> Sign | None:
    was_never_sent = signs.command is JobState.TIMED_OUT and not signs.was_sent
    if signs.command not in _ENDED_BADLY or was_never_sent:
        return None
    return Sign(word=MemberWord.FAIL, detail=signs.command_detail or signs.command.value)
