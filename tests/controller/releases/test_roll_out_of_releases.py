"""A release to many gateways: wave by wave, by what proved well, seen on the pages."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from doorward.commands import CommandName
from doorward.messages import Applied, Reported
from doorward.software import SoftwareReport, UpdateOutcome, UpdateState
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.app import API_ROOT
from doorward_controller.domain.permissions import Role
from doorward_controller.domain.roll_out_order import CommandOrder
from doorward_controller.errors import InvalidError
from doorward_controller.queries import commands, roll_outs
from doorward_controller.queries import software as rows
from doorward_controller.queries.software import Standing
from doorward_controller.releases.signing_keys import signer_of_seed
from doorward_controller.services import roll_out_steps, software
from doorward_controller.services.backend import Backend
from tests.controller.test_api import Caller, bearer, calling
from tests.controller.test_rolling_out import Fleet
from tests.fakes.controller_link import FakeLink
from tests.fakes.release_repository import Publisher


def order(version: str) -> CommandOrder:
    return CommandOrder(
        name=CommandName.UPDATE_SOFTWARE, arguments={"version": version, "until": 0}
    )


@pytest.fixture
def published(sqlite_backend: Backend) -> Publisher:
    """This controller's own repository, with one release in it."""
    now = datetime.fromtimestamp(sqlite_backend.clock.now().utc_s, tz=UTC)
    publisher = Publisher(
        root=software.folder_of(sqlite_backend.config).root,
        now=now,
        online=signer_of_seed(sqlite_backend.keys.releases),
    ).begin()
    publisher.release("0.2.0")
    return publisher


@pytest.fixture
def fleet(sqlite_backend: Backend, link: FakeLink, published: Publisher) -> Fleet:
    del published
    return Fleet(sqlite_backend, link, "a1", "a2")


def hear(fleet: Fleet, name: str, **said: Any) -> None:
    """The gateway says how its software stands."""
    report = SoftwareReport(**({"confirmed": "0.1.0"} | said))
    at = UtcSeconds(fleet.backend.clock.now().utc_s)
    reported = Reported(applied=Applied(), rejected=(), at=at, software=report)
    fleet._hear(name, Up.REPORTED, reported.to_wire())


def states(fleet: Fleet, number: int) -> dict[str, tuple[str, str]]:
    found = roll_outs.roll_out(fleet.backend.store, number)
    assert found is not None
    return {each.gateway: (each.state.value, each.detail) for each in found.members}


def command_of(fleet: Fleet, number: int, name: str) -> str:
    found = roll_outs.roll_out(fleet.backend.store, number)
    assert found is not None
    return next(each.command_id for each in found.members if each.gateway == name)


def test_the_next_wave_begins_when_the_release_proved_well_in_the_one_before(fleet: Fleet) -> None:
    number = fleet.start(order("0.2.0"), "1")
    first = command_of(fleet, number, "a1")
    hear(fleet, "a1", order=first, state=UpdateState.ON_TRIAL, target="0.2.0")
    fleet.step()
    assert states(fleet, number) == {"a1": ("asked", ""), "a2": ("waiting", "")}
    hear(fleet, "a1", confirmed="0.2.0", order=first, outcome=UpdateOutcome.CONFIRMED)
    fleet.step()
    assert states(fleet, number)["a1"] == ("succeeded", "0.2.0 proved well")
    assert states(fleet, number)["a2"][0] == "asked"


def test_a_release_that_was_taken_back_keeps_the_next_wave_from_beginning(fleet: Fleet) -> None:
    number = fleet.start(order("0.2.0"), "1")
    first = command_of(fleet, number, "a1")
    hear(fleet, "a1", order=first, outcome=UpdateOutcome.RETURNED, detail="camera: dark")
    fleet.step()
    assert states(fleet, number) == {
        "a1": ("failed", "returned: camera: dark"),
        "a2": ("left_out", ""),
    }


def test_what_is_begun_after_the_deadline_is_not_what_was_ordered(fleet: Fleet) -> None:
    number = fleet.start(order("0.2.0"), "1", deadline_s=3600)
    found = roll_outs.roll_out(fleet.backend.store, number)
    assert found is not None
    (row,) = commands.newest(fleet.backend.store, "a1", 1)
    assert row.arguments == {
        "version": "0.2.0",
        "until": found.roll_out.plan.deadline_utc_s,
    }


