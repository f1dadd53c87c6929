"""What became of a command: states, who changes them into what, and the message that says so.

The names are those of the executions of AWS IoT Jobs, so that who knows those knows these; what
differs is written at `next_state`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from doorward import canonical, shapes
from doorward.envelope import Kind, Signer, seal_envelope
from doorward.errors import BadIdError, MalformedError
from doorward.ids import GatewayId, SiteId, parse_name
from doorward.times import UtcSeconds

MAX_DETAIL_CHARACTERS = 300
MAX_FINDINGS = 32
MAX_ATTACHMENT_BYTES = 512 * 1024
MAX_OUTCOME_BYTES = MAX_ATTACHMENT_BYTES + 64 * 1024
_MAX_SEQ = 1000
_FIELDS = frozenset(
    {"site", "gateway", "id", "state", "seq", "at", "detail", "findings", "attachment"}
)


class JobState(StrEnum):
    """Where a command stands."""

    QUEUED = "queued"
    """The controller knows of it; the gateway has not said a word about it yet."""
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The gateway tried and could not."""
    TIMED_OUT = "timed_out"
    """Its time passed before it was carried out, or nothing was heard of it in time."""
    REJECTED = "rejected"
    """The gateway would not."""
    CANCELED = "canceled"
    """The controller took it back before it was sent."""


class Party(StrEnum):
    """Who says that a command is in a state."""

    GATEWAY = "gateway"
    CONTROLLER = "controller"


TERMINAL = frozenset(
    {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.TIMED_OUT,
        JobState.REJECTED,
        JobState.CANCELED,
    }
)

_GATEWAY_ENDS = frozenset(
    {JobState.SUCCEEDED, JobState.FAILED, JobState.REJECTED, JobState.TIMED_OUT}
)

TRANSITIONS: Mapping[tuple[JobState, Party], frozenset[JobState]] = MappingProxyType(
    {
        (JobState.QUEUED, Party.GATEWAY): _GATEWAY_ENDS | {JobState.IN_PROGRESS},
        (JobState.QUEUED, Party.CONTROLLER): frozenset({JobState.TIMED_OUT, JobState.CANCELED}),
        (JobState.IN_PROGRESS, Party.GATEWAY): _GATEWAY_ENDS,
        (JobState.IN_PROGRESS, Party.CONTROLLER): frozenset({JobState.TIMED_OUT}),
        (JobState.TIMED_OUT, Party.GATEWAY): frozenset(
            {JobState.SUCCEEDED, JobState.FAILED, JobState.REJECTED}
        ),
    }
)
"""Into what each party may change each state; what is not here never changes again."""


def next_state(state: JobState, to: JobState, by: Party) -> JobState:
    """Returns the state after `by` said `to`: that state where the table has it, else the old one.

    Unlike in AWS IoT Jobs there is no `REMOVED`, because what was commanded stays on record; what
    a gateway has begun cannot be cancelled, because a door that opened has opened; and `timed_out`
    gives way to what the gateway itself says later, because that is what happened.
    """
    return to if to in TRANSITIONS.get((state, by), frozenset()) else state


