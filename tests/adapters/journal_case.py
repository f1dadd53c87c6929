"""What the journal's tests share: its keys, records, and reading back as the controller would."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.batches import Batch, open_records
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.records import Record, RecordKind
from doorward.sealing import SegmentCipher, SegmentName, open_segment_key
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.ports import Journal, Stretch

GATEWAY = GatewayId("gate-1")
CONTROLLER = X25519PrivateKey.from_private_bytes(bytes(range(32)))
RECIPIENT = CONTROLLER.public_key().public_bytes_raw()
CAPACITY = 8 * 1024 * 1024
MOST = 200_000


def record(n: int, detail: str = "") -> Record:
    return Record(
        kind=RecordKind.EVENT,
        utc_ms=1_760_000_000_000 + n,
        mono_ms=n,
        boot_id=b"bootboot",
        clock_trust=2,
        portal="gate-1",
        reason="test",
        detail=detail or f"n={n}",
    )


def open_at(folder: Path, capacity: int = CAPACITY) -> SqliteJournal:
    return SqliteJournal.open(folder, GATEWAY, RECIPIENT, capacity)


def fill(journal: Journal, first: int, many: int) -> None:
    tickets = [journal.append(record(n)) for n in range(first, first + many)]
    for ticket in tickets:
        assert ticket.wait(30) is not None


def opened(stretch: Stretch) -> list[Record]:
    """Opens a stretch with the controller's key alone, after a round trip as a batch."""
    batch = Batch(
        site=SiteId("plant"),
        gateway=GATEWAY,
        epoch=stretch.epoch,
        first_seq=stretch.first_seq,
        chain_before=stretch.chain_before,
        segments=stretch.segments,
        records=stretch.records,
    )
    batch = Batch.from_body(batch.to_body())
    ciphers = {}
    for segment in batch.segments:
        name = SegmentName(gateway=GATEWAY, epoch=batch.epoch, number=segment.number)
        key = open_segment_key(segment.sealed_key, CONTROLLER, name)
        ciphers[segment.number] = SegmentCipher.of(key, GATEWAY, batch.epoch)
    records = []
    for each in open_records(batch, ciphers):
        assert isinstance(each, Record), each
        records.append(each)
    return records


def pending(journal: Journal) -> dict[tuple[Epoch, int], Record]:
    """Everything that waits for the controller, by number, with every chain followed."""
    found: dict[tuple[Epoch, int], Record] = {}
    for span in journal.spans():
        for first, last in span.pending:
            at, chain = first, None
            while at <= last:
                stretch = journal.read(span.epoch, at, last, MOST)
                assert stretch is not None
                assert stretch.first_seq == at
                assert chain in {None, stretch.chain_before}
                for seq, each in enumerate(opened(stretch), at):
                    found[span.epoch, seq] = each
                chain = _after(stretch)
                at = stretch.last_seq + 1
    return found


def _after(stretch: Stretch) -> bytes:
    return Batch(
        site=SiteId("plant"),
        gateway=GATEWAY,
        epoch=stretch.epoch,
        first_seq=stretch.first_seq,
        chain_before=stretch.chain_before,
        segments=stretch.segments,
        records=stretch.records,
    ).chain()[-1]
