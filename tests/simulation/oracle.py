"""What must hold in every history, checked from outside: by what was seen, published and stored.

The oracle keeps its own books and asks the product nothing but what it shows: decisions, receipts,
movements of locks, published messages, rows of the controller's database.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from doorward.acks import Ack
from doorward.credential import Form
from doorward.decision import Deny, Grant
from doorward.envelope import Kind as EnvelopeKind
from doorward.envelope import parse_envelope
from doorward.ids import Epoch, GatewayId, PortalId
from doorward.messages import Applied
from doorward.policy import Policy, Posture
from doorward.ranges import Ranges
from doorward.records import Outcome, Record, RecordKind, read_fields
from doorward.status import Delta, Status, StatusList, apply_delta
from doorward.times import ClockTrust, Instant
from tests.simulation.disk import VFS_NAME
from tests.simulation.site import DATABASE, MAX_AGE_S, NEVER, Card, Kind
from tests.simulation.world import InvariantError, World

Place = tuple[GatewayId, Epoch, int]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One thing held up at one portal, and what came of it."""

    gateway: GatewayId
    portal: PortalId
    card: Card
    slot: int | None
    tag: str
    appended: list["Kept"] = field(default_factory=list)
    has_moved: bool = False


@dataclass(slots=True, kw_only=True)
class Kept:
    """A record that was given to the journal."""

    record: Record
    receipt: Place | None = None
    is_late: bool = False


