"""Two gateways of a site and what goes between them, for the tests of their books."""

from dataclasses import dataclass, field
from typing import Any

from doorward.decision import Deny, Grant, Rules, decide
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId
from doorward.policy import AntiPassback, Direction, Policy
from doorward.policy_draft import PortalDraft
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage, Sign, token_of
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from tests.kit.plant import (
    ALICE,
    BOB,
    GATE,
    GATEWAY,
    NOON,
    SITE,
    credential,
    person,
    policy,
    status_list,
)

SOUTH = GatewayId("gw-south")
WAY_OUT = PortalId("gate-south")
HARD = AntiPassback.HARD


def after(seconds: float, trust: ClockTrust = ClockTrust.SYNCHRONISED) -> Instant:
    """So long after noon, on both clocks."""
    ms = int(seconds * 1000)
    return Instant(utc_ms=UtcMs(NOON * 1000 + ms), mono_ms=MonoMs(10**6 + ms), trust=trust)


def site(**changes: Any) -> Policy:
    """North lets in, south lets out; who is inside does not enter."""
    portals = {
        GATE: PortalDraft(zone="site", gateway=GATEWAY, antipassback=HARD, **changes),
        WAY_OUT: PortalDraft(
            zone="site", gateway=SOUTH, antipassback=HARD, direction=Direction.EXIT, **changes
        ),
    }
    return policy(portals=portals, people=(person(), person(BOB)))


def book(gateway: GatewayId = GATEWAY, epoch: int = 1, **changes: Any) -> PresenceBook:
    made = PresenceBook(site=SITE, gateway=gateway, epoch=Epoch(epoch), **changes)
    made.follow(site())
    return made


@dataclass
class Pair:
    """Two books that hear each other, and the rules that both decide by."""

    policy: Policy = field(default_factory=site)
    north: PresenceBook = field(default_factory=book)
    south: PresenceBook = field(default_factory=lambda: book(SOUTH, 2))

    def __post_init__(self) -> None:
        for one in (self.north, self.south):
            one.follow(self.policy)

    def connect(self, now: Instant) -> None:
        for one in (self.north, self.south):
            one.note_link(is_connected=True, now=now)
            one.beat(now)
        self.exchange(now)

    def exchange(self, now: Instant) -> None:
        deliver(self.north, self.south, now)
        deliver(self.south, self.north, now)

    def ask(self, portal: PortalId, who: CredentialId, now: Instant) -> Grant | Deny:
        at = self.north if portal == GATE else self.south
        rules = Rules(policy=self.policy, status=status_list(issued_at=now.utc_s))
        return decide(credential(credential_id=who), portal, rules, at, now)

    def go(self, portal: PortalId, who: CredentialId, now: Instant) -> Grant | Deny:
        """Shows a code, and goes through if it may."""
        decision = self.ask(portal, who, now)
        at = self.north if portal == GATE else self.south
        at.note_decision(portal, decision, now)
        if isinstance(decision, Grant):
            at.note_passed(portal, decision, now)
        return decision


def deliver(sender: PresenceBook, to: PresenceBook, now: Instant) -> None:
    for message in sender.unsent():
        to.take(PresenceMessage.from_body(message.to_body()), now)
        sender.sent(message)


def seen(sign: Sign = Sign.PASSED, seq: int = 1, **changes: Any) -> PresenceMessage:
    """What south says of Alice at noon."""
    who = changes.pop("who", ALICE)
    plain: dict[str, Any] = {
        "site": SITE,
        "gateway": SOUTH,
        "epoch": Epoch(2),
        "seq": seq,
        "at": NOON,
        "is_clock_trusted": True,
        "sign": sign,
        "portal": WAY_OUT,
    }
    if who is not None:
        plain |= {"credential": token_of(SITE, who), "holder": token_of(SITE, who)}
    return PresenceMessage(**(plain | changes))
