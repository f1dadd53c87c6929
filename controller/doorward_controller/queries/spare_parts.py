"""Spare parts as a screen shows them."""

import sqlalchemy as sa

from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store import parts
from doorward_controller.store.maintenance_tables import part_moves
from doorward_controller.store.parts import StoredMove, StoredPart
from doorward_controller.store.session import Store


def every(store: Store, site: str) -> tuple[StoredPart, ...]:
    """Returns the parts of a site, those that run short first."""
    with store.read() as connection:
        found = parts.every(connection, site)
    return tuple(sorted(found, key=lambda part: (not is_low(part), part.number)))


def one(store: Store, site: str, part_id: int) -> StoredPart | None:
    """Returns one part."""
    with store.read() as connection:
        return parts.find(connection, site, part_id)


def moves(store: Store, site: str, part_id: int) -> tuple[StoredMove, ...] | None:
    """Returns a part's newest movements, None for a part that is none."""
    with store.read() as connection:
        if parts.find(connection, site, part_id) is None:
            return None
        return parts.moves_of_part(connection, part_id)


def moves_page(
    store: Store, site: str, part_id: int, *, cursor: str | None = None, limit: int = 50
) -> Page[StoredMove] | None:
    """Returns a page of a part's movements, newest first; None for a part that is none.

    Raises InvalidError.
    """
    columns = (part_moves.c[name] for name in StoredMove.__dataclass_fields__)
    statement = sa.select(part_moves.c.id, *columns).where(part_moves.c.part_id == part_id)
    wanted = newest_first(statement, (part_moves.c.id,), like=(0,), cursor=cursor, limit=limit)
    with store.read() as connection:
        if parts.find(connection, site, part_id) is None:
            return None
        found = [row._asdict() for row in connection.execute(wanted)]
    page = page_of([(row.pop("id"), StoredMove(**row)) for row in found], lambda r: (r[0],), limit)
    return Page(items=tuple(move for _, move in page.items), next_cursor=page.next_cursor)


def is_low(part: StoredPart) -> bool:
    """Says whether a part is to be bought."""
    return part.stock <= part.low_stock
