"""The records of `bench/big_site.py`, made by the database itself from small tables of what varies.

A statement makes some hundred thousand rows at once, and nothing of them passes through Python:
that took five times as long. What does come from Python is what is real about a record: its body,
one for each thing that records say, and one for each passage that did not happen.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from doorward.records import Outcome, Record, RecordKind
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.schema import records
from doorward_controller.store.session import Store

REFUSALS = ("not_ours", "expired", "portal_closed", "revoked", "not_yet_valid")

Tell = Callable[[str, int, int], None]
"""What is being done, how much of it is, and of how much."""

_AT_ONCE = 200_000
_REFUSED_EVERY = 20
_ANNULLED_EVERY = 100
_EVENT_EVERY = 1_000
_MIX = 2_654_435_761
_MASK = 0xFFFFFFFF

_GRANTED, _ENTERED, _EVENT, _FIRST_REFUSAL = -1, -2, -3, -10
"""By which numbers the shared bodies are kept; those of one record alone by the record's."""

_TABLES = {
    "made_portals": "place INTEGER PRIMARY KEY, portal TEXT",
    "made_badges": "place INTEGER PRIMARY KEY, badge {blob}",
    "made_moments": "place INTEGER PRIMARY KEY, after_ms BIGINT",
    "made_bodies": "place INTEGER PRIMARY KEY, kind BIGINT, outcome BIGINT, reason TEXT,"
    " with_badge BIGINT, body {blob}",
}

_SAID = f"""
CASE
  WHEN number % {_EVENT_EVERY} = {_EVENT_EVERY - 1} THEN {_EVENT}
  WHEN (mixed >> 11) % {_REFUSED_EVERY} = 0
    THEN {_FIRST_REFUSAL} - (mixed >> 16) % {len(REFUSALS)}
  WHEN number % 2 = 0 THEN {_GRANTED}
  WHEN (mixed >> 5) % {_ANNULLED_EVERY} = 0 THEN number
  ELSE {_ENTERED}
END
"""

_INSERT = f"""
WITH RECURSIVE series(number) AS (
  SELECT CAST(:low AS BIGINT)
  UNION ALL SELECT number + 1 FROM series WHERE number + 1 < CAST(:high AS BIGINT)
), mixed AS (
  SELECT number, ((number / 2) * {_MIX}) & {_MASK} AS mixed FROM series
), said AS (
  SELECT number, mixed, {_SAID} AS said, number % CAST(:per_day AS BIGINT) AS moment,
    CAST(:begin AS BIGINT) + number / CAST(:per_day AS BIGINT) * 86400000 AS midnight
  FROM mixed
)
INSERT INTO records ({", ".join(RecordInsert._fields)})
SELECT made_portals.place + 1, 1, said.number + 1, midnight + after_ms + 300, midnight + after_ms,
  kind, outcome, reason, portal, badge, body, :chain
FROM said
JOIN made_bodies ON made_bodies.place = said
JOIN made_portals ON made_portals.place = (mixed >> 7) % CAST(:gateways AS BIGINT)
JOIN made_moments ON made_moments.place = moment
LEFT JOIN made_badges
  ON with_badge = 1 AND made_badges.place = (mixed >> 3) % CAST(:badges AS BIGINT)
ORDER BY said.number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What the records are made of.

    Attributes:
        number: how many records.
        begin_utc_ms: the midnight before the first.
        portals: by gateway.
        badges: everybody's.
        moments_ms: at what time of a day its records are made.
    """

    number: int
    begin_utc_ms: int
    portals: tuple[str, ...]
    badges: tuple[bytes, ...]
    moments_ms: tuple[int, ...]


def add_records(store: Store, making: Making, tell: Tell) -> None:
    """Stores the records in bulk: without indexes, which are made afterwards."""
    indexes = sorted(records.indexes, key=lambda index: str(index.name))
    with store.write() as connection:
        for index in indexes:
            index.drop(connection)
    with store.engine.connect() as connection:
        _prepare(connection)
        _fill_small_tables(connection, making)
        for low in range(0, making.number, _AT_ONCE):
            high = min(making.number, low + _AT_ONCE)
            _run(connection, _INSERT, _values(making, low, high))
            tell("records", high, making.number)
        for place, index in enumerate(indexes):
            tell(f"index {index.name}", place, len(indexes))
            index.create(connection)
            connection.commit()
    store.engine.dispose()
    _settle(store)


