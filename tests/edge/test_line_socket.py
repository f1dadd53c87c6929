"""The line on which a simulation is told what happens: nothing that is said ends it."""

import contextlib
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from doorward_edge.line_socket import MAX_LINE_BYTES, LineSocket


def refuse(_request: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("broken handler")


HANDLERS = {
    "echo": lambda request: {"got": request},
    "refuse": refuse,
    "unsayable": lambda _: {"x": 1},
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    control = LineSocket(tmp_path / "control.sock", HANDLERS)
    control.start()
    yield tmp_path / "control.sock"
    control.close()
    assert not (tmp_path / "control.sock").exists()


class Client:
    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def ask(self, line: bytes) -> Any:
        self.socket.sendall(line + b"\n")
        return json.loads(self.stream.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()


BAD_LINES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"echo"',
    b'{"do": "fly"}',
    b'{"do": []}',
    b'{"do": null}',
    b"\xff\xfe",
    b"[" * 60_000,
)


@pytest.mark.parametrize("line", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_answered_with_what_is_known(path: Path, line: bytes) -> None:
    with Client(path) as client:
        answer = client.ask(line)
        assert answer["ok"] is False
        assert "echo, refuse, unsayable" in answer["error"]
        assert client.ask(b'{"do": "echo", "a": 1}') == {"ok": True, "got": {"a": 1}}


def test_a_handler_that_fails_is_answered_and_the_line_lives(path: Path) -> None:
    with Client(path) as client:
        answer = client.ask(b'{"do": "refuse"}')
        assert answer == {"ok": False, "error": "RuntimeError: broken handler"}
        assert client.ask(b'{"do": "echo"}')["ok"]


def test_a_line_that_is_too_long_ends_that_client_alone(path: Path) -> None:
    with Client(path) as long, Client(path) as other:
        answer = long.ask(b"x" * MAX_LINE_BYTES)
        assert answer["error"] == f"a line may have {MAX_LINE_BYTES} bytes at most"
        with contextlib.suppress(ConnectionResetError):  # what it still had to say is thrown away
            assert long.stream.readline() == b""
        assert other.ask(b'{"do": "echo"}')["ok"]


def test_several_clients_are_served_at_once(path: Path) -> None:
    clients = [Client(path) for _ in range(20)]
    for number, client in enumerate(clients):
        asked = json.dumps({"do": "echo", "n": number}).encode()
        assert client.ask(asked)["got"] == {"n": number}
    for client in clients:
        client.__exit__()


def test_only_its_own_user_may_speak(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_socket_that_a_crash_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    control = LineSocket(path, HANDLERS)
    control.start()
    with Client(path) as client:
        assert client.ask(b'{"do": "echo"}')["ok"]
    control.close()


def test_a_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        LineSocket(tmp_path / ("x" * 120), HANDLERS)
