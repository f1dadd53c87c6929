"""A gateway asks by a claim: what it says, what it believes, and what is left when it fails."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from doorward.enrolment import Claim, claim_key, confirmation_code
from doorward.ids import GatewayId, SiteId
from doorward_edge.enrolling.door import Door, DoorError, Trust
from doorward_edge.enrolling.enrolment import Around, GivenUpError, Identity, Step, enrol
from doorward_edge.enrolling.folder import BusyError, IdentityFolder
from doorward_edge.enrolling.renewal import Outcome, Renewal, renew
from doorward_edge.keeping import sealed
from doorward_edge.keeping.guards import FileGuard
from tests.fakes.door_server import NOW, Answer, FakeAuthority, FakeDoor, door_server
from tests.system.lone_gateway import LoneSite

SITE, GATE = SiteId("plant"), GatewayId("gate-9")
NOW_S = int(NOW.timestamp())
DAY_S = 86_400


@dataclass(kw_only=True)
class Bench:
    """A door that confirms, and a gateway's folder."""

    folder: IdentityFolder
    authority: FakeAuthority
    door: FakeDoor
    steps: list[Step] = field(default_factory=list)
    patience: int = 5

    @property
    def claim(self) -> Claim:
        return Claim(
            url=self.door.url, pin=self.door.pin, site=SITE, gateway=GATE, secret=bytes(range(16))
        )

    def enrol(self, claim: Claim | None = None) -> Identity:
        left = iter(range(self.patience))
        around = Around(
            folder=self.folder,
            guard=FileGuard(),
            software="1.0",
            tell=self.steps.append,
            wait=lambda _seconds: next(left, None) is not None,
        )
        return enrol(around, claim or self.claim)

    def renew(self, now_s: int, problem: str = "", *, force: bool = False) -> Renewal:
        return renew(self.folder, now_s, force=force, try_broker=lambda _address: problem)

    def files(self) -> dict[str, bytes]:
        """Everything that counts now."""
        return {each.name: each.read_bytes() for each in self.folder.current.iterdir()}


def site_keyring() -> bytes:
    return LoneSite(name=SITE).keyring()


def standing(body: dict[str, Any], state: str, granted: dict[str, Any] | None = None) -> Answer:
    key = claim_key(bytes.fromhex(body["secret"]))
    code = confirmation_code(key, bytes.fromhex(body["csr"]), bytes.fromhex(body["record_key"]))
    said = {"state": state, "code": code, "ends_at_utc_s": NOW_S, "now_utc_s": NOW_S}
    return 200, said | {"granted": granted}


def granted(authority: FakeAuthority, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "certificate": authority.sign(bytes.fromhex(body["csr"])),
        "ca": authority.pem,
        "broker_host": "broker.plant.example",
        "broker_port": 8883,
        "keyring": site_keyring().hex(),
        "seal_key": bytes(32).hex(),
        "portals": [{"portal": "gate-9-door", "zone": "hall"}],
    }


def confirming(authority: FakeAuthority) -> Callable[[str, dict[str, Any]], Answer]:
    """The first question is told to wait; renewals are granted at once."""
    asked: list[str] = []

    def answer(path: str, body: dict[str, Any]) -> Answer:
        asked.append(path)
        if path.endswith("/renew"):
            pem = authority.sign(bytes.fromhex(body["csr"]))
            return 200, {"certificate": pem, "serial": "1", "not_after_utc_s": 0}
        if path.endswith("/used"):
            return 200, {}
        if len(asked) == 1:
            return standing(body, "asked")
        return standing(body, "issued", granted(authority, body))

    return answer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    authority = FakeAuthority()
    with door_server(tmp_path, authority, confirming(authority)) as door:
        folder = IdentityFolder(tmp_path / "state" / "identity")
        folder.root.mkdir(parents=True)
        yield Bench(folder=folder, authority=authority, door=door)


def test_the_code_is_shown_and_then_everything_is_in_its_place(bench: Bench) -> None:
    made = bench.enrol()

    assert [step.event for step in bench.steps] == ["keys", "compare", "enrolled"]
    assert made.portals == (("gate-9-door", "hall"),)
    assert bench.files().keys() == {
        *("tls.key", "tls.pem", "ca.pem", "record.key", "keyring.dwe", "seal.pub"),
        "identity.toml",
    }
    assert not bench.folder.pending.exists()
    sent = bench.door.asked[0][1]
    assert sent["guard"] == "file"
    assert bench.steps[1].code == standing(sent, "asked")[1]["code"]


