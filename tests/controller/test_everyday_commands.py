"""What an administrator does on the machine: who acts, what is printed, what is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import parse_envelope
from doorward.records import RecordKind
from doorward.status import Delta, Status
from doorward_controller import wiring
from doorward_controller.__main__ import app
from doorward_controller.cli.speaking import TOKEN_VARIABLE, in_columns
from doorward_controller.config import load_config
from doorward_controller.domain.permissions import Action, Role, local_actor
from doorward_controller.domain.work_orders import OrderKind, Priority
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, credentials, policies, proposals
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import (
    accounts,
    holders,
    issuing,
    policy_release,
    sign_in,
    tokens,
    work_orders,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_orders import OrderRequest
from tests.controller.conftest import ISSUER, SECURITY
from tests.controller.maintenance.test_acts import FAY
from tests.controller.test_alerts import event
from tests.controller.test_command_line import CONFIG
from tests.fakes.controller_link import FakeLink
from tests.fakes.fed_gateway import FedGateway
from tools.reference import controller_commands

DAY_S = 86_400
SILENT = {"serve", "demo", "gateway bootstrap", "audit export"}
"""Commands that answer nothing, or in JSON always."""


ALONE = "[second_person]\nrelease_policy = false\n"


class Site:
    """A site on a disk, with a server's view of it, and commands run beside that server."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, extra: str = ALONE) -> None:
        self.config = folder / "controller.toml"
        self.config.write_text(CONFIG + "[accounts]\nsecond_factor_roles = []\n" + extra)
        self._monkeypatch = monkeypatch
        config = load_config(self.config)
        wiring.initialise(config)
        self.link = FakeLink()
        self.backend: Backend = wiring.open_backend(config, publisher=self.link)

    def as_(self, role: Role) -> None:
        """From now on an account of this role acts, by its token."""
        accounts.create_operator(
            self.backend, local_actor(), name=f"the-{role.value}",
            password="correct horse battery", role=role,
        )  # fmt: skip
        made = tokens.create_token(
            self.backend, local_actor(), operator=f"the-{role.value}", label="t", lifetime_s=DAY_S
        )
        self._monkeypatch.setenv(TOKEN_VARIABLE, made)

    def run(self, *words: str, text: str = "") -> Result:
        return CliRunner().invoke(app, ["--config", str(self.config), *words], input=text)

    def says(self, *words: str, text: str = "") -> Any:
        """The JSON of a command that was done."""
        done = self.run(*words, "--json", text=text)
        assert (done.exit_code, done.exception) == (0, None), done.output
        return json.loads(done.stdout)

    def badge(self) -> str:
        now = self.backend.clock.now().utc_s
        holder = holders.add_holder(self.backend, ISSUER, holders.HolderFields(name="Li Wei"))
        wanted = issuing.IssueRequest(
            credential_class=CredentialClass.EMPLOYEE, form=Form.BADGE, not_before=now - 60,
            expires=now + DAY_S, holder_id=holder, groups=("staff",),
        )  # fmt: skip
        return issuing.issue(self.backend, ISSUER, wanted).credential_id

    def gateway(self) -> FedGateway:
        fed = FedGateway(self.backend, "near")
        fed.enrol()
        fed.connect()
        return fed

    def newest_entry(self) -> audit_trail.AuditRow:
        return audit_trail.page(self.backend.store, AuditFilter(), limit=1).items[0]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.setenv("SUDO_USER", "alice")
    made = Site(tmp_path, monkeypatch)
    yield made
    made.backend.store.close()


@pytest.mark.parametrize("name", [name for name, _ in controller_commands.commands()])
def test_every_command_that_tells_something_tells_it_to_programs(name: str) -> None:
    command = dict(controller_commands.commands())[name]
    assert command.help, "a command says what it does"
    has_json = any("--json" in each.opts for each in command.params)
    assert has_json is (name not in SILENT)


