"""The broker lets in whom it should, and nobody says or hears what is another's."""

import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorward.ids import GatewayId
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.errors import BrokerFailedError, PortTakenError
from doorward_controller.broker.process import BrokerSettings, Mosquitto
from doorward_controller.broker.waiting import wait_until
from tests.system.broker_clients import is_let_in, raw_session, talker
from tests.system.conftest import SITE, Site, new_authority, settings_of

pytestmark = pytest.mark.system


def test_gateway_and_controller_talk_both_ways(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host, talker(site.north, ca, port) as north:
        host.hear("dw/1/+/+/up/#")
        north.hear("dw/1/demo/north/down/#", "dw/1/demo/policy/#", "dw/1/host/state")
        north.say("dw/1/demo/north/up/records", b"batch")
        assert host.next() == ("dw/1/demo/north/up/records", b"batch")
        for topic in ("dw/1/demo/north/down/ack", "dw/1/demo/policy/status", "dw/1/host/state"):
            host.say(topic, b"x")
            assert north.next() == (topic, b"x")


def test_gateway_cannot_speak_as_another_or_as_the_controller(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host, talker(site.north, ca, port) as north:
        host.hear("dw/1/#")
        for forged in (
            "dw/1/demo/south/up/records",
            "dw/1/demo/north/down/ack",
            "dw/1/demo/policy/bundle",
            "dw/1/other/presence",
            "dw/1/host/state",
            "dw/1/other/north/up/records",
            "dw/1/demo/north/upper",
        ):
            north.say(forged, b"forged", retain=True)
        # The broker keeps one client's messages in order: when this one is here, none is behind it.
        north.say("dw/1/demo/north/up/health", b"end")
        assert host.next() == ("dw/1/demo/north/up/health", b"end")


def test_gateways_tell_each_other_what_they_see_without_the_controller(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.north, ca, port) as north, talker(site.south, ca, port) as south:
        south.hear("dw/1/demo/presence")
        north.say("dw/1/demo/presence", b"seen")
        assert south.next() == ("dw/1/demo/presence", b"seen")


def test_gateway_receives_nothing_that_is_anothers(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host, talker(site.north, ca, port) as north:
        north.hear("#", "dw/1/demo/south/down/#", "dw/1/demo/+/up/#", "$SYS/#")
        host.say("dw/1/demo/south/down/cmd/open", b"secret")
        host.say("dw/1/demo/south/up/state", b"secret", retain=True)
        host.say("dw/1/other/policy/bundle", b"secret", retain=True)
        host.say("dw/1/demo/north/down/ack", b"mine")
        assert north.next() == ("dw/1/demo/north/down/ack", b"mine")
        north.hear("dw/1/demo/+/up/#", "dw/1/other/policy/#")
        host.say("dw/1/demo/north/down/ack", b"again")
        assert north.next() == ("dw/1/demo/north/down/ack", b"again")


def test_client_id_is_the_certificates_name_whatever_the_client_says(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with (
        talker(site.north, ca, port) as north,
        talker(site.south, ca, port, client_id="north") as south,
    ):
        south.say("dw/1/demo/south/up/health", b"x")
        north.say("dw/1/demo/north/up/health", b"x")
        assert north.ended.empty()
    log = site.broker.log_file.read_text()
    assert "as south (" in log


def test_last_will_counts_as_the_gateways_own_words(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host:
        host.hear("dw/1/+/+/up/state")
        with talker(site.north, ca, port, will="dw/1/demo/north/up/state") as north:
            sock = north.client.socket()
            assert sock is not None
            sock.close()
            assert host.next() == ("dw/1/demo/north/up/state", b"gone")


def test_foreign_authority_is_refused(site: Site, tmp_path: Path) -> None:
    foreign = new_authority(tmp_path / "foreign")
    fake = foreign.issue_gateway(GatewayId("north"), now=datetime.now(UTC))
    assert is_let_in(site.north, site.authority.ca_file, site.broker.port)
    assert not is_let_in(fake, site.authority.ca_file, site.broker.port)
    assert wait_until(
        lambda: "certificate verify failed" in site.broker.log_file.read_text(), timeout_s=5
    )


def test_client_refuses_a_broker_of_a_foreign_authority(site: Site, tmp_path: Path) -> None:
    foreign = new_authority(tmp_path / "foreign")
    context = ssl.create_default_context(cafile=foreign.ca_file)
    context.load_cert_chain(site.north.certificate_file, site.north.key_file)
    with (
        socket.create_connection(("127.0.0.1", site.broker.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_client_without_certificate_or_without_tls_is_refused(site: Site) -> None:
    context = ssl.create_default_context(cafile=site.authority.ca_file)
    with socket.create_connection(("127.0.0.1", site.broker.port)) as plain:
        plain.settimeout(5)
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            # With TLS 1.3 the refusal arrives after our side of the handshake.
            tls.recv(1)
    with socket.create_connection(("127.0.0.1", site.broker.port)) as plain:
        plain.settimeout(5)
        plain.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
        try:
            answer = plain.recv(64)
        except ConnectionError:
            answer = b""
        assert answer[:1] != b"\x20", "a CONNACK without TLS"


def test_tls_1_2_is_forward_secret_and_authenticated(site: Site) -> None:
    context = ssl.create_default_context(cafile=site.authority.ca_file)
    context.load_cert_chain(site.north.certificate_file, site.north.key_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", site.broker.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        cipher = tls.cipher()
        assert cipher is not None
        assert cipher[0].startswith("ECDHE")
        assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


def test_revoked_certificate_is_refused_after_a_reload_and_others_are_not(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    assert is_let_in(site.south, ca, port)
    site.authority.revoke(site.south.certificate_file, now=datetime.now(UTC))
    site.broker.reload()
    assert wait_until(lambda: not is_let_in(site.south, ca, port), timeout_s=5)
    assert is_let_in(site.north, ca, port)


def test_revoked_gateway_that_stays_connected_is_deaf_and_mute(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host, talker(site.south, ca, port) as south:
        host.hear("dw/1/+/+/up/#")
        south.hear("dw/1/demo/south/down/#")
        site.broker.change_access(AccessRules(site=SITE, revoked=(GatewayId("south"),)))
        assert wait_until(
            lambda: "Reloading config" in site.broker.log_file.read_text(), timeout_s=5
        )
        with talker(site.north, ca, port) as north:
            south.say("dw/1/demo/south/up/health", b"still here")
            host.say("dw/1/demo/south/down/ack", b"secret")
            north.say("dw/1/demo/north/up/health", b"end")
            assert host.next() == ("dw/1/demo/north/up/health", b"end")
        assert south.received.empty()


def test_port_that_is_taken_is_named(site: Site, tmp_path: Path) -> None:
    other = Mosquitto(
        settings_of(new_authority(tmp_path / "other"), tmp_path / "two", port=site.broker.port)
    )
    with pytest.raises(PortTakenError, match=rf"127\.0\.0\.1:{site.broker.port} is taken"):
        other.start()
    assert other.pid is None


def test_broken_configuration_is_an_error_with_the_brokers_own_words(
    site: Site, tmp_path: Path
) -> None:
    missing = tmp_path / "no-such-ca.pem"
    settings = BrokerSettings(
        folder=tmp_path / "broken",
        access=site.settings.access,
        ca_file=missing,
        certificate_file=site.settings.certificate_file,
        key_file=site.settings.key_file,
        crl_file=site.settings.crl_file,
    )
    with pytest.raises(BrokerFailedError, match=r"no-such-ca\.pem"):
        Mosquitto(settings).start()


def test_stopped_broker_keeps_retained_messages_and_its_port(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host:
        host.say("dw/1/demo/policy/bundle", b"v1", retain=True)
    site.broker.stop()
    site.broker.start()
    assert site.broker.port == port
    with talker(site.north, ca, port) as north:
        north.hear("dw/1/demo/policy/#")
        assert north.next() == ("dw/1/demo/policy/bundle", b"v1")


def test_killed_broker_starts_again_on_its_port(site: Site) -> None:
    port = site.broker.port
    pid = site.broker.pid
    assert pid is not None
    site.broker.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    site.broker.start()
    assert site.broker.port == port
    with talker(site.north, site.authority.ca_file, port):
        pass


def test_whoever_sends_too_much_is_disconnected_and_others_are_not(site: Site) -> None:
    ca, port = site.authority.ca_file, site.broker.port
    with talker(site.controller, ca, port) as host, talker(site.north, ca, port) as north:
        north.hear("dw/1/demo/policy/#")
        with raw_session(site.south, ca, port) as south:
            # A PUBLISH of 40 MB: its first five bytes are enough.
            south.sendall(b"\x32\x80\xb4\x89\x13")
            assert south.recv(1) == b""
        host.say("dw/1/demo/policy/bundle", bytes(20_000_000))
        topic, body = north.next()
        assert (topic, len(body)) == ("dw/1/demo/policy/bundle", 20_000_000)
