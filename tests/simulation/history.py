"""One history: what happens to a whole site, drawn from one seed, and what must hold at its end."""

import gc
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial

from doorward.envelope import parse_envelope
from doorward.policy import Policy
from doorward.status import Delta, Status, StatusList, apply_delta
from doorward_edge.stages.publish import LONGEST_WAIT_MS
from tests.simulation.broker import SimulatedBroker
from tests.simulation.controller import SimulatedController
from tests.simulation.disk import SimulatedDisk
from tests.simulation.faults import planted
from tests.simulation.gateway import SimulatedGateway, make_gateway
from tests.simulation.oracle import Oracle, quarantined
from tests.simulation.site import DATABASE, GATEWAYS, Card, Kind, portals_of, the_site
from tests.simulation.vfs import simulated_vfs
from tests.simulation.world import PACE_MS, InvariantError, World, seeded_randomness

HEAL_MS = 4 * LONGEST_WAIT_MS
"""After everything is mended the site may take so long: the longest pause between two tries, and
time for what comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a history.

    Attributes:
        problem: the broken promise, or empty.
    """

    seed: int
    problem: str
    trace: tuple[str, ...]
    counts: dict[str, int]


@dataclass(slots=True)
class History:
    """One seed's site and what is going to happen to it."""

    world: World
    oracle: Oracle
    broker: SimulatedBroker
    controller: SimulatedController
    gateways: list[SimulatedGateway]
    cards: tuple[Card, ...]
    cures: list[Callable[[], None]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)

    def play(self) -> None:
        """Begins, lets things happen, mends everything and looks at what is left."""
        world = self.world
        self.controller.start()
        for gateway in self.gateways:
            world.at(world.luck.randrange(3_000), gateway.boot)
        world.run_for(world.luck.choice((500, 8_000)))
        happenings = self._happenings()
        names, weights = list(happenings), [weight for weight, _ in happenings.values()]
        for _ in range(world.luck.randrange(10, 40)):
            (name,) = world.luck.choices(names, weights)
            happenings[name][1]()
            world.run_for(self._pause_ms())
        self._heal()
        self._check_end()

    def _pause_ms(self) -> int:
        luck = self.world.luck
        kind = luck.random()
        if kind < 0.60:
            return luck.randrange(0, 400)
        if kind < 0.93:
            return luck.randrange(400, 4_000)
        return luck.randrange(4_000, 30_000)

    # --- What may happen ------------------------------------------------------------------------

    def _happenings(self) -> dict[str, tuple[float, Callable[[], None]]]:
        """Each history has faults of its own choice: rare combinations come up that way."""
        always = {"scan": (40.0, self._scan)}
        everyday = {
            "revoke": (3.0, self._revoke),
            "suspend": (2.0, self._suspend),
            "release": (1.5, self._release),
            "refresh": (1.5, self.controller.refresh),
            "backup": (1.5, self.controller.save_backup),
            "save broker": (1.0, self.broker.save),
        }
        faults = {
            "crash": (3.0, self._crash),
            "power": (4.0, self._cut_power),
            "power at a step": (4.0, self._fail_at_a_step),
            "power after a scan": (3.0, self._cut_power_after_a_scan),
            "partition": (4.0, self._partition),
            "broker": (2.0, self._restart_broker),
            "controller": (2.0, self._crash_controller),
            "controller power": (2.0, self._cut_controller_power),
            "controller at a step": (3.0, self._fail_controller),
            "restore": (2.0, self._restore),
            "full": (2.0, self._fill_disk),
            "errors": (3.0, self._break_disk),
            "slow": (5.0, self._slow_disk),
            "clock": (2.0, self._step_clock),
            "old rules": (2.0, self._put_back_rules),
            "new card": (1.0, self._lose_journal),
            "quiet": (2.5, self._let_hours_pass),
        }
        share = self.world.luck.choice((0.2, 0.5, 0.9))
        chosen = {name: each for name, each in faults.items() if self.world.chance(share)}
        return always | everyday | chosen

    def _some_gateway(self) -> SimulatedGateway:
        return self.world.luck.choice(self.gateways)

    def _scan(self) -> None:
        gateway = self._some_gateway()
        luck = self.world.luck
        portal = luck.choice(gateway.portals)
        card = luck.choice(self.cards)
        payload = card.payload(self.world.now_ms)
        if card.kind is Kind.PASS and card.name in gateway.shown and self.world.chance(0.5):
            payload = gateway.shown[card.name]
        gateway.shown[card.name] = payload
        gateway.present(portal, card, payload)
        if self.world.chance(0.15):
            # The next moment, at the neighbouring reader.
            self.world.run_for(luck.randrange(0, 6_000))
            gateway.present(luck.choice(gateway.portals), card, payload)

    def _revocable(self) -> list[Card]:
        return [
            card
            for card in self.cards
            if card.credential_id is not None and card.name not in self.revoked | self.suspended
        ]

    def _revoke(self) -> None:
        cards = [card for card in self._revocable() if card.kind is not Kind.REVOKED]
        if len(cards) > 4:
            card = self.world.luck.choice(cards)
            assert card.credential_id is not None
            self.revoked.add(card.name)
            self.controller.revoke(card.credential_id, card.name)

    def _suspend(self) -> None:
        luck = self.world.luck
        if self.suspended and self.world.chance(0.6):
            name = luck.choice(sorted(self.suspended))
            self.suspended.discard(name)
            card = next(each for each in self.cards if each.name == name)
            assert card.credential_id is not None
            self.controller.resume(card.credential_id, name)
            return
        cards = [card for card in self._revocable() if card.kind is not Kind.REVOKED]
        if len(cards) > 4:
            card = luck.choice(cards)
            assert card.credential_id is not None
            self.suspended.add(card.name)
            self.controller.suspend(card.credential_id, card.name)

    def _release(self) -> None:
        luck = self.world.luck
        postures = {
            portal: luck.choice(("lockdown", "closed"))
            for gateway in self.gateways
            for portal in portals_of(gateway.name)
            if self.world.chance(0.15)
        }
        self.controller.release(postures)

    def _try_anybody(self, gateway: SimulatedGateway, times: int) -> None:
        """A few people come to one gateway."""
        for _ in range(times):
            card = self.world.luck.choice(self.cards)
            portal = self.world.luck.choice(gateway.portals)
            gateway.present(portal, card, card.payload(self.world.now_ms))
            self.world.run_for(300)

    # --- Faults ---------------------------------------------------------------------------------

    def _crash(self) -> None:
        self._some_gateway().crash()

    def _cut_power(self) -> None:
        away = self.world.luck.choice((1_000, 10_000, 120_000))
        self._some_gateway().cut_power(away)

    def _cut_power_after_a_scan(self) -> None:
        gateway = self._some_gateway()
        card = self.world.luck.choice(self.cards)
        portal = self.world.luck.choice(gateway.portals)
        gateway.present(portal, card, card.payload(self.world.now_ms))
        gateway.cut_power(2_000)

    def _fail_at_a_step(self) -> None:
        steps = self.world.luck.choice((1, 2, 3, 5, 8, 13, 30, 60))
        gateway = self._some_gateway()
        gateway.fail_in(steps, loses_power=self.world.chance(0.7))
        if self.world.chance(0.3):
            gateway.crash()  # then it happens while the next process starts
            gateway.fail_in(steps, loses_power=True)

    def _partition(self) -> None:
        world = self.world
        names: list[str] = [each.name for each in self.gateways if world.chance(0.5)]
        for name in names or ["controller"]:
            world.tell(name, "is cut off from the broker")
            self.broker.cut(name)
            span = world.luck.choice((300, 5_000, 40_000, 3_000_000))
            world.at(span, partial(self._mend, name))

    def _mend(self, name: str) -> None:
        if name in self.broker.cut_off:
            self.world.tell(name, "can reach the broker again")
            self.broker.mend(name)

    def _restart_broker(self) -> None:
        memory = self.world.luck.choice(("kept", "kept", "saved", "none"))
        away = self.world.luck.choice((500, 10_000, 60_000))
        self.world.tell("broker", f"restarts; its memory: {memory}")
        self.broker.restart(memory, away)

    def _crash_controller(self) -> None:
        self.controller.crash()

    def _cut_controller_power(self) -> None:
        self.controller.cut_power()

    def _fail_controller(self) -> None:
        steps = self.world.luck.choice((1, 3, 8, 20, 50))
        self.controller.fail_in(steps, loses_power=self.world.chance(0.7))

    def _fill_disk(self) -> None:
        gateway = self._some_gateway()
        left = self.world.luck.choice((0, 0, 4_096, 300_000))
        self.world.tell(gateway.name, f"has {left} bytes left on its disk")
        gateway.disk.ballast = max(0, gateway.disk.free_bytes() - left)

        def cure() -> None:
            gateway.disk.ballast = 0

        self.cures.append(cure)
        self.world.at(self.world.luck.choice((2_000, 60_000)), cure)
        if self.world.chance(0.5):
            self._revoke_and_try(gateway)

    def _revoke_and_try(self, gateway: SimulatedGateway) -> None:
        """Whoever was just revoked comes to this gateway a moment later."""
        known = set(self.revoked)
        self._revoke()
        self.world.run_for(1_500)
        for card in self.cards:
            if card.name in self.revoked - known:
                portal = self.world.luck.choice(gateway.portals)
                gateway.present(portal, card, card.payload(self.world.now_ms))

    def _restore(self) -> None:
        if not self.controller.backup or self.world.chance(0.5):
            self.controller.save_backup()
            self.world.run_for(500)
            for change in self.world.luck.choices(
                (self._revoke, self._suspend, self._release), k=2
            ):
                change()
            self.world.run_for(2_000)
        self.controller.restore()
        if self.world.chance(0.7):
            self.world.run_for(self.world.luck.choice((4_100, 10_000)))
            self._revoke()

    def _let_hours_pass(self) -> None:
        """Nobody comes; the threads turn seldom, so that it costs little."""
        self.world.tell("world", "nothing happens for hours")
        self.world.pace_ms = 1_800_000
        self.world.run_for(self.world.luck.choice((1, 3, 30)) * 3_600_000)
        self.world.pace_ms = PACE_MS
        if self.world.chance(0.5):
            self.controller.refresh()  # as the timed work would have done all the time
        self._try_anybody(self._some_gateway(), 3)

    def _break_disk(self) -> None:
        gateway = self._some_gateway()
        gateway.disk.errors = self.world.luck.choice((1, 2, 5))
        self.world.tell(gateway.name, f"has {gateway.disk.errors} errors of its disk coming")
        if self.world.chance(0.5):
            self._try_anybody(gateway, 2)

    def _slow_disk(self) -> None:
        gateway = self._some_gateway()
        self.world.tell(gateway.name, "has a slow disk")
        gateway.is_slow = True

        def cure() -> None:
            gateway.is_slow = False

        self.cures.append(cure)
        self.world.at(self.world.luck.choice((1_000, 8_000)), cure)
        if self.world.chance(0.5):
            self._try_anybody(gateway, 2)

    def _step_clock(self) -> None:
        gateway = self._some_gateway()
        step = self.world.luck.choice((-1_800_000, -20_000, 20_000, 600_000))
        self.world.tell(gateway.name, f"has its clock set by {step / 1000:g} s")
        gateway.clock.wrong_by_ms += step

    def _put_back_rules(self) -> None:
        """Somebody saves a gateway with an old copy of its policy folder."""
        gateway = self._some_gateway()
        if not gateway.copies:
            return
        self.world.tell(gateway.name, "gets an old copy of its rules")
        gateway.crash()
        self.oracle.tampered.add(gateway.name)
        copy = self.world.luck.choice(gateway.copies)
        gateway.disk.put_back(gateway.disk.root / "policy", copy)
        if self.world.chance(0.5):
            self.broker.cut(gateway.name)
            self.world.at(20_000, lambda: self._mend(gateway.name))
            self.world.run_for(7_000)
            self._try_anybody(gateway, 3)

    def _lose_journal(self) -> None:
        """The card is replaced; documents and policy were copied, the journal was not."""
        gateway = self._some_gateway()
        self.world.tell(gateway.name, "loses its journal with its card")
        gateway.crash()
        self.oracle.burnt |= {place for place in self.oracle.kept if place[0] == gateway.name}
        gateway.disk.put_back(gateway.disk.root / "journal", {})

    # --- The end --------------------------------------------------------------------------------

    def _heal(self) -> None:
        world, luck = self.world, self.world.luck
        world.tell("world", "everything is mended from here on")
        world.pace_ms = 4 * PACE_MS
        for cure in self.cures:
            cure()
        for gateway in self.gateways:
            gateway.disk.errors = 0
            gateway.disk.fail_in = None
            gateway.loses_power = False
            self._mend(gateway.name)
        self.controller.disk.fail_in = None
        self.controller.loses_power = False
        self._mend("controller")
        world.run_for(luck.randrange(1_000, 10_000))
        waited = 0
        while waited < HEAL_MS and not (waited > 30_000 and self._is_settled()):
            world.run_for(10_000)
            waited += 10_000

    def _is_settled(self) -> bool:
        return self.controller.process is not None and all(
            gateway.running is not None
            and gateway.running.courier.uplink.is_connected
            and not any(span.pending for span in gateway.running.journal.spans())
            for gateway in self.gateways
        )

    def _check_end(self) -> None:
        oracle = self.oracle
        if self.controller.process is None:
            oracle.fail("the controller does not come back")
        for gateway in self.gateways:
            self._check_gateway(gateway)
        oracle.check_store()
        aside = quarantined()
        if aside:
            oracle.fail(f"put aside: {aside[:3]}")

    def _check_gateway(self, gateway: SimulatedGateway) -> None:
        oracle, life = self.oracle, gateway.running
        if life is None:
            oracle.fail(f"{gateway.name} does not come back")
            return
        for span in life.journal.spans():
            if span.pending:
                oracle.fail(f"{gateway.name} still has to deliver {span.pending}")
            if span.lost:
                oracle.fail(f"{gateway.name} lost {span.lost}")
        held = life.keeper.rules
        full, delta = self.controller.held_wires()
        whole = apply_delta(
            StatusList.from_body(parse_envelope(full).body),
            Delta.from_body(parse_envelope(delta).body),
        )
        if held is None or held.status is None:
            oracle.fail(f"{gateway.name} has no rules")
            return
        for card in self.cards:
            if card.index is not None and held.status.get(card.index) != whole.get(card.index):
                word = whole.get(card.index)
                oracle.fail(
                    f"{gateway.name} does not know that {card.name} is "
                    f"{'unknown' if word is None else Status(word).name}"
                )
        bundle = self.controller.held_bundle()
        if gateway.disk.snapshot(gateway.disk.root / "policy").get("bundle.dwe") != bundle:
            version = Policy.from_body(parse_envelope(bundle).body).version
            oracle.fail(f"{gateway.name} has policy {held.policy.version}, not our {version}")


