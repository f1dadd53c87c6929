"""From a claim to a certificate, with everything that must not lead to one."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.enrolment import claim_key, confirmation_code
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.certifying import FolderCertifier
from doorward_controller.broker.gatekeeper import BrokerGatekeeper, GateFiles
from doorward_controller.config import Broker, Enrolment
from doorward_controller.domain.enrolment_claims import CertificateState, ClaimState
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ActError, StoreError
from doorward_controller.queries import enrolments
from doorward_controller.services import certificates, claims, enrolling, enrolment, renewing
from doorward_controller.services.backend import Backend
from doorward_controller.services.claims import MadeClaim
from doorward_controller.services.cutting_off import CuttingOff
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.store import gateways
from doorward_controller.store.gateways import GatewayState
from tests.controller.conftest import ADMIN, SECURITY, StandingClock
from tests.fakes.asking_gateway import AskingGateway, request_for

DAY_S = 86_400
PORTALS = (NewPortal(portal="gate-9-door", zone="site"),)


class _SilentBroker:
    def exchange(
        self, topic: str, wire: bytes, *, answers_on: str, mark: str, timeout_s: float
    ) -> bytes | None:
        del topic, wire, answers_on, mark, timeout_s
        return None


@dataclass(kw_only=True)
class Site:
    """A controller with an authority of its own, and the acts of one admin."""

    backend: Backend
    clock: StandingClock
    folder: Path

    def claim(self, gateway: str = "gate-9", **more: object) -> MadeClaim:
        given = {"portals": PORTALS} | more
        return claims.make_claim(self.backend, ADMIN, gateway=gateway, **given)  # type: ignore[arg-type]

    def confirm(self, made: MadeClaim, code: str) -> None:
        claims.confirm_claim(self.backend, ADMIN, made.id, code=code)

    def enrolled(self, gateway: str = "gate-9", **more: object) -> AskingGateway:
        made = self.claim(gateway, **more)
        asking = AskingGateway(claim=made.claim)
        asked = asking.asked()
        self.confirm(made, enrolling.ask(self.backend, asked).code)
        granted = enrolling.ask(self.backend, asked).granted
        assert granted is not None
        asking.certificate = granted.certificate
        return asking

    def listed(self) -> set[int]:
        crl = x509.load_pem_x509_crl((self.folder / "crl.pem").read_bytes())
        return {entry.serial_number for entry in crl}

    def state_of(self, gateway: str = "gate-9") -> list[CertificateState]:
        now_s = self.clock.now().utc_s
        found = enrolments.certificates_of(self.backend.store, "main", gateway)
        return [each.state_at(now_s) for each in found]

    def audited(self, action: str) -> list[str]:
        with self.backend.store.read() as connection:
            rows = connection.execute(
                sa.text("SELECT outcome FROM audit_log WHERE action = :action ORDER BY id"),
                {"action": action},
            )
            return [row.outcome for row in rows]


@pytest.fixture
def site(backend: Backend, clock: StandingClock, tmp_path: Path) -> Site:
    folder = tmp_path / "authority"
    at = datetime.fromtimestamp(clock.now().utc_s, UTC)
    Authority.create(folder, now=at, valid_for=timedelta(days=3650))
    config = backend.config.model_copy(
        update={
            "enrolment": Enrolment(url="https://10.0.4.2:8843"),
            "broker": Broker(authority_dir=folder),
        }
    )
    certifier = FolderCertifier(folder, tmp_path / "door", None)
    made = replace(backend, config=config, certifier=certifier)
    return Site(backend=made, clock=clock, folder=folder)


def code_of(err: pytest.ExceptionInfo[ActError]) -> str:
    return err.value.code


def test_a_gateway_whose_code_was_compared_gets_a_certificate_of_its_name_alone(site: Site) -> None:
    made = site.claim()
    asking = AskingGateway(claim=made.claim)
    asked = asking.asked()
    first = enrolling.ask(site.backend, asked)

    assert (first.state, first.granted) == (ClaimState.ASKED, None)
    site.confirm(made, first.code)
    granted = enrolling.ask(site.backend, asked).granted

    assert granted is not None
    certificate = x509.load_pem_x509_certificate(granted.certificate.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(granted.ca.encode()))
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert name.value == "gate-9"
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert life == timedelta(days=91)
    assert (granted.broker_host, granted.broker_port) == ("10.0.4.2", 8883)
    assert granted.portals == (("gate-9-door", "site"),)
    with site.backend.store.read() as connection:
        found = gateways.find(connection, "main", "gate-9")
    assert found is not None
    assert found.record_key == asked.record_key


def test_both_ends_come_to_the_same_code(site: Site) -> None:
    made = site.claim()
    asked = AskingGateway(claim=made.claim).asked()
    own = confirmation_code(claim_key(made.claim.secret), asked.csr, asked.record_key)

    assert enrolling.ask(site.backend, asked).code == own


def test_the_secret_of_a_claim_is_not_kept(site: Site, tmp_path: Path) -> None:
    made = site.claim()

    shown = enrolments.claim(site.backend.store, made.id)
    assert shown is not None
    assert made.claim.secret not in shown.secret_key
    for file in tmp_path.rglob("*.sqlite3*"):
        assert made.claim.secret not in file.read_bytes()


def test_a_guessed_claim_is_unknown(site: Site) -> None:
    made = site.claim()
    guess = AskingGateway(claim=made.claim).changed_claim(secret=bytes(16))

    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, guess.asked())
    assert code_of(err) == "claim_unknown"


def test_a_second_gateway_with_the_same_claim_is_refused_and_people_are_told(site: Site) -> None:
    made = site.claim()
    first, thief = (AskingGateway(claim=made.claim) for _ in range(2))
    code = enrolling.ask(site.backend, first.asked()).code

    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, thief.asked())
    shown = enrolments.claim(site.backend.store, made.id)

    assert code_of(err) == "claim_used"
    assert shown is not None
    assert (shown.code, shown.other_tries) == (code, 1)
    assert site.audited("ask_enrolment") == ["done", "claim_used"]


def test_a_request_that_is_swapped_after_the_confirmation_gets_nothing(site: Site) -> None:
    made = site.claim()
    asking = AskingGateway(claim=made.claim)
    site.confirm(made, enrolling.ask(site.backend, asking.asked()).code)
    for swapped in (
        asking.asked(csr=request_for("gate-9", ec.generate_private_key(ec.SECP256R1()))),
        replace(asking.asked(), record_key=AskingGateway(claim=made.claim).asked().record_key),
    ):
        with pytest.raises(ActError) as err:
            enrolling.ask(site.backend, swapped)
        assert code_of(err) == "claim_used"


def test_a_person_who_saw_another_code_confirms_nothing(site: Site) -> None:
    made = site.claim()
    asking = AskingGateway(claim=made.claim)
    asked = asking.asked()
    enrolling.ask(site.backend, asked)

    with pytest.raises(ActError) as err:
        site.confirm(made, "0000-0000")

    assert code_of(err) == "wrong_code"
    assert enrolling.ask(site.backend, asked).state is ClaimState.ASKED


@pytest.mark.parametrize(
    ("wait_s", "is_taken"),
    [(15 * 60 - 1, True), (15 * 60, False), (DAY_S, False)],
)
def test_a_claim_counts_for_fifteen_minutes(site: Site, wait_s: int, is_taken: bool) -> None:
    made = site.claim()
    site.clock.pass_s(wait_s)
    asked = AskingGateway(claim=made.claim).asked()

    if is_taken:
        assert enrolling.ask(site.backend, asked).state is ClaimState.ASKED
        return
    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, asked)
    assert code_of(err) == "claim_late"
    shown = enrolments.claim(site.backend.store, made.id)
    assert shown is not None
    assert shown.other_tries == 1


def test_nobody_can_confirm_later_than_a_quarter_of_an_hour_after_the_request(site: Site) -> None:
    made = site.claim()
    code = enrolling.ask(site.backend, AskingGateway(claim=made.claim).asked()).code
    site.clock.pass_s(15 * 60)

    with pytest.raises(ActError) as err:
        site.confirm(made, code)
    assert code_of(err) == "claim_expired"


def test_what_was_issued_can_be_fetched_again_for_a_day(site: Site) -> None:
    made = site.claim()
    asked = AskingGateway(claim=made.claim).asked()
    site.confirm(made, enrolling.ask(site.backend, asked).code)
    site.clock.pass_s(DAY_S - 1)
    assert enrolling.ask(site.backend, asked).granted is not None
    site.clock.pass_s(1)

    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, asked)
    assert code_of(err) == "claim_late"


@pytest.mark.parametrize("wrong", ["name", "two_names", "curve", "signature", "proof", "nonsense"])
def test_a_wrong_request_uses_no_claim_up(site: Site, wrong: str) -> None:
    made = site.claim()
    asking = AskingGateway(claim=made.claim)
    good = asking.asked()
    other = ec.generate_private_key(ec.SECP384R1())
    bad = {
        "name": lambda: asking.asked(name="gate-8"),
        "two_names": lambda: asking.asked(name="gate-9,CN=controller"),
        "curve": lambda: asking.asked(csr=request_for("gate-9", other)),
        "signature": lambda: asking.asked(csr=good.csr[:-1] + bytes([good.csr[-1] ^ 1])),
        "proof": lambda: replace(good, proof=bytes(64)),
        "nonsense": lambda: asking.asked(csr=b"nonsense"),
    }[wrong]()

    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, bad)

    assert code_of(err) == "wrong_request"
    assert enrolling.ask(site.backend, good).state is ClaimState.ASKED


def test_without_the_authoritys_key_nothing_is_lost(site: Site) -> None:
    made = site.claim()
    asked = AskingGateway(claim=made.claim).asked()
    code = enrolling.ask(site.backend, asked).code
    key = site.folder / "ca-key.pem"
    hidden = key.rename(site.folder / "away")

    with pytest.raises(ActError, match=r"ca-key\.pem") as err:
        site.confirm(made, code)
    assert code_of(err) == "no_authority"
    with pytest.raises(ActError, match=r"no certificate can be signed now"):
        site.claim("gate-10")

    hidden.rename(key)
    site.confirm(made, code)
    assert enrolling.ask(site.backend, asked).granted is not None


@pytest.mark.parametrize("name", ["controller", "controller-2", "home-assistant", "policy", "a b"])
def test_names_that_mean_something_else_get_no_claim(site: Site, name: str) -> None:
    with pytest.raises(ActError) as err:
        site.claim(name)
    assert code_of(err) in {"name_taken", "bad_name"}


def test_without_a_door_there_is_no_claim(backend: Backend) -> None:
    with pytest.raises(ActError) as err:
        claims.make_claim(backend, ADMIN, gateway="gate-9", portals=PORTALS)
    assert code_of(err) == "enrolment_off"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_admins_handle_claims(site: Site, role: Role) -> None:
    made = site.claim()
    code = enrolling.ask(site.backend, AskingGateway(claim=made.claim).asked()).code
    actor = Actor(name="somebody", role=role)
    for act in (
        lambda: claims.make_claim(site.backend, actor, gateway="gate-10", portals=PORTALS),
        lambda: claims.confirm_claim(site.backend, actor, made.id, code=code),
        lambda: claims.refuse_claim(site.backend, actor, made.id),
        lambda: claims.withdraw_claim(site.backend, actor, made.id),
    ):
        with pytest.raises(ActError) as err:
            act()
        assert code_of(err) == "forbidden"


def test_a_refused_or_withdrawn_claim_leads_to_nothing(site: Site) -> None:
    made = site.claim()
    asked = AskingGateway(claim=made.claim).asked()
    code = enrolling.ask(site.backend, asked).code
    claims.refuse_claim(site.backend, ADMIN, made.id)
    other = site.claim("gate-10", portals=(NewPortal(portal="other", zone="site"),))
    claims.withdraw_claim(site.backend, ADMIN, other.id)

    assert enrolling.ask(site.backend, asked).state is ClaimState.REFUSED
    with pytest.raises(ActError) as err:
        site.confirm(made, code)
    assert code_of(err) == "claim_refused"
    with pytest.raises(ActError) as err:
        enrolling.ask(site.backend, AskingGateway(claim=other.claim).asked())
    assert code_of(err) == "claim_unknown"


def test_a_new_claim_for_the_same_gateway_ends_the_one_before(site: Site) -> None:
    before, after = site.claim(), site.claim()

    with pytest.raises(ActError):
        enrolling.ask(site.backend, AskingGateway(claim=before.claim).asked())
    assert enrolling.ask(site.backend, AskingGateway(claim=after.claim).asked()).code


def test_a_gateway_is_renewed_by_its_key_and_the_old_certificate_ends_later(site: Site) -> None:
    asking = site.enrolled()
    first = asking.serial()
    site.clock.pass_s(61 * DAY_S)
    assert site.state_of() == [CertificateState.DUE]
    new = ec.generate_private_key(ec.SECP256R1())
    made = renewing.renew(site.backend, asking.renewal(new))
    again = renewing.renew(site.backend, asking.renewal(new))

    assert again.serial != made.serial or again.pem == made.pem
    assert first not in site.listed()
    renewed = replace(asking, key=new, certificate=made.pem)
    renewing.note_used(site.backend, made.pem, renewed.used_proof())
    assert certificates.settle(site.backend) == 0, "the old one is good for a day more"
    site.clock.pass_s(DAY_S)
    assert certificates.settle(site.backend) >= 1
    assert first in site.listed()
    assert renewed.serial() not in site.listed()
    assert certificates.settle(site.backend) == 0


def test_the_same_request_for_renewal_gives_the_same_certificate(site: Site) -> None:
    asking = site.enrolled()
    asked = asking.renewal(ec.generate_private_key(ec.SECP256R1()))

    assert renewing.renew(site.backend, asked) == renewing.renew(site.backend, asked)
    assert len(site.state_of()) == 2


@pytest.mark.parametrize(
    "wrong", ["key", "record", "name", "same_key", "foreign", "ended", "revoked", "often"]
)
def test_what_is_not_renewed(site: Site, wrong: str) -> None:
    asking = site.enrolled()
    new = ec.generate_private_key(ec.SECP256R1())
    asked, expected = asking.renewal(new), "wrong_proof"
    match wrong:
        case "key":
            asked = replace(asking, key=new).renewal(new)
        case "record":
            asked = replace(asking, record=Ed25519PrivateKey.generate()).renewal(new)
        case "name":
            asked, expected = asking.renewal(new, name="gate-8"), "wrong_request"
        case "same_key":
            asked, expected = asking.renewal(asking.key), "wrong_request"
        case "foreign":
            at = datetime.fromtimestamp(site.clock.now().utc_s, UTC)
            by_hand = Authority.load(site.folder).issue_gateway(asking.claim.gateway, now=at)
            foreign = replace(asking, certificate=by_hand.certificate_file.read_text())
            asked, expected = foreign.renewal(new), "wrong_certificate"
        case "ended":
            site.clock.pass_s(91 * DAY_S)
            expected = "certificate_ended"
        case "revoked":
            enrolment.revoke_gateway(site.backend, SECURITY, gateway="gate-9", reason="stolen")
            expected = "gateway_revoked"
        case _:
            for _ in range(renewing.MAX_A_DAY - 1):
                key = ec.generate_private_key(ec.SECP256R1())
                renewing.renew(site.backend, asking.renewal(key))
            expected = "too_many_certificates"

    with pytest.raises(ActError) as err:
        renewing.renew(site.backend, asked)
    assert code_of(err) == expected


def test_a_revoked_gateway_comes_back_by_a_new_claim_only(site: Site) -> None:
    old = site.enrolled()
    enrolment.revoke_gateway(site.backend, SECURITY, gateway="gate-9", reason="stolen")
    with pytest.raises(ActError):
        site.claim()
    certificates.settle(site.backend)
    assert old.serial() in site.listed()

    new = site.enrolled(is_replacement=True, portals=())

    with site.backend.store.read() as connection:
        found = gateways.find(connection, "main", "gate-9")
    assert found is not None
    assert found.state is GatewayState.ENROLLED
    assert found.record_key == new.asked().record_key
    certificates.settle(site.backend)
    assert old.serial() in site.listed()
    assert new.serial() not in site.listed()


def test_the_rules_let_a_gateway_in_again_that_was_the_only_revoked_one(
    site: Site, tmp_path: Path
) -> None:
    rules = tmp_path / "access.acl"
    files = GateFiles(
        site=site.backend.config.site,
        controllers=("controller",),
        access_file=rules,
        authority_dir=site.folder,
    )
    keeper = BrokerGatekeeper(files, _SilentBroker())
    cutting_off = CuttingOff(replace(site.backend, gatekeeper=keeper))
    site.enrolled()
    enrolment.revoke_gateway(site.backend, SECURITY, gateway="gate-9", reason="stolen")
    cutting_off.turn()
    assert "gate-9" in rules.read_text()

    site.enrolled(is_replacement=True, portals=())
    cutting_off.turn()
    assert "gate-9" not in rules.read_text()


def test_a_gateway_that_is_enrolled_anew_ends_its_certificates(site: Site) -> None:
    old = site.enrolled()
    site.clock.pass_s(1)  # the list is by time
    new = site.enrolled(is_replacement=True, portals=())
    certificates.settle(site.backend)

    assert old.serial() in site.listed()
    assert new.serial() not in site.listed()
    assert site.state_of() == [CertificateState.IN_USE, CertificateState.REVOKED]


def test_a_list_that_cannot_be_written_is_written_later(site: Site) -> None:
    old = site.enrolled()
    site.enrolled(is_replacement=True, portals=())
    crl = site.folder / "crl.pem"
    away = shutil.move(crl, site.folder / "away")

    with pytest.raises(StoreError, match="not on the list yet"):
        certificates.settle(site.backend)
    shutil.move(away, crl)
    certificates.settle(site.backend)
    assert old.serial() in site.listed()
