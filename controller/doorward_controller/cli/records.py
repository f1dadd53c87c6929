"""`doorward-controller records`: searched, and written to a file.

Records are no matter of whoever runs the system: an account's token stands in DOORWARD_TOKEN.
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from doorward_controller.cli.speaking import (
    AsJson,
    actor_of,
    backend_of,
    in_columns,
    progress,
    say,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConfigError
from doorward_controller.exports import records as exports
from doorward_controller.exports.records import ExportRequest
from doorward_controller.queries import record_feed
from doorward_controller.queries.record_filter import RecordFilter
from doorward_controller.services import rules
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend

records_app = typer.Typer(no_args_is_help=True, help="Records of gateways.")

Gateway = Annotated[str, typer.Option(help="Only of this gateway.")]
Portal = Annotated[str, typer.Option(help="Only at this portal.")]
Badge = Annotated[str, typer.Option(help="Only of this badge, 16 hex digits.")]
Outcome = Annotated[str, typer.Option(help="grant or deny.")]
Reason = Annotated[str, typer.Option(help="Only with this reason code.")]
Begin = Annotated[datetime | None, typer.Option("--from", help="Site's time; included.")]
End = Annotated[datetime | None, typer.Option("--until", help="Site's time; not included.")]


@records_app.command("search")
def search(
    ctx: typer.Context,
    gateway: Gateway = "",
    portal: Portal = "",
    badge: Badge = "",
    outcome: Outcome = "",
    reason: Reason = "",
    begin: Begin = None,
    end: End = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    cursor: Annotated[str, typer.Option(help="next_cursor of the answer before.")] = "",
    json_: AsJson = False,
) -> None:
    """List records, the newest first; nobody's name is among them."""
    backend = backend_of(ctx)
    check_read(backend, actor_of(backend), Action.READ_RECORDS)
    zone = ZoneInfo(rules.current(backend).time_zone)
    wanted = _filter(gateway, portal, badge, outcome, reason, (begin, end), zone)
    page = record_feed.page(backend.store, wanted, cursor=cursor or None, limit=limit)
    lines = [
        (f"{datetime.fromtimestamp(row.at_utc_ms / 1000, zone):%Y-%m-%d %H:%M:%S}",
         row.outcome or row.kind, row.reason, row.gateway, row.portal, row.credential_id or "-")
        for row in page.items
    ]  # fmt: skip
    said = {"records": [asdict(row) for row in page.items], "next_cursor": page.next_cursor}
    say(json_, said, in_columns(lines, "no record fits"))


@records_app.command("export")
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="A new file that ends with .csv or .xlsx.")],
    purpose: Annotated[str, typer.Option(help="What it is for; stands in the audit log.")],
    gateway: Gateway = "",
    portal: Portal = "",
    badge: Badge = "",
    outcome: Outcome = "",
    reason: Reason = "",
    begin: Begin = None,
    end: End = None,
    json_: AsJson = False,
) -> None:
    """Write what fits to a file; with names where the role may read them."""
    backend = backend_of(ctx)
    zone = ZoneInfo(rules.current(backend).time_zone)
    wanted = _filter(gateway, portal, badge, outcome, reason, (begin, end), zone)
    said = {
        key: value
        for key, value in (("gateway", gateway), ("portal", portal), ("badge", badge),
                           ("outcome", outcome), ("reason", reason))
        if value
    }  # fmt: skip
    asked = ExportRequest(
        wanted=wanted, said=said, form=out.suffix.removeprefix("."), purpose=purpose
    )
    size = _write(backend, asked, zone, out)
    say(json_, {"file": str(out), "bytes": size}, f"{out}: {size} bytes")


def _write(backend: Backend, asked: ExportRequest, zone: ZoneInfo, out: Path) -> int:
    size = 0
    exported = exports.export(backend, actor_of(backend), asked, zone)
    try:
        with out.open("xb") as file, progress("bytes") as tell:
            for chunk in exported.chunks:
                size += file.write(chunk)
                tell(size, None)
    except OSError as err:
        raise ConfigError(f"{out}: cannot be written: {err.strerror}") from err
    return size


def _filter(
    gateway: str,
    portal: str,
    badge: str,
    outcome: str,
    reason: str,
    span: tuple[datetime | None, datetime | None],
    zone: ZoneInfo,
) -> RecordFilter:
    begin, end = (None if at is None else _utc_ms(at, zone) for at in span)
    return RecordFilter(
        gateway=gateway or None,
        portal=portal or None,
        credential_id=badge or None,
        outcome=outcome or None,
        reason=reason or None,
        from_utc_ms=begin,
        to_utc_ms=end,
    )


def _utc_ms(at: datetime, zone: ZoneInfo) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
