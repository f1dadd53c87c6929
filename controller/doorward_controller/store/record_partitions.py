"""The months of the records table on PostgreSQL. SQLite has one table, and nothing here to do.

    records_past | records_m2026_09 | records_m2026_10 | ... | records_future

The parts lie side by side without a gap, the first and the last without an end: a record has a
place whatever its clock said. There is no DEFAULT partition on purpose: with one, PostgreSQL no
longer knows that the parts are in order, and every "newest first" would look into all of them.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

PAST, FUTURE = "records_past", "records_future"
MONTHS_AHEAD = 3
"""So many whole months lie ready: whoever cannot make one has a quarter of a year to mend it."""

LOCK_WAIT_MS = 2_000
"""Nobody reads or writes records while the last part is cut off; and nobody waits longer for us."""

_BOUND = re.compile(r"FROM \((?P<low>MINVALUE|'?-?\d+'?)\) TO \((?P<high>MAXVALUE|'?-?\d+'?)\)")
_PARTS = """
SELECT part.relname AS name, pg_get_expr(part.relpartbound, part.oid) AS bound
FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
WHERE inhparent = 'records'::regclass
"""


class Part(NamedTuple):
    """One part of the table: from a time (included) to another (not); None has no end."""

    name: str
    from_utc_ms: int | None
    to_utc_ms: int | None


class Month(NamedTuple):
    """A month of UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, utc_ms: int) -> "Month":
        """Returns the month in which a time lies."""
        at = datetime.fromtimestamp(utc_ms / 1000, UTC)
        return cls(at.year, at.month)

    @property
    def name(self) -> str:
        """The name of its part."""
        return f"records_m{self.year:04d}_{self.number:02d}"

    @property
    def from_utc_ms(self) -> int:
        """Its first millisecond."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()) * 1000

    def later(self, months: int) -> "Month":
        """Returns the month so many months later."""
        count = self.year * 12 + self.number - 1 + months
        return Month(count // 12, count % 12 + 1)


def parts(connection: sa.Connection) -> tuple[Part, ...]:
    """Returns the parts, oldest first."""
    rows = connection.execute(sa.text(_PARTS))
    found = [_part(str(row.name), str(row.bound)) for row in rows]
    return tuple(sorted(found, key=lambda part: (part.from_utc_ms is not None, part.from_utc_ms)))


def months_ahead(connection: sa.Connection, now_utc_ms: int) -> int | None:
    """Returns how many whole months after this one have a part; None on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    ready, month = Month.of(_future(connection)), Month.of(now_utc_ms)
    return (ready.year - month.year) * 12 + ready.number - month.number - 1


def make_months(
    connection: sa.Connection, now_utc_ms: int, *, months_ahead: int = MONTHS_AHEAD
) -> tuple[str, ...]:
    """Cuts the months that are due off the part without an end; returns their names.

    What lies there of those months already goes along.

    Raises:
        sqlalchemy.exc.OperationalError: somebody reads or writes for longer than `LOCK_WAIT_MS`;
            nothing is changed, and whoever asks again later finds a quieter moment.
    """
    if connection.dialect.name != "postgresql":
        return ()
    begin = Month.of(_future(connection))
    end = Month.of(now_utc_ms).later(months_ahead + 1)
    if begin >= end:
        return ()
    run = connection.exec_driver_sql
    run(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
    run("LOCK TABLE records IN ACCESS EXCLUSIVE MODE")
    begin = Month.of(_future(connection))  # another process may have been first
    run(f"ALTER TABLE records DETACH PARTITION {FUTURE}")
    made = []
    while begin < end:
        add_part(connection, begin.name, str(begin.from_utc_ms), str(begin.later(1).from_utc_ms))
        made.append(begin.name)
        begin = begin.later(1)
    _move(connection, end.from_utc_ms)
    run(
        f"ALTER TABLE records ATTACH PARTITION {FUTURE}"
        f" FOR VALUES FROM ({end.from_utc_ms}) TO (MAXVALUE)"
    )
    return tuple(made)


def drop_oldest_month(connection: sa.Connection, month: Part) -> int:
    """Takes the oldest month away as a whole; returns how many records went.

    The part before it takes its place: a record that comes late has one, whatever its time.

    Raises:
        RuntimeError: it is not the oldest.
        sqlalchemy.exc.OperationalError: somebody reads or writes for longer than `LOCK_WAIT_MS`;
            nothing is changed.
    """
    run = connection.exec_driver_sql
    # What takes long comes before the lock: others store meanwhile.
    number = int(run(f"SELECT count(*) FROM {month.name}").scalar_one())  # noqa: S608  # a name of ours
    run(
        "DELETE FROM presence_annulled AS annulled USING"  # noqa: S608  # a name of ours
        f" {month.name} AS gone WHERE annulled.gateway_id = gone.gateway_id"
        " AND annulled.epoch = gone.epoch AND annulled.seq = gone.seq"
    )
    run(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
    run("LOCK TABLE records IN ACCESS EXCLUSIVE MODE")
    past, oldest, *_ = parts(connection)
    if oldest != month or past.to_utc_ms != month.from_utc_ms:
        raise RuntimeError(f"{month.name} is not the oldest month of table records: {oldest.name}")
    for name in (PAST, month.name):
        run(f"ALTER TABLE records DETACH PARTITION {name}")
    run(f"DROP TABLE {month.name}")
    run(
        f"ALTER TABLE records ATTACH PARTITION {PAST}"
        f" FOR VALUES FROM (MINVALUE) TO ({month.to_utc_ms})"
    )
    return number


def add_part(connection: sa.Connection, name: str, low: str, high: str) -> None:
    """Makes one part; the ends are numbers, MINVALUE or MAXVALUE."""
    connection.exec_driver_sql(
        f"CREATE TABLE {name} PARTITION OF records FOR VALUES FROM ({low}) TO ({high})"
    )


def _move(connection: sa.Connection, until_utc_ms: int) -> None:
    connection.exec_driver_sql(
        f"WITH gone AS (DELETE FROM {FUTURE} WHERE at_utc_ms < {until_utc_ms} RETURNING *)"  # noqa: S608  # a constant and a number
        " INSERT INTO records SELECT * FROM gone"
    )


def _future(connection: sa.Connection) -> int:
    """Returns where the part without an end begins."""
    found = [part.from_utc_ms for part in parts(connection) if part.name == FUTURE]
    if not found or found[0] is None:
        raise RuntimeError(f"table records has no part {FUTURE} with a beginning")
    return found[0]


def _part(name: str, bound: str) -> Part:
    match = _BOUND.search(bound)
    if match is None:
        raise RuntimeError(f"part {name} of table records has the bounds {bound!r}")
    low, high = (match[side].strip("'") for side in ("low", "high"))
    return Part(
        name=name,
        from_utc_ms=None if low == "MINVALUE" else int(low),
        to_utc_ms=None if high == "MAXVALUE" else int(high),
    )