def test_private_keys_are_never_sent_and_lie_sealed(bench: Bench) -> None:
    bench.enrol()
    tls = sealed.read_secret(bench.folder.current / "tls.key")
    seed = sealed.read_secret(bench.folder.current / "record.key")

    said = repr(bench.door.asked)
    assert seed.hex() not in said
    assert "PRIVATE" not in said
    assert tls.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert not any(tls in content or seed in content for content in bench.files().values())


def test_somebody_in_between_learns_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "thief").mkdir()
    thief = FakeAuthority()
    with door_server(tmp_path / "thief", thief, confirming(thief)) as other:
        with pytest.raises(DoorError, match="nothing was sent") as err:
            bench.enrol(replace(bench.claim, url=other.url))
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(bench.authority.pem)
        door = Door(other.url, Trust(ca_file=ca_file))
        with pytest.raises(DoorError, match="nothing was sent"):
            door.ask("/enrol/1/renew", {"secret": "1"})

    assert err.value.code == "wrong_controller"
    assert other.asked == []
    assert not bench.folder.has_identity


@pytest.mark.parametrize("code", ["claim_unknown", "claim_used", "claim_late", "wrong_request"])
def test_a_refusal_leaves_the_identity_that_works_alone(bench: Bench, code: str) -> None:
    bench.enrol()
    before = bench.files()
    bench.door.answer = lambda _path, _body: (409, {"code": code, "detail": "in words"})

    with pytest.raises(DoorError, match="in words") as err:
        bench.enrol(replace(bench.claim, secret=bytes(16)))

    assert err.value.code == code
    assert bench.files() == before


@pytest.mark.parametrize("state", ["refused", "withdrawn", "expired"])
def test_a_claim_that_came_to_nothing_is_forgotten(bench: Bench, state: str) -> None:
    bench.door.answer = lambda _path, body: standing(body, state)
    with pytest.raises(DoorError) as err:
        bench.enrol()

    assert err.value.code == state
    assert not bench.folder.pending.exists()
    assert not bench.folder.has_identity


def test_a_controller_that_is_away_is_asked_again_with_the_same_keys(bench: Bench) -> None:
    well, times = bench.door.answer, iter(range(3))
    bench.door.answer = lambda path, body: (
        (503, {"detail": "starting"}) if next(times, None) is not None else well(path, body)
    )
    bench.patience = 20

    assert bench.enrol().claim == bench.claim
    assert [step.event for step in bench.steps] == ["keys", "away", "compare", "enrolled"]
    assert len({body["csr"] for _, body in bench.door.asked}) == 1


def test_an_interrupted_enrolment_goes_on_with_its_keys(bench: Bench) -> None:
    well = bench.door.answer
    bench.door.answer = lambda _path, body: standing(body, "asked")
    bench.patience = 1
    with pytest.raises(GivenUpError):
        bench.enrol()
    bench.door.answer = well
    bench.patience = 5
    bench.enrol()

    assert len({body["csr"] for _, body in bench.door.asked}) == 1
    assert len({body["record_key"] for _, body in bench.door.asked}) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"certificate": "nonsense"},
        {"ca": FakeAuthority().pem},
        {"keyring": LoneSite(name=SiteId("other")).keyring().hex()},
        {"keyring": "00"},
        {"seal_key": "00"},
        {"broker_port": "x"},
        {"portals": None},
        {"certificate": None},
    ],
)
def test_what_does_not_fit_together_is_not_taken(bench: Bench, wrong: dict[str, Any]) -> None:
    bench.door.answer = lambda _path, body: standing(
        body, "issued", granted(bench.authority, body) | wrong
    )
    with pytest.raises(DoorError) as err:
        bench.enrol()

    assert err.value.code == "wrong_answer"
    assert not bench.folder.has_identity


