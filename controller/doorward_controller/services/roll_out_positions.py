"""Where a roll-out stands, between its tables and the rules of `domain.roll_out`."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.roll_out import Member, Position
from doorward_controller.store import roll_outs
from doorward_controller.store.roll_outs import StoredMember, StoredRollOut


def read(found: StoredRollOut, stored: Sequence[StoredMember]) -> Position:
    """Returns where it stands."""
    members = (
        Member(
            gateway=each.gateway,
            wave=each.wave,
            state=each.state,
            changed_at_utc_s=each.changed_at_utc_s,
        )
        for each in stored
    )
    return Position(state=found.state, members=tuple(members))


def write(
    connection: sa.Connection,
    roll_out_id: int,
    stored: Sequence[StoredMember],
    at: Position,
    now: Instant,
    details: Mapping[str, str] | None = None,
) -> None:
    """Writes what has changed.

    Args:
        connection: within the transaction in which `stored` was read.
        roll_out_id: the roll-out.
        stored: its members as they stand in the tables.
        at: where they stand now.
        now: when.
        details: by gateway, what is to be said of it.
    """
    roll_outs.change(
        connection,
        roll_out_id,
        state=at.state.value,
        ending=at.ending.value if at.ending else "",
        changed_at_utc_ms=now.utc_ms,
    )
    for old, new in zip(stored, at.members, strict=True):
        if new.state is not old.state:
            roll_outs.change_member(
                connection,
                roll_out_id,
                old.gateway_id,
                state=new.state.value,
                detail=(details or {}).get(old.gateway, ""),
                changed_at_utc_s=new.changed_at_utc_s,
            )
