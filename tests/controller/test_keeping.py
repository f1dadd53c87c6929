"""What is over goes, in small pieces; what is held, or not yet over, stays; sums stay too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.records import Outcome, Record, RecordKind
from doorward_controller import wiring
from doorward_controller.domain.keeping import DAY_MS, Kind
from doorward_controller.errors import ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, record_summary
from doorward_controller.queries.record_summary import Span
from doorward_controller.services import (
    erasures,
    issuing,
    keeping,
    keeping_runs,
    sum_keeping,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields, add_holder
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.services.keeping import NewHold
from doorward_controller.store import intake, record_partitions
from doorward_controller.store.alert_tables import alert_history, alerts
from doorward_controller.store.record_partitions import Month, parts
from doorward_controller.store.schema import (
    command_attachments,
    commands,
    holders,
    quarantine,
    records,
)
from doorward_controller.store.sum_tables import presence_annulled
from tests.controller.conftest import (
    AUDITOR,
    ISSUER,
    SECURITY,
    StandingClock,
    enrol,
    make_config,
)
from tests.fakes.postgres import PostgresCluster
from tests.fakes.stored_records import row_of

QUIET = lambda _done, _of: None  # noqa: E731


@dataclass
class Site:
    """A site whose records are told by how many days ago they were made."""

    backend: Backend
    clock: StandingClock
    stored: int = 0

    def ago_ms(self, days: float) -> int:
        return self.clock.utc_ms - int(days * DAY_MS)

    def scan(self, days: float, badge: bytes | None = None, *, is_annulled: bool = False) -> int:
        """Stores a scan, and its annulment if so; returns its number in the journal."""
        self.stored += 1
        seq = self.stored
        record = Record(
            kind=RecordKind.SCAN, utc_ms=self.ago_ms(days), mono_ms=0, boot_id=bytes(8),
            clock_trust=2, portal="north", outcome=Outcome.GRANT, reason="granted",
            credential_id=badge,
        )  # fmt: skip
        rows = [row_of(record, 1, seq)]
        if is_annulled:
            self.stored += 1
            back = replace(
                record, kind=RecordKind.PASSAGE, outcome=None, reason="no_entry", about_seq=seq
            )
            rows.append(row_of(back, 1, self.stored))
        with self.backend.store.write() as connection:
            intake.insert_records(connection, rows)
        return seq

    def person(self, name: str, *, valid_days: int = 30) -> tuple[str, bytes]:
        holder = add_holder(self.backend, ISSUER, HolderFields(name=name))
        now = self.backend.clock.now().utc_s
        wanted = IssueRequest(
            credential_class=CredentialClass.EMPLOYEE, form=Form.BADGE, not_before=now,
            expires=now + valid_days * 86_400, holder_id=holder,
        )  # fmt: skip
        return holder, bytes.fromhex(issuing.issue(self.backend, ISSUER, wanted).credential_id)

    def hold_on(self, from_days: float, to_days: float) -> NewHold:
        """A hold on a time, told by how many days ago it was."""
        return NewHold(
            reason="inquiry 7", from_utc_ms=self.ago_ms(from_days), to_utc_ms=self.ago_ms(to_days)
        )

    def run(self) -> dict[str, int]:
        return dict(keeping_runs.run_now(self.backend, QUIET, "test"))

    def left(self) -> list[int]:
        """The numbers of the records that are there."""
        with self.backend.store.read() as connection:
            return sorted(connection.scalars(sa.select(records.c.seq)))

    def due(self) -> dict[Kind, int]:
        return {k: n for k, n in keeping.preview(self.backend, SECURITY).items() if n}

    def entries(self, action: str) -> list[audit_trail.AuditRow]:
        rows = audit_trail.page(self.backend.store, limit=500).items
        return [row for row in rows if row.action == action]

    def is_named(self, holder: str) -> bool:
        with self.backend.store.read() as connection:
            wanted = sa.select(holders.c.wrapped_key).where(holders.c.id == holder)
            return connection.scalar(wanted) is not None


@pytest.fixture
def site(backend: Backend, clock: StandingClock) -> Site:
    enrol(backend, "gate", "north")
    return Site(backend, clock)


def test_records_go_when_their_time_is_over_and_their_sums_stay(site: Site) -> None:
    old = [site.scan(days, is_annulled=days == 200) for days in (400, 200, 181.5)]
    new = [site.scan(days) for days in (179, 1)]
    sum_keeping.add_up(site.backend)
    whole = Span(from_utc_ms=site.ago_ms(399), to_utc_ms=site.clock.utc_ms)
    before = record_summary.summary(site.backend.store, whole)
    assert site.due() == {Kind.RECORDS: 4}
    assert site.run() == {"records": 4}
    assert site.left() == new
    assert not set(old) & set(site.left())
    assert record_summary.summary(site.backend.store, whole) == before
    with site.backend.store.read() as connection:
        assert connection.execute(sa.select(presence_annulled)).all() == []
    assert sum_keeping.compare(site.backend, QUIET).wrong == 0
    sum_keeping.recount(site.backend, QUIET)
    assert record_summary.summary(site.backend.store, whole) == before
    (entry,) = site.entries("keeping_run")
    assert (entry.actor, entry.outcome, entry.detail["records"]) == ("keeping", "done", 4)
    assert entry.detail["asked_by"] == "test"


def test_nothing_is_due_and_nothing_goes_twice(site: Site) -> None:
    site.scan(200)
    assert site.run() == {"records": 1}
    assert site.run() == {}
    assert site.due() == {}
    assert len(site.entries("keeping_run")) == 2


def test_what_was_chosen_counts_and_is_told_with_what_was_before(site: Site) -> None:
    site.scan(100)
    assert site.due() == {}
    keeping.set_time(site.backend, SECURITY, Kind.RECORDS, 60)
    assert site.due() == {Kind.RECORDS: 1}
    (entry,) = site.entries("set_keeping")
    assert (entry.subject, entry.detail) == ("records", {"before": 180, "days": 60})
    shown = {each.kind: each for each in keeping.show(site.backend, AUDITOR).kinds}
    assert (shown[Kind.RECORDS].days, shown[Kind.RECORDS].changed_by) == (60, SECURITY.name)
    for days in (59, 4_000):
        with pytest.raises(InvalidError):
            keeping.set_time(site.backend, SECURITY, Kind.RECORDS, days)
    with pytest.raises(ForbiddenError):
        keeping.set_time(site.backend, AUDITOR, Kind.RECORDS, 90)
    assert shown == {each.kind: each for each in keeping.show(site.backend, AUDITOR).kinds}


def test_hold_on_everything_stops_everything_until_it_ends(site: Site) -> None:
    site.scan(200)
    number = keeping.place_hold(site.backend, SECURITY, NewHold(reason="inquiry 7"))
    assert site.due() == {}
    assert site.run() == {}
    assert len(site.left()) == 1
    assert site.entries("keeping_run")[0].detail["holds"] == 1
    keeping.end_hold(site.backend, SECURITY, number)
    assert site.run() == {"records": 1}
    with pytest.raises(NotFoundError):
        keeping.end_hold(site.backend, SECURITY, number)
    assert [e.detail.get("reason") for e in site.entries("place_hold")] == ["inquiry 7"]


def test_hold_on_a_time_keeps_what_happened_then(site: Site) -> None:
    seqs = {days: site.scan(days) for days in (300, 250, 249, 200)}
    keeping.place_hold(site.backend, SECURITY, site.hold_on(251, 248.5))
    assert site.due() == {Kind.RECORDS: 2}
    assert site.run() == {"records": 2}
    assert site.left() == [seqs[250], seqs[249]]


def test_hold_on_a_person_keeps_their_records_and_their_name(site: Site) -> None:
    ada, her_badge = site.person("Ada")
    bob, his_badge = site.person("Bob")
    site.clock.pass_s(500 * 86_400)
    hers, his = site.scan(200, her_badge), site.scan(200, his_badge)
    other = site.scan(200)
    keeping.place_hold(site.backend, SECURITY, NewHold(reason="inquiry 7", holder_id=ada))
    assert site.run() == {"records": 2, "people": 1}
    assert site.left() == [hers]
    assert not {his, other} & set(site.left())
    assert site.is_named(ada)
    assert not site.is_named(bob)
    with pytest.raises(NotFoundError):
        keeping.place_hold(site.backend, SECURITY, NewHold(reason="inquiry 7", holder_id="0" * 16))
    with pytest.raises(InvalidError):
        keeping.place_hold(site.backend, SECURITY, NewHold(reason="inquiry 7", holder_id=bob))


def test_people_go_when_their_last_code_ended_long_ago_and_no_record_tells_of_them(
    site: Site,
) -> None:
    ada, her_badge = site.person("Ada", valid_days=30)
    bob, _ = site.person("Bob", valid_days=300)
    nobody = add_holder(site.backend, ISSUER, HolderFields(name="Never had a code"))
    site.clock.pass_s(215 * 86_400)
    site.scan(10, her_badge)
    assert site.run() == {"people": 1}
    assert not site.is_named(nobody)
    assert site.is_named(ada), "she was at a gate ten days ago"
    site.clock.pass_s(175 * 86_400)
    assert site.run() == {"records": 1, "people": 1}
    assert not site.is_named(ada)
    assert site.is_named(bob), "his code ended less than 180 days ago"
    written = erasures.read(erasures.file_of(site.backend.config).read_bytes())
    assert set(written) == {ada, nobody}, "a restored backup erases them again"


def test_person_of_whom_a_held_record_tells_keeps_the_name(site: Site) -> None:
    ada, her_badge = site.person("Ada")
    site.clock.pass_s(500 * 86_400)
    site.scan(300, her_badge)
    keeping.place_hold(site.backend, SECURITY, site.hold_on(301, 299))
    assert site.run() == {}
    assert site.is_named(ada)


def other_kinds(site: Site, days: float) -> None:
    """A picture, a message in quarantine, and alerts: one that is over, one that is not."""
    at = site.ago_ms(days)
    with site.backend.store.write() as connection:
        command = f"{int(days):016x}"
        connection.execute(
            sa.insert(commands).values(
                id=command, gateway_id=1, name="snapshot", arguments_json="{}", state="done",
                detail="", seq=int(days), findings_json="[]", asked_by="sam", asked_at_utc_ms=at,
                expires_at_utc_s=0, changed_at_utc_ms=at, wire=b"",
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(command_attachments).values(
                command_id=command, kind="picture", is_personal=True, received_at_utc_ms=at,
                sealed=b"x",
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(quarantine).values(
                at_utc_ms=at, gateway="gate", topic="t", reason="bad", detail="", size_bytes=1,
                sha256=command, head=b"", copies=1,
            )
        )  # fmt: skip
        for over in (at, None):
            alert = connection.execute(
                sa.insert(alerts).values(
                    live_key=None, rule_code="lost", subject="gate", gateway="gate",
                    severity="warning", state="resolved" if over else "open", is_discreet=False,
                    fact_json="{}",
                    opened_at_utc_ms=at, last_at_utc_ms=at, times=1, acknowledged_by="",
                    assigned_to="", silenced_until_utc_s=0, resolved_at_utc_ms=over,
                    resolved_by="",
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(alert_history).values(
                    alert_id=next(iter(alert.inserted_primary_key or ())), at_utc_ms=at,
                    who="sam", what="opened", note="",
                )
            )  # fmt: skip


def test_pictures_quarantine_and_alerts_that_are_over_go(site: Site) -> None:
    other_kinds(site, 20)
    other_kinds(site, 31.5)
    assert site.due() == {Kind.PICTURES: 1}
    other_kinds(site, 800)
    assert site.due() == {Kind.PICTURES: 2, Kind.QUARANTINE: 1, Kind.ALERTS: 1}
    hold = keeping.place_hold(site.backend, SECURITY, site.hold_on(801, 799))
    assert site.due() == {Kind.PICTURES: 1}
    keeping.end_hold(site.backend, SECURITY, hold)
    assert site.run() == {"pictures": 2, "quarantine": 1, "alerts": 1}
    with site.backend.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(alerts)) == 5
        assert connection.scalar(sa.select(sa.func.count()).select_from(alert_history)) == 5


# --- the daily run


def test_first_run_leaves_a_week_to_look_at_the_settings(site: Site) -> None:
    site.scan(200)
    assert keeping_runs.turn(site.backend) == 0
    due = keeping.show(site.backend, SECURITY).due_utc_ms
    assert due == site.clock.utc_ms + 7 * DAY_MS
    assert len(site.left()) == 1
    site.clock.pass_s(7 * 86_400)
    assert keeping_runs.turn(site.backend) == 1
    shown = keeping.show(site.backend, SECURITY)
    assert [run.counts for run in shown.runs] == [{"records": 1}]
    assert shown.due_utc_ms == site.clock.utc_ms + DAY_MS
    assert keeping_runs.turn(site.backend) == 0
    assert len(keeping.show(site.backend, SECURITY).runs) == 1


def test_run_that_is_killed_goes_on_where_it_was_and_counts_each_row_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_runs, "PIECE", 3)
    monkeypatch.setattr(keeping_runs, "_TURN_S", 0.0)
    for _ in range(10):
        site.scan(200)
    keeping_runs.turn(site.backend)
    site.clock.pass_s(7 * 86_400)
    assert [keeping_runs.turn(site.backend) for _ in range(2)] == [3, 3]
    running = keeping.show(site.backend, SECURITY).running
    assert running is not None
    assert running.counts == {"records": 6}
    assert len(site.left()) == 4
    # Nothing of it is in memory: another process goes on in the same way.
    assert [keeping_runs.turn(site.backend) for _ in range(3)] == [3, 1, 0]
    assert keeping.show(site.backend, SECURITY).runs[0].counts == {"records": 10}
    assert len(site.entries("keeping_run")) == 1


def test_hold_that_is_placed_while_a_run_is_under_way_counts_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_runs, "PIECE", 2)
    monkeypatch.setattr(keeping_runs, "_TURN_S", 0.0)
    for _ in range(6):
        site.scan(200)
    keeping_runs.turn(site.backend)
    site.clock.pass_s(7 * 86_400)
    keeping_runs.turn(site.backend)
    keeping.place_hold(site.backend, SECURITY, NewHold(reason="inquiry 7"))
    keeping_runs.turn(site.backend)
    assert len(site.left()) == 4
    assert keeping.show(site.backend, SECURITY).runs[0].counts == {"records": 2}


def test_late_record_from_a_time_that_has_gone_is_stored_and_goes_again(site: Site) -> None:
    site.scan(200)
    site.run()
    late = site.scan(210)
    assert site.left() == [late]
    sum_keeping.add_up(site.backend)
    assert site.run() == {"records": 1}
    assert sum_keeping.compare(site.backend, QUIET).wrong == 0


# --- months of PostgreSQL


@pytest.fixture
def by_months(
    tmp_path: Path, postgres: PostgresCluster, postgres_template: str, clock: StandingClock
) -> Iterator[Site]:
    """Months from nine months ago on."""
    name = postgres.make_database(postgres_template)
    config = make_config(tmp_path / "data", postgres.url(name))
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock)
    begin = Month.of(clock.utc_ms).later(-9)
    with backend.store.write() as connection:
        for part in parts(connection):
            connection.exec_driver_sql(f"DROP TABLE {part.name}")
        record_partitions.add_part(connection, "records_past", "MINVALUE", str(begin.from_utc_ms))
        record_partitions.add_part(connection, "records_future", str(begin.from_utc_ms), "MAXVALUE")
        record_partitions.make_months(connection, clock.utc_ms)
    enrol(backend, "gate", "north")
    yield Site(backend, clock)
    backend.store.close()
    postgres.drop_database(name)


def names(site: Site) -> list[str]:
    with site.backend.store.read() as connection:
        return [part.name for part in parts(connection)]


def test_months_go_as_a_whole_and_the_part_before_takes_their_place(by_months: Site) -> None:
    site = by_months
    before = names(site)
    kept = [site.scan(days) for days in (10, 100)]
    for days in (400, 250, 240, 230):
        site.scan(days, is_annulled=days == 240)
    cut = Month.of(site.ago_ms(180))
    due = site.due()[Kind.RECORDS]
    assert due == 5
    assert site.run() == {"records": due}
    gone = set(before) - set(names(site))
    assert gone == {Month.of(site.clock.utc_ms).later(-n).name for n in range(7, 10)}
    assert cut.name in names(site), "a month of which a day is not over stays"
    with site.backend.store.read() as connection:
        past, oldest, *_ = parts(connection)
        assert past.to_utc_ms == oldest.from_utc_ms == cut.from_utc_ms
        assert connection.execute(sa.select(presence_annulled)).all() == []
    late = site.scan(245)
    assert site.left() == sorted([*kept, late])
    assert site.run() == {"records": 1}
    assert sum_keeping.compare(site.backend, QUIET).wrong == 0


def test_month_of_which_something_is_held_goes_row_by_row(by_months: Site) -> None:
    site = by_months
    before = names(site)
    ada, her_badge = site.person("Ada", valid_days=300)
    hers, _ = site.scan(250, her_badge), site.scan(250)
    site.scan(220)
    hold = replace(site.hold_on(255, 245), holder_id=ada)
    number = keeping.place_hold(site.backend, SECURITY, hold)
    assert site.due() == {Kind.RECORDS: 2}
    assert site.run() == {"records": 2}
    assert site.left() == [hers]
    keeping.end_hold(site.backend, SECURITY, number)
    assert site.run() == {"records": 1}
    assert len(names(site)) == len(before) - 3


def test_month_that_somebody_reads_for_long_goes_row_by_row_and_waits_for_its_end(
    by_months: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_partitions, "LOCK_WAIT_MS", 50)
    site = by_months
    before = names(site)
    site.scan(250)
    with site.backend.store.read() as connection:
        connection.execute(sa.select(records.c.id)).all()
        assert site.run() == {"records": 1}
        assert names(site) == before
    site.run()
    assert len(names(site)) == len(before) - 3


def test_answers_say_it_as_json(site: Site) -> None:
    shown = keeping.show(site.backend, SECURITY)
    assert json.dumps([each.kind for each in shown.kinds]) == (
        '["records", "people", "pictures", "quarantine", "alerts"]'
    )