def test_a_controller_with_another_code_is_not_believed(bench: Bench) -> None:
    bench.door.answer = lambda _path, body: (
        200,
        standing(body, "asked")[1] | {"code": "AAAA-AAAA"},
    )
    with pytest.raises(DoorError, match="another code"):
        bench.enrol()


def test_a_replaced_identity_keeps_its_record_key(bench: Bench) -> None:
    bench.enrol()
    first = sealed.read_secret(bench.folder.current / "record.key")
    tls = sealed.read_secret(bench.folder.current / "tls.key")
    bench.enrol(replace(bench.claim, secret=bytes(16)))

    assert sealed.read_secret(bench.folder.current / "record.key") == first
    assert sealed.read_secret(bench.folder.current / "tls.key") != tls


def test_only_one_process_at_a_time(bench: Bench) -> None:
    with (
        bench.folder.alone(),
        pytest.raises(BusyError),
        IdentityFolder(bench.folder.root).alone(),
    ):
        pytest.fail("two at a time")


@pytest.mark.parametrize(
    ("days", "outcome"), [(0, Outcome.NOT_DUE), (58, Outcome.NOT_DUE), (61, Outcome.RENEWED)]
)
def test_a_certificate_is_renewed_at_two_thirds_of_its_life(
    bench: Bench, days: int, outcome: Outcome
) -> None:
    bench.enrol()
    tls = sealed.read_secret(bench.folder.current / "tls.key")

    assert bench.renew(NOW_S + days * DAY_S).outcome is outcome
    changed = sealed.read_secret(bench.folder.current / "tls.key") != tls
    assert changed is (outcome is Outcome.RENEWED)


def test_the_new_certificate_is_said_to_be_used_once(bench: Bench) -> None:
    bench.enrol()
    bench.renew(NOW_S, force=True)
    bench.renew(NOW_S)
    bench.renew(NOW_S)

    used = [body["certificate"] for path, body in bench.door.asked if path.endswith("/used")]
    assert len(used) == len(set(used)) == 2


def test_a_certificate_that_the_broker_does_not_take_never_counts(bench: Bench) -> None:
    bench.enrol()
    before, link = bench.files(), bench.folder.current.resolve()
    found = bench.renew(NOW_S, "tlsv1 alert unknown ca", force=True)

    assert found.outcome is Outcome.LATER
    assert "the old one goes on" in found.said
    assert bench.folder.current.resolve() == link
    assert {name: bench.files()[name] for name in before} == before


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((503, {"detail": "starting"}), Outcome.LATER),
        ((409, {"code": "no_authority", "detail": "no key"}), Outcome.REFUSED),
        ((410, {"code": "certificate_ended", "detail": "over"}), Outcome.ENDED),
        ((410, {"code": "gateway_revoked", "detail": "revoked"}), Outcome.ENDED),
        ((200, {"certificate": "nonsense"}), Outcome.REFUSED),
    ],
)
def test_a_renewal_that_fails_changes_nothing(
    bench: Bench, answer: Answer, outcome: Outcome
) -> None:
    bench.enrol()
    bench.renew(NOW_S)
    before = bench.files()
    bench.door.answer = lambda _path, _body: answer

    assert bench.renew(NOW_S, force=True).outcome is outcome
    assert bench.files() == before


def test_a_certificate_that_ran_out_asks_for_a_claim(bench: Bench) -> None:
    bench.enrol()
    asked = len(bench.door.asked)
    found = bench.renew(NOW_S + 100 * DAY_S)

    assert found.outcome is Outcome.ENDED
    assert "a new claim helps" in found.said
    assert {path for path, _ in bench.door.asked[asked:]} <= {"/enrol/1/used"}


def test_old_generations_go_and_the_one_that_counts_stays(bench: Bench) -> None:
    bench.enrol()
    for _ in range(6):
        bench.renew(NOW_S, force=True)
    kept = sorted(each.name for each in (bench.folder.root / "generations").iterdir())

    assert kept == ["0005", "0006", "0007"]
    assert bench.folder.current.resolve().name == "0007"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_wrote_belongs_to_whom_the_folder_above_does(bench: Bench) -> None:
    bench.enrol()
    os.chown(bench.folder.root.parent, 12345, 12346)
    bench.folder.give_to_owner()

    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in bench.folder.root.rglob("*")}
    assert owners == {(12345, 12346)}
