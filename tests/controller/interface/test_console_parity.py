"""Whatever the console does, a program can do: each form's act has its operation, or a reason."""

from fastapi.routing import iter_route_contexts

from doorward_controller.app import _api
from doorward_controller.console.app import build
from doorward_controller.services.backend import Backend
from tests.architecture.source import ROOT

BROWSER = "WebAuthn needs a browser: it speaks with the key itself"
DEMO = "plays with the simulated gateways of the demonstration, which is no part of a site"

OPERATIONS: dict[str, tuple[str, ...]] = {
    "/scans/find": ("GET /records", "POST /holders/find"),
    "/scans/export": ("POST /records/export",),
    "/inside/forgive": ("POST /zones/{zone}/forgive",),
    "/gateways/{gateway}/revoke": (
        "POST /gateways/{gateway}/revoke",
        "POST /proposals/gateway-revocation",
    ),
    "/enrolments": ("POST /enrolments",),
    "/enrolments/{claim_id}/confirm": ("POST /enrolments/{claim_id}/confirm",),
    "/enrolments/{claim_id}/refuse": ("POST /enrolments/{claim_id}/refuse",),
    "/enrolments/{claim_id}/withdraw": ("POST /enrolments/{claim_id}/withdraw",),
    "/gateways/{gateway}/commands": ("POST /gateways/{gateway}/commands",),
    "/gateways/{gateway}/commands/{command_id}/cancel": ("POST /commands/{command_id}/cancel",),
    "/gateways/{gateway}/configuration": ("PUT /gateways/{gateway}/configuration",),
    "/gateways/{gateway}/configuration/apply": ("POST /gateways/{gateway}/commands",),
    "/gateways/{gateway}/configuration/back": ("POST /gateways/{gateway}/configuration/back",),
    "/roll-outs/new": ("POST /roll-out-previews",),
    "/roll-outs": ("POST /roll-outs",),
    "/roll-outs/{number}/pause": ("POST /roll-outs/{roll_out_id}/pause",),
    "/roll-outs/{number}/resume": ("POST /roll-outs/{roll_out_id}/resume",),
    "/roll-outs/{number}/abort": ("POST /roll-outs/{roll_out_id}/abort",),
    "/staff": ("POST /staff",),
    "/staff/{member_id}/pin": ("POST /staff/{member_id}/pin",),
    "/staff/{member_id}/change": ("PATCH /staff/{member_id}",),
    "/staff/{member_id}/remove": ("DELETE /staff/{member_id}",),
    "/devices/adopt/{gateway}": ("POST /gateways/{gateway}/adopt",),
    "/gateways/{gateway}/components": ("POST /gateways/{gateway}/components",),
    "/gateways/{gateway}/components/{component_id}/replace": (
        "POST /components/{component_id}/replace",
    ),
    "/gateways/{gateway}/components/{component_id}/remove": (
        "POST /components/{component_id}/remove",
    ),
    "/alerts/{alert_id}/{move}": (
        "POST /alerts/{alert_id}/acknowledge",
        "POST /alerts/{alert_id}/assign",
        "POST /alerts/{alert_id}/silence",
        "POST /alerts/{alert_id}/resolve",
        "POST /alerts/{alert_id}/reopen",
        "POST /alerts/{alert_id}/notes",
    ),
    "/alert-rules/new": ("PUT /alert-rules/{code}",),
    "/alert-rules/{code}": ("PUT /alert-rules/{code}",),
    "/alert-rules/{code}/drop": ("DELETE /alert-rules/{code}",),
    "/alert-receivers": ("POST /alert-receivers",),
    "/alert-receivers/{receiver_id}": ("PUT /alert-receivers/{receiver_id}",),
    "/alert-receivers/{receiver_id}/test": ("POST /alert-receivers/{receiver_id}/test",),
    "/alert-receivers/{receiver_id}/remove": ("DELETE /alert-receivers/{receiver_id}",),
    "/walls": ("POST /wall-screens",),
    "/walls/{screen_id}/revoke": ("DELETE /wall-screens/{screen_id}",),
    "/webhooks": ("POST /webhooks",),
    "/webhooks/{webhook_id}": ("PUT /webhooks/{webhook_id}",),
    "/webhooks/{webhook_id}/test": ("POST /webhooks/{webhook_id}/test",),
    "/webhooks/{webhook_id}/switch": ("PUT /webhooks/{webhook_id}",),
    "/webhooks/{webhook_id}/secret": ("POST /webhooks/{webhook_id}/secret",),
    "/webhooks/{webhook_id}/resend": ("POST /webhooks/{webhook_id}/resend",),
    "/webhooks/{webhook_id}/remove": ("DELETE /webhooks/{webhook_id}",),
    "/badges/new": ("POST /holders", "POST /credentials"),
    "/badges/{credential_id}/link": ("POST /credentials",),
    "/badges/{credential_id}/revoke": ("POST /credentials/{credential_id}/revoke",),
    "/badges/{credential_id}/suspend": ("POST /credentials/{credential_id}/suspend",),
    "/badges/{credential_id}/restore": ("POST /credentials/{credential_id}/restore",),
    "/badges/{credential_id}/forgive": ("POST /credentials/{credential_id}/forgive",),
    "/policy/rules/grants/new": ("PUT /rules",),
    "/policy/rules/grants/{place}": ("PUT /rules",),
    "/policy/rules/grants/{place}/remove": ("PUT /rules",),
    "/policy/rules/{what}/new": ("PUT /rules",),
    "/policy/rules/{what}/one/{name}": ("PUT /rules",),
    "/policy/rules/{what}/one/{name}/remove": ("PUT /rules",),
    "/policy/rules/schedules/new": ("PUT /rules",),
    "/policy/rules/schedules/one/{name}": ("PUT /rules",),
    "/policy/rules/schedules/one/{name}/remove": ("PUT /rules",),
    "/policy/rules/calendar": ("PUT /rules",),
    "/policy/rules/site": ("PUT /rules",),
    "/policy/rules/portals/{portal}": ("PUT /rules",),
    "/policy/rules/portals/{portal}/enrolled": ("PUT /rules",),
    "/policy/rules/back": ("POST /rules/back",),
    "/policy/rules/grants/words": ("GET /policy/differences",),
    "/policy/rules/schedules/words": ("GET /policy/differences",),
    "/policy/rules/portals/{portal}/words": ("GET /policy/differences",),
    "/policy/release": ("POST /policy/release",),
    "/policy/propose": ("POST /proposals/policy-release",),
    "/keeping/times": ("PUT /keeping/times/{kind}",),
    "/keeping/holds": ("POST /keeping/holds", "POST /holders/find"),
    "/keeping/holds/{hold_id}/end": ("POST /keeping/holds/{hold_id}/end",),
    "/postures": ("POST /postures",),
    "/postures/{order_id}/end": ("POST /postures/{order_id}/end",),
    "/approvals/{proposal_id}/approve": ("POST /proposals/{proposal_id}/decision",),
    "/approvals/{proposal_id}/refuse": ("POST /proposals/{proposal_id}/decision",),
    "/approvals/{proposal_id}/withdraw": ("POST /proposals/{proposal_id}/withdraw",),
    "/revocations/preview": ("POST /revocations/preview",),
    "/revocations": ("POST /revocations", "POST /proposals/revocation"),
    "/keys/new": ("POST /keys",),
    "/keys/{key_id}/use": ("POST /keys/{key_id}/use",),
    "/keys/{key_id}/withdraw": (
        "POST /keys/{key_id}/withdrawal",
        "POST /proposals/key-withdrawal",
    ),
    "/audit/verify": ("GET /audit/verification",),
    "/maintenance/new": ("POST /maintenance/orders",),
    "/maintenance/from-alert/{alert_id}": ("POST /maintenance/orders/from-alert/{alert_id}",),
    "/maintenance/parts": ("POST /maintenance/parts", "PUT /maintenance/parts/{part_id}"),
    "/maintenance/parts/{part_id}/stock": ("POST /maintenance/parts/{part_id}/moves",),
    "/maintenance/plans/new": ("POST /maintenance/plans",),
    "/maintenance/plans/{plan_id}": ("PUT /maintenance/plans/{plan_id}",),
    "/maintenance/plans/{plan_id}/state": (
        "POST /maintenance/plans/{plan_id}/approve",
        "POST /maintenance/plans/{plan_id}/pause",
    ),
    "/maintenance/orders/{order_id}/move": ("POST /maintenance/orders/{order_id}/turns",),
    "/maintenance/orders/{order_id}/write-up": ("PUT /maintenance/orders/{order_id}/write-up",),
    "/maintenance/orders/{order_id}/checks/{position}": (
        "PUT /maintenance/orders/{order_id}/checks/{position}",
    ),
    "/maintenance/orders/{order_id}/photos": ("POST /maintenance/orders/{order_id}/photos",),
    "/maintenance/orders/{order_id}/parts": ("POST /maintenance/orders/{order_id}/parts",),
    "/maintenance/orders/{order_id}/downtime": (
        "POST /maintenance/downtimes",
        "POST /maintenance/downtimes/{downtime_id}/end",
    ),
    "/maintenance/orders/{order_id}/notes": ("POST /maintenance/orders/{order_id}/records",),
    "/sign-in": ("POST /session",),
    "/sign-in/second": ("POST /session",),
    "/confirm": ("POST /session/proof",),
    "/sign-out": ("DELETE /session",),
    "/account/sessions/end-others": ("DELETE /account/sessions",),
    "/account/sessions/{handle}/end": ("DELETE /account/sessions/{handle}",),
    "/account/password": ("PUT /account/password",),
    "/account/second-factor/totp": ("POST /account/totp",),
    "/account/second-factor/totp/confirm": ("POST /account/totp/confirm",),
    "/account/second-factor/totp/remove": ("DELETE /account/totp",),
    "/account/second-factor/recovery-codes": ("POST /account/recovery-codes",),
    "/account/second-factor/passkeys/{handle}/remove": ("DELETE /account/passkeys/{handle}",),
    "/account/tokens": ("POST /account/tokens",),
    "/account/tokens/{handle}/revoke": ("DELETE /account/tokens/{handle}",),
    "/accounts": ("POST /accounts",),
    "/accounts/{name}/role": ("PUT /accounts/{name}/role",),
    "/accounts/{name}/zones": ("PUT /accounts/{name}/zones",),
    "/accounts/{name}/{act}": (
        "POST /accounts/{name}/close",
        "POST /accounts/{name}/reopen",
        "POST /accounts/{name}/unlock",
        "POST /accounts/{name}/password",
        "DELETE /accounts/{name}/sessions",
        "DELETE /accounts/{name}/second-factor",
        "POST /accounts/{name}/outside-invitation",
        "DELETE /accounts/{name}/outside-account",
    ),
    "/accounts/{name}/tokens/{handle}/revoke": ("DELETE /accounts/{name}/tokens/{handle}",),
}

