"""Past scans decided again, under the rules that count and under others (pure).

Both are decided by the kit's `decide` at the recorded time, so that what differs between them is
the rules' doing. What happened before a scan is not replayed: nobody is inside, nothing is used up,
nobody waits for a second person, doors are closed. Where the record says otherwise than the present
rules would have decided, that is counted, and no difference is made of it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from doorward.decision import Deny, Grant, Presentation, Rules, decide
from doorward.ids import PortalId
from doorward.policy import Policy
from doorward.presence_port import NothingSeen
from doorward.records import Outcome
from doorward.status import StatusList
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs

MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayable:
    """A scan that can be shown again.

    Attributes:
        was_granted: as recorded; None where nothing was decided.
    """

    record_id: int
    at_utc_ms: int
    portal: str
    credential_id: str
    shown: Presentation
    was_granted: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """One scan that the other rules would decide differently."""

    record_id: int
    at_utc_ms: int
    portal: str
    credential_id: str
    is_loss: bool
    reason_before: str
    reason_after: str
    rule_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many scans at one portal would turn, and why."""

    is_loss: bool
    portal: str
    reason: str
    scans: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of it.

    Attributes:
        scans: how many were decided again.
        lost, gained: of these, how many would be refused, or let pass, instead.
        otherwise: how many were recorded otherwise than the present rules decide.
    """

    scans: int
    lost: int
    gained: int
    otherwise: int
    tallies: tuple[Tally, ...]
    examples: tuple[Turned, ...]


def replay(
    scans: Iterable[Replayable], before: Policy | None, after: Policy, status: StatusList
) -> Replayed:
    """Decides each scan twice."""
    count = otherwise = 0
    turned: list[Turned] = []
    for scan in scans:
        count += 1
        was, will = (_decided(scan, policy, status) for policy in (before, after))
        was_granted = isinstance(was, Grant)
        if scan.was_granted is not None and scan.was_granted is not was_granted:
            otherwise += 1
        if was_granted is not isinstance(will, Grant):
            turned.append(
                Turned(
                    record_id=scan.record_id,
                    at_utc_ms=scan.at_utc_ms,
                    portal=scan.portal,
                    credential_id=scan.credential_id,
                    is_loss=was_granted,
                    reason_before=was.reason,
                    reason_after=will.reason,
                    rule_after=will.grounds.rule,
                )
            )
    lost = sum(each.is_loss for each in turned)
    return Replayed(
        scans=count,
        lost=lost,
        gained=len(turned) - lost,
        otherwise=otherwise,
        tallies=_tallies(turned),
        examples=tuple(turned[-MAX_EXAMPLES:][::-1]),
    )


def outcome_granted(outcome: int | None) -> bool | None:
    """Returns whether a recorded outcome is a grant; None where it is neither."""
    return None if outcome is None else outcome == Outcome.GRANT


def _decided(scan: Replayable, policy: Policy | None, status: StatusList) -> Grant | Deny:
    at = Instant(utc_ms=UtcMs(scan.at_utc_ms), mono_ms=MonoMs(0), trust=ClockTrust.SYNCHRONISED)
    rules = None
    if policy is not None:
        fresh = StatusList(
            site=status.site,
            seq=status.seq,
            issued_at=scan.at_utc_ms // 1000,
            size=status.size,
            bits=status.bits,
        )
        rules = Rules(policy=policy, status=fresh)
    return decide(scan.shown, PortalId(scan.portal), rules, NothingSeen(), at)


def _tallies(turned: Iterable[Turned]) -> tuple[Tally, ...]:
    scans: Counter[tuple[bool, str, str]] = Counter()
    people: dict[tuple[bool, str, str], set[str]] = {}
    for each in turned:
        reason = each.reason_after if each.is_loss else each.reason_before
        key = (each.is_loss, each.portal, reason)
        scans[key] += 1
        people.setdefault(key, set()).add(each.credential_id)
    return tuple(
        Tally(is_loss=key[0], portal=key[1], reason=key[2], scans=number, people=len(people[key]))
        for key, number in sorted(scans.items(), key=lambda item: (-item[1], item[0]))
    )
