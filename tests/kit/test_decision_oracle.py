"""Random policies, codes and times: the decision agrees with a second reading of its rules."""

import datetime as dt
import zoneinfo

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.credential import Credential, CredentialClass, Refusal, slot_of
from doorward.decision import Deny, Grant, Presentation, Rules, decide
from doorward.foreign import ForeignClaim
from doorward.ids import CredentialId
from doorward.keys import Purpose
from doorward.policy import Foreign, InDoubt, Policy, Posture, Unlisted
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.reasons import Reason
from doorward.roster import StickerRow
from doorward.schedule import Schedule, Span
from doorward.status import Status
from doorward.sticker import StickerClaim
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from tests.kit.plant import (
    BERLIN,
    DAY_S,
    GATE,
    GATEWAY,
    ISSUER,
    NIGHT,
    NOON,
    OFFICE,
    OPEN,
    SUMMER_ENDS,
    Used,
    credential,
    draft,
    key_of,
    person,
    status_list,
)

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
GROUPS, ZONES, TRAININGS = ("g0", "g1", "g2"), ("z0", "z1"), ("t0", "t1")
PEOPLE = [CredentialId(bytes(7) + bytes([n])) for n in range(4)]
DIGESTS = [bytes([n]) * 16 for n in range(3)]
TIMES = st.sampled_from([0, 1, NOON - 1, NOON, NOON + 1, 2**40]) | st.integers(0, 2**40)
MOMENTS = st.sampled_from(
    [NOON, NOON + 6 * 3600, NOON + 36 * 3600, NOON + 48 * 3600, NOON + 7 * DAY_S, SUMMER_ENDS]
) | st.integers(NOON - 20 * DAY_S, NOON + 200 * DAY_S)
SCHEDULES = st.builds(
    lambda spans: Schedule(name="random", spans=tuple(spans)),
    st.lists(
        st.builds(
            lambda mask, start, length: Span(mask, start, min(start + length, 2880)),
            st.integers(1, 255),
            st.integers(0, 1439),
            st.integers(1, 2880),
        ),
        max_size=2,
    ),
)


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(values)).map(lambda found: tuple(sorted(found)))


GRANTS = st.builds(
    GrantDraft,
    group=st.sampled_from(GROUPS),
    zone=st.sampled_from(ZONES),
    schedule=st.sampled_from(["always", "office", "night", "random"]),
    qualifications=some(TRAININGS),
)
PORTALS = st.builds(
    PortalDraft,
    zone=st.sampled_from(ZONES),
    gateway=st.just(GATEWAY),
    posture=st.sampled_from([Posture.NORMAL] * 6 + list(Posture)),
    unlisted=st.sampled_from(Unlisted),
    clock_untrusted=st.sampled_from(InDoubt),
    max_age_s=st.sampled_from([60, 3600]),
    stale=st.sampled_from(InDoubt),
    foreign=st.sampled_from(Foreign),
)


@st.composite
def persons(draw: st.DrawFn) -> list[PersonDraft]:
    listed = draw(st.sets(st.sampled_from(PEOPLE)))
    return [
        person(
            one,
            not_before=draw(st.sampled_from([0, NOON])),
            not_after=draw(st.sampled_from([NOON + 1, 2**40])),
            groups=draw(some(GROUPS)),
            qualifications=tuple((name, draw(TIMES)) for name in draw(some(TRAININGS))),
        )
        for one in sorted(listed)
    ]


@st.composite
def drafts(draw: st.DrawFn) -> PolicyDraft:
    return draft(
        zones=ZONES,
        groups=GROUPS,
        qualifications=TRAININGS,
        schedules=(OPEN, OFFICE, NIGHT, draw(SCHEDULES)),
        grants=tuple(draw(st.lists(GRANTS, max_size=6))),
        classes=draw(st.dictionaries(st.sampled_from(CredentialClass), some(GROUPS), max_size=4)),
        portals={GATE: draw(PORTALS)},
        people=draw(persons()),
        stickers=[
            (digest, StickerRow(draw(st.sampled_from(PEOPLE)), draw(st.integers(0, 66))))
            for digest in draw(st.sets(st.sampled_from(DIGESTS)))
        ],
    )


