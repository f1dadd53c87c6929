"""Roll-outs and their members."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.ids import GatewayId
from doorward.outcomes import JobState
from doorward.software import SoftwareReport
from doorward_controller.domain.roll_out import MemberState, Plan, RollOutState
from doorward_controller.domain.roll_out_signs import Signs
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.rollout_tables import roll_out_members, roll_outs
from doorward_controller.store.schema import commands, configurations, gateways

OPEN = (RollOutState.RUNNING.value, RollOutState.PAUSED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRollOut:
    """A roll-out as its services need it."""

    id: int
    title: str
    order_json: str
    state: RollOutState
    plan: Plan
    started_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMember:
    """A member, and what is known of its gateway.

    Attributes:
        command_id: of the command that it was given last, or is about to be given; empty: none.
    """

    gateway_id: int
    gateway: GatewayId
    wave: int
    state: MemberState
    detail: str
    command_id: str
    changed_at_utc_s: int
    signs: Signs


def add(connection: sa.Connection, **values: object) -> int:
    """Inserts a roll-out; returns its number."""
    made = connection.execute(sa.insert(roll_outs).values(**values).returning(roll_outs.c.id))
    return int(made.scalar_one())


def add_members(connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts the members of a roll-out."""
    connection.execute(sa.insert(roll_out_members), [dict(row) for row in rows])


def find(
    connection: sa.Connection, roll_out_id: int, *, lock: bool = False
) -> StoredRollOut | None:
    """Returns a roll-out; with `lock` nobody else changes it within the transaction."""
    statement = sa.select(roll_outs).where(roll_outs.c.id == roll_out_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        return None
    return StoredRollOut(
        id=row.id,
        title=row.title,
        order_json=row.order_json,
        state=RollOutState(row.state),
        plan=Plan(
            success_percent=row.success_percent,
            failure_percent=row.failure_percent,
            rest_s=row.rest_s,
            deadline_utc_s=row.deadline_utc_s,
        ),
        started_by=row.started_by,
    )


def unsettled(connection: sa.Connection) -> tuple[int, ...]:
    """Returns the numbers of the roll-outs of which something is still expected, ascending."""
    asked = sa.select(roll_out_members.c.roll_out_id).where(
        roll_out_members.c.state == MemberState.ASKED.value
    )
    rows = connection.execute(
        sa.select(roll_outs.c.id)
        .where(sa.or_(roll_outs.c.state.in_(OPEN), roll_outs.c.id.in_(asked)))
        .order_by(roll_outs.c.id)
    )
    return tuple(int(row.id) for row in rows)


def members(connection: sa.Connection, roll_out_id: int) -> tuple[StoredMember, ...]:
    """Returns the members by wave and name, with what is known of each."""
    newest = (
        sa.select(sa.func.max(configurations.c.version))
        .where(configurations.c.gateway_id == roll_out_members.c.gateway_id)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            *(column for column in roll_out_members.c if column.name != "roll_out_id"),
            gateways.c.name.label("gateway"),
            gateways.c.online,
            gateways.c.state.label("gateway_state"),
            gateways.c.applied_config,
            gateways.c.reported_json,
            newest.label("newest"),
            commands.c.state.label("command_state"),
            commands.c.detail.label("command_detail"),
            commands.c.sent_at_utc_ms,
        )
        .join(gateways, gateways.c.id == roll_out_members.c.gateway_id)
        .outerjoin(commands, commands.c.id == roll_out_members.c.command_id)
        .where(roll_out_members.c.roll_out_id == roll_out_id)
        .order_by(roll_out_members.c.wave, gateways.c.name)
    )
    return tuple(_member(row._asdict()) for row in rows)


def change(connection: sa.Connection, roll_out_id: int, **values: object) -> None:
    """Sets columns of a roll-out."""
    connection.execute(sa.update(roll_outs).where(roll_outs.c.id == roll_out_id).values(**values))


def change_member(
    connection: sa.Connection, roll_out_id: int, gateway_id: int, **values: object
) -> None:
    """Sets columns of a member."""
    connection.execute(
        sa.update(roll_out_members)
        .where(
            roll_out_members.c.roll_out_id == roll_out_id,
            roll_out_members.c.gateway_id == gateway_id,
        )
        .values(**values)
    )


def claim_command(
    connection: sa.Connection, roll_out_id: int, member: StoredMember, command_id: str
) -> bool:
    """Notes which command a member is given next; says whether nobody else did meanwhile."""
    claimed = connection.execute(
        sa.update(roll_out_members)
        .where(
            roll_out_members.c.roll_out_id == roll_out_id,
            roll_out_members.c.gateway_id == member.gateway_id,
            roll_out_members.c.command_id == member.command_id,
            roll_out_members.c.state == MemberState.ASKED.value,
        )
        .values(command_id=command_id)
    )
    return claimed.rowcount == 1


def software_of(said: Mapping[str, Any]) -> SoftwareReport | None:
    """Returns how a gateway said that its software stands, None where it did not."""
    return None if said.get("software") is None else SoftwareReport.from_plain(said["software"])


def _member(row: Mapping[str, Any]) -> StoredMember:
    said = json.loads(row["reported_json"])
    rejected = {
        each["version"]: each["error"]
        for each in said.get("rejected", ())
        if each["what"] == "config"
    }
    return StoredMember(
        gateway_id=row["gateway_id"],
        gateway=row["gateway"],
        wave=row["wave"],
        state=MemberState(row["state"]),
        detail=row["detail"],
        command_id=row["command_id"],
        changed_at_utc_s=row["changed_at_utc_s"],
        signs=Signs(
            online=bool(row["online"]),
            is_enrolled=row["gateway_state"] == GatewayState.ENROLLED.value,
            command=JobState(row["command_state"]) if row["command_state"] else None,
            command_detail=row["command_detail"] or "",
            was_sent=row["sent_at_utc_ms"] is not None,
            version=row["config_version"],
            newest=row["newest"] or 0,
            in_force=row["applied_config"],
            taken=said.get("taken", 0),
            rejected=rejected,
            command_id=row["command_id"],
            software=software_of(said),
        ),
    )
