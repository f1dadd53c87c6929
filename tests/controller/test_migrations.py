"""A database of an older program is brought on with what is in it."""

import sqlalchemy as sa
from alembic import command

from doorward_controller.store import upgrade as upgrading
from doorward_controller.store.schema import SCHEMA_VERSION, gateways
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
            connection.execute(sa.text(f"DROP TABLE {table}{cascade}"))
        command.upgrade(upgrading._alembic(connection), "0001")
        connection.execute(sa.text("INSERT INTO sites VALUES ('main', 1)"))
        connection.execute(sa.text(_GATEWAY), {"key": bytes(32)})
        connection.execute(sa.text("INSERT INTO schema_state VALUES (1, 1, 1)"))


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
