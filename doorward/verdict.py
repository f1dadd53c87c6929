"""What a decision is: a grant or a denial, what it rests on, and who goes where by it."""

from dataclasses import dataclass
from enum import StrEnum

from doorward.credential import CredentialClass, Form
from doorward.ids import CredentialId
from doorward.policy import Direction
from doorward.reasons import Reason


class Basis(StrEnum):
    """On what a decision about a credential rests."""

    NONE = ""
    SNAPSHOT = "snapshot"
    """The roster lists the credential."""
    SIGNATURE_ONLY = "signature_only"
    """The roster does not list it; its issuer's signature and its class speak for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a decision rests on; recorded with it, so that it can be explained later.

    Attributes:
        rule: the numbered step and what in it decided, for example ``10:staff>lab@office``.
        policy_age_s: seconds since the controller last vouched for the status list, or None where
            the clock is not trusted or nothing was received yet.
        notices: what is to be noticed beside the reason, ascending. They are recorded; those in
            `doorward.reasons.SILENT` are shown and logged nowhere at the portal.
    """

    rule: str
    basis: Basis = Basis.NONE
    credential_id: CredentialId | None = None
    credential_class: CredentialClass | None = None
    form: Form | None = None
    policy_version: int = 0
    status_seq: int = 0
    policy_age_s: int | None = None
    notices: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whose code it was, as far as presence needs to know.

    Attributes:
        holder_id: the credential under which presence of this person is kept.
        status_index: to look again whether the credential still counts.
        slot: of a pass that was redrawn; it counts once.
        once_until: until when it must be remembered that this passed; 0: it may pass again.
        counts_until: until when entries must be counted; 0: nobody counts them.
        is_escort: may lead those who need an escort at this portal.
    """

    credential_id: CredentialId
    holder_id: CredentialId
    status_index: int
    slot: int | None = None
    once_until: int = 0
    counts_until: int = 0
    is_escort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Where somebody goes who passes.

    Attributes:
        way: `Direction.ENTRY` or `Direction.EXIT`, seen from the zone that the portal guards.
        enters: the zone that one is in afterwards, or empty for outside.
        leaves: the zones that one is in no more.
    """

    way: Direction
    enters: str = ""
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Somebody who showed a code at a portal a moment ago.

    Attributes:
        waits_for: what was missing, or None for an escort who was let in.
        leads: how many an escort who was let in leads by now.
        at_mono_ms: when, by the gateway's monotonic clock.
    """

    bearer: Bearer
    movement: Movement
    waits_for: Reason | None
    at_mono_ms: int
    leads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The portal opens.

    Attributes:
        pulse_ms: for how long the lock is released.
        bearer: whose code it was; None where a free portal opens for whatever is shown.
        companions: who waited and passes along; their presence counts as the bearer's does.
        leads: how many the bearer, an escort, leads by now.
        led_by: the holder's id of the escort who was there already and leads the bearer, or None.
    """

    reason: Reason
    grounds: Grounds
    pulse_ms: int
    movement: Movement = Movement(way=Direction.ENTRY)
    bearer: Bearer | None = None
    companions: tuple[Companion, ...] = ()
    leads: int = 0
    led_by: CredentialId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """The portal stays as it is.

    Attributes:
        wait_s: for so long a second person can still turn this into a grant; 0: nobody can.
        bearer, movement: of somebody who waits.
    """

    reason: Reason
    grounds: Grounds
    wait_s: int = 0
    bearer: Bearer | None = None
    movement: Movement | None = None
