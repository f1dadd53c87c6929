"""A site of two zones with something of every kind in each: what is shown of the other is seen.

Whatever belongs to the zone beyond has its gateway's or its zone's name in it.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward.commands import CommandName
from doorward.credential import CredentialClass, Form
from doorward.policy import Posture
from doorward.records import Record, RecordKind
from doorward.times import ClockTrust
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.posture_orders import PostureCause, Scope
from doorward_controller.domain.work_orders import OrderKind, OrderTurn, Priority
from doorward_controller.services import (
    commanding,
    device_downtime,
    devices,
    holders,
    issuing,
    policy_release,
    postures,
    rules,
    work_orders,
)
from doorward_controller.services.backend import Backend
from doorward_controller.store.alert_tables import alerts
from doorward_controller.store.devices import NewComponent
from doorward_controller.store.schema import records
from tests.fakes.fed_gateway import BOOT_ID, FedGateway

HERE, THERE = "eastwing", "westwing"
NEAR, FAR = "alpha", "bravo"
_SAM = Actor(name="sam-of-all", role=Role.SECURITY)
_FAY = Actor(name="fay-of-all", role=Role.FACILITY)
_IVY = Actor(name="ivy-of-all", role=Role.ISSUER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneThings:
    """One thing of each kind in a zone, by the number under which it is asked for."""

    zone: str
    fed: FedGateway
    record: int
    alert: int
    order: int
    downtime: int
    component: int
    command: str
    posture: str

    @property
    def gateway(self) -> str:
        """The gateway's name."""
        return self.fed.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoZones:
    """Both zones, and a badge that was seen in both."""

    here: ZoneThings
    there: ZoneThings
    badge: str


def two_zones(backend: Backend) -> TwoZones:
    """Makes the site in an empty database."""
    book = rules.current(backend)
    changed = book.model_copy(update={"zones": (*book.zones, HERE, THERE)})
    rules.save_rules(backend, _SAM, changed)
    feds = [FedGateway(backend, NEAR, HERE), FedGateway(backend, FAR, THERE)]
    for fed in feds:
        fed.enrol(f"{fed.name} label")
    badge = _badge(backend)
    policy_release.release(backend, _SAM)
    near, far = (_furnish(backend, fed, badge) for fed in feds)
    return TwoZones(here=near, there=far, badge=badge)


def _badge(backend: Backend) -> str:
    now = backend.clock.now().utc_s
    wanted = issuing.IssueRequest(
        credential_class=CredentialClass.EMPLOYEE, form=Form.BADGE, not_before=now - 60,
        expires=now + 86_400, groups=("staff",),
        holder_id=holders.add_holder(backend, _IVY, holders.HolderFields(name="Grace Hopper")),
    )  # fmt: skip
    return issuing.issue(backend, _IVY, wanted).credential_id


def _furnish(backend: Backend, fed: FedGateway, badge: str) -> ZoneThings:
    fed.connect()
    devices.adopt(backend, _FAY, fed.name, devices.Adoption(portals={}, note=f"{fed.name} note"))
    camera = NewComponent(kind="camera", maker="Sony", model="IMX708", serial=f"{fed.name}-1")
    component = devices.add_component(backend, _FAY, fed.name, camera)
    fed.scan("granted", badge)
    fed.scan("not_ours")
    fed.by_hand()
    _forced(backend, fed)
    wanted = postures.NewOrder(
        scope=Scope.ZONE, place=fed.zone, posture=Posture.CLOSED, cause=PostureCause.DRILL
    )
    order = _order(backend, fed)
    with backend.store.read() as connection:
        record = connection.scalar(sa.select(sa.func.max(records.c.id)))
        alert = connection.scalar(sa.select(alerts.c.id).where(alerts.c.gateway == fed.name))
    assert record is not None, "no record of the zone came in"
    assert alert is not None, "no alert was raised in the zone"
    return ZoneThings(
        zone=fed.zone,
        fed=fed,
        record=record,
        alert=alert,
        order=order,
        downtime=_downtime(backend, fed, order),
        component=component,
        command=_command(backend, fed),
        posture=postures.order(backend, _SAM, wanted).id,
    )


def _forced(backend: Backend, fed: FedGateway) -> None:
    now = backend.clock.now()
    fed._tell(
        Record(
            kind=RecordKind.PASSAGE, utc_ms=now.utc_ms, mono_ms=now.mono_ms, boot_id=BOOT_ID,
            clock_trust=ClockTrust.SYNCHRONISED, portal=f"{fed.name}-door", reason="forced",
        )
    )  # fmt: skip


def _command(backend: Backend, fed: FedGateway) -> str:
    door = {"portal": f"{fed.name}-door"}
    return commanding.send(
        backend, _SAM, gateway=fed.name, name=CommandName.OPEN_ONCE.value, arguments=door
    )


def _order(backend: Backend, fed: FedGateway) -> int:
    wanted = work_orders.OrderRequest(
        gateway=fed.name, kind=OrderKind.CORRECTIVE, priority=Priority.HIGH,
        title=f"{fed.name} sees nothing", checklist=("Window clean",),
    )  # fmt: skip
    number = work_orders.request(backend, Actor(name="fred-of-all", role=Role.FACILITY), wanted)
    for turn, who in (
        (OrderTurn.APPROVE, _SAM),
        (OrderTurn.SCHEDULE, _FAY),
        (OrderTurn.START, _FAY),
    ):
        planned = backend.clock.now().utc_s if turn is OrderTurn.SCHEDULE else None
        moving = work_orders.Moving(turn=turn, scheduled_for_utc_s=planned)
        work_orders.move(backend, who, number, moving)
    return number


def _downtime(backend: Backend, fed: FedGateway, order: int) -> int:
    down = device_downtime.NewDowntime(
        gateway=fed.name, began_utc_s=backend.clock.now().utc_s - 60, ended_utc_s=None,
        planned=False, reason="no picture", order_id=order,
    )  # fmt: skip
    return device_downtime.add_downtime(backend, _FAY, down)
