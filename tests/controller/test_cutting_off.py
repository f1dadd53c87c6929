"""Shutting a revoked gateway out of the broker: what is noted, tried again, and told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from doorward.ids import GatewayId
from doorward_controller.broker.errors import GateError
from doorward_controller.domain.cut_off import INSIST_MS, LATER_MS, URGENT_MS, CutOff, CutOffStage
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.queries import cut_offs, fleet_board
from doorward_controller.services import enrolment
from doorward_controller.services.backend import Backend, NoGatekeeper
from doorward_controller.services.cutting_off import CuttingOff
from tests.controller.conftest import StandingClock
from tests.fakes.fed_gateway import FedGateway

SECURITY = Actor(name="sam", role=Role.SECURITY)


@dataclass
class Gate:
    """A broker's door that does what it is asked, or fails with the words it was given."""

    list_fails: str = ""
    throw_fails: str = ""
    out: set[GatewayId] = field(default_factory=set)
    thrown: list[GatewayId] = field(default_factory=list)

    def shut_out(self, revoked: Sequence[GatewayId], now: datetime) -> None:
        assert now.tzinfo is not None
        if self.list_fails:
            raise GateError(self.list_fails)
        self.out |= set(revoked)

    def throw_out(self, gateway: GatewayId) -> None:
        self.thrown.append(gateway)
        if self.throw_fails:
            raise GateError(self.throw_fails)


@dataclass
class Kept:
    backend: Backend
    gate: Gate
    clock: StandingClock
    turns: CuttingOff

    def revoke(self, gateway: str) -> None:
        enrolment.revoke_gateway(self.backend, SECURITY, gateway=gateway, reason="stolen")

    def cut_off(self, gateway: str = "gate-1") -> CutOff:
        found = cut_offs.of_gateway(self.backend.store, self.backend.config.site, gateway)
        assert found is not None
        return found


@pytest.fixture
def kept(backend: Backend, clock: StandingClock) -> Kept:
    gate = Gate()
    kept = replace(backend, gatekeeper=gate)
    for name in ("gate-1", "gate-2"):
        one = FedGateway(kept, name)
        one.enrol()
        one.connect()
    return Kept(kept, gate, clock, CuttingOff(kept))


def test_nothing_is_done_while_nobody_is_revoked(kept: Kept) -> None:
    assert kept.turns.turn() == 0
    assert (kept.gate.out, kept.gate.thrown) == (set(), [])
    assert cut_offs.of_gateway(kept.backend.store, kept.backend.config.site, "gate-1") is None


def test_revoked_gateway_is_listed_thrown_out_and_seen_to_be_gone(kept: Kept) -> None:
    kept.revoke("gate-1")
    assert kept.cut_off().stage is CutOffStage.REFUSED
    kept.clock.pass_s(2)
    assert kept.turns.turn() == 1
    assert kept.cut_off().stage is CutOffStage.ENDED
    assert (kept.gate.out, kept.gate.thrown) == ({"gate-1"}, ["gate-1"])
    online = {row.gateway: row.online for row in fleet_board.gateways(kept.backend.store)}
    assert online == {"gate-1": False, "gate-2": True}


def test_it_is_thrown_out_again_for_a_while_and_then_no_more(kept: Kept) -> None:
    kept.revoke("gate-1")
    kept.turns.turn()
    kept.clock.pass_s(INSIST_MS // 1000 - 1)
    kept.turns.turn()
    assert len(kept.gate.thrown) == 2
    kept.clock.pass_s(1)
    for _ in range(3):
        assert kept.turns.turn() == 0
    assert len(kept.gate.thrown) == 2


def test_broker_that_does_not_answer_is_asked_again_until_it_does(kept: Kept) -> None:
    kept.gate.throw_fails = "the broker did not answer"
    kept.revoke("gate-1")
    kept.turns.turn()
    assert kept.cut_off().stage is CutOffStage.LISTED
    assert kept.cut_off().problem == "the broker did not answer"
    kept.gate.throw_fails = ""
    kept.clock.pass_s(3)
    assert kept.turns.turn() == 1
    assert (kept.cut_off().stage, kept.cut_off().problem) == (CutOffStage.ENDED, "")


def test_broker_that_never_answers_holds_up_other_timed_work_seldom(kept: Kept) -> None:
    kept.gate.throw_fails = "the broker did not answer"
    for gateway in ("gate-1", "gate-2"):
        kept.revoke(gateway)
    kept.clock.pass_s(URGENT_MS // 1000)
    kept.turns.turn()
    tries = len(kept.gate.thrown)
    assert tries == 1, "each waits for the broker: one try a turn is enough"
    for _ in range(LATER_MS // 3000 - 1):
        kept.clock.pass_s(3)
        kept.turns.turn()
    assert len(kept.gate.thrown) == tries
    kept.clock.pass_s(3)
    kept.turns.turn()
    assert len(kept.gate.thrown) == tries + 1
    assert kept.cut_off().problem == "the broker did not answer"


def test_ended_without_the_list_is_not_called_cut_off(kept: Kept) -> None:
    kept.gate.list_fails = "the list is kept elsewhere"
    kept.revoke("gate-1")
    kept.turns.turn()
    found = kept.cut_off()
    assert found.stage is CutOffStage.REFUSED
    assert found.problem == "the list is kept elsewhere"
    kept.gate.list_fails = ""
    kept.turns.turn()
    assert (kept.cut_off().stage, kept.cut_off().problem) == (CutOffStage.ENDED, "")


def test_process_without_a_broker_says_so_and_does_not_fail(kept: Kept) -> None:
    plain = CuttingOff(replace(kept.backend, gatekeeper=NoGatekeeper()))
    kept.revoke("gate-1")
    assert plain.turn() == 0
    assert "no connection to the broker" in kept.cut_off().problem
