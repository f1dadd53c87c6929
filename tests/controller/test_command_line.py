"""The command line: each command once, its JSON, and failures in one plain sentence."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from doorward_controller.__main__ import app, main
from doorward_controller.config import Http
from doorward_controller.demo.cli import demo_app
from doorward_controller.errors import ConfigError
from doorward_controller.serving import listen

CONFIG = """\
site = "main"
data_dir = "data"
[mqtt]
port = 1
ca_file = "ca.pem"
cert_file = "cert.pem"
key_file = "key.pem"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    return path


def run(config: Path, *words: str, text: str = "") -> Result:
    return CliRunner().invoke(app, ["--config", str(config), *words], input=text)


def test_init_is_repeatable(config: Path) -> None:
    assert json.loads(run(config, "init", "--json").output) == {"site": "main", "new": True}
    assert json.loads(run(config, "init", "--json").output) == {"site": "main", "new": False}


def test_account_reads_its_password_from_standard_input(config: Path) -> None:
    run(config, "init")
    words = ("account", "add", "sam", "--role", "security", "--json")
    made = run(config, *words, text="correct horse battery\n")
    assert json.loads(made.output)["name"] == "sam"
    token = run(config, "account", "token", "sam", "--label", "ci", "--json")
    assert json.loads(token.output)["token"].startswith("dwt_")
    verdict = "the audit log is unbroken: 2 entries, 0 checkpoints, signed up to entry 0\n"
    assert run(config, "audit", "verify").output == verdict


def test_gateway_is_enrolled_and_told_what_it_needs(config: Path) -> None:
    run(config, "init")
    key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    done = run(config, "gateway", "enrol", "gate-1", "--record-key", key, "--portal", "n:site")
    assert done.output == "gateway gate-1 is enrolled\n"
    given = json.loads(run(config, "gateway", "bootstrap").output)
    assert given["site"] == "main"
    assert bytes.fromhex(given["keyring"]).startswith(b"DWE1")
    assert len(bytes.fromhex(given["intake_key"])) == 32


def test_wrong_portal_is_wrong_usage(config: Path) -> None:
    run(config, "init")
    done = run(config, "gateway", "enrol", "g", "--record-key", "00", "--portal", "north")
    assert done.exit_code == 2


def test_check_names_what_is_wrong_and_goes_on(config: Path) -> None:
    run(config, "init")
    done = run(config, "check", "--json")
    findings = {f["what"]: f["is_good"] for f in json.loads(done.output)["findings"]}
    assert {"keys", "database", "audit log", "outside sign-in"} <= findings.keys()
    assert [what for what, is_good in findings.items() if not is_good] == ["broker"]
    assert done.exit_code == 1


def test_failure_is_one_sentence_and_status_1(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["doorward-controller", "--config", str(config), "migrate"])
    (config.parent / "data").write_text("in the way")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("doorward-controller: the database does not answer")
    assert said.count("\n") == 1


def test_port_that_is_taken_is_told_in_plain_words() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is taken by another program"):
            listen(Http(port=port))


def test_address_of_another_machine_is_told_in_plain_words() -> None:
    with pytest.raises(ConfigError, match="is not an address of this machine"):
        listen(Http(host="192.0.2.1", port=8080))


def test_no_part_of_an_answer_waits_for_an_acknowledgement_of_the_one_before() -> None:
    """Nagle's algorithm is off, which asyncio does for sockets that say TCP and for no others."""
    found: list[int] = []

    async def told(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def visit() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        async with await asyncio.start_server(told, sock=listen(Http(port=port))):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.read()
            writer.close()

    asyncio.run(visit())
    assert found == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "65536"), "65535"),
        (("--headless", "--seconds", "-1"), "greater than or equal to 0"),
        (("--json",), "add --headless"),
        (("--wrong",), "No such option"),
    ],
)
def test_the_demonstration_refuses_options_that_make_no_sense(
    words: tuple[str, ...], said: str
) -> None:
    done = CliRunner().invoke(demo_app, list(words), env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in done.output
