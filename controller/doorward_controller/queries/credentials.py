"""Issued credentials as lists show them. Names of holders are not here: reading them is an act."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.errors import BadIdError
from doorward.ids import parse_credential_id
from doorward.status import Status
from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.errors import InvalidError
from doorward_controller.queries.paging import Page
from doorward_controller.store.schema import credentials
from doorward_controller.store.session import Store

_STATES = {status.name.lower(): status for status in Status}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFilter:
    """Which credentials; None means any.

    Attributes:
        id_prefix: the first hex digits of the id.
    """

    holder_id: str | None = None
    state: str | None = None
    form: str | None = None
    id_prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    """One credential.

    Attributes:
        state: "valid", "revoked" or "suspended"; whether it has expired follows from `expires`.
        status_seq: number of the status list that tells the gates of the last change; 0 for none.
    """

    credential_id: str
    holder_id: str | None
    credential_class: CredentialClass
    form: Form
    state: str
    status_index: int
    not_before: int
    expires: int
    issued_at_utc_s: int
    issued_by: str
    purpose: str
    groups: tuple[str, ...]
    changed_reason: str
    changed_by: str
    changed_at_utc_s: int | None
    status_seq: int


def page(
    store: Store, wanted: CredentialFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[CredentialRow]:
    """Returns credentials, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    table = credentials.c
    statement = sa.select(credentials).where(*_conditions(wanted))
    if cursor is not None:
        statement = statement.where(table.status_index < numbers_of(cursor, 1)[0])
    # The status index counts up with each issued credential, so it is the order of issue.
    ordered = statement.order_by(table.status_index.desc()).limit(size + 1)
    with store.read() as connection:
        rows = connection.execute(ordered).all()
    items = tuple(_row(row._asdict()) for row in rows[:size])
    more = to_cursor(items[-1].status_index) if len(rows) > size else None
    return Page(items=items, next_cursor=more)


def credential(store: Store, credential_id: str) -> CredentialRow | None:
    """Returns one credential. Raises InvalidError for what is no id."""
    try:
        id_ = parse_credential_id(credential_id)
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_credential_id") from err
    with store.read() as connection:
        row = connection.execute(
            sa.select(credentials).where(credentials.c.id == id_)
        ).one_or_none()
    return None if row is None else _row(row._asdict())


def holders_of(store: Store, credential_ids: Collection[str]) -> dict[str, str]:
    """Returns for whom credentials stand, for those that stand for somebody."""
    wanted = [bytes.fromhex(text) for text in set(credential_ids)]
    statement = sa.select(credentials.c.id, credentials.c.holder_id).where(
        credentials.c.id.in_(wanted), credentials.c.holder_id.is_not(None)
    )
    with store.read() as connection:
        return {row.id.hex(): row.holder_id for row in connection.execute(statement)}


def _conditions(wanted: CredentialFilter) -> list[sa.ColumnElement[bool]]:
    table = credentials.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.holder_id is not None:
        found.append(table.holder_id == wanted.holder_id)
    if wanted.form is not None:
        found.append(table.form == wanted.form)
    if wanted.state is not None:
        if wanted.state not in _STATES:
            raise InvalidError(
                f"state is {wanted.state[:40]!r}, must be one of {', '.join(_STATES)}"
            )
        found.append(table.status == int(_STATES[wanted.state]))
    if wanted.id_prefix:
        low, high = _span(wanted.id_prefix)
        found += [table.id >= low, table.id <= high]
    return found


def _span(prefix: str) -> tuple[bytes, bytes]:
    """All ids that begin with these digits lie between two ids."""
    digits = prefix.strip().lower()
    try:
        low = bytes.fromhex(digits.ljust(16, "0"))
        high = bytes.fromhex(digits.ljust(16, "f"))
    except ValueError:
        raise InvalidError(f"{prefix[:40]!r} is not the beginning of a credential id") from None
    return low[:8], high[:8]


def _row(values: Mapping[str, Any]) -> CredentialRow:
    return CredentialRow(
        credential_id=values["id"].hex(),
        holder_id=values["holder_id"],
        credential_class=CredentialClass(values["credential_class"]),
        form=Form(values["form"]),
        state=Status(values["status"]).name.lower(),
        status_index=values["status_index"],
        not_before=values["not_before"],
        expires=values["expires"],
        issued_at_utc_s=values["issued_at_utc_s"],
        issued_by=values["issued_by"],
        purpose=values["purpose"],
        groups=tuple(json.loads(values["groups_json"])),
        changed_reason=values["changed_reason"],
        changed_by=values["changed_by"],
        changed_at_utc_s=values["changed_at_utc_s"],
        status_seq=values["changed_seq"],
    )
