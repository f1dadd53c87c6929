"""What a machine has told pip also holds for uv."""

from pathlib import Path

import pytest

from tools.bootstrapping import mirrors
from tools.bootstrapping.mirrors import parse_pip_settings, pip_environment, uv_environment

LISTING = """\
:env:.index-url='https://env.example/simple'
global.cert='/etc/own/ca.pem'
global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
freeze.timeout='10'
"""


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ca-certificates.crt"
    monkeypatch.setattr(mirrors, "SYSTEM_CERTIFICATES", path)
    return path


def test_a_variable_wins_over_the_command_and_that_over_the_global_setting() -> None:
    assert parse_pip_settings(LISTING)["index-url"] == "https://env.example/simple"
    without_variable = "\n".join(LISTING.splitlines()[1:])
    assert parse_pip_settings(without_variable)["index-url"] == "https://install.example/simple"


def test_index_extra_indexes_and_certificate_reach_uv() -> None:
    env = uv_environment(parse_pip_settings(LISTING), {"PATH": "/bin"})
    assert env["UV_DEFAULT_INDEX"] == "https://env.example/simple"
    assert env["UV_EXTRA_INDEX_URL"] == "https://one.example/simple https://two.example/simple"
    assert env["SSL_CERT_FILE"] == "/etc/own/ca.pem"
    assert env["PATH"] == "/bin"


def test_uv_that_was_configured_itself_is_left_alone() -> None:
    own = {"UV_INDEX_URL": "https://mine.example/simple", "SSL_CERT_FILE": "/mine.pem"}
    env = uv_environment(parse_pip_settings(LISTING), own)
    assert env["UV_INDEX_URL"] == "https://mine.example/simple"
    assert "UV_DEFAULT_INDEX" not in env
    assert "UV_EXTRA_INDEX_URL" not in env
    assert env["SSL_CERT_FILE"] == "/mine.pem"


def test_local_folders_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    there = tmp_path / "wheels"
    there.mkdir()
    settings = {"find-links": f"{there} /nowhere/wheels file:///nowhere/simple"}
    assert uv_environment(settings, {})["UV_FIND_LINKS"] == str(there)
    assert "UV_FIND_LINKS" not in uv_environment({"find-links": "/nowhere/wheels"}, {})


def test_an_active_environment_does_not_draw_the_packages_to_itself() -> None:
    assert "VIRTUAL_ENV" not in uv_environment({}, {"VIRTUAL_ENV": "/somewhere/else"})


def test_the_systems_certificates_are_used_where_nothing_else_is_said(certificates: Path) -> None:
    assert "UV_SYSTEM_CERTS" not in uv_environment({}, {})
    assert "PIP_CERT" not in pip_environment({}, {})
    certificates.touch()
    assert uv_environment({}, {})["UV_SYSTEM_CERTS"] == "1"
    assert pip_environment({}, {})["PIP_CERT"] == str(certificates)
    assert "PIP_CERT" not in pip_environment({"cert": "/etc/own/ca.pem"}, {})
