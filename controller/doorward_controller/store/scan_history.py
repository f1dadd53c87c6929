"""Scans of a span of time and the codes that they showed, to be decided again."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.records import RecordKind
from doorward_controller.store.schema import credentials, records

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PastScan:
    """What was decided then."""

    id: int
    at_utc_ms: int
    portal: str
    outcome: int | None
    reason: str
    credential_id: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """What is needed to show a code again."""

    id: bytes
    credential_class: CredentialClass
    form: Form
    status_index: int
    not_before: int
    expires: int
    key_id: int
    sticker_hash: bytes | None


def scans_between(
    connection: sa.Connection, from_utc_ms: int, to_utc_ms: int, limit: int
) -> Iterator[PastScan]:
    """Yields scans of a span, oldest first, at most `limit`."""
    table = records.c
    wanted = (
        sa.select(
            table.id,
            table.at_utc_ms,
            table.portal,
            table.outcome,
            table.reason,
            table.credential_id,
        )
        .where(
            table.kind == int(RecordKind.SCAN),
            table.at_utc_ms >= from_utc_ms,
            table.at_utc_ms < to_utc_ms,
        )
        .order_by(table.at_utc_ms, table.id)
        .limit(limit)
    )
    with connection.execute(wanted, execution_options={"yield_per": 2000}) as rows:
        for row in rows:
            yield PastScan(**row._asdict())


def codes(connection: sa.Connection, ids: Collection[bytes]) -> dict[bytes, ShownCode]:
    """Returns those of these codes that are known here."""
    columns = [credentials.c[name] for name in ShownCode.__dataclass_fields__]
    found: dict[bytes, ShownCode] = {}
    wanted = sorted(ids)
    for first in range(0, len(wanted), _CHUNK):
        piece = wanted[first : first + _CHUNK]
        for row in connection.execute(sa.select(*columns).where(credentials.c.id.in_(piece))):
            values = row._asdict()
            values["credential_class"] = CredentialClass(row.credential_class)
            found[bytes(row.id)] = ShownCode(**{**values, "form": Form(row.form)})
    return found


def classes(connection: sa.Connection, now_utc_s: int) -> dict[bytes, CredentialClass]:
    """Returns the class of every badge and pass that has not expired; labels have none."""
    rows = connection.execute(
        sa.select(credentials.c.id, credentials.c.credential_class).where(
            credentials.c.expires > now_utc_s, credentials.c.sticker_hash.is_(None)
        )
    )
    return {bytes(row.id): CredentialClass(row.credential_class) for row in rows}


def not_valid(connection: sa.Connection) -> frozenset[bytes]:
    """Returns the codes that are revoked or suspended."""
    rows = connection.execute(sa.select(credentials.c.id).where(credentials.c.status != 0))
    return frozenset(bytes(row.id) for row in rows)