def new_history(seed: int) -> History:
    """Returns a site, switched off, and a seed's luck."""
    site = the_site()
    world = World(seed)
    oracle = Oracle(world)
    broker = SimulatedBroker(world)
    vfs = simulated_vfs()
    disk = vfs.disks["controller"] = SimulatedDisk("controller")
    disk.put_back(DATABASE, site.database)
    controller = SimulatedController(
        world=world, oracle=oracle, broker=broker, site=site, disk=disk
    )
    gateways = []
    for name in GATEWAYS[: world.luck.choice((2, 2, 3, 4))]:
        vfs.disks[name] = SimulatedDisk(name)
        gateways.append(make_gateway(world, oracle, broker, site, name, vfs.disks[name]))
    return History(world, oracle, broker, controller, gateways, site.cards)


def play(seed: int, fault: str = "") -> Played:
    """Plays one history from its seed alone.

    Args:
        seed: says everything that happens.
        fault: name of a mistake that the product makes meanwhile; empty for the product as it is.
    """
    _prepare()
    history = new_history(seed)
    problem = ""
    with seeded_randomness(history.world.luck), _quiet(), planted(fault):
        try:
            history.play()
        except InvariantError as err:
            problem = str(err)
        except Exception as err:  # whatever the product raises unasked is a broken promise, too
            problem = f"raised {type(err).__name__}: {err}"
            history.world.trace.extend(traceback.format_exc().splitlines())
        finally:
            _end(history)
    return Played(
        seed=seed,
        problem=problem,
        trace=tuple(history.world.trace),
        counts=dict(history.oracle.counts),
    )


def _end(history: History) -> None:
    """Lets go of every connection while its disk can still say that it is gone."""
    history.controller.disk.end_life()
    for gateway in history.gateways:
        gateway.disk.end_life()
        gateway.running = None
    history.controller._went_down()
    gc.collect()


@lru_cache(maxsize=1)
def _prepare() -> None:
    """What all histories share need not be looked through after each."""
    the_site()
    gc.collect()
    gc.freeze()


class _quiet:  # noqa: N801  # used like a function
    """The product's log lines belong to the trace's reader only when something is wrong."""

    def __enter__(self) -> None:
        logging.disable(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
