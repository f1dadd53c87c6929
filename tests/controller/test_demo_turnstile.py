"""A gateway's process is kept running, and what is shown to it is written down truthfully."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.clock import SystemClock
from doorward_controller.demo.cable import Network
from doorward_controller.demo.control_socket import ControlError, ControlSocket
from doorward_controller.demo.drill import head, pending, status_seq
from doorward_controller.demo.errors import DemoError
from doorward_controller.demo.gateway_process import GatewayFiles, GatewayProcess
from doorward_controller.demo.turnstile import Code, PresentedLog, Turnstile
from tests.fakes import fake_gateway

CODE = Code(label="Wang", text="DW1:X", credential_id="00000000000000aa")
UNSEEN = Code(label="nothing", text="https://example.org", credential_id=None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short name: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="dw-") as name:
        yield Path(name)


def gateway_in(folder: Path, network: Network, *program: str) -> GatewayProcess:
    files = GatewayFiles(
        config_file=folder / "edge.toml", data_dir=folder / "data", log_dir=folder / "log"
    )
    files.data_dir.mkdir()
    chosen = program or (sys.executable, str(fake_gateway.__file__))
    return GatewayProcess("north", files, network.lay("127.0.0.1", 9), chosen)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


@pytest.fixture
def gateway(folder: Path, network: Network) -> Iterator[GatewayProcess]:
    gateway = gateway_in(folder, network)
    gateway.start()
    gateway.wait_ready()
    yield gateway
    gateway.stop()


@pytest.fixture
def turnstile(gateway: GatewayProcess) -> Turnstile:
    return Turnstile(gateway, PresentedLog(), SystemClock())


def test_killed_gateway_is_started_again_under_a_new_process_id(gateway: GatewayProcess) -> None:
    pid = gateway.pid
    gateway.kill()
    assert wait_until(lambda: gateway.pid not in {None, pid} and gateway.is_ready(), timeout_s=10)
    assert gateway.restarts == 1


def test_stopped_gateway_is_not_started_again(gateway: GatewayProcess) -> None:
    gateway.stop()
    assert gateway.pid is None
    assert gateway.state() is None
    assert (head(gateway), pending(gateway), status_seq(gateway)) == (-1, -1, -1)


def test_gateways_own_account_is_read(gateway: GatewayProcess) -> None:
    assert (head(gateway), pending(gateway), status_seq(gateway)) == (5, 2, 3)


def test_gateway_that_does_not_come_up_is_an_error_with_its_last_words(
    folder: Path, network: Network
) -> None:
    gateway = gateway_in(folder, network, sys.executable, "-c", "raise SystemExit('no camera')")
    gateway.start()
    with pytest.raises(DemoError, match="no camera"):
        gateway.wait_ready(timeout_s=1)
    gateway.stop()


def test_decided_presentation_is_written_down_as_decided(turnstile: Turnstile) -> None:
    log = PresentedLog()
    turnstile = Turnstile(turnstile.gateway, log, SystemClock())
    shown = turnstile.present(CODE, hold_ms=50)
    assert shown.is_decided is True
    assert (shown.gateway, shown.credential_id) == ("north", CODE.credential_id)
    assert shown.is_granted is True
    assert log.all() == (shown,)


def test_code_that_no_reader_recognises_is_written_down_as_undecided(
    turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_controller.demo.turnstile.DECIDED_S", 0.3)
    shown = turnstile.present(UNSEEN, hold_ms=50)
    assert (shown.is_decided, shown.is_granted) == (False, None)


def test_presentation_during_which_the_gateway_dies_may_or_may_not_count(
    turnstile: Turnstile,
) -> None:
    killer = Thread(target=turnstile.gateway.kill)
    killer.start()
    shown = None
    try:
        shown = turnstile.present(UNSEEN, hold_ms=50)
    except ControlError:
        # It was dead before the code was shown: then nothing is written down as decided.
        shown = None
    killer.join()
    assert shown is None or shown.is_decided is None


def test_nobody_can_stand_before_a_dead_gateway(turnstile: Turnstile) -> None:
    turnstile.gateway.stop()
    with pytest.raises(ControlError, match="does not answer"):
        turnstile.present(CODE)


def test_socket_path_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(ControlError, match="must be 107 at most"):
        ControlSocket(Path("/tmp") / ("x" * 110))


def test_refusal_of_the_gateway_is_an_error(gateway: GatewayProcess) -> None:
    with pytest.raises(ControlError, match="what"):
        gateway.control._ask({"do": "dance"})


def test_installed_gateway_program_is_found_beside_our_own() -> None:
    assert shutil.which("doorward-edge", path=str(Path(sys.executable).parent))
