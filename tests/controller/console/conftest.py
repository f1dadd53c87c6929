"""A site with people, gateways, badges and scans, and browsers without scripts to look at it."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from doorward.credential import CredentialClass, Form
from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import (
    accounts,
    holders,
    issuing,
    passwords,
    policy_release,
    sign_in,
)
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ISSUER, QUICK_HASHER, SECURITY, StandingClock, make_config
from tests.fakes.demo_controls import FakeDemoControls
from tests.fakes.fed_gateway import FedGateway
from tests.fakes.operators import NAMES, PASSWORD
from tests.fakes.running_server import UNREAD, running

HOLDER = "Grace <b>Hopper</b>"
"""A name that would show as markup if a template forgot to escape it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A site in the middle of a day: two gateways, one of them away, a badge, scans."""

    backend: Backend
    near: FedGateway
    far: FedGateway
    badge: str
    demo: FakeDemoControls
    address: str
    tokens: Mapping[Role, str]
    open_ends: ExitStack = field(default_factory=ExitStack)

    def visitor(self, language: str = "en") -> httpx.Client:
        """Returns a browser without scripts that nobody has signed in with."""
        headers = {"accept-language": language}
        client = httpx.Client(
            base_url=self.address, headers=headers, verify=UNREAD, trust_env=False, timeout=30
        )
        return self.open_ends.enter_context(client)

    def signed_in(self, role: Role, language: str = "en") -> httpx.Client:
        """Returns a browser in which somebody of this role has signed in."""
        client = self.visitor(language)
        client.cookies.set(sign_in.COOKIE, self.tokens[role], domain="127.0.0.1")
        return client


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data folder to copy, the number of the badge in it, and one open session a role."""

    data_dir: Path
    badge: str
    tokens: Mapping[Role, str]


def token_of(page: str) -> str:
    """Returns the token that the page's forms carry."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form with a token"
    return found[1]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The site's data folder before its first scan: made once, and copied for each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", QUICK_HASHER)
        return prepare(tmp_path_factory.mktemp("prepared") / "data")


def prepare(data_dir: Path) -> Prepared:
    """Makes the site with an account and an open session of each role."""
    config = make_config(data_dir)
    clock = StandingClock()
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock)
    for role, name in NAMES.items():
        accounts.create_operator(backend, local_actor(), name=name, password=PASSWORD, role=role)
    for name in ("near", "far"):
        FedGateway(backend, name).enrol()
    badge = issue(backend, HOLDER)
    policy_release.release(backend, SECURITY)
    tokens = {role: session_token(backend, name) for role, name in NAMES.items()}
    backend.store.close()
    return Prepared(data_dir=config.data_dir, badge=badge, tokens=tokens)


@pytest.fixture
def plant(prepared: Prepared, tmp_path: Path, clock: StandingClock) -> Iterator[Plant]:
    shutil.copytree(prepared.data_dir, tmp_path / "data")
    backend = wiring.open_backend(make_config(tmp_path / "data"), clock=clock)
    near, far = FedGateway(backend, "near"), FedGateway(backend, "far")
    near.connect()
    near.scan("granted", prepared.badge)
    near.scan("not_ours", detail="<script>alert(1)</script>")
    near.send_rubbish()
    far.connect()
    far.connect(online=False)
    demo = FakeDemoControls(credential_id=prepared.badge)
    with running(create_app(backend, demo), backend.feed) as address:
        plant = Plant(
            backend=backend,
            near=near,
            far=far,
            badge=prepared.badge,
            demo=demo,
            address=address,
            tokens=prepared.tokens,
        )
        with plant.open_ends:
            yield plant
    backend.store.close()


def session_token(backend: Backend, name: str) -> str:
    """Returns the cookie of a new session."""
    result = sign_in.sign_in(backend, name=name, password=PASSWORD, client="test")
    assert isinstance(result, sign_in.SignedIn)
    return result.token


def issue(backend: Backend, name: str) -> str:
    """Returns the number of a new badge."""
    now = backend.clock.now().utc_s
    holder_id = holders.add_holder(backend, ISSUER, holders.HolderFields(name=name))
    request = issuing.IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=now - 60,
        expires=now + 86_400,
        holder_id=holder_id,
        groups=("staff",),
    )
    return issuing.issue(backend, ISSUER, request).credential_id