CREDENTIALS = st.builds(
    lambda one, kind, index, before, slot, key_end: credential(
        slot=slot,
        key=key_of(ISSUER, Purpose.ISSUE, 0, key_end),
        credential_id=one,
        credential_class=kind,
        status_index=index,
        not_before=before,
        expires=before + 100 * DAY_S,
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from(CredentialClass),
    st.integers(0, 66),
    st.sampled_from([0, NOON - DAY_S, NOON, NOON + 1]),
    st.none() | st.integers(slot_of(NOON) - 4, slot_of(NOON) + 4),
    st.sampled_from([NOON, NOON + DAY_S, 2**40, 2**40]),
)
PRESENTATIONS = (
    CREDENTIALS
    | st.sampled_from(DIGESTS).map(StickerClaim)
    | st.lists(st.sampled_from(DIGESTS), min_size=1, max_size=2, unique=True).map(
        lambda digests: ForeignClaim(tuple(digests))
    )
    | st.sampled_from(Reason).map(Refusal)
)


def opens(schedule: Schedule, utc_s: int) -> bool:
    """Read from the wall clock of the time-zone database, minute by minute."""
    local = dt.datetime.fromtimestamp(utc_s, ZONE).replace(tzinfo=None)
    for span in schedule.spans:
        for back in (0, 1):
            day = local.date() - dt.timedelta(back)
            number = (day - dt.date(1970, 1, 1)).days
            kind = BERLIN.day_types.get(number, day.weekday())
            minute = (local - dt.datetime.combine(day, dt.time())) // dt.timedelta(minutes=1)
            if span.day_mask >> kind & 1 and span.from_min <= minute < span.to_min:
                return True
    return False


def expected(
    rules: PolicyDraft,
    shown: Presentation,
    status: dict[int, Status],
    issued_at: int,
    used: tuple[tuple[CredentialId, int], ...],
    now: Instant,
) -> Reason:
    """The numbered list in `decide`'s docstring once more, on names instead of indices."""
    gate = rules.portals[GATE]
    by_posture = {
        Posture.LOCKDOWN: Reason.LOCKDOWN,
        Posture.CLOSED: Reason.PORTAL_CLOSED,
        Posture.FREE: Reason.FREE_PASSAGE,
    }
    if gate.posture in by_posture:
        return by_posture[gate.posture]
    if isinstance(shown, Refusal):
        return shown.reason
    if isinstance(shown, ForeignClaim):
        found = [row for digest in shown.digests if (row := dict(rules.stickers).get(digest))]
        if gate.foreign is Foreign.DENY:
            return Reason.FOREIGN_REFUSED if found else Reason.NOT_OURS
        if not found:
            return Reason.FOREIGN_UNKNOWN
        who, index, kind = found[0].credential_id, found[0].status_index, None
    elif isinstance(shown, StickerClaim):
        label = dict(rules.stickers).get(shown.digest)
        if label is None:
            return Reason.STICKER_UNKNOWN
        who, index, kind = label.credential_id, label.status_index, None
    else:
        said = shown.statement
        who, index, kind = said.credential_id, said.status_index, said.credential_class
    knows_time, second = now.trust is not ClockTrust.UNKNOWN, now.utc_s
    if not knows_time and gate.clock_untrusted is InDoubt.DENY:
        return Reason.CLOCK_UNTRUSTED
    if isinstance(shown, Credential):
        if knows_time:
            if not shown.key.not_before <= second < shown.key.not_after:
                return Reason.KEY_OUTSIDE_WINDOW
            if second < shown.statement.not_before:
                return Reason.NOT_YET_VALID
            if second >= shown.statement.expires:
                return Reason.EXPIRED
            if shown.slot is not None and not -2 <= second // 5 - shown.slot <= 2:
                return Reason.SLOT_STALE
        if (who, shown.slot) in used:
            return Reason.SLOT_USED
    if index >= 64:
        return Reason.STATUS_UNKNOWN
    if status.get(index):
        return Reason.REVOKED if status[index] is Status.REVOKED else Reason.SUSPENDED
    if knows_time and second - issued_at > gate.max_age_s and gate.stale is InDoubt.DENY:
        return Reason.POLICY_STALE
    listed = {one.credential_id: one for one in rules.people}.get(who)
    if listed is None:
        if gate.unlisted is Unlisted.DENY or kind is None:
            return Reason.NOT_LISTED
        groups, trainings = rules.classes.get(kind, ()), dict[str, int]()
    else:
        if knows_time and second < listed.not_before:
            return Reason.NOT_YET_VALID
        if knows_time and second >= listed.not_after:
            return Reason.EXPIRED
        groups, trainings = listed.groups, dict(listed.qualifications)
    return by_grants(rules, gate.zone, groups, trainings, second if knows_time else None)


def by_grants(
    rules: PolicyDraft, zone: str, groups: tuple[str, ...], held: dict[str, int], now: int | None
) -> Reason:
    schedules = {schedule.name: schedule for schedule in rules.schedules}
    misses = {0: Reason.NOT_AUTHORISED}
    for grant in rules.grants:
        if grant.zone != zone or grant.group not in groups:
            continue
        needed = grant.qualifications
        if now is not None and not opens(schedules[grant.schedule], now):
            misses[1] = Reason.OUTSIDE_SCHEDULE
        elif set(needed) - set(held):
            misses[2] = Reason.QUALIFICATION_MISSING
        elif now is not None and any(held[name] <= now for name in needed):
            misses[3] = Reason.QUALIFICATION_EXPIRED
        else:
            return Reason.GRANTED
    return misses[max(misses)]


@settings(max_examples=400)
@given(
    rules=drafts(),
    shown=PRESENTATIONS,
    status=st.dictionaries(st.integers(0, 63), st.sampled_from(Status), max_size=30),
    age_s=st.sampled_from([-5, 0, 60, 61, 3600, 3601]),
    used=st.lists(
        st.tuples(st.sampled_from(PEOPLE), st.integers(slot_of(NOON) - 2, slot_of(NOON) + 2)),
        max_size=6,
    ).map(tuple),
    utc_s=st.just(NOON) | MOMENTS,
    trust=st.sampled_from(ClockTrust),
)
def test_decision_agrees_with_a_second_reading_of_the_rules(
    rules: PolicyDraft,
    shown: Presentation,
    status: dict[int, Status],
    age_s: int,
    used: tuple[tuple[CredentialId, int], ...],
    utc_s: int,
    trust: ClockTrust,
) -> None:
    issued_at = utc_s - age_s
    held = Rules(
        policy=Policy.from_body(build_body(rules)),
        status=status_list(*status.items(), issued_at=issued_at),
    )
    now = Instant(utc_ms=UtcMs(utc_s * 1000 + 999), mono_ms=MonoMs(1), trust=trust)
    decision = decide(shown, GATE, held, Used(*used), now)
    reason = expected(rules, shown, status, issued_at, used, now)
    assert decision.reason is reason
    opened = reason in {Reason.GRANTED, Reason.FREE_PASSAGE} and not isinstance(shown, Refusal)
    if opened or rules.portals[GATE].posture is Posture.FREE:
        assert isinstance(decision, Grant)
        assert decision.pulse_ms == rules.portals[GATE].pulse_ms
    else:
        assert isinstance(decision, Deny)
