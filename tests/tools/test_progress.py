"""A person sees what is done, and plain words when it fails."""

import io
import sys
from pathlib import Path

import pytest

from tools.bootstrapping.failures import SetupError, advice_for
from tools.bootstrapping.progress import Progress


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_step_is_named_before_and_timed_after(tmp_path: Path) -> None:
    out = io.StringIO()
    Progress(out, tmp_path / "log").run("counting", _python("print('one')"), cwd=tmp_path)
    first, second = out.getvalue().splitlines()
    assert first == "  counting ..."
    assert second.startswith("  done: counting (")
    assert "one" in (tmp_path / "log").read_text()


def test_a_failed_step_shows_its_last_lines_and_what_to_do(tmp_path: Path) -> None:
    code = "print('x' * 10 + chr(10) * 40 + 'No space left on device'); raise SystemExit(3)"
    with pytest.raises(SetupError) as caught:
        Progress(io.StringIO(), tmp_path / "log").run("writing", _python(code), cwd=tmp_path)
    assert caught.value.sentence.startswith("writing failed (status 3 of")
    assert caught.value.output.endswith("No space left on device")
    assert "xxx" not in caught.value.output
    assert "The disk is full" in caught.value.advice


def test_a_program_that_is_not_there_is_a_failed_step(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"asking: /nowhere/uv could not be started"):
        Progress(io.StringIO(), tmp_path / "log").run("asking", ["/nowhere/uv"], cwd=tmp_path)


def test_waiting_for_another_program_is_said_once(tmp_path: Path) -> None:
    out = io.StringIO()
    line = "Waiting for cache lock: It is held by process 7 (apt-get)"
    code = f"import time\nfor _ in range(3): print({line!r}, flush=True); time.sleep(0.01)"
    Progress(out, tmp_path / "log").run("installing", _python(code), cwd=tmp_path)
    assert out.getvalue().count(line) == 1


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Could not resolve 'deb.example'", "cannot be reached"),
        ("Temporary failure resolving 'deb.example'", "cannot be reached"),
        ("error: dns error: failed to lookup address information", "cannot be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "not the one that the lock names"),
        ("invalid peer certificate: UnknownIssuer", "is not trusted here"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend", "Another program"),
        ("E: dpkg was interrupted, you must manually run", "dpkg --configure -a"),
        ("E: Sub-process /usr/bin/dpkg returned an error code (1)", "could not be set up"),
        ("E: Unable to locate package chromium", "package lists"),
    ],
)
def test_known_troubles_get_advice(output: str, words: str) -> None:
    assert words in advice_for(output)


def test_a_trouble_that_was_overcome_earlier_is_not_taken_for_the_cause() -> None:
    waited = "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend\n"
    failed = waited + "Setting up\n" * 40 + "Sub-process /usr/bin/dpkg returned an error code (1)"
    assert "could not be set up" in advice_for(failed)


def test_unknown_troubles_get_no_invented_advice() -> None:
    assert advice_for("Segmentation fault") == ""
