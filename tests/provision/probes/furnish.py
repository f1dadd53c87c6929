"""Gives a new site its rules, a badge and two accounts, through the acts that the console uses.

Runs on the controller's machine, as its account, by its release's Python; prints the badge's code
and the accounts' tokens, by their roles, as JSON.
"""

import json
import secrets
import sys
from pathlib import Path

from doorward.credential import CredentialClass, Form
from doorward_controller import wiring
from doorward_controller.config import load_config
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.rule_book import GrantLine, RuleBook, SpanRule
from doorward_controller.services import accounts, devices, issuing, policy_release, rules
from doorward_controller.services.backend import Backend

DAY_S = 86_400


def main() -> int:
    zone, *gateways = sys.argv[1:]
    backend = wiring.open_backend(load_config(Path("/etc/doorward/controller.toml")))
    for gateway in gateways:
        devices.adopt(backend, local_actor(), gateway, devices.Adoption(portals={}))
    security = Actor(name="security", role=Role.SECURITY)
    always = SpanRule(days=tuple(range(8)), from_min=0, to_min=1440)
    book = RuleBook(
        time_zone="Asia/Shanghai",
        zones=(zone,),
        groups=("staff",),
        schedules={"always": (always,)},
        grants=(GrantLine(group="staff", zone=zone, schedule="always"),),
        classes={"employee": ("staff",)},
    )
    rules.save_rules(backend, security, book)
    now = backend.clock.now().utc_s
    issued = issuing.issue(
        backend,
        Actor(name="issuer", role=Role.ISSUER),
        issuing.IssueRequest(
            credential_class=CredentialClass.EMPLOYEE,
            form=Form.BADGE,
            not_before=now - 3600,
            expires=now + 30 * DAY_S,
            groups=("staff",),
            purpose="test",
        ),
    )
    policy_release.release(backend, security)
    tokens = {role.value: token_of(backend, role) for role in (Role.AUDITOR, Role.SECURITY)}
    print(json.dumps({"badge": issued.text, "tokens": tokens}))
    return 0


def token_of(backend: Backend, role: Role) -> str:
    name = f"a-{role.value}"
    accounts.create_operator(
        backend, local_actor(), name=name, password=secrets.token_hex(16), role=role
    )
    return accounts.create_token(
        backend, local_actor(), operator=name, label="test", lifetime_s=DAY_S
    )


if __name__ == "__main__":
    sys.exit(main())
