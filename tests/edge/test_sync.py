"""Attacks on the way from the controller's signature to the gateway's rules."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from doorward.credential import Credential, read_payload, verify
from doorward.keys import Purpose, pin_keyring
from doorward.messages import Applied
from doorward.status import Status
from doorward.times import ClockTrust
from doorward_edge.sync import PolicyKeeper, Verdict
from tests.fakes.edge_ports import FakeClock, FakeFloors, FakePolicyFiles
from tests.fakes.site_simulator import SITE, START_S, YEAR_S, SiteSimulator, key_of, signer_of

NOW = FakeClock(START_S).now()


class Gateway:
    """A keeper with its disk, which can be restarted."""

    def __init__(self, site: SiteSimulator) -> None:
        self.files, self.floors = FakePolicyFiles(), FakeFloors()
        self.pinned = pin_keyring(site.keyrings[0])
        self.problems: tuple[str, ...] = ()
        self.restart()

    def restart(self) -> None:
        self.keeper = PolicyKeeper(
            site=SITE, pinned=self.pinned, files=self.files, floors=self.floors
        )
        self.problems = self.keeper.load()

    def take(self, wire: bytes) -> Verdict:
        return self.keeper.take(wire, NOW).verdict


@pytest.fixture
def site() -> SiteSimulator:
    return SiteSimulator()


@pytest.fixture
def gateway(site: SiteSimulator) -> Gateway:
    gateway = Gateway(site)
    assert gateway.take(site.bundle()) is Verdict.APPLIED
    assert gateway.take(site.status()) is Verdict.APPLIED
    return gateway


def test_bundle_and_status_are_applied_and_survive_a_restart(
    site: SiteSimulator, gateway: Gateway
) -> None:
    gateway.take(site.set_status(7, Status.REVOKED))
    before = gateway.keeper.applied
    gateway.restart()
    assert gateway.problems == ()
    assert gateway.keeper.applied == before == Applied(bundle=1, status=2, keyring=1)
    assert gateway.keeper.rules is not None
    assert gateway.keeper.rules.status is not None
    assert gateway.keeper.rules.status.get(7) is Status.REVOKED


def test_a_missed_delta_is_healed_by_the_next_one(site: SiteSimulator, gateway: Gateway) -> None:
    site.set_status(7, Status.REVOKED)
    assert gateway.take(site.set_status(9, Status.SUSPENDED)) is Verdict.APPLIED
    assert gateway.keeper.rules is not None
    assert gateway.keeper.rules.status is not None
    assert gateway.keeper.rules.status.get(7) is Status.REVOKED
    assert gateway.keeper.rules.status.get(9) is Status.SUSPENDED


def test_a_delta_that_does_not_reach_back_is_a_gap(site: SiteSimulator, gateway: Gateway) -> None:
    site.set_status(7, Status.REVOKED)
    site.status()
    assert gateway.take(site.set_status(8, Status.REVOKED)) is Verdict.GAP


def test_a_delta_before_any_list_is_a_gap(site: SiteSimulator) -> None:
    site.status()
    assert Gateway(site).take(site.set_status(8, Status.REVOKED)) is Verdict.GAP


ATTACKS: dict[str, Callable[[SiteSimulator], bytes]] = {
    "a bundle signed with the issuing key": lambda s: s.bundle(signer_of(s.issue)),
    "a bundle signed with a key that nobody knows": lambda s: s.bundle(signer_of("mallory")),
    "a status list signed with the control key": lambda s: s.status(signer_of("control-1")),
    "a delta signed with a key that nobody knows": lambda s: s.set_status(
        1, Status.VALID, signer_of("mallory")
    ),
    "a bundle that lost its last byte": lambda s: s.bundle()[:-1],
    "a bundle with one more byte": lambda s: s.bundle() + b"\0",
    "a keyring sent as a policy": lambda s: s.keyrings[0],
    "nothing at all": lambda _: b"",
}


@pytest.mark.parametrize("sentence", ATTACKS)
def test_attack_is_refused_and_changes_nothing(
    sentence: str, site: SiteSimulator, gateway: Gateway
) -> None:
    kept, rules, applied = dict(gateway.files.kept), gateway.keeper.rules, gateway.keeper.applied
    assert gateway.take(ATTACKS[sentence](site)) is Verdict.REFUSED
    assert gateway.files.kept == kept
    assert gateway.keeper.rules is rules
    assert gateway.keeper.applied == applied


def test_replayed_older_messages_are_not_taken(site: SiteSimulator) -> None:
    gateway = Gateway(site)
    old_bundle, old_status = site.bundle(), site.status()
    old_delta = site.set_status(3, Status.VALID)
    for wire in (site.bundle(), site.status(), site.set_status(3, Status.REVOKED)):
        assert gateway.take(wire) is Verdict.APPLIED
    for wire in (old_bundle, old_status, old_delta):
        assert gateway.take(wire) is Verdict.ALREADY
    assert gateway.keeper.rules is not None
    assert gateway.keeper.rules.status is not None
    assert gateway.keeper.rules.status.get(3) is Status.REVOKED


def test_an_older_card_is_noticed_and_its_rules_are_not_used(
    site: SiteSimulator, gateway: Gateway
) -> None:
    older = dict(gateway.files.kept)
    gateway.take(site.bundle())
    gateway.take(site.set_status(7, Status.REVOKED))
    gateway.files.kept = older
    gateway.restart()
    assert len(gateway.problems) == 2
    assert gateway.keeper.rules is None


@pytest.mark.parametrize("comes_first", ["list", "delta"])
def test_rules_that_the_disk_lost_come_again_from_the_broker(
    comes_first: str, site: SiteSimulator
) -> None:
    gateway = Gateway(site)
    bundle, full = site.bundle(), site.status()
    delta = site.set_status(7, Status.REVOKED)
    for wire in (bundle, full, delta):
        assert gateway.take(wire) is Verdict.APPLIED
    before = gateway.keeper.applied
    gateway.files.kept.clear()
    gateway.restart()
    assert gateway.take(bundle) is Verdict.APPLIED
    if comes_first == "delta":
        assert gateway.take(delta) is Verdict.GAP
    assert gateway.take(full) is Verdict.GAP
    assert gateway.keeper.rules is not None
    assert gateway.keeper.rules.status is None, "the list alone would go back"
    assert gateway.take(full) is Verdict.ALREADY, "nobody asks for the same half again and again"
    gateway.restart()
    assert gateway.take(delta) is Verdict.APPLIED
    assert gateway.keeper.applied == before
    assert status_of(gateway, 7) is Status.REVOKED


def test_a_delta_below_the_floor_does_not_make_a_lost_list_good(site: SiteSimulator) -> None:
    gateway = Gateway(site)
    bundle, full = site.bundle(), site.status()
    older = site.set_status(5, Status.REVOKED)
    newer = site.set_status(7, Status.REVOKED)
    for wire in (bundle, full, newer):
        assert gateway.take(wire) is Verdict.APPLIED
    gateway.files.kept.clear()
    gateway.restart()
    assert [gateway.take(wire) for wire in (bundle, full, older)] == [
        Verdict.APPLIED,
        Verdict.GAP,
        Verdict.ALREADY,
    ]
    assert gateway.keeper.rules is not None
    assert gateway.keeper.rules.status is None


def test_a_full_disk_leaves_the_old_rules_at_work(site: SiteSimulator, gateway: Gateway) -> None:
    rules = gateway.keeper.rules
    gateway.files.broken = True
    assert gateway.take(site.bundle()) is Verdict.UNWRITTEN
    assert gateway.keeper.rules is rules
    gateway.files.broken = False
    assert gateway.take(site.bundle()) is Verdict.APPLIED


def test_a_full_disk_does_not_keep_a_revoked_badge_good(
    site: SiteSimulator, gateway: Gateway
) -> None:
    revoked = site.set_status(5, Status.REVOKED)
    gateway.files.broken = True
    assert gateway.take(revoked) is Verdict.UNWRITTEN
    assert status_of(gateway, 5) is Status.REVOKED
    assert gateway.keeper.applied.status == 1
    gateway.files.broken = False
    assert gateway.take(revoked) is Verdict.APPLIED
    assert gateway.keeper.applied.status == 2
    gateway.restart()
    assert status_of(gateway, 5) is Status.REVOKED


def test_a_full_disk_does_not_keep_a_badge_good_that_a_new_list_and_its_delta_revoke(
    site: SiteSimulator, gateway: Gateway
) -> None:
    site.set_status(4, Status.SUSPENDED)
    full = site.status()
    delta = site.set_status(5, Status.REVOKED)
    gateway.files.broken = True
    assert [gateway.take(full), gateway.take(delta)] == [Verdict.UNWRITTEN, Verdict.UNWRITTEN]
    assert (status_of(gateway, 4), status_of(gateway, 5)) == (Status.SUSPENDED, Status.REVOKED)
    assert gateway.take(full) is Verdict.UNWRITTEN
    assert status_of(gateway, 5) is Status.REVOKED, "the list alone would take the delta back"
    assert gateway.keeper.applied.status == 1
    gateway.files.broken = False
    assert [gateway.take(full), gateway.take(delta)] == [Verdict.APPLIED, Verdict.APPLIED]
    assert gateway.keeper.applied.status == 3
    gateway.restart()
    assert (status_of(gateway, 4), status_of(gateway, 5)) == (Status.SUSPENDED, Status.REVOKED)


def test_an_older_list_does_not_take_back_what_could_not_be_written(
    site: SiteSimulator, gateway: Gateway
) -> None:
    older = site.set_status(6, Status.SUSPENDED)
    newer = site.set_status(5, Status.REVOKED)
    gateway.files.broken = True
    assert gateway.take(newer) is Verdict.UNWRITTEN
    gateway.files.broken = False
    assert gateway.take(older) is Verdict.APPLIED
    assert gateway.keeper.applied.status == 2
    assert status_of(gateway, 5) is Status.REVOKED
    assert gateway.take(newer) is Verdict.APPLIED
    assert gateway.keeper.applied.status == 3


def status_of(gateway: Gateway, index: int) -> Status | None:
    rules = gateway.keeper.rules
    assert rules is not None
    assert rules.status is not None
    return rules.status.get(index)


def test_a_gateway_that_slept_through_two_rotations_follows_the_chain(site: SiteSimulator) -> None:
    gateway = Gateway(site)
    policy = key_of("policy-1", Purpose.POLICY)
    site.rotate((key_of("root-2", Purpose.ROOT), policy), signed_by=("root-1", "root-2"))
    site.rotate(
        (key_of("root-3", Purpose.ROOT), key_of("policy-3", Purpose.POLICY)),
        signed_by=("root-2", "root-3"),
    )
    site.policy = "policy-3"
    assert gateway.take(site.bundle()) is Verdict.APPLIED
    assert gateway.keeper.keyring.version == 3
    gateway.restart()
    assert gateway.problems == ()
    assert gateway.keeper.applied == Applied(bundle=1, keyring=3)


def test_a_keyring_that_the_old_root_did_not_sign_brings_its_bundle_down(
    site: SiteSimulator, gateway: Gateway
) -> None:
    site.rotate(
        (key_of("mallory", Purpose.ROOT), key_of("evil", Purpose.POLICY)), signed_by=("mallory",)
    )
    site.policy = "evil"
    assert gateway.take(site.bundle()) is Verdict.REFUSED
    assert gateway.keeper.keyring.version == 1


def test_a_revoked_issuing_key_takes_all_its_codes_along(
    site: SiteSimulator, gateway: Gateway
) -> None:
    badge = read_payload(site.badge(5).encode())
    assert isinstance(verify(badge, gateway.keeper.keyring), Credential)
    keys = tuple(replace(key, revoked=key.purposes == Purpose.ISSUE) for key in site.keyring.keys)
    site.rotate(keys, signed_by=("root-1",))
    assert gateway.take(site.bundle()) is Verdict.APPLIED
    assert not isinstance(verify(badge, gateway.keeper.keyring), Credential)


def test_a_policy_key_past_its_window_signs_nothing_new_but_a_restart_keeps_the_old(
    site: SiteSimulator, gateway: Gateway
) -> None:
    late = FakeClock(START_S + 2 * YEAR_S).now()
    assert gateway.keeper.take(site.bundle(), late).verdict is Verdict.REFUSED
    gateway.restart()
    assert gateway.keeper.applied.bundle == 1


def test_without_a_trusted_clock_windows_are_not_guessed(site: SiteSimulator) -> None:
    gateway = Gateway(site)
    lost = FakeClock(0, trust=ClockTrust.UNKNOWN).now()
    assert gateway.keeper.take(site.bundle(), lost).verdict is Verdict.APPLIED
