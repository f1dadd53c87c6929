"""A site in the middle of a working day, with something on every page of the console.

Thirty gateways of two languages, people, badges, scans, alerts, orders, plans, roll-outs, proposals
and a posture: what a page looks like is seen only when it is full.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

from doorward import topics
from doorward.commands import CommandName
from doorward.credential import CredentialClass, Form
from doorward.policy import Posture
from doorward.reasons import Severity
from doorward.records import Record, RecordKind
from doorward.staff import Ability
from doorward.times import ClockTrust, Instant, UtcMs
from doorward_controller import wiring
from doorward_controller.clock import SystemClock
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.plan_rules import parse_body
from doorward_controller.domain.posture_orders import PostureCause, Scope
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.domain.roll_out_order import CommandOrder, Selection
from doorward_controller.domain.work_orders import (
    JUDGING,
    FailureCause,
    FailureMode,
    OrderKind,
    OrderTurn,
    Priority,
    Remedy,
)
from doorward_controller.queries import alerts
from doorward_controller.services import (
    accounts,
    alert_handling,
    bulk_revocation,
    configuring,
    device_downtime,
    devices,
    holders,
    issuing,
    plan_keeping,
    plan_rounds,
    postures,
    proposing,
    receivers,
    rolling_out,
    rules,
    spare_parts,
    staff,
    tokens,
    wall_screens,
    work_orders,
)
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.backend import Backend
from doorward_controller.store.devices import NewComponent
from tests.controller.conftest import make_config
from tests.fakes.controller_link import FakeLink
from tests.fakes.fed_gateway import BOOT_ID, FedGateway
from tests.fakes.operators import NAMES, PASSWORD

LABELS = {
    "north-gate": "North gate",
    "south-gate": "南门",
    "car-park-in": "Car park, entrance",
    "lab-1": "实验室一号门",
    "canteen": "Canteen and terrace, staff entrance at the delivery yard",
}
PEOPLE = (
    "Grace Hopper", "王小明", "Ana María Fernández-Villaverde de la Peña", "Li Wei", "Olu Adeyemi",
    "欧阳静怡", "Jürgen Müller", "Noor al-Rashid", "Sam Okafor", "Tomoko Satō", "Zoë Brâncuși",
    "陈思远",
)  # fmt: skip
DAY_S, HOUR_S, DAY_MS = 86_400, 3_600, 86_400_000
_AGO_MS = 3 * DAY_MS
_FAY = Actor(name=NAMES[Role.FACILITY], role=Role.FACILITY)
_SAM = Actor(name=NAMES[Role.SECURITY], role=Role.SECURITY)
_IVY = Actor(name=NAMES[Role.ISSUER], role=Role.ISSUER)
_ADA = Actor(name=NAMES[Role.ADMIN], role=Role.ADMIN)
_FRED = Actor(name="fred", role=Role.FACILITY)


class CatchingUpClock:
    """Shows days ago at first, and is moved forward until it shows what the time is."""

    def __init__(self, behind_ms: int) -> None:
        self._clock, self.behind_ms = SystemClock(), behind_ms

    def now(self) -> Instant:
        now = self._clock.now()
        return replace(now, utc_ms=UtcMs(now.utc_ms - self.behind_ms))

    def pass_s(self, seconds: int) -> None:
        self.behind_ms = max(0, self.behind_ms - seconds * 1000)

    def catch_up(self) -> None:
        self.behind_ms = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """The site, and the numbers of one thing of each kind for the addresses of its pages."""

    backend: Backend
    gateways: tuple[FedGateway, ...]
    badge: str
    alert: int
    order: int
    plan: int
    part: int
    roll_out: int
    proposal: str
    batch: str
    wall: str


def furnish(folder: Path) -> Furnished:
    """Makes the site in an empty folder; everything in it happened within three days."""
    clock, config = CatchingUpClock(_AGO_MS), make_config(folder / "data")
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock, publisher=FakeLink())
    for role, name in NAMES.items():
        accounts.create_operator(backend, local_actor(), name=name, password=PASSWORD, role=role)
    _set_rules(backend)
    gateways = _gateways(backend)
    badges = _badges(backend)
    _first_release(backend)
    part, plan, order = _maintenance(backend, clock)
    clock.pass_s(_AGO_MS // 1000 - 12 * HOUR_S - clock_gone(clock))
    _walk(gateways, badges, clock)
    batch = _revocations(backend, badges)
    clock.catch_up()
    _trouble(gateways)
    alert = _alerts(backend, gateways)
    _settings(backend, gateways)
    proposal = _proposals(backend)
    return Furnished(
        backend=backend,
        gateways=gateways,
        badge=badges[0],
        alert=alert,
        order=order,
        plan=plan,
        part=part,
        roll_out=_roll_out(backend),
        proposal=proposal,
        batch=batch,
        wall=wall_screens.add_screen(backend, _SAM, label="Control room", days=30).token,
    )


def clock_gone(clock: CatchingUpClock) -> int:
    """Returns how many seconds of the three days have passed."""
    return (_AGO_MS - clock.behind_ms) // 1000


def _set_rules(backend: Backend) -> None:
    book = rules.current(backend)
    changed = book.model_copy(
        update={
            "time_zone": "Asia/Shanghai",
            "zones": (*book.zones, "laboratory", "car-park"),
            "groups": (*book.groups, "cleaning", "night-shift"),
        }
    )
    rules.save_rules(backend, _SAM, changed)


def _names() -> tuple[str, ...]:
    rows = tuple(f"building-{letter}-door-{n}" for letter in "abcde" for n in range(1, 6))
    return (*LABELS, *rows)


def _gateways(backend: Backend) -> tuple[FedGateway, ...]:
    made: list[FedGateway] = []
    for name in _names():
        zone = "laboratory" if name == "lab-1" else "car-park" if "car" in name else "site"
        fed = FedGateway(backend, name, zone)
        fed.enrol(LABELS.get(name, ""))
        fed.connect()
        hardware = {
            "board": "Raspberry Pi 4",
            "serial": f"10000000{len(made):04x}",
            "card": f"0x{len(made):08x}",
            "address": f"10.0.0.{len(made) + 10}",
        }
        fed._say(topics.Up.BIRTH, fed.journal.birth(hardware=hardware, software="0.1.0"))
        fed.report_health(
            pending=0, lock_cycles=1_200 + 37 * len(made), running_s=5_000, temperature_mc=51_000,
            camera_fault=0,
        )  # fmt: skip
        if name != "building-e-door-5":
            told = {f"{name}-door": (zone, LABELS.get(name, ""))}
            devices.adopt(backend, _FAY, name, devices.Adoption(portals=told))
        made.append(fed)
    camera = NewComponent(kind="camera", maker="Sony", model="IMX708", serial="A1-000123")
    first = devices.add_component(backend, _FAY, "north-gate", camera)
    new = NewComponent(kind="", maker="Sony", model="IMX708", serial="B2-000987")
    devices.replace_component(backend, _FAY, first, new, "blurred after the storm")
    lock = NewComponent(kind="lock", maker="Effeff", model="118", serial="L-77", note="fail secure")
    devices.add_component(backend, _FAY, "north-gate", lock)
    return tuple(made)


def _badges(backend: Backend) -> list[str]:
    now, made = backend.clock.now().utc_s, []
    for number, name in enumerate(PEOPLE):
        holder = holders.add_holder(backend, _IVY, holders.HolderFields(name=name))
        wanted = issuing.IssueRequest(
            credential_class=CredentialClass.VISITOR if number % 5 else CredentialClass.EMPLOYEE,
            form=Form.BADGE, not_before=now - 60, expires=now + (5 + number) * DAY_S,
            holder_id=holder, groups=("staff",),
        )  # fmt: skip
        made.append(issuing.issue(backend, _IVY, wanted).credential_id)
    return made


def _first_release(backend: Backend) -> None:
    proposal = proposing.propose_release(backend, _SAM, "the first rules of the site")
    reviewer = Actor(name=NAMES[Role.REVIEWER], role=Role.REVIEWER)
    proposing.approve(backend, reviewer, proposal.id, "read and agreed")


def _walk(gateways: tuple[FedGateway, ...], badges: list[str], clock: CatchingUpClock) -> None:
    """Half a day of people, drawn the same way each time."""
    dice = random.Random(7)
    refusals = ("expired", "not_authorised", "not_ours", "outside_schedule")
    while clock.behind_ms > 20_000:
        fed = dice.choice(gateways[:12])
        badge = dice.choice(badges)
        if dice.random() < 0.85:
            fed.scan("granted", badge)
        else:
            reason = dice.choice(refusals)
            fed.scan(reason, None if reason == "not_ours" else badge)
        clock.pass_s(dice.randint(60, 900))
    gateways[0].by_hand()
    gateways[1].send_rubbish()


def _revocations(backend: Backend, badges: list[str]) -> str:
    selection = bulk_revocation.Selection(source=Source.LIST, lines=tuple(badges[8:10]))
    order = bulk_revocation.Order(
        change=Change.SUSPEND, cause=Cause.LEAVE, note="works council outing"
    )
    return bulk_revocation.carry_out(backend, _SAM, selection, order).id


def _event(fed: FedGateway, code: str, kind: RecordKind = RecordKind.EVENT) -> None:
    now = fed.backend.clock.now()
    fed._tell(
        Record(
            kind=kind,
            utc_ms=now.utc_ms - 240_000,
            mono_ms=now.mono_ms,
            boot_id=BOOT_ID,
            clock_trust=ClockTrust.SYNCHRONISED,
            portal=f"{fed.name}-door",
            reason=code,
        )
    )


def _trouble(gateways: tuple[FedGateway, ...]) -> None:
    for fed in gateways:
        fed.apply(bundle=1, status=1)
        fed.report_health(pending=0, temperature_mc=52_000, camera_fault=0)
    _event(gateways[0], "forced", RecordKind.PASSAGE)
    _event(gateways[0], "tamper_opened")
    _event(gateways[2], "duress_signalled")
    _event(gateways[3], "scanner_lost")
    gateways[3].report_health(pending=3, temperature_mc=83_000, camera_fault=1)
    for fed in gateways[20:23]:
        fed.connect(online=False)


def _alerts(backend: Backend, gateways: tuple[FedGateway, ...]) -> int:
    mail = {"to": "control@example.org", "from": "doorward@example.org", "host": "mail.example.org"}
    first = receivers.ReceiverSettings(name="Control room", kind=ReceiverKind.EMAIL, route=mail)
    receivers.add_receiver(backend, _SAM, first)
    robot = {"url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x"}
    second = receivers.ReceiverSettings(
        name="值班群", kind=ReceiverKind.WECOM, route=robot, after_min=15,
        language=Tongue.CHINESE, least_severity=Severity.ALARM,
    )  # fmt: skip
    receivers.add_receiver(backend, _SAM, second)
    AlertWatch(backend).turn()
    _event(gateways[4], "tamper_opened")
    shown = alerts.page(backend.store, alerts.AlertFilter(with_discreet=True)).items
    forced = next(row.id for row in shown if row.rule == "event.forced")
    alert_handling.acknowledge(backend, _SAM, forced)
    alert_handling.note(backend, _SAM, forced, "the guard is on the way")
    return forced


def _settings(backend: Backend, gateways: tuple[FedGateway, ...]) -> None:
    wanted = {"portal.north-gate-door.held_s": 25.0}
    configuring.desire(backend, _ADA, gateway=gateways[0].name, settings=wanted, note="slow door")
    now = backend.clock.now().utc_s
    abilities = {"g-07": Ability.REGISTER | Ability.OVERRIDE, "t-12": Ability.SERVICE}
    for number, ability in abilities.items():
        staff.add_member(
            backend, _SAM, member_id=number, abilities=ability, not_after=now + 90 * DAY_S
        )
    tokens.create_token(
        backend, _ADA, operator=_ADA.name, label="Monitoring in the data centre",
        lifetime_s=30 * DAY_S,
    )  # fmt: skip
    wanted_posture = postures.NewOrder(
        scope=Scope.ZONE, place="laboratory", posture=Posture.LOCKDOWN, cause=PostureCause.DRILL,
        note="drill with the fire service", until_utc_s=now + 2 * HOUR_S,
    )  # fmt: skip
    postures.order(backend, _SAM, wanted_posture)


def _proposals(backend: Backend) -> str:
    book = rules.current(backend)
    rules.save_rules(backend, _SAM, book.model_copy(update={"groups": (*book.groups, "guests")}))
    proposing.propose_release(backend, _SAM, "guests of the summer school")
    selection = bulk_revocation.Selection(source=Source.GROUP, name="staff")
    order = bulk_revocation.Order(change=Change.REVOKE, cause=Cause.REPLACED, note="new badges")
    made = proposing.propose_codes(backend, _SAM, selection, order, "new badges were handed out")
    return made.id


def _roll_out(backend: Backend) -> int:
    order = CommandOrder(name=CommandName.SELF_TEST)
    new = rolling_out.NewRollOut(
        title="Self-test of building A before the audit", order=order, waves=("1", "50%"),
        selection=Selection(pattern="building-a-*"),
    )  # fmt: skip
    return rolling_out.start(backend, _ADA, new)


def _maintenance(backend: Backend, clock: CatchingUpClock) -> tuple[int, int, int]:
    sheet = spare_parts.PartSheet(
        number="CAM-3", name="Camera module 3", place="Shelf B2", low_stock=2,
        unit_cost_minor=19_900, currency="CNY",
    )  # fmt: skip
    part = spare_parts.add_part(backend, _FAY, sheet, 6)
    short = replace(sheet, number="LOCK-12", name="电控锁 12V", place="柜 1", low_stock=3)
    spare_parts.add_part(backend, _FAY, short, 2)
    for gateway, title in (("north-gate", "No picture"), ("south-gate", "没有图像")):
        done = _ask(backend, gateway, title)
        _move(backend, done, OrderTurn.APPROVE, OrderTurn.SCHEDULE, OrderTurn.START)
        spare_parts.use_part(backend, _FAY, done, part, 1)
        _repair(backend, done, gateway, clock)
    body = {"by": "calendar", "every": 1, "unit": "months", "first_day": "2026-01-31"}
    plan = plan_keeping.add_plan(
        backend, _FAY,
        plan_keeping.PlanSheet(
            name="Clean the camera's window", rule=parse_body(body),
            checklist=("Window clean", "Seals whole", "Screws tight"),
            gateways=("north-gate", "south-gate", "lab-1"),
        ),
    )  # fmt: skip
    plan_keeping.approve_plan(backend, _SAM, plan)
    plan_rounds.make_round(backend)
    _ask(backend, "lab-1", "Reader at the laboratory's second door does not answer in the morning")
    order = _ask(
        backend, "north-gate", "Reads badly in the evening sun", Priority.URGENT,
        ("Camera's window clean", "Sun shade in place", "Reads a test badge at noon and at dusk"),
    )  # fmt: skip
    _move(backend, order, OrderTurn.APPROVE, OrderTurn.SCHEDULE, OrderTurn.START)
    return part, plan, order


def _ask(
    backend: Backend, gateway: str, title: str, priority: Priority = Priority.HIGH,
    points: tuple[str, ...] = (),
) -> int:  # fmt: skip
    wanted = work_orders.OrderRequest(
        gateway=gateway, kind=OrderKind.CORRECTIVE, priority=priority, title=title,
        instructions="Take the ladder. The key hangs in the guard room.", checklist=points,
        failure_mode=FailureMode.NO_PICTURE,
    )  # fmt: skip
    return work_orders.request(backend, _FRED, wanted)


def _move(backend: Backend, order: int, *turns: OrderTurn) -> None:
    for turn in turns:
        who = _SAM if turn in JUDGING else _FAY
        plan = turn is OrderTurn.SCHEDULE
        moving = work_orders.Moving(
            turn=turn, assignee=_FAY.name if plan else "",
            scheduled_for_utc_s=backend.clock.now().utc_s if plan else None,
        )  # fmt: skip
        work_orders.move(backend, who, order, moving)


def _repair(backend: Backend, order: int, gateway: str, clock: CatchingUpClock) -> None:
    down = device_downtime.NewDowntime(
        gateway=gateway, began_utc_s=backend.clock.now().utc_s - HOUR_S, ended_utc_s=None,
        planned=False, reason="Fault", order_id=order,
    )  # fmt: skip
    device_downtime.add_downtime(backend, _FAY, down)
    clock.pass_s(2 * HOUR_S)
    told = work_orders.WriteUp(
        failure_mode=FailureMode.NO_PICTURE, cause=FailureCause.CABLING, remedy=Remedy.REPLACED,
        findings="The ribbon cable was loose. 排线松动，已重新固定。", serial_old="C-1001",
        serial_new="C-1002", labour_minutes=50, cost_minor=12_000, currency="CNY",
    )  # fmt: skip
    work_orders.write_up(backend, _FAY, order, told)
    _move(backend, order, OrderTurn.FINISH, OrderTurn.VERIFY)


__all__ = ["NAMES", "PASSWORD", "Furnished", "furnish"]
