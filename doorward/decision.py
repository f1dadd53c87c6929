"""Whether a portal opens: a pure function that the gateway runs and the console explains with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from doorward.credential import Credential, Refusal
from doorward.entitlement import Claim, entitlement_of
from doorward.entry_limits import counted_until
from doorward.errors import MalformedError
from doorward.foreign import ForeignClaim
from doorward.ids import PortalId
from doorward.knowledge import Knowledge
from doorward.policy import (
    Direction,
    Foreign,
    InDoubt,
    Policy,
    PortalRule,
    Posture,
    PostureOrder,
)
from doorward.postures import Standing, standing_of
from doorward.presence_port import Presence
from doorward.reasons import WAITING, Reason
from doorward.restraints import (
    Passing,
    able_companions,
    escort_of,
    leads_already,
    leads_of,
    led_along,
    restraint_of,
)
from doorward.status import Status, StatusList
from doorward.sticker import StickerClaim
from doorward.subject import Rights, Subject, identify, rights_of, untimely
from doorward.times import ClockTrust, Instant
from doorward.verdict import Basis, Bearer, Companion, Deny, Grant, Grounds, Movement

__all__ = [
    "Basis", "Bearer", "Companion", "Deny", "Grant", "Grounds", "Movement", "Presence",
    "Presentation", "Rules", "Standing", "decide", "standing",
]  # fmt: skip

Presentation = Credential | StickerClaim | ForeignClaim | Refusal
"""What came of one code held up, after verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a decision is taken by.

    Attributes:
        status: None before the first status list has arrived.
        orders: postures that commands put portals into; they go before the policy's.
    """

    policy: Policy
    status: StatusList | None
    orders: Mapping[PortalId, PostureOrder] = field(default_factory=dict)


def decide(
    presentation: Presentation,
    portal: PortalId,
    rules: Rules | None,
    presence: Presence,
    now: Instant,
) -> Grant | Deny:
    """Decides about one presentation at one portal. The order of evaluation is the contract:

    1.  no policy yet, or the policy does not name the portal: deny
    2.  posture: what a command ordered, then what the policy says, each until its time, then the
        schedule in which the portal is unlocked. Closed denies and free grants, whatever is shown
        (the grounds still name an authentic credential). Lockdown denies, except to whom 3 to 16
        let pass and who has a group of the rank that it names
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
    10. grants: a group of the credential, this zone, this way, an open schedule; to enter also the
        qualifications of the grant and of the portal, current ones, and entries left of those
        that the grant allows in a day and in a visit
    11. a one-time credential passes once each way, anywhere on the site
    12. the least interval between two passages of one person the same way
    13. anti-passback: who is inside does not enter, who is not inside does not leave
    14. one has not entered the zone too often already, and the zone that is entered is not full
    15. the doors that this one is interlocked with are closed
    16. who enters is not alone where an escort or a second person is needed

    The age in 8 is that of the status list alone: whoever withholds revocations from a gateway must
    not keep it content with new bundles. The controller issues the list anew, changed or not.

    Where 10 to 14 cannot know what other gateways saw, `PortalRule.presence_unknown` says what
    follows; what is known and cannot be undone by news (a pass used up, an entry counted) denies
    all the same. Interlocks never open on a guess. A group may be exempt from 12 to 14.

    A credential of a duress group is decided about as any other, except that 12 and 13 never hold
    it up. Grant and denial look the same; `Reason.DURESS` among the notices tells, also where the
    code itself has expired or was revoked: who shows it still asks for help.

    Everything that no line grants is denied.

    Args:
        presentation: from `doorward.credential.verify`.
        portal: where it was shown.
        rules: the newest policy and status list that were applied, or None.
        presence: what is known about people, doors, and passes already used.
        now: read once by the caller.

    Returns:
        A grant or a denial, with a stable reason and what it rests on.
    """
    return _Decision(portal, rules, presence, now).about(presentation)


def standing(
    portal: PortalId, rules: Rules | None, presence: Presence, now: Instant
) -> Standing | None:
    """Returns how a portal stands with nobody at it, as step 2 of `decide`; None: no rule for it.

    A portal that stands free may be held unlocked for as long as it does.
    """
    rule = rules.policy.portals.get(portal) if rules else None
    if rules is None or rule is None:
        return None
    return standing_of(portal, rule, rules.orders.get(portal), rules.policy, presence, now)


class _Decision:
    """One call of `decide`; holds what every step needs to say what it rests on."""

    __slots__ = ("_age_s", "_basis", "_notices", "_now", "_portal", "_presence", "_rules", "_who")

    def __init__(
        self, portal: PortalId, rules: Rules | None, presence: Presence, now: Instant
    ) -> None:
        self._portal = portal
        self._rules = rules
        self._presence = presence
        self._now = now
        self._who: Subject | None = None
        self._basis = Basis.NONE
        self._notices: set[Reason] = set()
        self._age_s = _age_s(rules, now)

    def about(self, presentation: Presentation) -> Grant | Deny:
        rules = self._rules
        if rules is None:
            return self._deny(Reason.POLICY_MISSING, "1:policy")
        rule = rules.policy.portals.get(self._portal)
        if rule is None:
            return self._deny(Reason.PORTAL_UNKNOWN, "1:portal")
        if not isinstance(presentation, Refusal):
            self._who = identify(presentation, rules.policy)
        if rules.policy.duress_groups:
            self._notice_duress(rules, rule)
        ordered = rules.orders.get(self._portal)
        stands = standing_of(self._portal, rule, ordered, rules.policy, self._presence, self._now)
        match stands.posture:
            case Posture.CLOSED:
                return self._deny(Reason.PORTAL_CLOSED, stands.rule)
            case Posture.FREE:
                return self._free(stands, rules, rule)
            case Posture.LOCKDOWN:
                return self._locked_down(stands, presentation, rules, rule)
        return self._by_code(presentation, rules, rule)

    def _free(self, stands: Standing, rules: Rules, rule: PortalRule) -> Grant:
        """Whoever comes passes; who can be recognised is, so that presence stays right."""
        rights = self._rights(rules, rule)
        return Grant(
            reason=Reason.FREE_PASSAGE,
            grounds=self._grounds(stands.rule, Basis.NONE),
            pulse_ms=rule.pulse_ms,
            movement=self._movement(rules.policy, rule, rights),
            bearer=_bearer(self._who, rights, rule, rules.policy) if self._who else None,
        )

    def _locked_down(
        self, stands: Standing, presentation: Presentation, rules: Rules, rule: PortalRule
    ) -> Grant | Deny:
        denied = self._deny(Reason.LOCKDOWN, stands.rule)
        if not stands.rank:
            return denied
        decision = self._by_code(presentation, rules, rule)
        rights = self._rights(rules, rule)
        if rights is None or stands.rank > _rank(rights.groups, rules.policy):
            self._notices &= {Reason.DURESS}
            return replace(denied, grounds=self._grounds(stands.rule, Basis.NONE))
        if isinstance(decision, Deny):
            return decision
        self._notices.add(Reason.LOCKDOWN_PASSED)
        return replace(decision, grounds=self._grounds(decision.grounds.rule, self._basis))

    def _by_code(self, presentation: Presentation, rules: Rules, rule: PortalRule) -> Grant | Deny:
        if isinstance(presentation, Refusal):
            return self._deny(presentation.reason, "3:code")
        who = self._who
        if isinstance(presentation, ForeignClaim) and rule.foreign is Foreign.DENY:
            return self._deny(Reason.FOREIGN_REFUSED if who else Reason.NOT_OURS, "3:foreign")
        if who is None:
            if isinstance(presentation, ForeignClaim):
                return self._deny(Reason.FOREIGN_UNKNOWN, "3:foreign")
            return self._deny(Reason.STICKER_UNKNOWN, "3:sticker")
        if self._now.trust is ClockTrust.UNKNOWN and rule.clock_untrusted is InDoubt.DENY:
            return self._deny(Reason.CLOCK_UNTRUSTED, "4:clock")
        if problem := self._problem_of(who, rules, rule):
            return self._deny(*problem)
        return self._by_roster(who, rules, rule)

    def _problem_of(
        self, who: Subject, rules: Rules, rule: PortalRule
    ) -> tuple[Reason, str] | None:
        """Steps 5 to 8: what speaks against the credential, before any grant is looked for."""
        authentic, now_utc_s = who.authentic, self._now.trusted_utc_s
        if authentic is not None:
            if now_utc_s is not None and (reason := untimely(authentic, now_utc_s)):
                return reason, "5:validity"
            if authentic.slot is not None and self._presence.is_slot_used(
                who.credential_id, authentic.slot
            ):
                return Reason.SLOT_USED, "6:once"
        status = rules.status.get(who.status_index) if rules.status else None
        if status is not Status.VALID:
            return _STATUS_REASONS[status], "7:status"
        is_stale = self._age_s is not None and self._age_s > rule.max_age_s
        if is_stale and rule.stale is InDoubt.DENY:
            return Reason.POLICY_STALE, "8:age"
        return None

    def _by_roster(self, who: Subject, rules: Rules, rule: PortalRule) -> Grant | Deny:
        try:
            rights = rights_of(who, rules.policy, rule, self._now.trusted_utc_s)
        except MalformedError:
            return self._deny(Reason.ROSTER_UNREADABLE, "9:roster")
        if not isinstance(rights, Rights):
            reason, self._basis = rights
            return self._deny(reason, "9:roster")
        self._basis = rights.basis
        return self._by_rights(who, rights, rules, rule)

    def _by_rights(
        self, who: Subject, rights: Rights, rules: Rules, rule: PortalRule
    ) -> Grant | Deny:
        """Steps 10 to 16: a line that grants, and nothing that holds the person up."""
        known = Knowledge(rules.policy, rule, self._presence, self._now, self._notices)
        movement = self._movement(rules.policy, rule, rights)
        claim = Claim(
            holder_id=rights.holder_id,
            groups=rights.groups,
            held=rights.held,
            way=movement.way,
            time_counts=self._now.trust is not ClockTrust.UNKNOWN,
        )
        found = entitlement_of(claim, known)
        if found.reason is not Reason.GRANTED:
            return self._deny(found.reason, found.rule)
        bearer = _bearer(who, rights, rule, rules.policy)
        entered = _entered(rule, movement)
        limits = (found.line, None if entered is None else rules.policy.zone_rule(entered))
        if counts_until := counted_until(limits, rights.until, self._now):
            bearer = replace(bearer, counts_until=counts_until)
        companions: tuple[Companion, ...] = ()
        leads, led_by = 0, None
        if bearer.once_until or self._portal in rules.policy.restrained:
            passing = self._passing(bearer, movement, rights, rules, known)
            if held_up := restraint_of(passing):
                return self._held_up(*held_up, bearer, movement, rule)
            companions = led_along(passing)
            leads = leads_of(passing, companions) if bearer.is_escort else 0
            escort = escort_of(passing)
            led_by = escort.bearer.holder_id if escort else None
        return Grant(
            reason=Reason.GRANTED,
            grounds=self._grounds(found.rule, self._basis),
            pulse_ms=rule.pulse_ms,
            movement=movement,
            bearer=bearer,
            companions=companions,
            leads=leads,
            led_by=led_by,
        )

    def _passing(
        self,
        bearer: Bearer,
        movement: Movement,
        rights: Rights,
        rules: Rules,
        known: Knowledge,
    ) -> Passing:
        policy, rule, now = rules.policy, known.rule, self._now
        there = self._presence.companions(self._portal, now)
        since_mono_ms = now.mono_ms - rule.wait_s * 1000
        return Passing(
            bearer=bearer,
            movement=movement,
            entered=_entered(rule, movement),
            groups=rights.groups,
            is_forced=Reason.DURESS in self._notices,
            is_exempt=any(policy.group_rule(group).is_exempt for group in rights.groups),
            known=known,
            companions=able_companions(there, bearer, movement.way, rules.status, since_mono_ms),
            leads=leads_already(there, bearer, movement.way, since_mono_ms),
        )

    def _held_up(
        self, reason: Reason, rule_name: str, bearer: Bearer, movement: Movement, rule: PortalRule
    ) -> Deny:
        """A denial that says for how long a second person can still help, where one can."""
        denied = self._deny(reason, rule_name)
        if reason not in WAITING:
            return denied
        return replace(denied, wait_s=rule.wait_s, bearer=bearer, movement=movement)

    def _rights(self, rules: Rules, rule: PortalRule) -> Rights | None:
        """What the subject brings at whatever time, for where that does not decide."""
        if self._who is None:
            return None
        try:
            rights = rights_of(self._who, rules.policy, rule, None)
        except MalformedError:
            return None
        return rights if isinstance(rights, Rights) else None

    def _notice_duress(self, rules: Rules, rule: PortalRule) -> None:
        """Whatever is decided, and also where the code itself no longer counts."""
        rights = self._rights(rules, rule)
        if rights is not None and not rules.policy.duress_groups.isdisjoint(rights.groups):
            self._notices.add(Reason.DURESS)

    def _movement(self, policy: Policy, rule: PortalRule, rights: Rights | None) -> Movement:
        way = rule.direction
        if way is Direction.BOTH:
            zone = policy.zones[rule.zone]
            stay = rights and self._presence.stay(rights.holder_id, zone, self._now)
            way = Direction.EXIT if stay and stay.is_inside else Direction.ENTRY
        entered, left = (
            (rule.zone, rule.beyond) if way is Direction.ENTRY else (rule.beyond, rule.zone)
        )
        gone = () if left is None else (left, *policy.inner[left])
        return Movement(
            way=way,
            enters="" if entered is None else policy.zones[entered],
            leaves=tuple(policy.zones[zone] for zone in gone),
        )

    def _deny(self, reason: Reason, rule_name: str) -> Deny:
        return Deny(reason=reason, grounds=self._grounds(rule_name, self._basis))

    def _grounds(self, rule_name: str, basis: Basis) -> Grounds:
        who, rules = self._who, self._rules
        return Grounds(
            rule=rule_name,
            basis=basis,
            credential_id=who.credential_id if who else None,
            credential_class=who.credential_class if who else None,
            form=who.form if who else None,
            policy_version=rules.policy.version if rules else 0,
            status_seq=rules.status.seq if rules and rules.status else 0,
            policy_age_s=self._age_s,
            notices=tuple(sorted(self._notices)),
        )


_STATUS_REASONS = {
    None: Reason.STATUS_UNKNOWN,
    Status.REVOKED: Reason.REVOKED,
    Status.SUSPENDED: Reason.SUSPENDED,
}


def _bearer(who: Subject, rights: Rights | None, rule: PortalRule, policy: Policy) -> Bearer:
    groups = rights.groups if rights else ()
    is_once = bool(policy.group_rules) and any(policy.group_rule(g).is_once for g in groups)
    return Bearer(
        credential_id=who.credential_id,
        holder_id=rights.holder_id if rights else who.credential_id,
        status_index=who.status_index,
        slot=who.authentic.slot if who.authentic else None,
        once_until=rights.until if rights and is_once else 0,
        is_escort=not {*rule.escorts}.isdisjoint(groups),
    )


def _entered(rule: PortalRule, movement: Movement) -> int | None:
    """Returns the zone that one is in afterwards; None: outside."""
    return rule.zone if movement.way is Direction.ENTRY else rule.beyond


def _rank(groups: tuple[int, ...], policy: Policy) -> int:
    return max((policy.group_rule(group).rank for group in groups), default=0)


def _age_s(rules: Rules | None, now: Instant) -> int | None:
    if rules is None or rules.status is None or now.trust is ClockTrust.UNKNOWN:
        return None
    return max(0, now.utc_s - rules.status.issued_at)