class AttachmentKind(StrEnum):
    """What a command brought back."""

    LOG = "log"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Bytes that a command brought back, sealed to the controller (docs/protocol.md §10).

    Attributes:
        is_personal: whether people may be seen in it; looking at it is then itself recorded.
    """

    kind: AttachmentKind
    is_personal: bool
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a self-test tried.

    Attributes:
        what: its stable name.
        detail: what was seen, in plain words.
    """

    what: str
    is_good: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The body of an outcome, in an envelope of kind `outcome` signed with the record key.

    Attributes:
        id: the command's.
        state: never `queued` or `canceled`; those are the controller's words.
        seq: counts what was said about this command, from 1; the highest counts.
        at: the gateway's wall time.
        detail: particulars in plain words, nothing personal.
    """

    site: SiteId
    gateway: GatewayId
    id: str
    state: JobState
    seq: int
    at: UtcSeconds
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    attachment: Attachment | None = None

    def sealed_with(self, signer: Signer) -> bytes:
        """Returns the signed envelope. Raises MalformedError for what no reader would take."""
        body = self.to_body()
        if len(body) > MAX_OUTCOME_BYTES:
            raise MalformedError(f"outcome of {len(body)} bytes, at most {MAX_OUTCOME_BYTES}")
        return seal_envelope(Kind.OUTCOME, body, [signer])

    def to_body(self) -> bytes:
        """Returns the canonical bytes."""
        kept = self.attachment
        return canonical.encode(
            {
                "site": self.site,
                "gateway": self.gateway,
                "id": self.id,
                "state": self.state.value,
                "seq": self.seq,
                "at": self.at,
                "detail": self.detail,
                "findings": [[each.what, each.is_good, each.detail] for each in self.findings],
                "attachment": [kept.kind.value, kept.is_personal, kept.sealed] if kept else None,
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the outcome in `body`.

        Raises:
            MalformedError: the body is not one, or is longer than `MAX_OUTCOME_BYTES`.
        """
        if len(body) > MAX_OUTCOME_BYTES:
            raise MalformedError(f"outcome of {len(body)} bytes, at most {MAX_OUTCOME_BYTES}")
        value = canonical.decode(body, "outcome")
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise MalformedError(f"outcome: not a map of exactly {', '.join(sorted(_FIELDS))}")
        seq = shapes.number(value["seq"], "outcome: seq", _MAX_SEQ)
        if seq == 0:
            raise MalformedError("outcome: seq is 0, it begins at 1")
        return cls(
            site=shapes.site(value["site"], "outcome: site"),
            gateway=shapes.gateway(value["gateway"], "outcome: gateway"),
            id=_id(value["id"]),
            state=_state(value["state"]),
            seq=seq,
            at=UtcSeconds(shapes.number(value["at"], "outcome: at", 2**40)),
            detail=shapes.text(value["detail"], "outcome: detail", MAX_DETAIL_CHARACTERS),
            findings=_findings(value["findings"]),
            attachment=_attachment(value["attachment"]),
        )


def _id(value: object) -> str:
    try:
        return parse_name(shapes.text(value, "outcome: id", 32), "outcome: id")
    except BadIdError as err:
        raise MalformedError(str(err)) from err


def _state(value: object) -> JobState:
    words = _GATEWAY_ENDS | {JobState.IN_PROGRESS}
    if not isinstance(value, str) or value not in words:
        raise MalformedError(f"outcome: state must be one of {', '.join(sorted(words))}")
    return JobState(value)


def _findings(value: object) -> tuple[Finding, ...]:
    if not isinstance(value, list) or len(value) > MAX_FINDINGS:
        raise MalformedError(f"outcome: findings are not a list of at most {MAX_FINDINGS}")
    return tuple(_finding(row) for row in value)


def _finding(row: object) -> Finding:
    match row:
        case [what, bool() as is_good, detail]:
            return Finding(
                what=shapes.text(what, "finding", 32),
                is_good=is_good,
                detail=shapes.text(detail, "finding: detail", MAX_DETAIL_CHARACTERS),
            )
    raise MalformedError("outcome: a finding must be [what, whether it is good, detail]")


def _attachment(value: object) -> Attachment | None:
    match value:
        case None:
            return None
        case [str() as kind, bool() as is_personal, bytes() as sealed] if (
            kind in set(AttachmentKind) and len(sealed) <= MAX_ATTACHMENT_BYTES
        ):
            return Attachment(kind=AttachmentKind(kind), is_personal=is_personal, sealed=sealed)
    raise MalformedError(
        f"outcome: an attachment must be [kind, is personal, at most {MAX_ATTACHMENT_BYTES} bytes]"
    )
