"""Whether a portal opens: a pure function that the gateway runs and the console explains with."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from doorward.credential import (
    SLOT_TOLERANCE,
    Credential,
    CredentialClass,
    Form,
    Refusal,
    slot_of,
)
from doorward.errors import MalformedError
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId, PortalId
from doorward.policy import Foreign, GrantRule, InDoubt, Policy, PortalRule, Posture, Unlisted
from doorward.reasons import Reason
from doorward.schedule import is_open
from doorward.status import Status, StatusList
from doorward.sticker import StickerClaim
from doorward.times import ClockTrust, Instant

Presentation = Credential | StickerClaim | ForeignClaim | Refusal
"""What came of one code held up, after verification."""


class Basis(StrEnum):
    """On what a decision about a credential rests."""

    NONE = ""
    SNAPSHOT = "snapshot"
    """The roster lists the credential."""
    SIGNATURE_ONLY = "signature_only"
    """The roster does not list it; its issuer's signature and its class speak for it."""


class Presence(Protocol):
    """What the gateways of the site know of people and passes that were just used."""

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        """Whether a pass was already accepted in this slot, anywhere on the site."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a decision is taken by.

    Attributes:
        status: None before the first status list has arrived.
    """

    policy: Policy
    status: StatusList | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a decision rests on; recorded with it, so that it can be explained later.

    Attributes:
        rule: the numbered step and what in it decided, for example ``10:staff>lab@office``.
        policy_age_s: seconds since the controller last vouched for the status list, or None where
            the clock is not trusted or nothing was received yet.
    """

    rule: str
    basis: Basis = Basis.NONE
    credential_id: CredentialId | None = None
    credential_class: CredentialClass | None = None
    form: Form | None = None
    policy_version: int = 0
    status_seq: int = 0
    policy_age_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The portal opens.

    Attributes:
        pulse_ms: for how long the lock is released.
    """

    reason: Reason
    grounds: Grounds
    pulse_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """The portal stays as it is."""

    reason: Reason
    grounds: Grounds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A credential in whichever form it came."""

    credential_id: CredentialId
    credential_class: CredentialClass | None
    form: Form
    status_index: int
    authentic: Credential | None


def decide(
    presentation: Presentation,
    portal: PortalId,
    rules: Rules | None,
    presence: Presence,
    now: Instant,
) -> Grant | Deny:
    """Decides about one presentation at one portal. The order of evaluation is the contract:

    1.  no policy yet, or the policy does not name the portal: deny
    2.  posture: lockdown and closed deny, free grants, whatever is shown (the grounds still name an
        authentic credential)
    3.  the code: what is not a credential denies with the reason found while reading it; a foreign
        code counts where it is linked and the portal lets such codes count
    4.  the clock: when it is not trusted, the portal's rule denies, or lets 5, 8 and the times in 9
        and 10 pass unchecked
    5.  the credential's own times: issuing key's window, not before, expiry, slot of a pass
    6.  a pass is accepted once in its slot
    7.  status: unknown, revoked and suspended deny
    8.  the policy's age: past the portal's bound, the portal's rule denies or lets pass
    9.  the roster: unlisted credentials count by class where the portal says so; listed ones
        within their own span
    10. grants: a group of the credential, this zone, an open schedule, current qualifications

    The age in 8 is that of the status list alone: whoever withholds revocations from a gateway must
    not keep it content with new bundles. The controller issues the list anew, changed or not.

    Everything that no line grants is denied.

    Args:
        presentation: from `doorward.credential.verify`.
        portal: where it was shown.
        rules: the newest policy and status list that were applied, or None.
        presence: what is known about passes already used.
        now: read once by the caller.

    Returns:
        A grant or a denial, with a stable reason and what it rests on.
    """
    return _Decision(portal, rules, presence, now).about(presentation)


class _Decision:
    """One call of `decide`; holds what every step needs to say what it rests on."""

    __slots__ = ("_age_s", "_now", "_portal", "_presence", "_rules", "_subject")

    def __init__(
        self, portal: PortalId, rules: Rules | None, presence: Presence, now: Instant
    ) -> None:
        self._portal = portal
        self._rules = rules
        self._presence = presence
        self._now = now
        self._subject: _Subject | None = None
        self._age_s = _age_s(rules, now)

    def about(self, presentation: Presentation) -> Grant | Deny:
        if self._rules is None:
            return self._deny(Reason.POLICY_MISSING, "1:policy")
        rule = self._rules.policy.portals.get(self._portal)
        if rule is None:
            return self._deny(Reason.PORTAL_UNKNOWN, "1:portal")
        if not isinstance(presentation, Refusal):
            self._subject = _identify(presentation, self._rules.policy)
        if rule.posture is not Posture.NORMAL:
            return self._by_posture(rule)
        return self._by_code(presentation, self._rules, rule)

    def _by_posture(self, rule: PortalRule) -> Grant | Deny:
        if rule.posture is Posture.FREE:
            return self._grant(Reason.FREE_PASSAGE, "2:posture", rule, Basis.NONE)
        locked = rule.posture is Posture.LOCKDOWN
        return self._deny(Reason.LOCKDOWN if locked else Reason.PORTAL_CLOSED, "2:posture")

    def _by_code(self, presentation: Presentation, rules: Rules, rule: PortalRule) -> Grant | Deny:
        if isinstance(presentation, Refusal):
            return self._deny(presentation.reason, "3:code")
        if isinstance(presentation, ForeignClaim) and rule.foreign is Foreign.DENY:
            known = self._subject is not None
            return self._deny(Reason.FOREIGN_REFUSED if known else Reason.NOT_OURS, "3:foreign")
        subject = self._subject
        if subject is None:
            if isinstance(presentation, ForeignClaim):
                return self._deny(Reason.FOREIGN_UNKNOWN, "3:foreign")
            return self._deny(Reason.STICKER_UNKNOWN, "3:sticker")
        time_counts = self._now.trust is not ClockTrust.UNKNOWN
        if not time_counts and rule.clock_untrusted is InDoubt.DENY:
            return self._deny(Reason.CLOCK_UNTRUSTED, "4:clock")
        if problem := self._problem_of(subject, rules, rule, time_counts=time_counts):
            return self._deny(*problem)
        return self._by_roster(subject, rules.policy, rule, time_counts=time_counts)

    def _problem_of(
        self, subject: _Subject, rules: Rules, rule: PortalRule, *, time_counts: bool
    ) -> tuple[Reason, str] | None:
        """Steps 5 to 8: what speaks against the credential, before any grant is looked for."""
        authentic = subject.authentic
        if authentic is not None:
            if time_counts and (reason := _untimely(authentic, self._now.utc_s)):
                return reason, "5:validity"
            if authentic.slot is not None and self._presence.is_slot_used(
                subject.credential_id, authentic.slot
            ):
                return Reason.SLOT_USED, "6:once"
        status = rules.status.get(subject.status_index) if rules.status else None
        if status is not Status.VALID:
            return _STATUS_REASONS[status], "7:status"
        is_stale = self._age_s is not None and self._age_s > rule.max_age_s
        if is_stale and rule.stale is InDoubt.DENY:
            return Reason.POLICY_STALE, "8:age"
        return None

    def _by_roster(
        self, subject: _Subject, policy: Policy, rule: PortalRule, *, time_counts: bool
    ) -> Grant | Deny:
        try:
            profile = policy.roster.find(subject.credential_id)
        except MalformedError:
            return self._deny(Reason.ROSTER_UNREADABLE, "9:roster")
        if profile is None:
            class_ = subject.credential_class
            if rule.unlisted is Unlisted.DENY or class_ is None:
                return self._deny(Reason.NOT_LISTED, "9:roster")
            groups: Iterable[int] = policy.classes.get(class_, ())
            return self._by_grants(
                groups, {}, policy, rule, Basis.SIGNATURE_ONLY, time_counts=time_counts
            )
        if time_counts and self._now.utc_s < profile.not_before:
            return self._deny(Reason.NOT_YET_VALID, "9:roster", Basis.SNAPSHOT)
        if time_counts and self._now.utc_s >= profile.not_after:
            return self._deny(Reason.EXPIRED, "9:roster", Basis.SNAPSHOT)
        return self._by_grants(
            profile.groups,
            dict(profile.qualifications),
            policy,
            rule,
            Basis.SNAPSHOT,
            time_counts=time_counts,
        )

    def _by_grants(
        self,
        groups: Iterable[int],
        held: dict[int, int],
        policy: Policy,
        rule: PortalRule,
        basis: Basis,
        *,
        time_counts: bool,
    ) -> Grant | Deny:
        """Step 10. A denial names the nearest miss, the first of equally near ones."""
        nearest, where = Reason.NOT_AUTHORISED, "10:grants"
        for grant in _grants_of(groups, rule.zone, policy):
            name = _grant_name(grant, policy)
            miss = self._miss_of(grant, held, policy, time_counts=time_counts)
            if miss is None:
                return self._grant(Reason.GRANTED, name, rule, basis)
            if _NEARNESS[miss] > _NEARNESS[nearest]:
                nearest, where = miss, name
        return self._deny(nearest, where, basis)

    def _miss_of(
        self, grant: GrantRule, held: dict[int, int], policy: Policy, *, time_counts: bool
    ) -> Reason | None:
        """What is missing for this grant, or None where nothing is."""
        now_utc_s = self._now.utc_s
        if time_counts and not is_open(policy.schedules[grant.schedule], policy.time, now_utc_s):
            return Reason.OUTSIDE_SCHEDULE
        if any(needed not in held for needed in grant.qualifications):
            return Reason.QUALIFICATION_MISSING
        if time_counts and any(held[needed] <= now_utc_s for needed in grant.qualifications):
            return Reason.QUALIFICATION_EXPIRED
        return None

    def _grant(self, reason: Reason, rule_name: str, rule: PortalRule, basis: Basis) -> Grant:
        return Grant(reason=reason, grounds=self._grounds(rule_name, basis), pulse_ms=rule.pulse_ms)

    def _deny(self, reason: Reason, rule_name: str, basis: Basis = Basis.NONE) -> Deny:
        return Deny(reason=reason, grounds=self._grounds(rule_name, basis))

    def _grounds(self, rule_name: str, basis: Basis) -> Grounds:
        subject, rules = self._subject, self._rules
        return Grounds(
            rule=rule_name,
            basis=basis,
            credential_id=subject.credential_id if subject else None,
            credential_class=subject.credential_class if subject else None,
            form=subject.form if subject else None,
            policy_version=rules.policy.version if rules else 0,
            status_seq=rules.status.seq if rules and rules.status else 0,
            policy_age_s=self._age_s,
        )


_STATUS_REASONS = {
    None: Reason.STATUS_UNKNOWN,
    Status.REVOKED: Reason.REVOKED,
    Status.SUSPENDED: Reason.SUSPENDED,
}


_NEARNESS = {
    Reason.NOT_AUTHORISED: 0,
    Reason.OUTSIDE_SCHEDULE: 1,
    Reason.QUALIFICATION_MISSING: 2,
    Reason.QUALIFICATION_EXPIRED: 3,
}


def _age_s(rules: Rules | None, now: Instant) -> int | None:
    if rules is None or rules.status is None or now.trust is ClockTrust.UNKNOWN:
        return None
    return max(0, now.utc_s - rules.status.issued_at)


def _identify(
    presentation: Credential | StickerClaim | ForeignClaim, policy: Policy
) -> _Subject | None:
    if isinstance(presentation, Credential):
        statement = presentation.statement
        return _Subject(
            credential_id=statement.credential_id,
            credential_class=statement.credential_class,
            form=presentation.form,
            status_index=statement.status_index,
            authentic=presentation,
        )
    if isinstance(presentation, ForeignClaim):
        found = map(policy.roster.find_sticker, presentation.digests)
        row, form = next(filter(None, found), None), Form.FOREIGN
    else:
        row, form = policy.roster.find_sticker(presentation.digest), Form.STICKER
    if row is None:
        return None
    return _Subject(
        credential_id=row.credential_id,
        credential_class=None,
        form=form,
        status_index=row.status_index,
        authentic=None,
    )


def _untimely(credential: Credential, now_utc_s: int) -> Reason | None:
    if not credential.key.is_in_window(now_utc_s):
        return Reason.KEY_OUTSIDE_WINDOW
    if now_utc_s < credential.statement.not_before:
        return Reason.NOT_YET_VALID
    if now_utc_s >= credential.statement.expires:
        return Reason.EXPIRED
    if credential.slot is not None and abs(slot_of(now_utc_s) - credential.slot) > SLOT_TOLERANCE:
        return Reason.SLOT_STALE
    return None


def _grants_of(groups: Iterable[int], zone: int, policy: Policy) -> Iterable[GrantRule]:
    for group in groups:
        yield from policy.grants.get((group, zone), ())


def _grant_name(grant: GrantRule, policy: Policy) -> str:
    return (
        f"10:{policy.groups[grant.group]}>{policy.zones[grant.zone]}"
        f"@{policy.schedules[grant.schedule].name}"
    )