@dataclass(slots=True)
class Oracle:
    """The books of one history.

    Attributes:
        kept: every record that has a receipt.
        burnt: those whose card was lost before they were delivered.
        floors: the highest versions that each gateway ever said it had applied.
        heard: number of the newest status list that each running gateway was given.
        tampered: gateways whose rules on the disk somebody else has changed.
        lists, policies: what the controller signed under each number; after its database was
            restored there may be more than one.
    """

    world: World
    kept: dict[Place, Kept] = field(default_factory=dict)
    burnt: set[Place] = field(default_factory=set)
    floors: dict[GatewayId, Applied] = field(default_factory=dict)
    heard: dict[GatewayId, int] = field(default_factory=dict)
    tampered: set[GatewayId] = field(default_factory=set)
    lists: dict[int, list[StatusList]] = field(default_factory=dict)
    policies: dict[int, list[Policy]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _full: dict[int, StatusList] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _slots: set[tuple[str, str, int]] = field(default_factory=set)
    _reader: sqlite3.Connection | None = None

    def fail(self, what: str) -> None:
        """Ends the history: a promise is broken."""
        self.world.tell("ORACLE", what)
        raise InvariantError(what)

    # --- At the gateways ------------------------------------------------------------------------

    def receipt_given(self, place: Place, kept: Kept) -> None:
        """A record is on the disk, the journal says."""
        if place in self.kept and self.kept[place] is not kept:
            self.fail(f"number {place} was given out twice")
        kept.receipt = place
        self.kept[place] = kept
        self.counts["receipts"] += 1

    def lock_moved(self, attempt: Attempt | None, portal: PortalId) -> None:
        """A lock was released; there must be a grant on the disk, or one that is marked late."""
        self.counts["releases"] += 1
        if attempt is None or attempt.portal != portal:
            self.fail(f"the lock of {portal} moved and nobody had held anything up")
            return
        attempt.has_moved = True
        grants = [
            kept
            for kept in attempt.appended
            if kept.record.kind is RecordKind.SCAN and kept.record.outcome is Outcome.GRANT
        ]
        if not any(kept.receipt is not None or kept.is_late for kept in grants):
            self.fail(f"the lock of {portal} moved before a grant was on the disk")

    def decided(self, attempt: Attempt, decision: Grant | Deny, now: Instant, boot_id: str) -> None:
        """A gateway answered somebody."""
        card = attempt.card
        if isinstance(decision, Deny):
            self.counts[f"deny:{decision.reason}"] += 1
            if attempt.has_moved:
                self.fail(f"the lock of {attempt.portal} moved for a refusal ({decision.reason})")
            return
        self.counts["grants"] += 1
        where = f"{card.name} at {attempt.portal}"
        if card.kind in NEVER:
            self.fail(f"{where} was let in: {card.kind}")
        self._check_versions(attempt, decision, where)
        self._check_status(card, decision, now, where)
        if now.trust is ClockTrust.UNKNOWN:
            self.fail(f"{where} was let in by a clock that nobody trusts")
        if card.kind is Kind.EXPIRING and now.utc_s >= card.expires:
            self.fail(f"{where} was let in after its end")
        if decision.grounds.form is Form.PASS and attempt.slot is not None:
            used = (boot_id, card.name, attempt.slot)
            if used in self._slots:
                self.fail(f"{where} was let in twice in slot {attempt.slot}")
            self._slots.add(used)

    def _check_versions(self, attempt: Attempt, decision: Grant, where: str) -> None:
        floor, grounds = self.floors.get(attempt.gateway, Applied()), decision.grounds
        if grounds.policy_version < floor.bundle:
            self.fail(f"{where}: by policy {grounds.policy_version}, had applied {floor.bundle}")
        if grounds.status_seq < self.heard.get(attempt.gateway, 0):
            heard = self.heard[attempt.gateway]
            self.fail(f"{where}: by status list {grounds.status_seq}, list {heard} had come")
        if grounds.status_seq < floor.status:
            self.fail(f"{where}: by status list {grounds.status_seq}, had applied {floor.status}")
        postures = {
            policy.portals[attempt.portal].posture
            for policy in self.policies.get(grounds.policy_version, ())
        }
        if Posture.NORMAL not in postures:
            self.fail(f"{where} was let in; policy {grounds.policy_version} says {postures}")

    def _check_status(self, card: Card, decision: Grant, now: Instant, where: str) -> None:
        lists = self.lists.get(decision.grounds.status_seq, [])
        if not any(card.index is None or each.get(card.index) is Status.VALID for each in lists):
            self.fail(f"{where} was let in; list {decision.grounds.status_seq} does not let it")
        newest = max(each.issued_at for each in lists)
        if now.utc_s - newest > MAX_AGE_S:
            self.fail(f"{where} was let in by rules of {now.utc_s - newest} s ago")

    def started(self, gateway: GatewayId, applied: Applied) -> None:
        """A process of a gateway has read its disk; whatever was applied must be there."""
        floor = self.floors.get(gateway, Applied())
        if gateway not in self.tampered and (
            applied.bundle < floor.bundle or applied.status < floor.status
        ):
            self.fail(f"{gateway} starts with {applied}, it had applied {floor}")

    def applied(self, gateway: GatewayId, applied: Applied) -> None:
        """A gateway says which versions it has on its disk and works by."""
        floor = self.floors.get(gateway, Applied())
        if applied.bundle >= floor.bundle and applied.status >= floor.status:
            self.tampered.discard(gateway)
        self.floors[gateway] = Applied(
            bundle=max(floor.bundle, applied.bundle),
            status=max(floor.status, applied.status),
            keyring=max(floor.keyring, applied.keyring),
        )

    # --- At the controller ----------------------------------------------------------------------

    def published(self, topic: str, wire: bytes) -> None:
        """The controller handed something to its connection."""
        if topic.endswith("/down/ack"):
            self._check_ack(Ack.from_body(parse_envelope(wire).body))
        elif "/policy/" in topic and hash(wire) not in self._seen:
            self._seen.add(hash(wire))
            self._note_rules(wire)

    def _note_rules(self, wire: bytes) -> None:
        envelope = parse_envelope(wire)
        if envelope.kind is EnvelopeKind.BUNDLE:
            policy = Policy.from_body(envelope.body)
            self.policies.setdefault(policy.version, []).append(policy)
        elif envelope.kind is EnvelopeKind.STATUS:
            full = StatusList.from_body(envelope.body)
            self._full[full.seq] = full
            self.lists.setdefault(full.seq, []).append(full)
        elif envelope.kind is EnvelopeKind.DELTA:
            delta = Delta.from_body(envelope.body)
            if delta.base in self._full:
                whole = apply_delta(self._full[delta.base], delta)
                self.lists.setdefault(whole.seq, []).append(whole)

    def controller_ended(self) -> None:
        """Its disk is about to be another one."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _check_ack(self, ack: Ack) -> None:
        if self._reader is None:
            self._reader = _connect()
        stored = _count(self._reader, ack.gateway, ack.epoch, ack.committed)
        named = sum(last - first + 1 for first, last in ack.committed)
        if stored != named:
            self.fail(
                f"{ack.gateway} was told that {named} records are stored; {stored} of them are"
            )

    # --- At the end -----------------------------------------------------------------------------

    def check_store(self) -> None:
        """Everything that was recorded is stored, once, as it was recorded."""
        rows = _rows()
        for place, kept in self.kept.items():
            if place in self.burnt:
                continue
            body = rows.get(place)
            if body is None:
                self.fail(f"lost: {_told(place, kept)}")
                continue
            fields = read_fields(body)
            if fields["mono_ms"] != kept.record.mono_ms or fields.get("reason", "") != (
                kept.record.reason
            ):
                self.fail(f"something else is stored: {_told(place, kept)}")
        self._check_once(rows)
        self._check_late(rows)

    def _check_once(self, rows: dict[Place, bytes]) -> None:
        tags = Counter(
            fields["reader"]
            for fields in map(read_fields, rows.values())
            if fields["kind"] == RecordKind.SCAN
        )
        double = [tag for tag, times in tags.items() if times > 1]
        if double or _has_doubles():
            self.fail(f"stored twice: {double[:3]}")

    def _check_late(self, rows: dict[Place, bytes]) -> None:
        """What was told to a lock first says so, itself or by an event of its own."""
        told = {
            (place[0], place[1], read_fields(body).get("about_seq"))
            for place, body in rows.items()
            if read_fields(body).get("reason") == "recorded_late"
        }
        for place, kept in self.kept.items():
            body = rows.get(place)
            if kept.is_late and body is not None:
                if "late" not in read_fields(body) and place not in told:
                    # The event follows the record at once, but a crash may come in between.
                    self.counts["late_unsaid"] += 1
                self.counts["late"] += 1


def _told(place: Place, kept: Kept) -> str:
    gateway, epoch, seq = place
    what = f"{RecordKind(kept.record.kind).name} {kept.record.reason}"
    return f"record {seq} of {gateway}, epoch {epoch:012x}: {what}"


def _connect() -> sqlite3.Connection:
    uri = f"file:{DATABASE}/doorward.sqlite3?vfs={VFS_NAME}&mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)


def _count(connection: sqlite3.Connection, gateway: GatewayId, epoch: Epoch, ranges: Ranges) -> int:
    query = """SELECT count(*) FROM records JOIN gateways ON gateways.id = records.gateway_id
               WHERE gateways.name = ? AND epoch = ? AND seq BETWEEN ? AND ?"""
    found = (connection.execute(query, (gateway, epoch, *part)).fetchone() for part in ranges)
    return sum(int(row[0]) for row in found)


def _rows() -> dict[Place, bytes]:
    connection = _connect()
    try:
        return {
            (GatewayId(name), Epoch(epoch), seq): body
            for name, epoch, seq, body in connection.execute(
                """SELECT gateways.name, epoch, seq, body FROM records
                   JOIN gateways ON gateways.id = records.gateway_id"""
            )
        }
    finally:
        connection.close()


def _has_doubles() -> bool:
    connection = _connect()
    try:
        query = "SELECT 1 FROM records GROUP BY gateway_id, epoch, seq HAVING count(*) > 1"
        return connection.execute(query).fetchone() is not None
    finally:
        connection.close()


def quarantined() -> list[tuple[str, str, str]]:
    """Returns what the controller put aside: gateway, reason, detail."""
    connection = _connect()
    try:
        return connection.execute("SELECT gateway, reason, detail FROM quarantine").fetchall()
    finally:
        connection.close()
