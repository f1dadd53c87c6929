"""One question to `decide`, told by what in it is not as it should be."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from doorward.credential import Credential, CredentialClass
from doorward.decision import Deny, Grant, Presence, Presentation, Rules, decide
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId, PortalId
from doorward.policy import PostureOrder
from doorward.policy_draft import PortalDraft
from doorward.roster import StickerRow
from doorward.status import Status
from doorward.sticker import StickerClaim, sticker_digest
from doorward.times import ClockTrust, Instant
from tests.kit.plant import (
    BOB,
    BOB_INDEX,
    GATE,
    GATEWAY,
    NOON,
    Used,
    at,
    credential,
    policy,
    status_list,
)

NOWHERE = PortalId("nowhere")
STICKER = StickerClaim(sticker_digest(bytes(10)))
STICKERS = ((STICKER.digest, StickerRow(BOB, BOB_INDEX)),)
FOREIGN = ForeignClaim((b"l" * 16, b"s" * 16))
"""A number whose scanner does not tell bars from squares."""
LINKED = ((FOREIGN.digests[1], StickerRow(BOB, BOB_INDEX)),)


def visitor(**changes: Any) -> Credential:
    return credential(credential_id=BOB, credential_class=CredentialClass.VISITOR, **changes)


def portal(zone: str = "site", **changes: Any) -> dict[PortalId, PortalDraft]:
    return {GATE: PortalDraft(zone=zone, gateway=GATEWAY, **changes)}


@dataclass(frozen=True)
class Case:
    """One question to `decide`, with everything that a table does not name left good."""

    presentation: Presentation = dataclasses.field(default_factory=credential)
    portal: PortalId = GATE
    has_rules: bool = True
    has_status: bool = True
    draft: dict[str, Any] = dataclasses.field(default_factory=dict)
    status: tuple[tuple[int, Status], ...] = ()
    issued_at: int = NOON - 60
    used: tuple[tuple[CredentialId, int], ...] = ()
    presence: Presence | None = None
    orders: dict[PortalId, PostureOrder] = dataclasses.field(default_factory=dict)
    now: Instant = dataclasses.field(default_factory=lambda: at(NOON))

    def decision(self) -> Grant | Deny:
        rules = None
        if self.has_rules:
            held = status_list(*self.status, issued_at=self.issued_at)
            rules = Rules(
                policy=policy(**self.draft),
                status=held if self.has_status else None,
                orders=self.orders,
            )
        presence = self.presence or Used(*self.used)
        return decide(self.presentation, self.portal, rules, presence, self.now)


def blind(utc_s: int = NOON) -> Instant:
    return at(utc_s, ClockTrust.UNKNOWN)
