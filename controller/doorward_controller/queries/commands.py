"""Commands as people follow them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.commands import CommandName
from doorward.outcomes import TERMINAL, JobState
from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store.schema import (
    command_attachments,
    commands,
    gateways,
    stored_ranges,
)
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One thing that a self-test tried."""

    what: str
    is_good: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """One command.

    Attributes:
        sent_at_utc_ms: None while it waits for its gateway.
        is_over: nothing more is expected; only a time-out may still give way to the gateway's word.
        attachment: what it brought back, `log` or `picture`; None for nothing.
    """

    id: str
    gateway: str
    name: str
    arguments: Mapping[str, str | int | None]
    state: JobState
    detail: str
    findings: tuple[FindingRow, ...]
    asked_by: str
    asked_at_utc_ms: int
    sent_at_utc_ms: int | None
    expires_at_utc_s: int
    changed_at_utc_ms: int
    is_over: bool
    attachment: str | None
    attachment_is_personal: bool


def newest(store: Store, gateway: str, limit: int) -> tuple[CommandRow, ...]:
    """Returns the commands to a gateway, newest first."""
    return page(store, gateway, limit=limit).items


def page(
    store: Store, gateway: str, *, cursor: str | None = None, limit: int = 50
) -> Page[CommandRow]:
    """Returns a page of the commands to a gateway, newest first. Raises InvalidError."""
    statement = _select().where(gateways.c.name == gateway)
    columns = (commands.c.asked_at_utc_ms, commands.c.id)
    wanted = newest_first(statement, columns, like=(0, ""), cursor=cursor, limit=limit)
    with store.read() as connection:
        rows = [_row(row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.asked_at_utc_ms, row.id), limit)


def forgiving(store: Store, credential_id: str, limit: int) -> tuple[CommandRow, ...]:
    """Returns the commands that forgave the holder by this credential, newest first."""
    named = f'{{"credential": "{credential_id}",'
    of_it = commands.c.arguments_json.startswith(named, autoescape=True)
    return _load(store, sa.and_(commands.c.name == CommandName.FORGIVE.value, of_it), limit)


def command(store: Store, command_id: str) -> CommandRow | None:
    """Returns one command."""
    rows = _load(store, commands.c.id == command_id, 1)
    return rows[0] if rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """A journal of a gateway: its epoch in hex, and the highest number of it that we hold."""

    epoch: str
    last_seq: int


def epochs(store: Store, gateway: str) -> tuple[EpochRow, ...]:
    """Returns the journals of a gateway of which we hold records, the one it writes now first."""
    last = sa.func.max(stored_ranges.c.last_seq).label("last_seq")
    statement = (
        sa.select(stored_ranges.c.epoch, gateways.c.birth_json, last)
        .join(gateways, gateways.c.id == stored_ranges.c.gateway_id)
        .where(gateways.c.name == gateway)
        .group_by(stored_ranges.c.epoch, gateways.c.birth_json)
        .order_by(stored_ranges.c.epoch)
    )
    with store.read() as connection:
        rows = connection.execute(statement).all()
    rows = sorted(rows, key=lambda row: _current_epoch(row.birth_json) != row.epoch)
    return tuple(EpochRow(epoch=f"{row.epoch:012x}", last_seq=row.last_seq) for row in rows)


def _current_epoch(birth_json: str) -> int | None:
    epoch: int | None = json.loads(birth_json).get("journal", {}).get("epoch")
    return epoch


def _load(store: Store, where: sa.ColumnElement[bool], limit: int) -> tuple[CommandRow, ...]:
    statement = (
        _select()
        .where(where)
        .order_by(commands.c.asked_at_utc_ms.desc(), commands.c.id.desc())
        .limit(limit)
    )
    with store.read() as connection:
        return tuple(_row(row._asdict()) for row in connection.execute(statement))


def _select() -> sa.Select[Any]:
    return (
        sa.select(
            *(column for column in commands.c if column.name not in {"wire", "gateway_id", "seq"}),
            gateways.c.name.label("gateway"),
            command_attachments.c.kind.label("attachment"),
            command_attachments.c.is_personal,
        )
        .join(gateways, gateways.c.id == commands.c.gateway_id)
        .outerjoin(command_attachments, command_attachments.c.command_id == commands.c.id)
    )


def _row(values: dict[str, object]) -> CommandRow:
    state = JobState(str(values["state"]))
    findings = json.loads(str(values.pop("findings_json")))
    arguments = json.loads(str(values.pop("arguments_json")))
    personal = bool(values.pop("is_personal"))
    return CommandRow(**{
        **values,
        "state": state,
        "arguments": arguments,
        "findings": tuple(FindingRow(what=w, is_good=g, detail=d) for w, g, d in findings),
        "is_over": state in TERMINAL,
        "attachment_is_personal": personal,
    })  # fmt: skip
