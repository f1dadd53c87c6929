"""Spare parts as a screen shows them."""

from doorward_controller.store import parts
from doorward_controller.store.parts import StoredMove, StoredPart
from doorward_controller.store.session import Store


def every(store: Store, site: str) -> tuple[StoredPart, ...]:
    """Returns the parts of a site, those that run short first."""
    with store.read() as connection:
        found = parts.every(connection, site)
    return tuple(sorted(found, key=lambda part: (not is_low(part), part.number)))


def moves(store: Store, site: str, part_id: int) -> tuple[StoredMove, ...] | None:
    """Returns a part's newest movements, None for a part that is none."""
    with store.read() as connection:
        if parts.find(connection, site, part_id) is None:
            return None
        return parts.moves_of_part(connection, part_id)


def is_low(part: StoredPart) -> bool:
    """Says whether a part is to be bought."""
    return part.stock <= part.low_stock
