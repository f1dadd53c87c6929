"""Counts what became of every presentation and every record; trusts no single side's counter.

Three sources that know nothing of each other are compared:

- the *presentations*: which code was held up to which camera, when, as the driver wrote it down;
- the *journals*: the numbers that each gateway's own files say it has given out;
- the *store*: the controller's rows.

A record is lost when a journal gave out its number and the store lacks it. A scan is lost when the
gateway decided about a presentation and the store has no record of it. Something is doubled when
the store holds a number twice, a number that no journal gave out, a second scan for a presentation,
or a scan that nobody presented.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """A code that was held up to a camera.

    Attributes:
        gateway: whose camera.
        credential_id: 16 hex digits; None when no credential stands behind the code.
        at_utc_ms: just before the camera began to see it, by the clock that gateways use too.
        is_decided: the gateway said that it decided; None when it was killed meanwhile, so that
            a record may or may not exist.
        is_granted: what the lamp said to whoever held it up; None when it said nothing. Nothing is
            counted by it.
    """

    gateway: str
    credential_id: str | None
    at_utc_ms: int
    is_decided: bool | None
    is_granted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalNumbers:
    """The numbers that a gateway's journal gave out: 1 to `head` of one epoch."""

    gateway: str
    epoch: int
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """One row of the controller's store.

    Attributes:
        is_scan: a decision about a code; other records tell of boots, clocks and the like.
        is_granted: the decision, None when it is no scan.
        status_seq: the status list that the gateway decided by.
    """

    gateway: str
    epoch: int
    seq: int
    is_scan: bool
    at_utc_ms: int
    is_granted: bool | None
    credential_id: str | None
    reason: str
    status_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A credential that was revoked.

    Attributes:
        seq: the status list that holds the revocation.
        at_utc_ms: when the controller was told.
        applied_at_utc_ms: by gateway, when the controller knew that it had applied it.
    """

    credential_id: str
    seq: int
    at_utc_ms: int
    applied_at_utc_ms: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted. `findings` says in words which ones, for a person."""

    presented: int
    decided: int
    interrupted: int
    recorded: int
    stored: int
    lost: int
    duplicated: int
    granted_after_revocation: int
    granted_while_propagating: int
    findings: tuple[str, ...]


def count(
    presented: Sequence[Presentation],
    journals: Sequence[JournalNumbers],
    stored: Sequence[StoredRecord],
    revocations: Sequence[Revocation],
) -> Tally:
    """Compares the three sources."""
    findings: list[str] = []
    lost_numbers, doubled_numbers = _compare_numbers(journals, stored, findings)
    lost_scans, doubled_scans = _compare_scans(presented, stored, findings)
    after, during = _grants_of_revoked(stored, revocations, findings)
    return Tally(
        presented=len(presented),
        decided=sum(p.is_decided is True for p in presented),
        interrupted=sum(p.is_decided is None for p in presented),
        recorded=sum(journal.head for journal in journals),
        stored=len(stored),
        lost=lost_numbers + lost_scans,
        duplicated=doubled_numbers + doubled_scans,
        granted_after_revocation=after,
        granted_while_propagating=during,
        findings=tuple(findings),
    )


def _compare_numbers(
    journals: Sequence[JournalNumbers], stored: Sequence[StoredRecord], findings: list[str]
) -> tuple[int, int]:
    given = {(j.gateway, j.epoch, seq) for j in journals for seq in range(1, j.head + 1)}
    rows = Counter((r.gateway, r.epoch, r.seq) for r in stored)
    missing = sorted(given - rows.keys())
    unknown = sorted(rows.keys() - given)
    twice = sorted(number for number, copies in rows.items() if copies > 1)
    findings += [f"lost: {_number(n)} is in the gateway's journal alone" for n in missing]
    findings += [f"doubled: {_number(n)} is stored and in no journal" for n in unknown]
    findings += [f"doubled: {_number(n)} is stored {rows[n]} times" for n in twice]
    return len(missing), len(unknown) + sum(rows[n] - 1 for n in twice)


def _number(number: tuple[str, int, int]) -> str:
    gateway, epoch, seq = number
    return f"record {seq} of {gateway} (epoch {epoch:012x})"


def _compare_scans(
    presented: Sequence[Presentation], stored: Sequence[StoredRecord], findings: list[str]
) -> tuple[int, int]:
    """Gives each stored scan to the latest presentation before it of that code at that camera.

    A record that names no credential (a gateway without policy looks at none) fits every code.
    """
    shown: dict[str, list[Presentation]] = defaultdict(list)
    for presentation in sorted(presented, key=lambda p: p.at_utc_ms):
        shown[presentation.gateway].append(presentation)
    scans: Counter[Presentation] = Counter()
    unexplained = 0
    for record in {(r.gateway, r.epoch, r.seq): r for r in stored if r.is_scan}.values():
        before = [p for p in shown[record.gateway] if _explains(p, record)]
        if before:
            scans[before[-1]] += 1
        else:
            unexplained += 1
            findings.append(f"doubled: {_scan(record)} was never presented")
    lost = [p for p in presented if p.is_decided and not scans[p]]
    again = [p for p in presented if scans[p] > 1]
    findings += [f"lost: no record of {_presented(p)}" for p in lost]
    findings += [f"doubled: {scans[p]} records of {_presented(p)}" for p in again]
    return len(lost), unexplained + sum(scans[p] - 1 for p in again)


def _explains(presentation: Presentation, record: StoredRecord) -> bool:
    is_its_code = record.credential_id in {None, presentation.credential_id}
    return is_its_code and presentation.at_utc_ms <= record.at_utc_ms


def _scan(record: StoredRecord) -> str:
    return f"scan {record.seq} of {record.gateway} at {record.at_utc_ms} ms ({record.reason})"


def _presented(presentation: Presentation) -> str:
    code = presentation.credential_id or "a code that is not ours"
    return f"{code} at {presentation.gateway}, shown at {presentation.at_utc_ms} ms"


def _grants_of_revoked(
    stored: Sequence[StoredRecord], revocations: Sequence[Revocation], findings: list[str]
) -> tuple[int, int]:
    revoked = {revocation.credential_id: revocation for revocation in revocations}
    after = during = 0
    for record in stored:
        revocation = revoked.get(record.credential_id or "")
        if revocation is None or not record.is_granted:
            continue
        if record.at_utc_ms < revocation.at_utc_ms and record.status_seq < revocation.seq:
            continue
        applied_at = revocation.applied_at_utc_ms.get(record.gateway)
        is_late = applied_at is not None and record.at_utc_ms > applied_at
        # Either witness is enough: the gateway's own word for the list that it decided by, or the
        # controller's clock at its acknowledgement.
        if record.status_seq >= revocation.seq or is_late:
            after += 1
            findings.append(f"granted after revocation: {_scan(record)}")
        else:
            during += 1
    return after, during
