"""Released policies and whether something waits to be released."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store.schema import bundles, gateways, portals, rule_books
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One released bundle."""

    version: int
    released_at_utc_s: int
    released_by: str
    sha256: str
    credentials: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRow:
    """A portal and who serves it."""

    portal: str
    zone: str
    label: str
    gateway: str
    options_json: str


def releases(store: Store, limit: int = 50) -> tuple[ReleaseRow, ...]:
    """Returns the newest releases first."""
    return releases_page(store, limit=limit).items


def releases_page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[ReleaseRow]:
    """Returns a page of releases, the newest first. Raises InvalidError."""
    table = bundles.c
    statement = sa.select(
        table.version,
        table.released_at_utc_s,
        table.released_by,
        table.sha256,
        table.credentials,
        sa.func.length(table.wire).label("size_bytes"),
    )
    wanted = newest_first(statement, (table.version,), like=(0,), cursor=cursor, limit=limit)
    with store.read() as connection:
        rows = [ReleaseRow(**row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.version,), limit)


def has_unreleased_rules(store: Store) -> bool:
    """Whether the newest rule book says something else than that of the newest release."""
    newest = (
        sa.select(rule_books.c.body_json).order_by(rule_books.c.id.desc()).limit(1)
    ).scalar_subquery()
    released = (
        sa.select(rule_books.c.body_json)
        .join(bundles, bundles.c.rule_book_id == rule_books.c.id)
        .order_by(bundles.c.version.desc())
        .limit(1)
    ).scalar_subquery()
    with store.read() as connection:
        row = connection.execute(sa.select(newest, released)).one()
    return bool(row[0] != row[1])


def all_portals(store: Store) -> tuple[PortalRow, ...]:
    """Returns every portal, by name."""
    statement = (
        sa.select(
            portals.c.name.label("portal"),
            portals.c.zone,
            portals.c.label,
            gateways.c.name.label("gateway"),
            portals.c.options_json,
        )
        .join(gateways, gateways.c.id == portals.c.gateway_id)
        .order_by(portals.c.name)
    )
    with store.read() as connection:
        return tuple(PortalRow(**row._asdict()) for row in connection.execute(statement))
