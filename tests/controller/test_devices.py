"""Devices: adoption, components with their history, changes that show, absences, wall screens."""

import pytest

from doorward import topics
from doorward.records import Record, RecordKind
from doorward.times import ClockTrust
from doorward_controller.domain.fleet_state import Work
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import alerts, devices
from doorward_controller.queries.alerts import AlertFilter
from doorward_controller.services import devices as acts
from doorward_controller.services import wall_screens
from doorward_controller.services.backend import Backend
from doorward_controller.services.devices import Adoption
from doorward_controller.store.device_tables import wall_screens as screen_rows
from doorward_controller.store.devices import NewComponent
from tests.controller.conftest import AUDITOR, SECURITY, StandingClock
from tests.fakes.fed_gateway import BOOT_ID, FedGateway

FACILITY = Actor(name="fay", role=Role.FACILITY)


def born(fed: FedGateway, hardware: dict[str, str] | None = None, software: str = "0.1.0") -> None:
    told = {"board": "Raspberry Pi 4", "serial": "100", "card": "0x1", "address": "10.0.0.5"}
    wire = fed.journal.birth(hardware=told | (hardware or {}), software=software)
    fed._say(topics.Up.BIRTH, wire)


@pytest.fixture
def fed(backend: Backend) -> FedGateway:
    made = FedGateway(backend, "gate-1")
    made.enrol()
    made.connect()
    return made


def kinds(backend: Backend) -> list[tuple[str, str, str]]:
    return [(each.kind, each.before, each.after) for each in devices.history(backend.store)]


def test_a_new_gateway_is_kept_apart_until_somebody_adopts_it(
    backend: Backend, fed: FedGateway
) -> None:
    fed.scan("granted")
    rows = devices.devices(backend.store)
    assert devices.new_names(rows) == ("gate-1",)
    assert devices.tree(backend.store) == ()
    with pytest.raises(ForbiddenError):
        acts.adopt(backend, AUDITOR, "gate-1", Adoption(portals={}))
    for wrong in ({"no-door": ("site", "")}, {"gate-1-door": ("No Zone", "")}):
        with pytest.raises(InvalidError):
            acts.adopt(backend, FACILITY, "gate-1", Adoption(portals=wrong))
    acts.adopt(
        backend, FACILITY, "gate-1", Adoption(portals={"gate-1-door": ("yard", "Yard gate")})
    )
    (zone,) = devices.tree(backend.store)
    assert (zone.zone, zone.portals[0].label) == ("yard", "Yard gate")
    assert kinds(backend) == [("moved", "site", "yard")]
    assert devices.new_names(devices.devices(backend.store)) == ()
    with pytest.raises(ConflictError):
        acts.adopt(backend, FACILITY, "gate-1", Adoption(portals={}))
    with pytest.raises(NotFoundError):
        acts.adopt(backend, FACILITY, "nobody", Adoption(portals={}))


def test_a_component_that_is_exchanged_keeps_the_old_ones_history(
    backend: Backend, fed: FedGateway, clock: StandingClock
) -> None:
    first = acts.add_component(
        backend, FACILITY, "gate-1", NewComponent(kind="camera", maker="Sony", serial="A1")
    )
    clock.pass_s(86_400)
    second = acts.replace_component(
        backend, FACILITY, first, NewComponent(kind="", serial="B2"), "blurred"
    )
    row = devices.device(backend.store, "gate-1")
    assert row is not None
    (held,) = row.components
    assert (held.id, held.kind, held.serial, held.replaces_id) == (second, "camera", "B2", first)
    (past,) = devices.past_components(backend.store, "gate-1")
    assert (past.id, past.serial, past.removed_reason, past.removed_by) == (
        first, "A1", "blurred", "fay",
    )  # fmt: skip
    assert past.removed_at_utc_s == held.installed_at_utc_s == past.installed_at_utc_s + 86_400
    acts.remove_component(backend, FACILITY, second, "stolen")
    assert len(devices.past_components(backend.store, "gate-1")) == 2
    for component, error in ((second, ConflictError), (999, NotFoundError)):
        with pytest.raises(error):
            acts.remove_component(backend, FACILITY, component, "again")


@pytest.mark.parametrize(
    "new",
    [
        NewComponent(kind="wheel"),
        NewComponent(kind="lock", maker="x" * 101),
        NewComponent(kind="lock", serial="a\x00b"),
        NewComponent(kind="lock", installed_at_utc_s=2**40),
    ],
)
def test_a_component_that_cannot_be_is_refused(sqlite_backend: Backend, new: NewComponent) -> None:
    FedGateway(sqlite_backend, "gate-1").enrol()
    with pytest.raises(InvalidError):
        acts.add_component(sqlite_backend, FACILITY, "gate-1", new)


