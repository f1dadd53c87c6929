"""Commands, their outcomes, and desired configurations."""

from typing import Any

from doorward import canonical
from doorward.commands import (
    Command,
    Forgive,
    HoldOpen,
    Identify,
    OpenOnce,
    Order,
    ResendRecords,
    Restart,
    Secure,
    SelfTest,
    SendLog,
    SetPosture,
    TakePicture,
    UpdateSoftware,
)
from doorward.envelope import Ed25519Signer, Kind, seal_envelope
from doorward.ids import Epoch, GatewayId, PortalId, SiteId
from doorward.outcomes import (
    TRANSITIONS,
    Attachment,
    AttachmentKind,
    Finding,
    JobState,
    Outcome,
    Party,
)
from doorward.policy import Posture
from doorward.times import UtcSeconds
from doorward.twin import Desired

SITE, GATEWAY, PORTAL = SiteId("plant-7"), GatewayId("gate-1"), PortalId("north")
AT = 1_760_000_000
COMMAND_KEY = Ed25519Signer.from_seed(bytes([7] * 32))
RECORD_KEY = Ed25519Signer.from_seed(bytes([8] * 32))
ORDERS: tuple[Order, ...] = (
    OpenOnce(portal=PORTAL),
    HoldOpen(portal=PORTAL, until=UtcSeconds(AT + 600)),
    Secure(portal=PORTAL),
    SetPosture(portal=PORTAL, posture=Posture.LOCKDOWN, until=UtcSeconds(AT + 3600), rank=2),
    Identify(),
    SelfTest(),
    Restart(),
    SendLog(lines=50),
    TakePicture(portal=PORTAL),
    ResendRecords(epoch=Epoch(0x0123456789AB), first_seq=40),
    Forgive(credential="0102030405060708"),
    Forgive(zone="lab"),
    UpdateSoftware(version="0.2.0", until=UtcSeconds(AT + 86_400)),
    UpdateSoftware(version=""),
)


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/commands.json holds."""
    return {
        "command_key": COMMAND_KEY.public.hex(),
        "record_key": RECORD_KEY.public.hex(),
        "commands": [_command(number, order) for number, order in enumerate(ORDERS, 1)],
        "malformed_commands": [
            {"why": why, "body": canonical.encode(body).hex()} for why, body in _malformed()
        ],
        "outcomes": [_outcome(outcome) for outcome in _outcomes()],
        "transitions": [
            {
                "from": state.value,
                "by": party.value,
                "to": sorted(TRANSITIONS.get((state, party), ())),
            }
            for state in JobState
            for party in Party
        ],
        "config": _config(),
    }


def _of(number: int, order: Order) -> Command:
    return Command(
        site=SITE,
        gateway=GATEWAY,
        id=f"{number:032x}",
        order=order,
        issued_at=UtcSeconds(AT),
        expires_at=UtcSeconds(AT + 30),
        by="op-12",
    )


def _command(number: int, order: Order) -> dict[str, object]:
    command = _of(number, order)
    body = command.to_body()
    return {
        "name": command.name.value,
        "moves_a_lock": command.moves_a_lock,
        "needs_clock": command.needs_clock,
        "body": body.hex(),
        "wire": seal_envelope(Kind.COMMAND, body, [COMMAND_KEY]).hex(),
    }


def _malformed() -> list[tuple[str, dict[str, Any]]]:
    good: dict[str, Any] = canonical.decode(_of(1, OpenOnce(portal=PORTAL)).to_body())
    hold: dict[str, Any] = canonical.decode(
        _of(1, HoldOpen(portal=PORTAL, until=UtcSeconds(AT + 1))).to_body()
    )
    return [
        ("a name that is not known", good | {"name": "open_all"}),
        ("a name that is no text", good | {"name": 1}),
        ("without an argument", good | {"arguments": {}}),
        ("an argument more", good | {"arguments": {"portal": "north", "for": 3}}),
        ("arguments as a list", good | {"arguments": ["north"]}),
        ("a portal with a slash", good | {"arguments": {"portal": "north/up"}}),
        ("an empty portal", good | {"arguments": {"portal": ""}}),
        ("a field more", good | {"more": 0}),
        ("good for 4 s", good | {"expires_at": AT + 4}),
        ("good for an hour and a second", good | {"expires_at": AT + 3601}),
        ("expired before its issue", good | {"expires_at": AT - 30}),
        ("a time below 0", good | {"issued_at": -1}),
        ("a time that is true", good | {"issued_at": True}),
        ("an id with a slash", good | {"id": "a/b"}),
        ("an empty id", good | {"id": ""}),
        ("held until its issue", hold | {"arguments": {"portal": "north", "until": AT}}),
        (
            "held for more than a day",
            hold | {"arguments": {"portal": "north", "until": AT + 86_401}},
        ),
        ("forgives nobody nowhere", _forgiving(credential="", zone="")),
        ("forgives a credential in capitals", _forgiving(credential="0A" * 8, zone="")),
        ("forgives a credential of 7 bytes", _forgiving(credential="0a" * 7, zone="")),
        ("forgives at a zone in capitals", _forgiving(credential="", zone="LAB")),
    ]


def _forgiving(**arguments: str) -> dict[str, Any]:
    good: dict[str, Any] = canonical.decode(_of(1, Forgive(zone="lab")).to_body())
    return good | {"arguments": arguments}


def _outcomes() -> tuple[Outcome, ...]:
    def said(state: JobState, seq: int, **more: Any) -> Outcome:  # noqa: ANN401  # what Outcome takes
        return Outcome(
            site=SITE,
            gateway=GATEWAY,
            id=f"{1:032x}",
            state=state,
            seq=seq,
            at=UtcSeconds(AT + seq),
            **more,
        )

    return (
        said(JobState.IN_PROGRESS, 1),
        said(JobState.SUCCEEDED, 2, detail="released"),
        said(JobState.REJECTED, 1, detail="expired"),
        said(
            JobState.FAILED,
            2,
            findings=(
                Finding(what="camera", is_good=True, detail="30 frames in 3 s"),
                Finding(what="decoder", is_good=False, detail="no answer"),
            ),
        ),
        said(
            JobState.SUCCEEDED,
            2,
            attachment=Attachment(
                kind=AttachmentKind.PICTURE, is_personal=True, sealed=bytes(range(64))
            ),
        ),
    )


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "state": outcome.state.value,
        "body": outcome.to_body().hex(),
        "wire": outcome.sealed_with(RECORD_KEY).hex(),
    }


def _config() -> dict[str, object]:
    desired = Desired(
        site=SITE,
        gateway=GATEWAY,
        version=3,
        created_at=UtcSeconds(AT),
        settings={"portal.north.held_s": 2.5, "reader.strategy": "dual"},
    )
    body = desired.to_body()
    return {
        "settings": desired.settings,
        "body": body.hex(),
        "wire": seal_envelope(Kind.CONFIG, body, [COMMAND_KEY]).hex(),
    }
