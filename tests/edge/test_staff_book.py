"""The staff list at a gateway: signed, never back, on the disk before it counts."""

import pytest

from doorward.envelope import Kind, seal_envelope
from doorward.ids import SiteId
from doorward.keys import Keyring, pin_keyring
from doorward.staff import Ability, StaffList
from doorward_edge.staff_book import STAFF, StaffBook
from doorward_edge.sync import Verdict
from tests.fakes.edge_ports import FakeClock, FakePolicyFiles
from tests.fakes.panel_site import member
from tests.fakes.site_simulator import SITE, START_S, SiteSimulator, signer_of


class Gateway:
    """A staff book, its files, and a controller that signs lists."""

    def __init__(self) -> None:
        self.site = SiteSimulator()
        self.files, self.clock = FakePolicyFiles(), FakeClock(START_S)
        self.book = self.start()

    def start(self) -> StaffBook:
        def keyring() -> Keyring:
            return pin_keyring(self.site.keyrings[0])

        self.book = StaffBook(site=SITE, files=self.files, keyring=keyring)
        return self.book

    def wire(
        self,
        version: int = 1,
        *,
        site: SiteId = SITE,
        key: str = "policy-1",
        kind: Kind = Kind.STAFF,
    ) -> bytes:
        listed = StaffList(
            site=site,
            version=version,
            created_at=START_S,
            members=(member("g-07", Ability.REGISTER), member("t-1", Ability.SERVICE)),
        )
        return seal_envelope(kind, listed.to_body(), [signer_of(key)])

    def take(self, wire: bytes) -> Verdict:
        return self.book.take(wire, self.clock.now()).verdict


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_a_signed_list_counts_and_is_there_after_a_restart(gateway: Gateway) -> None:
    assert gateway.book.find("g-07") is None
    assert gateway.take(gateway.wire()) is Verdict.APPLIED
    assert gateway.book.find("g-07") is not None
    again = gateway.start()
    assert again.load() == ()
    assert (again.version, again.find("t-1") is not None) == (1, True)


@pytest.mark.parametrize("version", [1, 2])
def test_a_list_never_goes_back_also_after_a_restart(gateway: Gateway, version: int) -> None:
    gateway.take(gateway.wire(2))
    gateway.start().load()
    assert gateway.take(gateway.wire(version)) is Verdict.ALREADY
    assert gateway.take(gateway.wire(3)) is Verdict.APPLIED


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "control-1"},
        {"key": "issue-1"},
        {"key": "thief"},
        {"site": SiteId("elsewhere")},
        {"kind": Kind.BUNDLE},
    ],
)
def test_what_is_not_our_controllers_list_is_refused(
    gateway: Gateway, changes: dict[str, object]
) -> None:
    assert gateway.take(gateway.wire(**changes)) is Verdict.REFUSED  # type: ignore[arg-type]
    assert gateway.files.kept == {}
    assert gateway.book.version == 0


@pytest.mark.parametrize("rubbish", [b"", b"DWE1", bytes(500)])
def test_rubbish_is_refused(gateway: Gateway, rubbish: bytes) -> None:
    assert gateway.take(rubbish) is Verdict.REFUSED


def test_what_the_disk_does_not_take_does_not_count(gateway: Gateway) -> None:
    gateway.files.broken = True
    assert gateway.take(gateway.wire()) is Verdict.UNWRITTEN
    assert gateway.book.find("g-07") is None


def test_a_damaged_file_is_told_and_the_retained_message_mends_it(gateway: Gateway) -> None:
    gateway.files.kept[STAFF] = b"DWE1 damaged"
    (problem,) = gateway.book.load()
    assert problem.startswith("staff on disk:")
    assert gateway.take(gateway.wire()) is Verdict.APPLIED