def test_what_is_different_at_a_birth_shows_and_raises(backend: Backend, fed: FedGateway) -> None:
    born(fed)
    born(fed)
    assert kinds(backend) == []
    born(fed, hardware={"serial": "200", "address": "10.0.0.6"}, software="0.2.0")
    assert kinds(backend) == [
        ("software_changed", "0.1.0", "0.2.0"),
        ("address_changed", "10.0.0.5", "10.0.0.6"),
        ("board_swapped", "100", "200"),
    ]
    raised = {row.rule for row in alerts.page(backend.store, AlertFilter()).items}
    assert raised == {"change.board_swapped", "change.address_changed"}
    # What is not told once is not forgotten: the change shows when it is told again.
    born(fed, hardware={"serial": "", "address": "10.0.0.6"}, software="0.2.0")
    born(fed, hardware={"serial": "300", "address": "10.0.0.6"}, software="0.2.0")
    assert kinds(backend)[0] == ("board_swapped", "200", "300")


def record_of(backend: Backend, kind: RecordKind, reason: str) -> Record:
    now = backend.clock.now()
    return Record(
        kind=kind,
        utc_ms=now.utc_ms,
        mono_ms=now.mono_ms,
        boot_id=BOOT_ID,
        clock_trust=ClockTrust.SYNCHRONISED,
        portal="gate-1-door",
        reason=reason,
    )


@pytest.mark.parametrize(
    ("told", "work"),
    [
        ((), Work.NOTHING_SHOWN),
        ((RecordKind.EVENT, "gateway_started"), Work.WAS_OFF),
        ((RecordKind.EVENT, "exit_button"), Work.WORKED),
    ],
)
def test_an_absence_is_judged_by_the_gateways_own_journal(
    backend: Backend,
    fed: FedGateway,
    clock: StandingClock,
    told: tuple[RecordKind, str] | tuple[()],
    work: Work,
) -> None:
    fed.connect(online=False)
    clock.pass_s(600)
    kept = [record_of(backend, *told)] if told else []
    clock.pass_s(600)
    fed.connect()
    clock.pass_s(1)
    for record in [*kept, record_of(backend, RecordKind.EVENT, "exit_button")]:
        fed._tell(record)
    (absence,) = devices.absences(backend.store, "gate-1")
    assert absence.to_utc_ms is not None
    assert absence.to_utc_ms - absence.from_utc_ms == 1_200_000
    assert (absence.work, absence.records) == (work, len(kept))


def test_silence_of_which_nobody_told_is_an_absence_too(
    backend: Backend, fed: FedGateway, clock: StandingClock
) -> None:
    clock.pass_s(149)
    fed.report_health(pending=0)
    assert devices.absences(backend.store, "gate-1") == ()
    clock.pass_s(150)
    fed.report_health(pending=0)
    (absence,) = devices.absences(backend.store, "gate-1")
    assert absence.to_utc_ms == clock.utc_ms
    assert absence.from_utc_ms == clock.utc_ms - 150_000


def test_a_wall_screens_address_counts_until_it_ends_or_is_ended(
    backend: Backend, clock: StandingClock
) -> None:
    made = wall_screens.add_screen(backend, SECURITY, label="Control room", days=1)
    other = wall_screens.add_screen(backend, SECURITY, label="Gate house", days=2)
    found = wall_screens.resume(backend, made.token)
    assert found is not None
    assert found.label == "Control room"
    assert wall_screens.resume(backend, made.token + "x") is None
    with backend.store.read() as connection:
        for row in connection.execute(screen_rows.select()):
            assert made.token.encode() not in bytes(row.token_hash)
    clock.pass_s(86_400)
    assert wall_screens.resume(backend, made.token) is None
    assert wall_screens.resume(backend, other.token) is not None
    wall_screens.revoke_screen(backend, SECURITY, other.id)
    assert wall_screens.resume(backend, other.token) is None
    with pytest.raises(ConflictError):
        wall_screens.revoke_screen(backend, SECURITY, other.id)
    for label, days in (("", 1), ("x", 0), ("x", 367)):
        with pytest.raises(InvalidError):
            wall_screens.add_screen(backend, SECURITY, label=label, days=days)
    with pytest.raises(ForbiddenError):
        wall_screens.add_screen(backend, FACILITY, label="x", days=1)
