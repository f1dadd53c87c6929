"""A database of an older program is brought on with what is in it."""

import sqlalchemy as sa
from alembic import command

from doorward_controller.store import upgrade as upgrading
from doorward_controller.store.record_partitions import parts
from doorward_controller.store.schema import SCHEMA_VERSION, gateways, records
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import check_schema, upgrade

_GATEWAY = (
    "INSERT INTO gateways (site, name, state, record_key, certificate_sha256, enrolled_at_utc_s,"
    " boot_id, session, applied_bundle, applied_status, applied_keyring, applied_config,"
    " birth_json, health_json) VALUES ('main', 'gate-1', 'enrolled', :key, '', 1, '', 0, 4, 0, 0,"
    " 0, '{}', '{}')"
)


def begin_with_the_first_tables(store: Store) -> None:
    with store.write() as connection:
        for table in sa.inspect(connection).get_table_names():
            cascade = "" if store.is_sqlite else " CASCADE"
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {table}{cascade}"))
        command.upgrade(upgrading._alembic(connection), "0001")
        connection.execute(sa.text("INSERT INTO sites VALUES ('main', 1)"))
        connection.execute(sa.text(_GATEWAY), {"key": bytes(32)})
        connection.execute(sa.text("INSERT INTO schema_state VALUES (1, 1, 1)"))


_RECORD = (
    "INSERT INTO records (gateway_id, epoch, seq, received_at_utc_ms, at_utc_ms, kind, outcome,"
    " reason, portal, credential_id, body, chain)"
    " VALUES (1, 1, :seq, :at, :at, 1, 1, 'granted', 'north', NULL, :body, :body)"
)
_SEPTEMBER = 1_790_000_000_000
_DAY_MS = 86_400_000


def test_gateways_of_the_first_tables_stay_and_have_reported_nothing(database_url: str) -> None:
    store = Store(database_url)
    begin_with_the_first_tables(store)
    upgrade(store)
    check_schema(store)
    with store.read() as connection:
        row = connection.execute(sa.select(gateways)).one()
        version = connection.execute(sa.text("SELECT version FROM schema_state")).scalar_one()
    assert (row.name, row.applied_bundle, row.reported_json) == ("gate-1", 4, "{}")
    assert version == SCHEMA_VERSION
    store.close()


def test_records_of_the_first_tables_stay_with_their_numbers(database_url: str) -> None:
    store = Store(database_url)
    begin_with_the_first_tables(store)
    # As of a clock that had stopped, in order, and of a clock far ahead.
    times = [5, *(_SEPTEMBER - days * _DAY_MS for days in (100, 60, 30, 0)), 4_000_000_000_000]
    with store.write() as connection:
        for seq, at in enumerate(times, 1):
            connection.execute(sa.text(_RECORD), {"seq": seq, "at": at, "body": bytes([seq])})
    upgrade(store)
    with store.write() as connection:
        connection.execute(sa.text(_RECORD), {"seq": 7, "at": _SEPTEMBER, "body": b"7"})
    with store.read() as connection:
        rows = connection.execute(sa.select(records).order_by(records.c.id)).all()
        months = () if store.is_sqlite else parts(connection)
    assert [(row.id, row.seq) for row in rows] == [(n, n) for n in range(1, 8)]
    assert [(row.at_utc_ms, bytes(row.body)) for row in rows[:-1]] == [
        (at, bytes([seq])) for seq, at in enumerate(times, 1)
    ]
    if months:
        made = [part.name for part in months]
        assert made[:3] == ["records_past", "records_m2026_06", "records_m2026_07"]
        assert made[-1] == "records_future"
    store.close()
