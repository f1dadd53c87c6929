"""The read-only addresses of wall screens; only a hash of each is kept."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.device_tables import wall_screens


@dataclass(frozen=True, slots=True, kw_only=True)
class WallScreen:
    """A wall screen's address without the address."""

    id: int
    label: str
    made_by: str
    created_at_utc_s: int
    ends_at_utc_s: int
    revoked_at_utc_s: int | None
    seen_at_utc_s: int | None


_COLUMNS = tuple(wall_screens.c[name] for name in WallScreen.__dataclass_fields__)


def add(
    connection: sa.Connection,
    *,
    token_hash: bytes,
    label: str,
    made_by: str,
    created_at_utc_s: int,
    ends_at_utc_s: int,
) -> int:
    """Adds a screen; returns its number."""
    statement = sa.insert(wall_screens).values(
        token_hash=token_hash,
        label=label,
        made_by=made_by,
        created_at_utc_s=created_at_utc_s,
        ends_at_utc_s=ends_at_utc_s,
    )
    return int(connection.execute(statement.returning(wall_screens.c.id)).scalar_one())


def by_hash(connection: sa.Connection, token_hash: bytes) -> WallScreen | None:
    """Returns the screen whose address has this hash."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(wall_screens.c.token_hash == token_hash)
    ).one_or_none()
    return None if row is None else WallScreen(**row._asdict())


def find(connection: sa.Connection, screen_id: int) -> WallScreen | None:
    """Returns one screen."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(wall_screens.c.id == screen_id)
    ).one_or_none()
    return None if row is None else WallScreen(**row._asdict())


def all_screens(connection: sa.Connection) -> tuple[WallScreen, ...]:
    """Returns every screen, the newest first."""
    rows = connection.execute(sa.select(*_COLUMNS).order_by(wall_screens.c.id.desc()))
    return tuple(WallScreen(**row._asdict()) for row in rows)


def change(connection: sa.Connection, screen_id: int, **values: object) -> None:
    """Sets columns of a screen."""
    connection.execute(
        sa.update(wall_screens).where(wall_screens.c.id == screen_id).values(**values)
    )