def _prepare(connection: sa.Connection) -> None:
    """Gives this one connection room: an installation's database has less."""
    if connection.dialect.name == "sqlite":
        said = ["PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -524288", "PRAGMA threads = 2"]
    else:
        said = [
            "SET maintenance_work_mem = '512MB'",
            "SET work_mem = '256MB'",
            # Whether a record's gateway exists is asked 10,000,000 times otherwise.
            "SET session_replication_role = replica",
        ]
    for each in said:
        connection.exec_driver_sql(each)
    connection.commit()


def _fill_small_tables(connection: sa.Connection, making: Making) -> None:
    blob = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
    rows: dict[str, list[tuple[Any, ...]]] = {
        "made_portals": list(enumerate(making.portals)),
        "made_badges": list(enumerate(making.badges)),
        "made_moments": list(enumerate(making.moments_ms)),
        "made_bodies": list(_bodies(making)),
    }
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    for name, columns in _TABLES.items():
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} ({columns.format(blob=blob)})")
        marks = ", ".join([mark] * len(rows[name][0]))
        connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", rows[name])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ANALYZE {name}")
    connection.commit()


def _values(making: Making, low: int, high: int) -> Mapping[str, object]:
    return {
        "low": low, "high": high, "per_day": len(making.moments_ms), "begin": making.begin_utc_ms,
        "gateways": len(making.portals), "badges": len(making.badges), "chain": bytes(32),
    }  # fmt: skip


def _run(connection: sa.Connection, statement: str, values: Mapping[str, object]) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    connection.execute(sa.text(statement), values)
    connection.commit()


def _settle(store: Store) -> None:
    if store.is_sqlite:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        return
    shown = store.engine.url.render_as_string(hide_password=False)
    place = shown.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("VACUUM ANALYZE")


def _bodies(making: Making) -> Iterator[tuple[object, ...]]:
    """Yields what records say: place, kind, outcome, reason, whether by a badge, and the body."""
    badge = making.badges[0]
    shared = [
        (_GRANTED, RecordKind.SCAN, Outcome.GRANT, "granted", badge),
        (_ENTERED, RecordKind.PASSAGE, None, "entered", None),
        (_EVENT, RecordKind.EVENT, None, "door_found_open", None),
        *(
            (
                _FIRST_REFUSAL - place,
                RecordKind.SCAN,
                Outcome.DENY,
                reason,
                None if not place else badge,
            )
            for place, reason in enumerate(REFUSALS)
        ),
    ]
    for place, kind, outcome, reason, with_badge in shared:
        body = _body(making, kind, outcome, reason, with_badge)
        yield (
            place, int(kind), None if outcome is None else int(outcome), reason,
            int(with_badge is not None), body,
        )  # fmt: skip
    for number in _annulling(making.number):
        body = _body(making, RecordKind.PASSAGE, None, "no_entry", None, about=number)
        yield number, int(RecordKind.PASSAGE), None, "no_entry", 0, body


def _annulling(number: int) -> Iterator[int]:
    """Yields the numbers of the records that annul the one before them."""
    for count, place in zip(itertools.count(), range(1, number, 2), strict=False):
        mixed = (count * _MIX) & _MASK
        is_other = (mixed >> 11) % _REFUSED_EVERY == 0 or place % _EVENT_EVERY == _EVENT_EVERY - 1
        if (mixed >> 5) % _ANNULLED_EVERY == 0 and not is_other:
            yield place


def _body(
    making: Making,
    kind: RecordKind,
    outcome: Outcome | None,
    reason: str,
    badge: bytes | None,
    *,
    about: int | None = None,
) -> bytes:
    is_scan = kind is RecordKind.SCAN
    return Record(
        kind=kind,
        utc_ms=making.begin_utc_ms,
        mono_ms=7_654_321,
        boot_id=bytes(8),
        clock_trust=2,
        portal=making.portals[0],
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
