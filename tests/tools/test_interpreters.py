"""Which Python is taken on machines with one, several, incomplete or old ones."""

import sys

import pytest

from tools.bootstrapping.interpreters import Interpreter, choose, probe


def _python(path: str, minor: int, *lacks: str) -> Interpreter:
    return Interpreter(path=path, version=(3, minor, 2), lacks=lacks)


OWN = _python("/opt/own/bin/python3", 12)
OWN_OLD = _python("/opt/own/bin/python3", 9)
OWN_WITHOUT_VENV = _python("/opt/own/bin/python3", 12, "ensurepip")
OWN_WITHOUT_SSL = _python("/opt/own/bin/python3", 12, "ssl", "ensurepip")
DEBIAN = _python("/usr/bin/python3.11", 11)
DEBIAN_WITHOUT_VENV = _python("/usr/bin/python3.11", 11, "ensurepip")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([OWN, DEBIAN], OWN, id="the person's own, when complete"),
        pytest.param([OWN_OLD, DEBIAN], DEBIAN, id="Debian's, when the own one is too old"),
        pytest.param([OWN_WITHOUT_VENV, DEBIAN], DEBIAN, id="Debian's, when the own lacks venv"),
        pytest.param([OWN_WITHOUT_SSL, DEBIAN], DEBIAN, id="Debian's, when the own lacks ssl"),
        pytest.param(
            [DEBIAN_WITHOUT_VENV], DEBIAN_WITHOUT_VENV, id="Debian's without venv: apt brings it"
        ),
        pytest.param(
            [OWN_WITHOUT_VENV, DEBIAN_WITHOUT_VENV],
            DEBIAN_WITHOUT_VENV,
            id="of two without venv the one that apt can complete",
        ),
        pytest.param([OWN_WITHOUT_VENV], None, id="none, when apt cannot complete it"),
        pytest.param([OWN_OLD], None, id="none, when the only one is too old"),
        pytest.param([None], None, id="none, when a shim leads nowhere"),
    ],
)
def test_choice(found: list[Interpreter | None], expected: Interpreter | None) -> None:
    by_path = {str(number): one for number, one in enumerate(found)}
    assert choose(by_path, by_path.__getitem__) == expected


def test_probing_this_very_python_tells_its_version() -> None:
    found = probe(sys.executable)
    assert found is not None
    assert found.version == sys.version_info[:3]


def test_a_program_that_is_no_python_is_not_taken_for_one() -> None:
    assert probe("/bin/false") is None
    assert probe("/bin/echo") is None
    assert probe("/nowhere/python3") is None
