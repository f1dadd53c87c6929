"""Guards and technicians, as a screen shows them: without their PINs' hashes."""

from pydantic import BaseModel

from doorward.staff import Ability
from doorward_controller.store import staff
from doorward_controller.store.session import Store


class StaffRow(BaseModel):
    """One who may sign in at the gateways."""

    id: str
    abilities: list[str]
    not_after: int
    added_by: str
    added_at_utc_s: int


def newest(store: Store, site: str) -> tuple[int, tuple[StaffRow, ...]]:
    """Returns the version of the newest list, and who is on it."""
    with store.read() as connection:
        version, _ = staff.newest_list(connection, site)
        found = staff.members(connection, site)
    return version, tuple(
        StaffRow(
            id=each.id,
            abilities=[a.name.lower() for a in Ability if a in Ability(each.abilities) and a.name],
            not_after=each.not_after,
            added_by=each.added_by,
            added_at_utc_s=each.added_at_utc_s,
        )
        for each in found
        if each.removed_at_utc_s is None
    )
