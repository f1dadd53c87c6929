"""Children end when asked, when killed, and when we ourselves are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from doorward_controller.broker.child import Child, ChildSpec, stop_all
from doorward_controller.broker.waiting import wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER


def child(tmp_path: Path, program: str = SLEEPER, name: str = "sleeper") -> Child:
    command = (sys.executable, "-c", program)
    return Child(ChildSpec(name=name, command=command, output_dir=tmp_path))


def is_up(one: Child) -> bool:
    return wait_until(lambda: "up" in one.output(), timeout_s=10)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_child_that_is_asked_ends_by_itself(tmp_path: Path) -> None:
    one = child(tmp_path)
    one.start()
    assert is_up(one)
    assert one.stop()
    assert one.pid is None
    assert one.exit_code == -signal.SIGTERM


def test_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    one = child(tmp_path, STUBBORN)
    one.start()
    assert is_up(one)
    assert not one.stop(timeout_s=0.2)
    assert one.exit_code == -signal.SIGKILL


def test_child_started_from_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    one = child(tmp_path)
    starter = Thread(target=one.start)
    starter.start()
    starter.join()
    assert is_up(one)
    assert one.is_running()
    one.kill()


def test_output_of_a_second_run_does_not_hold_the_first_ones(tmp_path: Path) -> None:
    one = child(tmp_path)
    one.start()
    assert is_up(one)
    one.kill()
    one.start()
    assert is_up(one)
    assert one.output().count("up") == 1
    assert one.spec.out_file.read_text().count("up") == 2
    with pytest.raises(RuntimeError, match="runs already"):
        one.start()
    one.kill()


def test_last_words_of_a_failing_child_are_at_hand(tmp_path: Path) -> None:
    one = child(tmp_path, "raise SystemExit('no camera')")
    one.start()
    assert wait_until(lambda: not one.is_running(), timeout_s=10)
    assert one.exit_code == 1
    assert "no camera" in one.last_errors()


def test_all_are_asked_at_the_same_time(tmp_path: Path) -> None:
    both = [child(tmp_path, name="one"), child(tmp_path, name="two")]
    for one in both:
        one.start()
    assert all(map(is_up, both))
    stop_all(both)
    assert [one.pid for one in both] == [None, None]


PARENT = """
import sys
from pathlib import Path
from threading import Event
from doorward_controller.broker.child import Child, ChildSpec
command = (sys.executable, "-c", sys.argv[1])
one = Child(ChildSpec(name="orphan", command=command, output_dir=Path(sys.argv[2])))
one.start()
while "up" not in one.output():
    Event().wait(0.02)
print(one.pid, flush=True)
Event().wait()
"""


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs util-linux's setpriv")
def test_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, SLEEPER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_until(lambda: is_gone(pid), timeout_s=5)
