"""One gateway: the product's own parts on a simulated machine, which may fail at any step."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from doorward import base45
from doorward.decision import Grant
from doorward.envelope import Kind, parse_envelope
from doorward.errors import DoorwardError
from doorward.events import EventCode
from doorward.ids import GatewayId, PortalId
from doorward.status import Delta, StatusList
from doorward.times import ClockTrust
from doorward_edge.ports import Arrived, JournalError, Notice
from doorward_edge.scan import Scan
from doorward_edge.sync import PolicyKeeper
from tests.simulation.assembly import Running, assemble
from tests.simulation.broker import SimulatedBroker
from tests.simulation.disk import PowerCutError, SimulatedDisk
from tests.simulation.oracle import Attempt, Oracle
from tests.simulation.site import Card, Site, portals_of
from tests.simulation.watched import SimulatedClock
from tests.simulation.world import START_UTC_MS, Process, World

RESTART_MS = 5_000
"""After so long the service manager starts a process again that ended."""

MOST_EVENTS_A_TURN = 40


@dataclass(slots=True, kw_only=True)
class SimulatedGateway:
    """A machine with a disk, clocks and portals; sometimes a process runs on it."""

    world: World
    oracle: Oracle
    broker: SimulatedBroker
    site: Site
    name: GatewayId
    portals: tuple[PortalId, ...]
    disk: SimulatedDisk
    clock: SimulatedClock
    trusts_after_ms: int = 0
    is_slow: bool = False
    is_powered: bool = True
    loses_power: bool = False
    running: Running | None = None
    copies: list[dict[str, bytes]] = field(default_factory=list)
    shown: dict[str, bytes] = field(default_factory=dict)

    # --- Lives ----------------------------------------------------------------------------------

    def boot(self) -> None:
        """The machine gets power; its clock has yet to be told the time."""
        self.is_powered = True
        luck = self.world.luck
        self.clock.booted_ms = self.world.now_ms - luck.randrange(2_000, 10_000)
        self.clock.trust = ClockTrust.UNKNOWN
        self.clock.wrong_by_ms = luck.choice((0, -900, 2_500, -86_400_000, -600_000_000))
        self.trusts_after_ms = self.world.now_ms + luck.choice((0, 0, 500, 3_000, 20_000))
        self.world.at(self.trusts_after_ms - self.world.now_ms, self._hear_the_time)
        self.start()

    def _hear_the_time(self) -> None:
        if self.is_powered and self.world.now_ms >= self.trusts_after_ms:
            self.clock.trust = ClockTrust.SYNCHRONISED
            self.clock.wrong_by_ms = self.world.luck.randrange(-400, 400)

    def start(self) -> None:
        """A process starts, as `wiring` and `Gateway.run` have it."""
        if self.running is not None or not self.is_powered:
            return
        self.disk.revive()
        process = Process(self.name)
        try:
            self.running = assemble(self, process)
        except PowerCutError:
            self.world.tell(self.name, "fails while it starts")
            self._went_down(process)
            return
        except (DoorwardError, OSError) as err:
            self.world.tell(self.name, f"cannot start: {err}")
            self._went_down(process)
            return
        self.world.tell(self.name, f"starts, holds {self.running.keeper.applied}")
        self.do(self._begin)

    def _begin(self) -> None:
        life = self._life()
        self.oracle.started(self.name, life.keeper.applied)
        self.oracle.applied(self.name, life.keeper.applied)
        self._note(life, Notice(code=EventCode.GATEWAY_STARTED, detail="simulated"))
        life.courier.open()
        self._plan_turn(0)

    def _note(self, life: Running, notice: Notice) -> None:
        life.events.note(notice, self.clock.now())
        self._write_events()

    def crash(self) -> None:
        """The process is killed; what it wrote stays."""
        if self.running is not None:
            self.world.tell(self.name, "is killed")
            self._went_down(self.running.process)

    def cut_power(self, away_ms: int) -> None:
        """The machine loses power; what was not flushed is at luck's mercy."""
        self.world.tell(self.name, "loses power")
        self.loses_power = True
        self.is_powered = False
        self._went_down(self.running.process if self.running else None, away_ms)

    def fail_in(self, steps: int, *, loses_power: bool) -> None:
        """Lets the process, or the machine, end at a later step of its disk."""
        self.disk.fail_in = steps
        self.loses_power = loses_power
        end = "power cut" if loses_power else "kill"
        self.world.tell(self.name, f"has a {end} coming in {steps} disk steps")

    def _went_down(self, process: Process | None, away_ms: int = RESTART_MS) -> None:
        if process is not None:
            process.is_alive = False
        self.broker.hang_up(self.name, says_goodbye=False)
        self.oracle.heard.pop(self.name, None)
        self.running = None
        if self.loses_power:
            self.disk.lose_power(self.world.luck)
            self.loses_power = False
            self.is_powered = False
            self.world.at(away_ms, self._return)
        else:
            self.disk.end_life()
            self.world.at(away_ms, self.start)

    def _return(self) -> None:
        if not self.is_powered:
            self.world.tell(self.name, "has power again")
            self.boot()

    def attempt(self) -> Attempt | None:
        """Returns what is held up at this moment."""
        return self.running.journal.attempt if self.running else None

    def wake(self) -> None:
        """Has the courier turn soon."""
        if self.running is not None:
            self._plan_turn(self.world.luck.randrange(1, 30))

    def must_be_up(self) -> None:
        """Whoever runs on a machine that is down runs no further."""
        if self.disk.is_down:
            raise PowerCutError

    # --- What it does ---------------------------------------------------------------------------

    def do(self, act: Callable[[], None]) -> None:
        """Lets the process do something; it may end in the middle of it."""
        life = self.running
        if life is None:
            return
        try:
            act()
            if self.disk.is_down:
                raise PowerCutError
        except PowerCutError:
            self._end_in_the_middle(life)
        except Exception:
            if not self.disk.is_down:
                raise
            self._end_in_the_middle(life)  # it was told of an error of the disk that is gone

    def _end_in_the_middle(self, life: Running) -> None:
        self.world.tell(self.name, "ends in the middle")
        self._went_down(life.process)

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Plans something for this process."""
        life = self._life()
        self.world.at(delay_ms, lambda: self.do(act), life.process)

    def present(self, portal: PortalId, card: Card, payload: bytes) -> None:
        """Somebody holds something up."""
        self.do(lambda: self._present(portal, card, payload))

    def _present(self, portal: PortalId, card: Card, payload: bytes) -> None:
        life, world = self._life(), self.world
        self._look_round()
        tag = f"sim/{len(world.trace)}"
        slot = int.from_bytes(_slot_bytes(payload)) if card.phone is not None else None
        attempt = Attempt(gateway=self.name, portal=portal, card=card, slot=slot, tag=tag)
        life.journal.attempt = attempt
        now = self.clock.now()
        try:
            scan = Scan(payload=payload, problem="", reader=tag, captured_mono_ms=now.mono_ms)
            decision = life.doorways[portal].pipeline.take(scan)
        finally:
            life.journal.attempt = None
        if decision is None:
            return
        word = "let in" if isinstance(decision, Grant) else "refused"
        reason, grounds = decision.reason, decision.grounds
        world.tell(
            self.name,
            f"{card.name} at {portal}: {word}, {reason} "
            f"(policy {grounds.policy_version}, list {grounds.status_seq})",
        )
        self.must_be_up()
        self.oracle.decided(attempt, decision, now, life.boot_id)
        if reason == "not_recorded":
            life.events.miss(now)
        self._write_events()
        life.client.wake()

    def _look_round(self) -> None:
        """What the main loop does in its turn, beside what comes through the inbox."""
        life, now = self._life(), self.clock.now()
        for doorway in life.doorways.values():
            doorway.portal.turn(now)
            doorway.portal.look_at_posture(now)
        life.chores.turn(now)
        if self.world.chance(0.05):
            with suppress(JournalError):  # then the watchdog is not fed
                life.journal.probe()

    def _write_events(self) -> None:
        life = self._life()
        for take in life.notices:
            for notice in take():
                self.world.tell(self.name, f"notices {notice.code}: {notice.detail[:90]}")
                life.events.note(notice, self.clock.now())
        life.events.write(self.clock.now())

    def turn(self) -> None:
        """The courier's thread gets a turn, and as many more as there are events."""
        life = self._life()
        before = life.keeper.applied
        for _ in range(MOST_EVENTS_A_TURN):
            held = _list_number(life.keeper)
            life.courier.turn()
            self.must_be_up()
            self._note_heard(life, held)
            if not life.client.has_events:
                break
        if life.keeper.applied != before:
            self.world.tell(self.name, f"applies {life.keeper.applied}")
            self.copies.append(self.disk.snapshot(self.disk.root / "policy"))
        self.oracle.applied(self.name, life.keeper.applied)
        self._look_round()
        self._write_events()
        self._plan_turn(max(life.client.asked_wait_ms, self.world.pace_ms))

    def _note_heard(self, life: Running, held: int) -> None:
        """A list that could be used counts at once, be it that the disk did not take it."""
        event = life.client.last_event
        if not isinstance(event, Arrived) or "/policy/" not in event.topic:
            return
        envelope = parse_envelope(event.payload)
        if envelope.kind is Kind.STATUS and held:
            self._has_heard(StatusList.from_body(envelope.body).seq)
        elif envelope.kind is Kind.DELTA:
            delta = Delta.from_body(envelope.body)
            if held >= delta.base:
                self._has_heard(delta.seq)

    def _has_heard(self, number: int) -> None:
        heard = self.oracle.heard
        heard[self.name] = max(heard.get(self.name, 0), number)

    def _plan_turn(self, delay_ms: int) -> None:
        life = self._life()
        due = life.turn_due_ms = self.world.now_ms + delay_ms

        def act() -> None:
            if life.turn_due_ms == due:
                self.turn()

        self.later(delay_ms, act)

    def _life(self) -> Running:
        if self.running is None:
            raise PowerCutError
        return self.running


def _list_number(keeper: PolicyKeeper) -> int:
    """Returns the number of the list in force, 0 without one."""
    rules = keeper.rules
    return rules.status.seq if rules and rules.status else 0


def _slot_bytes(payload: bytes) -> bytes:
    body = base45.decode(payload[4:])
    return body[-68:-64]


def make_gateway(
    world: World,
    oracle: Oracle,
    broker: SimulatedBroker,
    site: Site,
    name: GatewayId,
    disk: SimulatedDisk,
) -> SimulatedGateway:
    """Returns a machine that was enrolled and never switched on."""
    count = world.luck.randrange(1, 4)
    return SimulatedGateway(
        world=world,
        oracle=oracle,
        broker=broker,
        site=site,
        name=name,
        portals=tuple(PortalId(p) for p in portals_of(name)[:count]),
        disk=disk,
        clock=SimulatedClock(world, START_UTC_MS),
    )