@pytest.mark.parametrize("shell", sorted(controller_commands.SHELLS))
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    variable = "_DOORWARD_CONTROLLER_COMPLETE"
    program = Path(sys.executable).parent / "doorward-controller"
    done = subprocess.run(
        [program], env=os.environ | {variable: f"source_{shell}"}, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert variable in done.stdout


def test_a_word_that_was_begun_is_completed() -> None:
    program = Path(sys.executable).parent / "doorward-controller"
    asked = {
        "COMP_WORDS": "doorward-controller bad",
        "COMP_CWORD": "1",
        "_DOORWARD_CONTROLLER_COMPLETE": "complete_bash",
    }
    words = subprocess.run(
        [program], env=os.environ | asked, capture_output=True, text=True, check=True, timeout=60
    )
    assert words.stdout.split() == ["badge"]


def test_a_refusal_is_status_1_and_wrong_usage_is_status_2(site: Site) -> None:
    program = Path(sys.executable).parent / "doorward-controller"
    for words, status, said in (
        (("gateway", "show", "nowhere"), 1, "doorward-controller: there is no gateway 'nowhere'"),
        (("badge", "change", "revoke"), 2, "give one of FILE, --group and --key"),
        (("gateway", "list"), 0, ""),
    ):
        done = subprocess.run(
            [program, "--config", site.config, *words], capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert said in done.stderr


def test_the_audit_log_names_who_asked_at_the_machine(site: Site) -> None:
    site.run("account", "add", "gus", "--role", "guard", text="correct horse battery\n")
    entry = site.newest_entry()
    assert (entry.actor, entry.subject) == ("local:alice", "gus")


def test_accounts_are_made_changed_closed_and_opened(site: Site) -> None:
    site.run("account", "add", "gus", "--role", "guard", text="correct horse battery\n")
    assert site.says("account", "role", "gus", "host") == {"name": "gus", "role": "host"}
    site.says("account", "close", "gus")
    (row,) = site.says("account", "list")["accounts"]
    assert (row["name"], row["role"], row["disabled"]) == ("gus", "host", True)
    opened = site.says("account", "open", "gus")
    found = sign_in.sign_in(site.backend, name="gus", password=opened["password"], client="test")
    assert isinstance(found, sign_in.SignedIn)
    token = site.says("account", "token", "gus", "--label", "x", "--may", "read_fleet")["token"]
    actor = sign_in.resume_bearer(site.backend, token)
    assert actor is not None
    assert actor.scope == frozenset({Action.READ_FLEET})
    assert [each["label"] for each in site.says("account", "tokens", "gus")["tokens"]] == ["x"]
    assert isinstance(site.run("account", "tokens", "nobody").exception, NotFoundError)


def test_a_gateway_is_adopted_shown_and_revoked(site: Site) -> None:
    site.gateway()
    (row,) = site.says("gateway", "list")["gateways"]
    assert (row["gateway"], row["is_adopted"]) == ("near", False)
    site.says("gateway", "adopt", "near", "--portal", "near-door:site:East gate")
    (row,) = site.says("gateway", "list")["gateways"]
    assert (row["is_adopted"], row["labels"]) == (True, ["East gate"])
    assert site.says("gateway", "show", "near")["condition"]
    assert site.run("gateway", "adopt", "near", "--portal", "near-door").exit_code == 2
    proposed = site.says("gateway", "revoke", "near", "--reason", "stolen", "--propose")
    assert len(proposed["proposal"]) == 16
    site.says("gateway", "revoke", "near", "--reason", "stolen")
    assert site.says("gateway", "show", "near")["condition"] == "revoked"


def test_alerts_are_listed_acknowledged_and_resolved(site: Site) -> None:
    event(site.gateway(), "tamper_opened", kind=RecordKind.EVENT)
    (row,) = site.says("alert", "list")["alerts"]
    assert (row["rule"], row["gateway"]) == ("event.tamper_opened", "near")
    assert "A housing was opened" in site.run("alert", "list").output
    number = str(row["id"])
    assert site.says("alert", "acknowledge", number) == {"acknowledged": [row["id"]]}
    assert isinstance(site.run("alert", "acknowledge", number).exception, ConflictError)
    site.says("alert", "resolve", number, "--note", "closed again")
    assert site.says("alert", "list")["alerts"] == []
    assert len(site.says("alert", "list", "--state", "all")["alerts"]) == 1


def test_work_orders_are_listed(site: Site) -> None:
    site.gateway()
    wanted = OrderRequest(
        gateway="near", kind=OrderKind.CORRECTIVE, priority=Priority.HIGH, title="No picture"
    )
    work_orders.request(site.backend, FAY, wanted)
    (row,) = site.says("order", "list", "--open")["orders"]
    assert (row["title"], row["state"]) == ("No picture", "requested")
    assert site.says("order", "list", "--state", "verified")["orders"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("badge", "change", "revoke", "--group", "staff"),
        ("badge", "issue", "--group", "staff"),
        ("policy", "release"),
        ("policy", "differences"),
        ("records", "search"),
        ("records", "export", "x.csv", "--purpose", "request 4711"),
    ],
)
def test_who_runs_the_machine_does_not_operate_the_site(site: Site, words: tuple[str, ...]) -> None:
    done = site.run(*words, text="Li Wei\n")
    assert isinstance(done.exception, ForbiddenError)
    assert (site.newest_entry().actor, site.newest_entry().outcome) == ("local:alice", "forbidden")


def test_a_token_that_is_no_token_acts_for_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "dwt_nothing")
    done = site.run("alert", "list")
    assert isinstance(done.exception, ForbiddenError)
    assert "dwt_nothing" not in str(done.exception)


def test_badges_are_revoked_from_a_file_after_a_dry_run(site: Site, tmp_path: Path) -> None:
    badges = [site.badge() for _ in range(2)]
    site.as_(Role.SECURITY)
    file = tmp_path / "lost.csv"
    file.write_text("badge\n" + "\n".join(badges) + "\n")
    change = ("badge", "change", "revoke", str(file), "--cause", "lost")
    assert site.says(*change, "--dry-run")["codes"] == 2
    assert site.says("badge", "show", badges[0])["state"] == "valid"
    done = site.says(*change)
    assert (done["codes"], done["people"], done["asked_by"]) == (2, 2, "the-security")
    assert site.says("badge", "show", badges[1])["state"] == "revoked"
    again = site.run(*change)
    assert isinstance(again.exception, ConflictError)


