"""Two real gateways and a real broker: what one sees of people counts at the other."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from doorward.credential import CredentialClass, Statement, issue_badge
from doorward.envelope import Ed25519Signer, Kind, seal_envelope
from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy import AntiPassback, Direction, GroupRule, PresenceDoubt
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.schedule import ALWAYS, Schedule, SiteTime
from doorward_controller.broker.waiting import wait_until
from doorward_edge.cli.muster import ask
from doorward_edge.config import load_config
from tests.system.conftest import Site
from tests.system.lone_gateway import (
    DAY_S,
    NAME,
    SEEN_S,
    Gate,
    LoneSite,
    make_gate,
    run_to_its_end,
    running,
)

SOUTH = GatewayId("south")
WAY_OUT = PortalId("south-out")
SEEDS = {NAME: b"r" * 32, SOUTH: b"s" * 32}
ALICE, BOB, VISITOR = 1, 2, 7
HELD_ANEW_S = 2.0
LINKED_S = 60.0
"""Gateways draw their own pauses before they dial again."""

TWO_READERS = f"""
[[portal]]
id = "{WAY_OUT}"
held_s = 0.5
cameras = ["side"]
lock = {{ kind = "fail_secure", terminal = 27 }}

[[camera]]
name = "side"
kind = "scene"
width_px = 640
height_px = 480
"""


def _portal(gateway: GatewayId, **changes: Any) -> PortalDraft:
    return PortalDraft(
        zone="hall", gateway=gateway, pulse_ms=500, antipassback=AntiPassback.HARD, **changes
    )


@dataclass(kw_only=True)
class SharedSite(LoneSite):
    """North lets in; south lets in, where it knows everything, and out."""

    portals: dict[PortalId, PortalDraft] = field(
        default_factory=lambda: {
            PortalId(NAME): _portal(NAME),
            PortalId(SOUTH): _portal(SOUTH, presence_unknown=PresenceDoubt.DENY),
            WAY_OUT: _portal(SOUTH, direction=Direction.EXIT),
        }
    )

    def bundle(self, version: int = 1) -> bytes:
        draft = PolicyDraft(
            site=self.name,
            version=version,
            created_at=self.now,
            keyrings=(self.keyring(),),
            time=SiteTime(zone="Asia/Shanghai", offsets=((0, 8 * 3600),), day_types={}),
            zones=("hall",),
            groups=("staff", "visitors"),
            group_rules={"visitors": GroupRule(is_once=True)},
            schedules=(Schedule(name="always", spans=(ALWAYS,)),),
            grants=tuple(
                GrantDraft(group=group, zone="hall", schedule="always")
                for group in ("staff", "visitors")
            ),
            portals=self.portals,
            people=(
                self._person(ALICE, "staff"),
                self._person(BOB, "staff"),
                self._person(VISITOR, "visitors"),
            ),
            gateways={name: Ed25519Signer.from_seed(seed).public for name, seed in SEEDS.items()},
        )
        return seal_envelope(Kind.BUNDLE, build_body(draft), [self.signer("policy")])

    def _person(self, number: int, group: str) -> PersonDraft:
        return PersonDraft(
            credential_id=CredentialId(number.to_bytes(8)),
            not_before=self.now - DAY_S,
            not_after=self.now + DAY_S,
            groups=(group,),
        )

    def visitor(self) -> str:
        by = self.signer("issue")
        statement = Statement(
            key_id=by.key_id,
            credential_id=CredentialId(VISITOR.to_bytes(8)),
            status_index=VISITOR,
            not_before=self.now - DAY_S,
            expires=self.now + DAY_S,
            credential_class=CredentialClass.VISITOR,
        )
        return issue_badge(statement, by)


@dataclass(kw_only=True)
class Pair:
    """Two running gateways of one site, and the broker between them."""

    rules: SharedSite
    broker: Site
    north: Gate
    south: Gate
    shown_at: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def shown(self, gate: Gate, badge: str, camera: str = "front") -> str:
        """Holds a code up until it is decided on; returns the reason.

        Not sooner than a reader takes it for held up anew.
        """
        key = (str(gate.folder), badge, camera)
        again_at = self.shown_at.get(key, 0.0) + HELD_ANEW_S
        assert wait_until(lambda: time.monotonic() > again_at, timeout_s=SEEN_S)
        before = gate.reasons()
        gate.ask("show", payload=badge, camera=camera)
        try:
            assert wait_until(lambda: gate.reasons() != before, timeout_s=SEEN_S), gate.log()
        finally:
            gate.ask("clear", camera=camera)
            self.shown_at[key] = time.monotonic()
        (reason,) = (r for r, n in gate.reasons().items() if n != before.get(r, 0))
        return reason

    def muster(self, gate: Gate) -> Any:
        """Asks the gateway, or, where it does not run, the command for what was kept."""
        if gate.process is not None:
            answer = ask(load_config(gate.config))
            assert answer is not None
            return answer
        return self.printed(gate)

    def printed(self, gate: Gate) -> Any:
        ended = run_to_its_end(gate, "muster", "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def inside(self, gate: Gate) -> list[int]:
        """Returns the numbers of those who are in the hall, as a gateway knows it."""
        (hall,) = self.muster(gate)["zones"]
        return sorted(int(one["credential"], 16) for one in hall["people"])

    def both_know(self, *numbers: int) -> None:
        for gate in (self.north, self.south):
            assert wait_until(lambda: self.inside(gate) == list(numbers), timeout_s=SEEN_S), (  # noqa: B023
                self.muster(gate),
                gate.log(),
            )

    def hear_each_other(self) -> None:
        for gate in (self.north, self.south):
            assert wait_until(
                lambda: not self.muster(gate)["zones"][0]["unheard"],  # noqa: B023
                timeout_s=LINKED_S,
            ), gate.log()


@pytest.fixture
def pair(site: Site, tmp_path: Path) -> Iterator[Pair]:
    rules = SharedSite()
    gates = {}
    for name, identity in ((NAME, site.north), (SOUTH, site.south)):
        gate = gates[name] = make_gate(
            tmp_path / name,
            rules,
            identity=identity,
            ca_file=site.authority.ca_file,
            broker_port=site.broker.port,
        )
        gate.config.write_text(gate.config.read_text().replace(f'id = "{NAME}"', f'id = "{name}"'))
        (gate.folder / "record.key").write_bytes(SEEDS[name])
    south = gates[SOUTH]
    south.config.write_text(south.config.read_text() + TWO_READERS)
    with ExitStack() as stack:
        for gate in gates.values():
            stack.enter_context(running(gate))
        pair = Pair(rules=rules, broker=site, north=gates[NAME], south=south)
        pair.hear_each_other()
        yield pair


@pytest.mark.timeout(180)
def test_what_one_gateway_saw_counts_at_the_other_at_once(pair: Pair) -> None:
    visitor, alice = pair.rules.visitor(), pair.rules.badge(ALICE)
    assert pair.shown(pair.north, visitor) == "granted"
    assert pair.shown(pair.south, visitor) == "used_up"
    assert pair.shown(pair.north, alice) == "granted"
    pair.both_know(ALICE, VISITOR)
    assert pair.shown(pair.south, alice) == "already_inside"
    assert pair.shown(pair.south, alice, "side") == "granted"
    pair.both_know(VISITOR)
    assert pair.shown(pair.north, alice) == "granted"
    pair.both_know(ALICE, VISITOR)
    (hall,) = pair.muster(pair.south)["zones"]
    by_number = {int(one["credential"], 16): one for one in hall["people"]}
    assert by_number[ALICE]["seen_by"] == NAME
    assert 0 <= time.time() - by_number[ALICE]["since"] < 60
    assert hall["unheard"] == []
    assert pair.printed(pair.south)["zones"][0]["people"] == hall["people"]
    table = run_to_its_end(pair.south, "muster").stdout
    assert f"hall: 2 inside, {'certain' if hall['is_certain'] else 'not certain'}" in table
    assert CredentialId(ALICE.to_bytes(8)).hex() in table


@pytest.mark.timeout(240)
def test_while_the_broker_is_away_the_rule_for_doubt_decides_and_then_the_books_agree(
    pair: Pair,
) -> None:
    alice, bob = pair.rules.badge(ALICE), pair.rules.badge(BOB)
    assert pair.shown(pair.north, alice) == "granted"
    pair.both_know(ALICE)
    assert pair.shown(pair.south, alice, "side") == "granted"
    pair.both_know()
    pair.broker.broker.stop()
    for gate in (pair.north, pair.south):
        assert wait_until(lambda: bool(pair.muster(gate)["zones"][0]["unheard"]), timeout_s=SEEN_S)  # noqa: B023
    assert pair.shown(pair.south, alice) == "presence_unknown", "there doubt denies"
    assert pair.shown(pair.north, alice) == "granted", "there doubt lets pass"
    assert pair.shown(pair.north, bob) == "granted"
    assert wait_until(lambda: pair.inside(pair.north) == [ALICE, BOB], timeout_s=SEEN_S)
    assert pair.inside(pair.south) == []
    pair.broker.broker.start()
    pair.hear_each_other()
    pair.both_know(ALICE, BOB)
    assert pair.shown(pair.south, bob) == "already_inside"


@pytest.mark.timeout(240)
def test_a_gateway_that_is_killed_still_knows_who_passed(pair: Pair) -> None:
    visitor, alice = pair.rules.visitor(), pair.rules.badge(ALICE)
    assert pair.shown(pair.north, visitor) == "granted"
    assert pair.shown(pair.north, alice) == "granted"
    pair.both_know(ALICE, VISITOR)
    for gate in (pair.north, pair.south):
        gate.end(signal.SIGKILL)
    pair.broker.broker.stop()
    kept = pair.muster(pair.north)
    assert not kept["is_running"]
    assert not kept["zones"][0]["is_certain"]
    assert pair.inside(pair.north) == [ALICE, VISITOR]
    for gate in (pair.north, pair.south):
        gate.start()
        assert pair.shown(gate, visitor) == "used_up"
        assert pair.inside(gate) == [ALICE, VISITOR]
        assert "presence.lost" not in gate.log()


@pytest.mark.timeout(120)
def test_a_damaged_snapshot_is_told_and_the_gateway_opens_all_the_same(pair: Pair) -> None:
    north = pair.north
    assert pair.shown(north, pair.rules.badge(ALICE)) == "granted"
    assert north.end() == 0
    snapshot = north.data_dir / "presence" / "snapshot.sealed"
    damaged = bytearray(snapshot.read_bytes())
    damaged[-1] ^= 1
    snapshot.write_bytes(damaged)
    north.start()
    assert "presence.lost" in north.log()
    assert "notice code=presence_lost" in north.log()
    assert not pair.muster(north)["zones"][0]["is_complete"]
    assert pair.shown(north, pair.rules.badge(BOB)) == "granted"
