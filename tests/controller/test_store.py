"""The store: tables from migrations, versions that exclude each other, transactions, words."""

import socket
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from doorward_controller import wiring
from doorward_controller.errors import SchemaError, StoreError, StoreUnavailableError
from doorward_controller.services.backend import Backend
from doorward_controller.store.record_partitions import parts
from doorward_controller.store.schema import SCHEMA_VERSION, metadata, schema_state, sites
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import check_schema, upgrade
from tests.controller.conftest import make_config

_KEY = "uq_records_gateway_id_epoch_seq"


@pytest.fixture
def store(database_url: str) -> Store:
    made = Store(database_url)
    upgrade(made)
    return made


def test_migrations_make_exactly_the_tables_of_the_schema(store: Store) -> None:
    with store.read() as connection:
        # Months are made as time goes by, and their key is looked at in test_record_months.
        others = set() if store.is_sqlite else {part.name for part in parts(connection)} | {_KEY}
        opts = {
            "compare_type": False,
            "include_name": lambda name, *_: name not in others,
            "include_object": lambda _object, name, *_: name not in others,
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    store.close()


def test_upgrading_twice_changes_nothing(store: Store) -> None:
    upgrade(store)
    check_schema(store)
    store.close()


def test_two_programs_that_start_together_both_find_the_tables(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(3)]
    threads = [threading.Thread(target=upgrade, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in stores:
        check_schema(one)
        one.close()


def test_newer_database_that_excludes_us_is_refused(store: Store) -> None:
    with store.write() as connection:
        connection.execute(
            sa.update(schema_state).values(
                version=SCHEMA_VERSION + 2, compat_version=SCHEMA_VERSION + 1
            )
        )
    for act in (check_schema, upgrade):
        with pytest.raises(SchemaError, match="Install the newer program"):
            act(store)
    store.close()


def test_newer_database_that_still_knows_us_is_opened(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.update(schema_state).values(version=SCHEMA_VERSION + 2))
    check_schema(store)
    store.close()


def test_older_database_asks_for_a_migration(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.update(schema_state).values(version=SCHEMA_VERSION - 1))
    with pytest.raises(SchemaError, match="migrate"):
        check_schema(store)
    store.close()


def test_empty_database_asks_for_init(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(SchemaError, match="init"):
        check_schema(store)
    store.close()


def test_failed_transaction_leaves_nothing(store: Store) -> None:
    def fail_in_the_middle() -> None:
        with store.write() as connection:
            connection.execute(sa.insert(sites).values(name="half", created_at_utc_s=1))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    with store.read() as connection:
        assert connection.execute(sa.select(sites.c.name)).all() == []
    store.close()


def test_writers_wait_for_each_other(backend: Backend) -> None:
    def count_up() -> None:
        for _ in range(20):
            with backend.store.write() as connection:
                row = connection.execute(sa.select(sites.c.created_at_utc_s).with_for_update())
                connection.execute(sa.update(sites).values(created_at_utc_s=row.scalar_one() + 1))

    with backend.store.write() as connection:
        connection.execute(sa.update(sites).values(created_at_utc_s=0))
    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with backend.store.read() as connection:
        assert connection.execute(sa.select(sites.c.created_at_utc_s)).scalar_one() == 80


def test_sqlite_promises_that_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()


def test_database_that_is_away_is_told_in_plain_words(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = Store(f"postgresql+psycopg://nobody@127.0.0.1:{port}/none")
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        check_schema(store)
    store.close()
    missing = Store(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite3")
    with pytest.raises(StoreUnavailableError, match="unable to open"):
        check_schema(missing)
    missing.close()


def test_database_of_another_site_is_refused(backend: Backend, tmp_path: Path) -> None:
    other = make_config(tmp_path / "data", backend.config.database_url)
    other = other.model_copy(update={"site": "elsewhere"})
    with pytest.raises(StoreError, match="belongs to site main"):
        wiring.initialise(other)