def test_a_file_with_a_wrong_line_changes_nothing_and_names_it(site: Site) -> None:
    badge = site.badge()
    site.as_(Role.SECURITY)
    done = site.run("badge", "change", "revoke", "-", "--cause", "lost", text=f"{badge}\nwhat\n")
    assert isinstance(done.exception, ConflictError)
    assert "line 2: what unreadable" in done.output
    assert site.says("badge", "show", badge)["state"] == "valid"


def test_a_server_that_runs_publishes_what_the_command_line_changed(site: Site) -> None:
    badge = site.badge()
    policy_release.publish_current(site.backend)
    before = len(site.link.published)
    assert policy_release.publish_if_new(site.backend) == 0
    site.as_(Role.SECURITY)
    site.says("badge", "change", "revoke", "-", "--cause", "lost", text=badge)
    assert len(site.link.published) == before
    assert policy_release.publish_if_new(site.backend) == 1
    delta = site.link.retained[topics.policy(site.backend.config.site, topics.Policy.DELTA)]
    row = credentials.credential(site.backend.store, badge)
    assert row is not None
    changes = Delta.from_body(parse_envelope(delta).body).changes
    assert [status for _, status in changes] == [Status.REVOKED]
    assert policy_release.publish_if_new(site.backend) == 0
    site.says("policy", "release")
    assert policy_release.publish_if_new(site.backend) == 1
    assert topics.policy(site.backend.config.site, topics.Policy.BUNDLE) in site.link.retained


def test_a_server_without_a_broker_waits_with_it(site: Site) -> None:
    policy_release.release(site.backend, SECURITY)
    site.link.connected = False
    site.as_(Role.SECURITY)
    site.says("policy", "release")
    assert policy_release.publish_if_new(site.backend) == 0
    site.link.connected = True
    assert policy_release.publish_if_new(site.backend) == 1


def test_a_badge_is_issued_and_its_code_written(site: Site, tmp_path: Path) -> None:
    site.as_(Role.ISSUER)
    out = tmp_path / "badge.svg"
    words = ("badge", "issue", "--group", "staff", "--days", "5", "--out", str(out))
    made = site.says(*words, text="Grace Hopper\n")
    assert out.read_bytes().startswith(b"<svg")
    row = credentials.credential(site.backend.store, made["badge"])
    assert row is not None
    assert row.expires - row.not_before == 5 * DAY_S
    assert site.run("badge", "issue", "--group", "staff", "--class", "king").exit_code == 2
    assert site.run("badge", "issue", "--group", "staff", "--out", "a.gif").exit_code == 2


def test_a_policy_is_compared_and_released(site: Site) -> None:
    site.gateway()
    site.as_(Role.SECURITY)
    assert site.says("policy", "show")["has_unreleased_rules"]
    foreseen = site.says("policy", "release", "--dry-run")
    assert any("staff" in each for each in foreseen["changes"])
    assert policies.releases(site.backend.store) == ()
    assert site.says("policy", "release")["version"] >= 1
    (release,) = policies.releases(site.backend.store)
    assert release.released_by == "the-security"
    assert site.says("policy", "differences")["changes"] == []


def test_where_two_are_needed_one_proposes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch, extra="")
    site.as_(Role.SECURITY)
    refused = site.run("policy", "release")
    assert isinstance(refused.exception, ConflictError)
    assert refused.exception.code == "second_person_needed"
    made = site.says("policy", "release", "--propose", "the first rules")
    found = proposals.find(site.backend.store, made["proposal"])
    assert found is not None
    assert (found.proposer.name, found.reason) == ("the-security", "the first rules")
    site.backend.store.close()


def test_records_are_searched_and_exported(site: Site, tmp_path: Path) -> None:
    fed, badge = site.gateway(), site.badge()
    fed.scan("granted", badge)
    fed.scan("not_ours")
    site.as_(Role.AUDITOR)
    found = site.says("records", "search", "--outcome", "deny")
    assert [row["reason"] for row in found["records"]] == ["not_ours"]
    assert len(site.says("records", "search", "--limit", "1")["records"]) == 1
    assert site.says("records", "search", "--until", "2020-01-01")["records"] == []
    out = tmp_path / "records.csv"
    site.says("records", "export", str(out), "--purpose", "request 4711")
    assert "not_ours" in out.read_text("utf-8-sig")
    assert "Li Wei" not in out.read_text("utf-8-sig")
    there = site.run("records", "export", str(out), "--purpose", "request 4711")
    assert "cannot be written" in str(there.exception)
    bad = site.run("records", "export", str(tmp_path / "a.txt"), "--purpose", "request 4711")
    assert isinstance(bad.exception, InvalidError)


def test_rows_stand_in_columns() -> None:
    assert in_columns([("a", 10, ""), ("long", 2, "x")], "-") == "a     10\nlong  2   x"
    assert in_columns([], "nothing") == "nothing"
