"""Rows of records as intake would have stored them, without gateways, journals and seals.

For searches over more records than a test could let in: the same number gives the same record.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from doorward.records import Outcome, Record, RecordKind
from doorward_controller.store.intake import RecordInsert

BEGIN_UTC_MS = 1_790_000_000_000
REFUSALS = ("not_ours", "expired", "portal_closed", "revoked", "not_yet_valid")
EVENTS = ("gateway_started", "door_found_open", "tamper_opened")
_BOOT_ID = bytes(8)
_CHAIN = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A site's traffic: half of the records say that somebody who was let in went through.

    Attributes:
        step_ms: between two records.
        people: how many badges come, in turn.
        refused_every: one in so many scans is refused.
        event_every: one in so many records tells of something else.
    """

    portals: tuple[str, ...]
    gateway_ids: tuple[int, ...]
    step_ms: int = 1000
    people: int = 500
    refused_every: int = 20
    event_every: int = 1000

    def badge(self, number: int) -> bytes:
        """Returns the badge of the person with a number."""
        return (0xB000_0000 + number % self.people).to_bytes(8)

    def record(self, number: int) -> Record:
        """Returns the record with a number, from 0 on."""
        place, scan = (number // 2) % len(self.portals), number // 2
        at = BEGIN_UTC_MS + number * self.step_ms
        common = {
            "utc_ms": at, "mono_ms": at - BEGIN_UTC_MS, "boot_id": _BOOT_ID, "clock_trust": 2,
            "portal": self.portals[place],
        }  # fmt: skip
        if number % self.event_every == self.event_every - 1:
            reason = EVENTS[(number // self.event_every) % len(EVENTS)]
            return Record(kind=RecordKind.EVENT, reason=reason, **common)  # type: ignore[arg-type]
        is_refused = scan % self.refused_every == self.refused_every - 1
        if number % 2 and not is_refused:
            return Record(kind=RecordKind.PASSAGE, reason="entered", about_seq=number, **common)  # type: ignore[arg-type]
        turn = scan // self.refused_every
        reason = REFUSALS[turn % len(REFUSALS)] if is_refused else "granted"
        is_ours = reason != "not_ours"
        return Record(
            kind=RecordKind.SCAN,
            outcome=Outcome.DENY if is_refused else Outcome.GRANT,
            reason=reason,
            credential_id=self.badge(scan * 7919) if is_ours else None,
            form="dw1" if is_ours else "other",
            credential_class=1 if is_ours else None,
            rule="" if is_refused else "10:staff>site@always",
            basis="snapshot" if is_ours else "",
            policy_version=1,
            policy_age_s=60,
            status_seq=1,
            reader="zxing",
            online=True,
            **common,  # type: ignore[arg-type]
        )

    def rows(self, first: int, last: int) -> Iterator[RecordInsert]:
        """Yields the rows of records from `first` until before `last`."""
        for number in range(first, last):
            record = self.record(number)
            place = (number // 2) % len(self.portals)
            yield row_of(record, self.gateway_ids[place % len(self.gateway_ids)], number + 1)


def row_of(record: Record, gateway_id: int, seq: int, epoch: int = 1) -> RecordInsert:
    """Returns a record as its row."""
    return RecordInsert(
        gateway_id=gateway_id,
        epoch=epoch,
        seq=seq,
        received_at_utc_ms=record.utc_ms + 300,
        at_utc_ms=record.utc_ms,
        kind=int(record.kind),
        outcome=None if record.outcome is None else int(record.outcome),
        reason=record.reason,
        portal=record.portal,
        credential_id=record.credential_id,
        body=record.to_wire(),
        chain=_CHAIN,
    )
