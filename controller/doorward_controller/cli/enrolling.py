"""`doorward-controller enrol`: claims for new gateways, compared and confirmed."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from doorward_controller.cli.speaking import AsJson, actor_of, backend_of, in_columns, say
from doorward_controller.domain.enrolment_claims import EnrolmentClaim
from doorward_controller.queries import enrolments
from doorward_controller.services import claims
from doorward_controller.services.codes import DrawFormat, draw
from doorward_controller.services.enrolment import NewPortal

enrol_app = typer.Typer(no_args_is_help=True, help="Claims by which gateways get certificates.")


@enrol_app.command("claim")
def claim(
    ctx: typer.Context,
    gateway: str,
    portal: Annotated[
        list[str] | None, typer.Option(help="PORTAL:ZONE of a new gateway; repeatable.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The gateway exists and gets new keys.")
    ] = False,
    qr: Annotated[Path | None, typer.Option(help="Write the QR code here, as a PNG.")] = None,
    json_: AsJson = False,
) -> None:
    """Let one gateway ask for its certificate, once and within minutes. Shown this once."""
    try:
        portals = [
            NewPortal(portal=name, zone=zone)
            for name, zone in (each.split(":") for each in portal or ())
        ]
    except ValueError as err:
        raise typer.BadParameter(f"portals must be PORTAL:ZONE ({err})") from err
    backend = backend_of(ctx)
    made = claims.make_claim(
        backend, actor_of(backend), gateway=gateway, portals=portals, is_replacement=replace
    )
    text = made.claim.to_text()
    if qr is not None:
        qr.write_bytes(draw(text, DrawFormat.PNG))
    said = {
        "claim": made.id,
        "text": text,
        "typed": made.claim.to_typed(),
        "ask_by_utc_s": made.ask_by_utc_s,
    }
    say(json_, said, f"on the gateway, within minutes:\n\n  doorward-edge enrol --claim {text}\n")


@enrol_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """List the newest claims and how far each is."""
    backend = backend_of(ctx)
    now_s = backend.clock.now().utc_s
    found = enrolments.page(backend.store).items
    lines = [
        (each.id, each.gateway, each.state_at(now_s).value, each.code, each.asked_from)
        for each in found
    ]
    said = [_plain(each, now_s) for each in found]
    say(json_, {"claims": said}, in_columns(lines, "there are no claims"))


@enrol_app.command("confirm")
def confirm(ctx: typer.Context, claim_id: str, code: str, json_: AsJson = False) -> None:
    """Have the certificate signed, after comparing the code with the gateway's own."""
    backend = backend_of(ctx)
    gateway = claims.confirm_claim(backend, actor_of(backend), claim_id, code=code)
    say(json_, {"gateway": gateway}, f"gateway {gateway} is enrolled")


@enrol_app.command("refuse")
def refuse(ctx: typer.Context, claim_id: str, json_: AsJson = False) -> None:
    """Refuse the gateway that asked."""
    backend = backend_of(ctx)
    claims.refuse_claim(backend, actor_of(backend), claim_id)
    say(json_, {"claim": claim_id}, "refused")


@enrol_app.command("withdraw")
def withdraw(ctx: typer.Context, claim_id: str, json_: AsJson = False) -> None:
    """Take a claim back that nobody has asked with."""
    backend = backend_of(ctx)
    claims.withdraw_claim(backend, actor_of(backend), claim_id)
    say(json_, {"claim": claim_id}, "withdrawn")


@enrol_app.command("certificates")
def certificates(ctx: typer.Context, gateway: str, json_: AsJson = False) -> None:
    """List a gateway's certificates, newest first."""
    backend = backend_of(ctx)
    now_s = backend.clock.now().utc_s
    found = enrolments.certificates_of(backend.store, backend.config.site, gateway)
    lines = [(each.serial, each.state_at(now_s).value, each.confirmed_by) for each in found]
    said = [
        {
            "serial": each.serial,
            "state": each.state_at(now_s).value,
            "sha256": each.sha256,
            "not_after_utc_s": each.not_after_utc_s,
            "used_at_utc_ms": each.used_at_utc_ms,
            "listed_at_utc_ms": each.listed_at_utc_ms,
            "confirmed_by": each.confirmed_by,
        }
        for each in found
    ]
    say(json_, {"certificates": said}, in_columns(lines, "it got its files by other ways"))


def _plain(each: EnrolmentClaim, now_s: int) -> dict[str, Any]:
    fields = asdict(each)
    for secret in ("secret_key", "csr", "record_key", "kept_state"):
        del fields[secret]
    return fields | {"state": each.state_at(now_s).value}
