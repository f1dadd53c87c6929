"""A site with millions of records, filled in bulk: half a year that ends now.

Portals stand one at each gateway, in pairs for the way in and the way out. People come in the
morning, at noon and in the evening; 20,000 of them have a badge. One scan in 20 is refused, one
passage in 100 did not happen, one record in 1,000 is of an event. The same number gives the same
record. Bodies are real; those of one kind are shared, since their length is what counts.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from doorward.policy import Direction
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.rule_book import PortalOptions, RuleBook
from doorward_controller.services import enrolment, holders, rules
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.services.holders import HolderFields
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.schema import credentials, gateways, records
from doorward_controller.store.session import Store

DAYS = 180
DAY_MS = 86_400_000
PEOPLE = 20_000
REFUSALS = ("not_ours", "expired", "portal_closed", "revoked", "not_yet_valid")
BADGES_EACH = 2
"""A badge and a phone."""

_RUSH = ((0, 0.02), (6, 0.30), (9, 0.08), (11, 0.20), (14, 0.08), (16, 0.27), (19, 0.05), (24, 0.0))
"""From this hour on comes this share of the day."""

_AT_ONCE = 50_000
_REFUSED_EVERY = 20
_ANNULLED_EVERY = 100
_EVENT_EVERY = 1_000
_MIX = 2_654_435_761

Tell = Callable[[str, int, int], None]
"""What is being done, how much of it is, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    records: int
    gateways: int
    people: int = PEOPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which record is when; the number of a record is its place, from 0."""

    size: Size
    begin_utc_ms: int

    @property
    def per_day(self) -> int:
        """How many records a day has."""
        return -(-self.size.records // DAYS)

    def at_utc_ms(self, number: int) -> int:
        """Returns when the record with a number was made; later for every higher number."""
        day, place = divmod(number, self.per_day)
        share, before = place / self.per_day, 0.0
        for (hour, weight), (until, _) in itertools.pairwise(_RUSH):
            if share < before + weight or until == _RUSH[-1][0]:
                hours = hour + (until - hour) * (share - before) / weight
                return self.begin_utc_ms + day * DAY_MS + int(hours * 3_600_000)
            before += weight
        raise AssertionError("the shares of a day do not add up to one")

    def badge(self, person: int) -> bytes:
        """Returns one of somebody's codes: 0 to PEOPLE - 1 are badges, the next as many phones."""
        return (0xB000_0000 + person % (BADGES_EACH * self.size.people)).to_bytes(8)

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yields every record as the values of its row, gateways numbered from 1."""
        portals = [portal_of(number) for number in range(self.size.gateways)]
        bodies = _Bodies(self.begin_utc_ms)
        for number in range(self.size.records):
            count = number // 2
            mixed = (count * _MIX) & 0xFFFFFFFF
            place = (mixed >> 7) % len(portals)
            badge: bytes | None = self.badge(mixed >> 3)
            kind, reason, about = RecordKind.SCAN, "granted", None
            outcome: Outcome | None = Outcome.GRANT
            if (mixed >> 11) % _REFUSED_EVERY == 0:
                outcome, reason = Outcome.DENY, REFUSALS[(mixed >> 16) % len(REFUSALS)]
                badge = None if reason == REFUSALS[0] else badge
            elif number % 2:
                kind, outcome, badge, reason = RecordKind.PASSAGE, None, None, "entered"
                if (mixed >> 5) % _ANNULLED_EVERY == 0:
                    reason, about = "no_entry", number
            if number % _EVENT_EVERY == _EVENT_EVERY - 1:
                kind, outcome, badge, reason = RecordKind.EVENT, None, None, "door_found_open"
            at = self.at_utc_ms(number)
            yield (
                place + 1, 1, number + 1, at + 300, at, int(kind),
                None if outcome is None else int(outcome), reason, portals[place], badge,
                bodies.of(kind, outcome, reason, portals[place], badge, about), bytes(32),
            )  # fmt: skip


class _Bodies:
    """Bodies of records: one for each kind and reason, and one of its own where it says about."""

    def __init__(self, begin_utc_ms: int) -> None:
        self._begin_utc_ms = begin_utc_ms
        self._known: dict[tuple[RecordKind, str], bytes] = {}

    def of(
        self,
        kind: RecordKind,
        outcome: Outcome | None,
        reason: str,
        portal: str,
        badge: bytes | None,
        about: int | None,
    ) -> bytes:
        if about is None and (kind, reason) in self._known:
            return self._known[kind, reason]
        is_scan = kind is RecordKind.SCAN
        body = Record(
            kind=kind,
            utc_ms=self._begin_utc_ms,
            mono_ms=7_654_321,
            boot_id=bytes(8),
            clock_trust=2,
            portal=portal,
            outcome=outcome,
            reason=reason,
            credential_id=badge,
            form="dw1" if is_scan else "",
            credential_class=1 if is_scan else None,
            rule="10:staff>site@always" if outcome is Outcome.GRANT else "",
            basis="snapshot" if is_scan else "",
            policy_version=1 if is_scan else None,
            policy_age_s=60 if is_scan else None,
            status_seq=1 if is_scan else None,
            reader="zxing" if is_scan else "",
            online=True,
            about_seq=about,
        ).to_wire()
        if about is None:
            self._known[kind, reason] = body
        return body


def gateway_of(number: int) -> str:
    """Returns the name of a gateway, from 0."""
    return f"gate-{number:04}"


def portal_of(number: int) -> str:
    """Returns the name of the portal at a gateway."""
    return f"{gateway_of(number)}-{'out' if number % 2 else 'in'}"


def fill(backend: Backend, size: Size, tell: Tell) -> Plan:
    """Fills an initialised site that is empty; takes minutes for millions."""
    begin = backend.clock.now().utc_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    plan = Plan(size=size, begin_utc_ms=begin)
    _quickly(backend.store)
    _add_gateways(backend, size, tell)
    _add_people(backend, plan, tell)
    add_records(backend.store, plan, tell)
    return plan


def _quickly(store: Store) -> None:
    """Nothing of this has to outlive a power cut; connections made later wait for no disk."""
    if store.is_sqlite:
        store.engine.dispose()
        sa.event.listen(store.engine, "connect", _never_flush)


def _never_flush(raw: Any, _: object) -> None:  # the driver's own connection
    raw.execute("PRAGMA synchronous = OFF")


def _add_gateways(backend: Backend, size: Size, tell: Tell) -> None:
    key = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
    names = [(gateway_of(number), portal_of(number)) for number in range(size.gateways)]
    for number, (gateway, portal) in enumerate(names):
        enrolment.enrol_gateway(
            backend,
            local_actor(),
            gateway=gateway,
            record_key=key,
            portals=[NewPortal(portal=portal, zone=f"zone-{number % 40 // 2:02}")],
        )
        tell("gateways", number + 1, size.gateways)
    book = RuleBook(
        zones=tuple(f"zone-{number:02}" for number in range(min(20, -(-size.gateways // 2)))),
        portals={
            portal: PortalOptions(direction=Direction.EXIT if number % 2 else Direction.ENTRY)
            for number, (_, portal) in enumerate(names)
        },
    )
    rules.save_rules(backend, Actor(name="bench", role=Role.SECURITY), book)
    with backend.store.write() as connection:
        now_ms = backend.clock.now().utc_ms
        connection.execute(sa.update(gateways).values(online=True, last_seen_at_utc_ms=now_ms))


def _add_people(backend: Backend, plan: Plan, tell: Tell) -> None:
    people = plan.size.people
    now_s, issuer = backend.clock.now().utc_s, Actor(name="bench", role=Role.ISSUER)
    for person in range(people):
        fields = HolderFields(
            name=f"Person Number {person:05}", contact=f"p{person:05}@example.org"
        )
        held = holders.add_holder(backend, issuer, fields)
        with backend.store.write() as connection:
            for turn in range(BADGES_EACH):
                connection.execute(
                    sa.insert(credentials).values(
                        id=plan.badge(person + turn * people), holder_id=held,
                        credential_class=1, form="dw1" if turn == 0 else "dw2",
                        status_index=person + turn * people, status=0, not_before=0,
                        expires=now_s + 365 * 86_400, groups_json="[]", purpose="",
                        issued_at_utc_s=now_s, issued_by="bench", key_id=1, sealed_code=b"",
                        changed_reason="", changed_by="", changed_seq=0,
                    )
                )  # fmt: skip
        tell("people", person + 1, people)


def add_records(store: Store, plan: Plan, tell: Tell) -> None:
    """Stores the records in bulk: without indexes, which are made afterwards."""
    indexes = sorted(records.indexes, key=lambda index: str(index.name))
    with store.write() as connection:
        for index in indexes:
            index.drop(connection)
    (_insert_sqlite if store.is_sqlite else _copy_postgresql)(store, plan, tell)
    for place, index in enumerate(indexes):
        tell(f"index {index.name}", place, len(indexes))
        with store.write() as connection:
            index.create(connection)
    if store.is_sqlite:
        store.checkpoint()
        return
    with psycopg.connect(_place(store), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _batches(plan: Plan, tell: Tell) -> Iterator[Sequence[tuple[object, ...]]]:
    rows = plan.rows()
    done = 0
    while batch := list(itertools.islice(rows, _AT_ONCE)):
        yield batch
        done += len(batch)
        tell("records", done, plan.size.records)


def _insert_sqlite(store: Store, plan: Plan, tell: Tell) -> None:
    raw = store.engine.raw_connection()
    for pragma in ("foreign_keys = OFF", "wal_autocheckpoint = 100000"):
        raw.execute(f"PRAGMA {pragma}")
    marks = ", ".join("?" * len(RecordInsert._fields))
    insert = f"INSERT INTO records ({', '.join(RecordInsert._fields)}) VALUES ({marks})"
    for batch in _batches(plan, tell):
        raw.execute("BEGIN")
        raw.executemany(insert, batch)
        raw.commit()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    store.engine.dispose()


def _copy_postgresql(store: Store, plan: Plan, tell: Tell) -> None:
    copy = f"COPY records ({', '.join(RecordInsert._fields)}) FROM STDIN"
    with psycopg.connect(_place(store)) as connection, connection.cursor() as cursor:
        for batch in _batches(plan, tell):
            with cursor.copy(copy.encode()) as out:
                for row in batch:
                    out.write_row(row)


def _place(store: Store) -> str:
    shown = store.engine.url.render_as_string(hide_password=False)
    return shown.replace("postgresql+psycopg://", "postgresql://")
