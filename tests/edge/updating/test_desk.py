"""The gateway's side: orders are handed over, evidence is given while it is wanted."""

import json
from pathlib import Path

import pytest

from doorward.outcomes import Finding
from doorward.software import SoftwareReport, UpdateState
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.updating.desk import LOOK_EVERY_MS, SoftwareDesk
from doorward_edge.updating.exchange import EVIDENCE_FILE, WISH_FILE, Evidence, Wish

WELL = Finding(what="journal", is_good=True, detail="writes")


def at(mono_ms: int) -> Instant:
    return Instant(utc_ms=UtcMs(0), mono_ms=MonoMs(mono_ms), trust=ClockTrust.SYNCHRONISED)


class Gateway:
    """A desk with its files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scans = folder, 0
        (folder / "exchange").mkdir(exist_ok=True)
        self.desk = SoftwareDesk(
            status_file=folder / "status.json",
            exchange_dir=folder / "exchange",
            version="0.2.0",
            boot_id="boot-1",
            began=at(1_000),
            scans=lambda: self.scans,
        )
        self.desk.look = lambda: (WELL,)

    def updater_says(self, **said: object) -> None:
        report = SoftwareReport(**said)  # type: ignore[arg-type]
        (self.folder / "status.json").write_text(json.dumps(report.to_plain()))

    @property
    def evidence(self) -> Evidence | None:
        path = self.folder / "exchange" / EVIDENCE_FILE
        return Evidence.from_wire(path.read_bytes()) if path.exists() else None

    def turn(self, mono_ms: int) -> bool:
        return self.desk.turn(at(mono_ms), lambda _: True, is_connected=True)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def test_a_gateway_without_an_updater_refuses_orders(gateway: Gateway) -> None:
    with pytest.raises(WillNotError, match="updates are not set up"):
        gateway.desk.order("c1", "0.3.0", 0)


def test_an_order_is_handed_over_as_it_was_given(tmp_path: Path) -> None:
    Gateway(tmp_path).updater_says(confirmed="0.2.0")
    gateway = Gateway(tmp_path)
    assert gateway.desk.order("c1", "0.3.0", 99) == "ordered: 0.3.0"
    wish = Wish.from_wire((tmp_path / "exchange" / WISH_FILE).read_bytes())
    assert wish == Wish(order="c1", version="0.3.0", until_utc_s=99)
    assert gateway.desk.order("c2", "", 0) == "ordered: back to the release before"


def test_a_disk_that_takes_no_order_is_said(tmp_path: Path) -> None:
    Gateway(tmp_path).updater_says(confirmed="0.2.0")
    gateway = Gateway(tmp_path)
    (tmp_path / "exchange").rmdir()
    (tmp_path / "exchange").write_text("no folder")
    with pytest.raises(NotDoneError, match="the order was not written"):
        gateway.desk.order("c1", "0.3.0", 0)


def test_what_the_updater_says_is_told_once_it_changes(gateway: Gateway) -> None:
    assert not gateway.turn(1_000)
    gateway.updater_says(confirmed="0.2.0", state=UpdateState.FETCHING)
    assert not gateway.turn(1_001), "it was just looked at"
    assert gateway.turn(1_000 + LOOK_EVERY_MS)
    assert gateway.desk.report == SoftwareReport(confirmed="0.2.0", state=UpdateState.FETCHING)
    assert not gateway.turn(1_000 + 2 * LOOK_EVERY_MS)


def test_a_status_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(b"\0\xff")
    assert Gateway(tmp_path).desk.report is None


@pytest.mark.parametrize("state", UpdateState)
def test_evidence_is_given_only_while_it_is_wanted(tmp_path: Path, state: UpdateState) -> None:
    Gateway(tmp_path).updater_says(confirmed="0.2.0", state=state)
    gateway = Gateway(tmp_path)
    gateway.desk.show(at(7_000))
    wanted = state in {UpdateState.INSTALLED, UpdateState.SWITCHING, UpdateState.ON_TRIAL}
    assert (gateway.evidence is not None) == wanted


def test_evidence_says_what_runs_since_when_and_how_quiet_it_is(tmp_path: Path) -> None:
    Gateway(tmp_path).updater_says(state=UpdateState.ON_TRIAL)
    gateway = Gateway(tmp_path)
    gateway.scans = 1
    gateway.desk.show(at(10_000))
    gateway.desk.show(at(75_000))
    assert gateway.evidence == Evidence(
        version="0.2.0",
        boot_id="boot-1",
        at_mono_s=75,
        process=1_000,
        findings=(WELL,),
        quiet_s=65,
    )
    gateway.scans = 2
    gateway.desk.show(at(80_000))
    assert gateway.evidence is not None
    assert gateway.evidence.quiet_s == 0
