"""What is written for the broker: certificates, rules and configuration."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.errors import BadIdError
from doorward.ids import GatewayId, SiteId
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.binary import find_broker, parse_version
from doorward_controller.broker.configuration import BrokerFiles, configuration_text
from doorward_controller.broker.errors import (
    BrokerFailedError,
    BrokerMissingError,
    BrokerTooOldError,
    CertificateError,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "ca", now=NOW, valid_for=timedelta(days=30))


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_gateways_certificate_names_it_and_is_for_clients_only(authority: Authority) -> None:
    cert = certificate(authority.issue_gateway(GatewayId("gate-7"), now=NOW).certificate_file)
    assert [n.value for n in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["gate-7"]
    usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    cert.verify_directly_issued_by(certificate(authority.ca_file))


def test_servers_certificate_holds_names_and_addresses(authority: Authority) -> None:
    cert = certificate(authority.issue_server(now=NOW).certificate_file)
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_certificate_of_a_gateways_pages_is_a_servers_and_nobodys_name_at_the_broker(
    authority: Authority,
) -> None:
    made = authority.issue_panel(GatewayId("north"), names=["10.0.4.21", "n.example"], now=NOW)
    cert = certificate(made.certificate_file)
    purposes = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    named = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert named.get_values_for_type(x509.DNSName) == ["n.example"]
    assert [str(ip) for ip in named.get_values_for_type(x509.IPAddress)] == ["10.0.4.21"]
    assert made.name == "panel.north"
    authority.issue_gateway(GatewayId("north"), now=NOW)
    with pytest.raises(CertificateError, match="no host or address"):
        authority.issue_panel(GatewayId("south"), names=[], now=NOW)


@pytest.mark.parametrize("name", ["controller", "controller-2", "controllers"])
def test_gateway_never_gets_a_certificate_with_a_controllers_name(
    authority: Authority, name: str
) -> None:
    with pytest.raises(CertificateError, match="are the controller's"):
        authority.issue_gateway(GatewayId(name), now=NOW)


@pytest.mark.parametrize("name", ["a/b", "+", "#", "", "policy", "north\nuser controller"])
def test_name_that_could_widen_a_rule_gets_no_certificate(authority: Authority, name: str) -> None:
    with pytest.raises(BadIdError):
        authority.issue_gateway(GatewayId(name), now=NOW)


def test_private_keys_are_their_owners_alone(authority: Authority) -> None:
    key = authority.issue_controller(now=NOW).key_file
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((authority.ca_file.parent / "ca-key.pem").stat().st_mode) == 0o600


def test_certificate_is_never_replaced_silently(authority: Authority) -> None:
    first = authority.issue_gateway(GatewayId("north"), now=NOW)
    before = first.certificate_file.read_bytes()
    with pytest.raises(CertificateError, match="'north'"):
        authority.issue_gateway(GatewayId("north"), now=NOW)
    assert first.certificate_file.read_bytes() == before
    with pytest.raises(CertificateError, match="cannot make an authority"):
        Authority.create(authority.ca_file.parent, now=NOW, valid_for=timedelta(days=1))


def test_revocations_add_up_and_outlive_a_reload(authority: Authority) -> None:
    north = authority.issue_gateway(GatewayId("north"), now=NOW)
    south = authority.issue_gateway(GatewayId("south"), now=NOW)
    authority.revoke(north.certificate_file, now=NOW)
    again = Authority.load(authority.ca_file.parent)
    again.revoke(south.certificate_file, now=NOW)
    again.revoke(south.certificate_file, now=NOW)
    crl = x509.load_pem_x509_crl(authority.crl_file.read_bytes())
    listed = {entry.serial_number for entry in crl}
    assert len(list(crl)) == 2
    assert listed == {certificate(i.certificate_file).serial_number for i in (north, south)}


def test_foreign_certificate_cannot_be_put_on_the_revocation_list(
    authority: Authority, tmp_path: Path
) -> None:
    foreign = Authority.create(tmp_path / "other", now=NOW, valid_for=timedelta(days=1))
    theirs = foreign.issue_gateway(GatewayId("north"), now=NOW)
    before = authority.crl_file.read_bytes()
    with pytest.raises(CertificateError, match="cannot revoke"):
        authority.revoke(theirs.certificate_file, now=NOW)
    assert authority.crl_file.read_bytes() == before


def test_rules_give_a_gateway_its_own_topics_and_no_others() -> None:
    text = AccessRules(site=SiteId("demo"), revoked=(GatewayId("lost"),)).to_text()
    patterns = [line for line in text.splitlines() if line.startswith("pattern")]
    assert patterns == [
        "pattern write dw/1/demo/%u/up/#",
        "pattern read dw/1/demo/%u/down/#",
        "pattern read dw/1/demo/policy/#",
        "pattern readwrite dw/1/demo/presence",
        "pattern read dw/1/host/state",
    ]
    assert "user lost\ntopic deny #\n" in text


def test_configuration_lets_nobody_in_without_a_certificate(tmp_path: Path) -> None:
    files = BrokerFiles(
        ca_file=tmp_path / "ca.pem",
        certificate_file=tmp_path / "server.pem",
        key_file=tmp_path / "server-key.pem",
        crl_file=tmp_path / "crl.pem",
        acl_file=tmp_path / "access.acl",
        state_dir=tmp_path / "state",
        pid_file=tmp_path / "mosquitto.pid",
    )
    text = configuration_text(files, host="127.0.0.1", port=8883)
    lines = text.splitlines()
    assert {
        "listener 8883 127.0.0.1",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "tls_version tlsv1.2",
        f"crlfile {tmp_path}/crl.pem",
    } <= set(lines)
    assert not any(line.startswith("user ") for line in lines)
    assert "user root" in configuration_text(files, host="127.0.0.1", port=8883, run_as="root")
    assert "plugin" not in text
    plugged = replace(files, plugin=tmp_path / "it.so", plugin_file=tmp_path / "it.json")
    text = configuration_text(plugged, host="127.0.0.1", port=8883)
    assert f"plugin {tmp_path}/it.so\nplugin_opt_config_file {tmp_path}/it.json\n" in text


def test_version_is_read_from_the_help_text() -> None:
    assert parse_version("mosquitto version 2.0.18\n\nmosquitto is an MQTT broker") == (2, 0, 18)
    assert parse_version("something else 1.2.3") is None


def test_missing_broker_says_how_to_install_it() -> None:
    with pytest.raises(BrokerMissingError, match="apt install mosquitto"):
        find_broker("mosquitto-that-is-not-there")


def program(tmp_path: Path, says: str) -> str:
    path = tmp_path / "mosquitto"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


def test_broker_that_is_too_old_is_refused_with_both_versions(tmp_path: Path) -> None:
    with pytest.raises(BrokerTooOldError, match=r"is version 1\.6\.9, must be 2\.0\.11 or newer"):
        find_broker(program(tmp_path, "mosquitto version 1.6.9"))


def test_program_that_is_no_broker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailedError, match="does not state its version"):
        find_broker(program(tmp_path, "hello"))


def test_newer_broker_is_taken(tmp_path: Path) -> None:
    found = find_broker(program(tmp_path, "mosquitto version 2.1.0"))
    assert (found.path, found.version) == (tmp_path / "mosquitto", (2, 1, 0))
    assert found.version_text == "2.1.0"