def test_a_release_that_nobody_signed_is_not_rolled_out(fleet: Fleet) -> None:
    with pytest.raises(InvalidError, match=r"no release 0\.9\.0 of the gateway"):
        fleet.start(order("0.9.0"))


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ({}, Standing.SETTLED),
        ({"state": UpdateState.FETCHING, "target": "0.2.0"}, Standing.UNDER_WAY),
        ({"state": UpdateState.INSTALLED, "target": "0.2.0"}, Standing.WAITS),
        ({"state": UpdateState.ON_TRIAL, "target": "0.2.0"}, Standing.ON_TRIAL),
        ({"outcome": UpdateOutcome.RETURNED}, Standing.RETURNED),
        ({"outcome": UpdateOutcome.REFUSED}, Standing.NOT_DONE),
        ({"outcome": UpdateOutcome.FAILED}, Standing.NOT_DONE),
        ({"outcome": UpdateOutcome.CONFIRMED}, Standing.SETTLED),
    ],
)
def test_where_an_update_stands_is_one_word(
    fleet: Fleet, said: dict[str, Any], standing: Standing
) -> None:
    hear(fleet, "a1", **said)
    site = fleet.backend.config.site
    by_name = {r.gateway: r for r in rows.at_gateways(fleet.backend.store, site)}
    assert by_name["a1"].standing is standing
    assert by_name["a2"].standing is Standing.UNTOLD


# --- Over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def client(sqlite_backend: Backend, fleet: Fleet) -> Iterator[Caller]:
    hear(fleet, "a1", previous="0.0.9")
    with calling(sqlite_backend) as caller:
        yield caller


def test_releases_and_what_runs_are_read_by_programs(client: Caller) -> None:
    reader = bearer(client, Role.AUDITOR)
    found = client.get(f"{API_ROOT}/releases", headers=reader).json()
    (release,) = found["releases"]
    assert (release["version"], release["notes"]) == ("0.2.0", {"en": "What is new in 0.2.0"})
    assert found["waiting"] == []
    assert set(found["expires"]) == {"root", "targets", "timestamp"}
    at = client.get(f"{API_ROOT}/software", headers=reader).json()
    assert [(row["gateway"], row["standing"], row["kept"]) for row in at] == [
        ("a1", "settled", "0.0.9"),
        ("a2", "untold", ""),
    ]


def test_a_program_rolls_a_release_out(client: Caller, sqlite_backend: Backend) -> None:
    body = {
        "title": "New",
        "command": {"name": "update_software", "arguments": {"version": "0.2.0"}},
    }
    admin = bearer(client, Role.ADMIN)
    answer = client.post(f"{API_ROOT}/roll-outs", json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    assert roll_out_steps.advance(sqlite_backend) == 1
    body["command"] = {"name": "update_software", "arguments": {"version": "0.9.0"}}
    refused = client.post(f"{API_ROOT}/roll-outs", json=body, headers=admin)
    assert (refused.status_code, refused.json()["code"]) == (422, "no_release")


def test_gateways_fetch_without_signing_in_and_only_what_is_signed(
    client: Caller, published: Publisher, tmp_path: Path
) -> None:
    newest = client.get("/repository/metadata/timestamp.json")
    assert newest.status_code == 200
    assert newest.headers["cache-control"] == "no-cache"
    assert json.loads(newest.content)["signed"]["_type"] == "timestamp"
    root = client.get("/repository/metadata/1.root.json")
    assert "immutable" in root.headers["cache-control"]
    (file,) = (published.root / "targets").rglob("*.tar")
    path = f"/repository/targets/{file.relative_to(published.root / 'targets')}"
    part = client.get(path, headers={"Range": "bytes=100-"})
    assert (part.status_code, part.content) == (206, file.read_bytes()[100:])
    (published.root / "staged").mkdir(exist_ok=True)
    (published.root / "staged" / "targets.json").write_text("{}")
    for elsewhere in ("staged/targets.json", "metadata/../staged/targets.json", "made"):
        assert client.get(f"/repository/{elsewhere}").status_code == 404
