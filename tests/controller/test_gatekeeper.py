"""The broker's files and its plugin: what is written, what is told, what is not touched."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from doorward.ids import GatewayId, SiteId
from doorward_controller.broker import dynamic_security
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.errors import GateError
from doorward_controller.broker.gatekeeper import BrokerGatekeeper, GateFiles

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GATES = (GatewayId("gate-1"), GatewayId("gate-2"))


class AnsweringLink:
    """Answers each request as the plugin would, with an error if it is to."""

    def __init__(self, error: str | None = "") -> None:
        self.error = error
        self.asked: list[dict[str, object]] = []

    def exchange(
        self, topic: str, wire: bytes, *, answers_on: str, mark: str, timeout_s: float
    ) -> bytes | None:
        assert (topic, answers_on) == (dynamic_security.REQUESTS, dynamic_security.ANSWERS)
        assert timeout_s > 0
        commands = json.loads(wire)["commands"]
        assert all(command["correlationData"] == mark for command in commands)
        self.asked += commands
        if self.error is None:
            return None
        answers = [
            {"command": command["command"], "correlationData": mark}
            | ({"error": self.error} if self.error else {})
            for command in commands
        ]
        return json.dumps({"responses": answers}).encode()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create(tmp_path / "ca", now=NOW, valid_for=timedelta(days=30))
    for gate in (*GATES, GatewayId("gate-10")):
        made.issue_gateway(gate, now=NOW)
    return made


def keeper(
    link: AnsweringLink | None = None,
    *,
    access_file: Path | None = None,
    authority_dir: Path | None = None,
    pid_file: Path | None = None,
) -> BrokerGatekeeper:
    files = GateFiles(
        site=SiteId("demo"),
        controllers=("controller", "controller-tap"),
        access_file=access_file,
        authority_dir=authority_dir,
        pid_file=pid_file,
    )
    return BrokerGatekeeper(files, link or AnsweringLink())


def listed(authority: Authority) -> set[int]:
    crl = x509.load_pem_x509_crl(authority.crl_file.read_bytes())
    return {entry.serial_number for entry in crl}


def serial(authority: Authority, name: str) -> int:
    file = authority.ca_file.with_name(f"{name}.pem")
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def test_revoked_gateway_is_denied_by_rules_and_list_and_no_other_is(
    tmp_path: Path, authority: Authority
) -> None:
    rules = tmp_path / "access.acl"
    gate = keeper(access_file=rules, authority_dir=authority.ca_file.parent)
    gate.shut_out(GATES[:1], NOW)
    text = rules.read_text()
    assert "user gate-1\ntopic deny #" in text
    assert "user controller-tap\n" in text
    assert "gate-2" not in text
    assert listed(authority) == {serial(authority, "gate-1")}
    gate.shut_out(GATES, NOW)
    assert listed(authority) == {serial(authority, name) for name in GATES}


def test_certificate_of_the_gateways_own_pages_is_revoked_with_it(
    tmp_path: Path, authority: Authority
) -> None:
    authority.issue_panel(GATES[0], names=("gate-1.example.org",), now=NOW)
    gate = keeper(access_file=tmp_path / "access.acl", authority_dir=authority.ca_file.parent)
    gate.shut_out(GATES[:1], NOW)
    assert listed(authority) == {serial(authority, name) for name in ("gate-1", "panel.gate-1")}


def test_nothing_is_written_when_nothing_is_new(tmp_path: Path, authority: Authority) -> None:
    rules = tmp_path / "access.acl"
    gate = keeper(access_file=rules, authority_dir=authority.ca_file.parent)
    gate.shut_out(GATES, NOW)
    before = [(file.stat().st_ino, file.read_bytes()) for file in (rules, authority.crl_file)]
    gate.shut_out(GATES, NOW + timedelta(hours=1))
    after = [(file.stat().st_ino, file.read_bytes()) for file in (rules, authority.crl_file)]
    assert after == before


def test_who_could_read_the_rules_still_can(tmp_path: Path, authority: Authority) -> None:
    rules = tmp_path / "access.acl"
    gate = keeper(access_file=rules, authority_dir=authority.ca_file.parent)
    gate.shut_out(GATES[:1], NOW)
    assert stat.S_IMODE(rules.stat().st_mode) == 0o600
    rules.chmod(0o640)
    gate.shut_out(GATES, NOW)
    assert stat.S_IMODE(rules.stat().st_mode) == 0o640


def test_further_controllers_keep_the_rights_that_somebody_gave_them(tmp_path: Path) -> None:
    rules = tmp_path / "access.acl"
    given = AccessRules(site=SiteId("demo"), controllers=("controller", "controller-worker-2"))
    rules.write_text(given.to_text() + "user stranger\ntopic readwrite #\n")
    with pytest.raises(GateError):
        keeper(access_file=rules).shut_out(GATES, NOW)
    users = [line for line in rules.read_text().splitlines() if line.startswith("user ")]
    assert users == [
        "user controller",
        "user controller-tap",
        "user controller-worker-2",
        "user gate-1",
        "user gate-2",
    ]


def test_what_is_in_our_hands_is_done_also_when_the_rest_is_not(
    tmp_path: Path, authority: Authority
) -> None:
    rules = tmp_path / "access.acl"
    with pytest.raises(GateError, match=r"broker\.authority_dir is not set"):
        keeper(access_file=rules).shut_out(GATES, NOW)
    assert "user gate-2" in rules.read_text()
    with pytest.raises(GateError, match=r"broker\.access_file is not set"):
        keeper(authority_dir=authority.ca_file.parent).shut_out(GATES, NOW)
    assert len(listed(authority)) == len(GATES)


def test_certificate_that_was_made_elsewhere_is_named_and_the_others_are_listed(
    tmp_path: Path, authority: Authority
) -> None:
    gate = keeper(access_file=tmp_path / "access.acl", authority_dir=authority.ca_file.parent)
    with pytest.raises(GateError, match="no certificate of elsewhere"):
        gate.shut_out((GatewayId("elsewhere"), *GATES), NOW)
    assert len(listed(authority)) == len(GATES)


def test_process_number_of_another_program_is_not_signalled(
    tmp_path: Path, authority: Authority
) -> None:
    pid_file = tmp_path / "mosquitto.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    gate = keeper(
        access_file=tmp_path / "access.acl",
        authority_dir=authority.ca_file.parent,
        pid_file=pid_file,
    )
    with pytest.raises(GateError, match=f"names process {os.getpid()}, which is .*not mosquitto"):
        gate.shut_out(GATES, NOW)


def test_throwing_out_makes_disables_and_forgets_a_client_of_that_name(tmp_path: Path) -> None:
    link = AnsweringLink()
    keeper(link).throw_out(GATES[0])
    assert [(each["command"], each["username"]) for each in link.asked] == [
        ("createClient", "gate-1"),
        ("disableClient", "gate-1"),
        ("deleteClient", "gate-1"),
    ]
    assert all("password" not in each for each in link.asked)


@pytest.mark.parametrize(
    ("error", "words"),
    [(None, "did not answer within 3 s"), ("Internal error", "gate-1: Internal error")],
)
def test_throwing_out_is_no_success_until_the_broker_says_so(
    tmp_path: Path, error: str | None, words: str
) -> None:
    with pytest.raises(GateError, match=words):
        keeper(AnsweringLink(error)).throw_out(GATES[0])


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"responses": 3}',
        b'{"responses": ["m"]}',
        b'{"responses": [{"command": "disableClient", "correlationData": "other"}]}',
        b'{"responses": [{"command": "createClient", "correlationData": "m"}]}',
    ],
)
def test_answer_to_somebody_else_is_none_to_us(wire: bytes) -> None:
    assert dynamic_security.outcome(wire, "m") is None


def test_plugin_is_found_where_debian_puts_it(tmp_path: Path) -> None:
    assert dynamic_security.find_plugin(tmp_path) is None
    place = tmp_path / "usr/lib/aarch64-linux-gnu" / dynamic_security.PLUGIN
    place.parent.mkdir(parents=True)
    place.touch()
    assert dynamic_security.find_plugin(tmp_path) == place
