r"""A claim's way from being shown to a gateway that speaks, and a certificate's life (pure).

open -> asked (a gateway's request is tied to it) -> issued (a person compared and confirmed)
     \-> withdrawn, expired        \-> refused, expired
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from doorward.enrolment import renewal_due_s
from doorward.ids import GatewayId

DECIDE_S = 15 * 60
"""How long a request waits for the person, who stands before the gateway or speaks with whoever
does."""

FETCH_S = 24 * 3600
"""How long a confirmed certificate can be fetched: the power may fail at the wrong moment."""


class ClaimState(StrEnum):
    """How far it is."""

    OPEN = "open"
    ASKED = "asked"
    ISSUED = "issued"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_pending(self) -> bool:
        """Whether something may still come of it."""
        return self in {ClaimState.OPEN, ClaimState.ASKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentClaim:
    """One claim, without its secret.

    Attributes:
        secret_key: by which its secret is recognised.
        is_replacement: the gateway exists; it gets new keys, and its certificates so far end.
        portals: as `services.enrolment.NewPortal` says them; none for a replacement.
        kept_state: as stored; `state_at` knows of the time, too.
        code: what the person compares; empty until a gateway has asked.
        guard: what the gateway says that keeps its keys: tpm2, host, file.
        other_tries: how often somebody else asked with the same secret, or too late.
    """

    id: str
    secret_key: bytes = field(repr=False)
    gateway: GatewayId
    is_replacement: bool
    portals: Sequence[Mapping[str, Any]]
    kept_state: ClaimState
    made_by: str
    made_at_utc_ms: int
    ask_by_utc_s: int
    decide_by_utc_s: int | None
    csr: bytes = field(repr=False)
    record_key: bytes = field(repr=False)
    code: str
    guard: str
    software: str
    asked_from: str
    asked_at_utc_ms: int | None
    other_tries: int
    decided_by: str
    decided_at_utc_ms: int | None
    serial: str
    fetched_at_utc_ms: int | None

    @property
    def ends_at_utc_s(self) -> int:
        """Until when the next step must be taken."""
        return self.ask_by_utc_s if self.decide_by_utc_s is None else self.decide_by_utc_s

    def state_at(self, now_utc_s: int) -> ClaimState:
        """How far it is now."""
        if self.kept_state.is_pending and now_utc_s >= self.ends_at_utc_s:
            return ClaimState.EXPIRED
        return self.kept_state

    def is_from(self, csr: bytes, record_key: bytes) -> bool:
        """Whether a request is the one that is tied to it."""
        return bool(self.csr) and (self.csr, self.record_key) == (csr, record_key)

    def can_be_fetched(self, now_utc_s: int) -> bool:
        """Whether the gateway may still ask what became of it."""
        decided_ms = self.decided_at_utc_ms
        return decided_ms is not None and now_utc_s < decided_ms // 1000 + FETCH_S


class CertificateState(StrEnum):
    """How a certificate stands."""

    IN_USE = "in_use"
    DUE = "due"
    """It should have been replaced by now."""
    REPLACED = "replaced"
    """A newer one is in use; this one is accepted for a while longer."""
    REVOKED = "revoked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCertificate:
    """A gateway's certificate for the broker.

    Attributes:
        serial: hex digits.
        renews: the serial of the one before it; empty for one that a person confirmed.
        confirmed_by: who compared the codes; for a renewal, who did at the first one.
        used_at_utc_ms: when the gateway said that the broker takes it.
        end_at_utc_s: from when on it is refused although it has not run out.
        end_reason: revoked, replaced, never_used.
        listed_at_utc_ms: when it was put on the broker's list.
    """

    serial: str
    gateway_id: int
    sha256: str
    csr_sha256: str
    pem: str
    renews: str
    confirmed_by: str
    issued_at_utc_ms: int
    not_before_utc_s: int
    not_after_utc_s: int
    used_at_utc_ms: int | None
    end_at_utc_s: int | None
    end_reason: str
    listed_at_utc_ms: int | None

    @property
    def due_at_utc_s(self) -> int:
        """From when on it is to be replaced."""
        return renewal_due_s(self.not_before_utc_s, self.not_after_utc_s)

    def state_at(self, now_utc_s: int) -> CertificateState:
        """How it stands now."""
        if self.end_at_utc_s is not None and now_utc_s >= self.end_at_utc_s:
            return CertificateState.REVOKED
        if now_utc_s >= self.not_after_utc_s:
            return CertificateState.ENDED
        if self.end_at_utc_s is not None:
            return CertificateState.REPLACED
        return CertificateState.DUE if now_utc_s >= self.due_at_utc_s else CertificateState.IN_USE

    def is_good_at(self, now_utc_s: int) -> bool:
        """Whether its gateway may ask for the next one with it."""
        dead = {CertificateState.REVOKED, CertificateState.ENDED}
        return self.state_at(now_utc_s) not in dead
