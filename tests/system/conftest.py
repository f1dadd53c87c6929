"""A broker of our own for every test that asks for one, and a browser."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from doorward.ids import GatewayId, SiteId
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority, Identity
from doorward_controller.broker.process import BrokerSettings, Mosquitto
from doorward_controller.config import Mqtt
from doorward_controller.services import passwords
from tests.controller.conftest import QUICK_HASHER

SITE = SiteId("demo")
PAGE_MS = 20_000
UNUSED = (
    # What a window shows around the page, each part a page of its own in a process of its own:
    # they take two thirds of all that the browser computes, and nobody looks at them.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "SpareRendererForSitePerProcess",
    # What Playwright leaves out, too; the last list counts.
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--disable-features={','.join(UNUSED)}",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running broker with a controller's and two gateways' certificates."""

    authority: Authority
    broker: Mosquitto
    settings: BrokerSettings
    controller: Identity
    north: Identity
    south: Identity

    @property
    def mqtt(self) -> Mqtt:
        """How a controller reaches the broker."""
        return Mqtt(
            port=self.broker.port,
            ca_file=self.authority.ca_file,
            cert_file=self.controller.certificate_file,
            key_file=self.controller.key_file,
            client_id=self.controller.name,
        )


@pytest.fixture(scope="session", autouse=True)
def quick_hashing() -> Iterator[None]:
    """For servers in this process; those that are processes of their own hash as they always do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", QUICK_HASHER)
        yield


def settings_of(authority: Authority, folder: Path, port: int = 0) -> BrokerSettings:
    server = authority.issue_server(now=datetime.now(UTC))
    return BrokerSettings(
        folder=folder,
        access=AccessRules(site=SITE),
        ca_file=authority.ca_file,
        certificate_file=server.certificate_file,
        key_file=server.key_file,
        crl_file=authority.crl_file,
        port=port,
    )


def new_authority(folder: Path) -> Authority:
    return Authority.create(folder, now=datetime.now(UTC), valid_for=timedelta(days=400))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority = new_authority(tmp_path / "authority")
    settings = settings_of(authority, tmp_path / "broker")
    broker = Mosquitto(settings)
    broker.start()
    now = datetime.now(UTC)
    yield Site(
        authority=authority,
        broker=broker,
        settings=settings,
        controller=authority.issue_controller(now=now),
        north=authority.issue_gateway(GatewayId("north"), now=now),
        south=authority.issue_gateway(GatewayId("south"), now=now),
    )
    broker.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium-headless-shell")
    if chromium is None:
        pytest.fail("it is not installed: apt-get install chromium-headless-shell")
    expect.set_options(timeout=PAGE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()
