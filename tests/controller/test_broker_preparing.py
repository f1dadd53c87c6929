"""What a site's own Mosquitto is given is made once, and again where it is to be otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner

from doorward.ids import GatewayId, SiteId
from doorward_controller.__main__ import app
from doorward_controller.broker.access import AccessRules
from doorward_controller.errors import ConfigError

SETTINGS = """\
site = "hq"
data_dir = "data"
[mqtt]
port = 18883
ca_file = "authority/ca.pem"
cert_file = "authority/controller.pem"
key_file = "authority/controller-key.pem"
[broker]
authority_dir = "authority"
access_file = "broker/access"
more_controllers = ["controller-2"]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "controller.toml"
    file.write_text(SETTINGS)
    return file


def _prepare(settings: Path, *names: str) -> Any:
    asked = [part for name in names for part in ("--name", name)]
    argv = ["--config", str(settings), "broker", "prepare", "--json", *asked]
    done = CliRunner().invoke(app, argv, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return {Path(path).name for path in json.loads(done.output)["made"]}


def test_a_first_call_makes_everything_and_a_second_one_nothing(settings: Path) -> None:
    assert _prepare(settings, "broker.example", "10.0.0.5") == {
        *("ca.pem", "controller.pem", "controller-2.pem", "server.pem", "access"),
        *("dynamic-security.json", "mosquitto.conf"),
    }
    assert _prepare(settings, "10.0.0.5", "broker.example") == set()


def test_other_names_make_another_certificate_of_the_same_authority(settings: Path) -> None:
    _prepare(settings, "broker.example")
    authority = (settings.parent / "authority/ca.pem").read_bytes()
    assert _prepare(settings, "gates.example", "fd00::5") == {"server.pem"}
    assert (settings.parent / "authority/ca.pem").read_bytes() == authority
    content = (settings.parent / "authority/server.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(content)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gates.example"]
    assert _prepare(settings, "gates.example", "fd00::5") == set()


def test_rules_that_shut_a_gateway_out_are_not_written_over(settings: Path) -> None:
    _prepare(settings, "broker.example")
    file = settings.parent / "broker/access"
    revoked = AccessRules(site=SiteId("hq"), revoked=(GatewayId("gate-1"),)).to_text()
    file.write_text(revoked)
    _prepare(settings, "broker.example")
    assert file.read_text() == revoked


def test_private_files_are_their_owners_alone(settings: Path) -> None:
    _prepare(settings, "broker.example")
    for name in ("authority/ca-key.pem", "authority/server-key.pem", "broker/access"):
        assert (settings.parent / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ('authority_dir = "authority"\n', "", "broker.authority_dir and broker.access_file"),
        ("authority/controller.pem", "other.pem", r"mqtt.cert_file is .*other.pem, will be made"),
    ],
)
def test_settings_that_would_not_find_what_is_made_are_refused(
    settings: Path, line: str, instead: str, said: str
) -> None:
    settings.write_text(SETTINGS.replace(line, instead))
    argv = ["--config", str(settings), "broker", "prepare", "--name", "x"]
    with pytest.raises(ConfigError, match=said):
        CliRunner().invoke(app, argv, catch_exceptions=False)