CONSOLE_ONLY = {
    "/sign-in/passkey/begin": BROWSER,
    "/sign-in/passkey": BROWSER,
    "/confirm/passkey": BROWSER,
    "/account/second-factor/passkeys/begin": BROWSER,
    "/account/second-factor/passkeys": BROWSER,
    "/preferences": "the language and the colours of this browser",
    "/demo/{gateway}/present": DEMO,
    "/demo/{gateway}/cut": DEMO,
    "/demo/{gateway}/restore": DEMO,
    "/demo/{gateway}/kill": DEMO,
}


def operations(backend: Backend) -> set[str]:
    return {
        f"{method} {route.path}"
        for route in iter_route_contexts(_api(backend).routes)
        for method in route.methods or ()
    }


def acts() -> set[str]:
    return {
        route.path or ""
        for route in iter_route_contexts(build().routes)
        if "POST" in (route.methods or ())
    }


def test_each_act_of_the_console_has_an_operation_or_a_reason() -> None:
    known = OPERATIONS.keys() | CONSOLE_ONLY.keys()
    assert len(known) > 80
    assert acts() - known == set(), "add the operation that does the same, and name it here"
    assert known - acts() == set(), "these are no acts of the console any more"


def test_the_operations_named_here_are_there(sqlite_backend: Backend) -> None:
    named = {each for several in OPERATIONS.values() for each in several}
    assert named - operations(sqlite_backend) == set()


def test_what_only_the_console_does_stands_in_the_documents() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert [path for path in CONSOLE_ONLY if f"`{path}`" not in text] == []
