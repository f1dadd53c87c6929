"""Where an update stands: the table of its states, and what is on the disk of it (pure).

A state is written before what follows from it is done, and everything that is done in a state can
be done again. So whatever moment the power fails in, the next start goes on by the state alone:

| state | what a start in it does | which release runs meanwhile |
|---|---|---|
| idle | nothing, until something is wanted | the confirmed one |
| fetching | asks for what is missing of the file | the confirmed one |
| fetched | unpacks it anew | the confirmed one |
| unpacked | installs it anew | the confirmed one |
| installed | switches, when nobody passes | the confirmed one |
| switching | moves the link, starts the gateway anew | either |
| on_trial | looks how the new one is, until the trial's end | the new one |
| confirming | moves the updater's own link, tidies up | the new one |
| returning | moves the link back, starts the gateway anew | either, then the old one |
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

import msgspec

from doorward.errors import DoorwardError, MalformedError
from doorward.software import (
    MAX_DETAIL,
    SoftwareReport,
    UpdateOutcome,
    UpdateState,
    Version,
)


class UpdateWord(StrEnum):
    """What changes the state of an update."""

    ORDER = "order"
    FETCH = "fetch"
    UNPACK = "unpack"
    INSTALL = "install"
    SWITCH = "switch"
    START = "start"
    PROVE = "prove"
    CONFIRM = "confirm"
    GIVE_UP = "give_up"
    TAKE_BACK = "take_back"
    RETURN = "return"


_S, _W = UpdateState, UpdateWord
TRANSITIONS: Mapping[tuple[UpdateState, UpdateWord], UpdateState] = MappingProxyType(
    {
        (_S.IDLE, _W.ORDER): _S.FETCHING,
        (_S.FETCHING, _W.FETCH): _S.FETCHED,
        (_S.FETCHED, _W.UNPACK): _S.UNPACKED,
        (_S.UNPACKED, _W.INSTALL): _S.INSTALLED,
        (_S.INSTALLED, _W.SWITCH): _S.SWITCHING,
        (_S.SWITCHING, _W.START): _S.ON_TRIAL,
        (_S.ON_TRIAL, _W.PROVE): _S.CONFIRMING,
        (_S.CONFIRMING, _W.CONFIRM): _S.IDLE,
        **{
            (state, _W.GIVE_UP): _S.IDLE
            for state in (_S.FETCHING, _S.FETCHED, _S.UNPACKED, _S.INSTALLED)
        },
        **{
            (state, _W.ORDER): _S.FETCHING
            for state in (_S.FETCHING, _S.FETCHED, _S.UNPACKED, _S.INSTALLED)
        },
        (_S.IDLE, _W.TAKE_BACK): _S.RETURNING,
        (_S.SWITCHING, _W.TAKE_BACK): _S.RETURNING,
        (_S.ON_TRIAL, _W.TAKE_BACK): _S.RETURNING,
        (_S.RETURNING, _W.RETURN): _S.IDLE,
    }
)
"""What is not here is a fault of ours: it raises and changes nothing."""

REPLACEABLE = frozenset({_S.IDLE, _S.FETCHING, _S.FETCHED, _S.UNPACKED, _S.INSTALLED})
"""Another order counts at once: nothing that runs was touched yet."""


class IllegalStepError(DoorwardError):
    """A word was said in a state that does not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the updater must not forget.

    Attributes:
        state: where the update stands.
        target: the version that it is about; empty while idle.
        order: the id of the order that was taken last.
        until_utc_s: nothing is begun after that, 0 for no end.
        since_utc_s: when that order was taken.
        file_sha256: of the release's file, once it is known.
        confirmed: the version that proved well last; what a return goes to.
        previous: the version confirmed before it, kept; empty for none.
        floor: no version before that is ever installed.
        needs: what was well before the switch, and must be again.
        trial_boot: the start of the system in which the trial began.
        trial_since_s: of its monotonic clock.
        trial_boots: how many starts of the system the trial saw.
        outcome, outcome_version: what became of the last order that is over.
        detail: particulars in plain words.
    """

    state: UpdateState = UpdateState.IDLE
    target: str = ""
    order: str = ""
    until_utc_s: int = 0
    since_utc_s: int = 0
    file_sha256: str = ""
    confirmed: str = ""
    previous: str = ""
    floor: str = "0.0.0"
    needs: tuple[str, ...] = ()
    trial_boot: str = ""
    trial_since_s: int = 0
    trial_boots: int = 0
    outcome: UpdateOutcome = UpdateOutcome.NONE
    outcome_version: str = ""
    detail: str = ""

    def after(self, word: UpdateWord, **changes: Any) -> Self:  # noqa: ANN401  # of any attribute
        """Returns the record after a word. Raises IllegalStepError."""
        state = TRANSITIONS.get((self.state, word))
        if state is None:
            raise IllegalStepError(f"an update that is {self.state} cannot {word}")
        return replace(self, state=state, **changes)

    def ended(self, word: UpdateWord, outcome: UpdateOutcome, detail: str = "") -> Self:
        """Returns the record after a word that ends the update. Raises IllegalStepError."""
        return self.after(
            word,
            target="",
            file_sha256="",
            needs=(),
            trial_boot="",
            outcome=outcome,
            outcome_version=self.target,
            detail=detail[:MAX_DETAIL],
        )

    def refused(self, order: str, version: str, detail: str) -> Self:
        """Returns the record with an order that is not carried out; what is under way goes on."""
        return replace(
            self,
            order=order,
            outcome=UpdateOutcome.REFUSED,
            outcome_version=version,
            detail=detail[:MAX_DETAIL],
        )

    def saying(self, detail: str) -> Self:
        """Returns the record with other particulars."""
        return replace(self, detail=detail[:MAX_DETAIL])

    @property
    def report(self) -> SoftwareReport:
        """What the controller is told."""
        return SoftwareReport(
            confirmed=self.confirmed,
            previous=self.previous,
            state=self.state,
            target=self.target,
            order=self.order,
            outcome=self.outcome,
            outcome_version=self.outcome_version,
            detail=self.detail,
        )

    def to_wire(self) -> bytes:
        """Returns the JSON bytes; a SoftwareReport can be read from them, too."""
        return msgspec.json.encode(self)

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Returns the record in JSON bytes; what another version adds or leaves out is no fault.

        Raises:
            MalformedError: it is none.
        """
        try:
            record = msgspec.json.decode(wire, type=cls)
        except msgspec.MsgspecError as err:
            raise MalformedError(f"the updater's record: {err}") from err
        Version.parse(record.floor)
        return record
