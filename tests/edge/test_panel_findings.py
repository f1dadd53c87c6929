"""`doorward-edge check` on the pages: what a browser would refuse is named before it does."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from doorward_edge.config import EdgeConfig, PanelSection, PerceptionSection, load_config
from doorward_edge.config_panel import SignalSection
from doorward_edge.panel_findings import examine_panel
from tests.edge.test_diagnosis import folder as enrolled
from tests.fakes.panel_site import make_certificate

__all__ = ["enrolled"]
NOW_S = 0
"""Before every certificate of the tests ends."""


@pytest.fixture
def config(enrolled: Path) -> EdgeConfig:
    make_certificate(enrolled)
    (enrolled / "panel.key").chmod(0o600)
    with (enrolled / "edge.toml").open("a") as file:
        file.write(
            '[panel]\nhosts = ["127.0.0.1", "gate-1.example"]\ncert_file = "panel.crt"\n'
            'key_file = "panel.key"\nkiosk_port = 8080\n'
        )
    return load_config(enrolled / "edge.toml")


def panel_of(config: EdgeConfig) -> PanelSection:
    assert config.panel is not None
    return config.panel


def said(config: EdgeConfig, now_utc_s: int | None = NOW_S) -> str:
    found = list(examine_panel(config, now_utc_s))
    assert all(bool(finding.mend) is not finding.is_well for finding in found)
    return "; ".join(finding.said for finding in found if not finding.is_well)


def test_good_pages_are_well_and_say_where_they_are(config: EdgeConfig) -> None:
    found = [finding.said for finding in examine_panel(config, NOW_S)]
    assert said(config) == ""
    assert "for the network at https://127.0.0.1:8443/" in found
    assert "for this machine at http://127.0.0.1:8080/screen/gate-1" in found


def test_a_site_without_pages_is_asked_for_nothing(config: EdgeConfig) -> None:
    (only,) = examine_panel(replace(config, panel=None), NOW_S)
    assert (only.name, only.is_well) == ("words and tones", True)


def test_a_key_that_others_can_read_is_named(config: EdgeConfig) -> None:
    Path(panel_of(config).key_file).chmod(0o640)
    assert "panel.key can be read by others" in said(config)


def test_a_missing_certificate_is_named(config: EdgeConfig) -> None:
    Path(panel_of(config).cert_file).unlink()
    assert "panel.crt" in said(config)


def test_a_name_that_the_certificate_does_not_hold_is_named(config: EdgeConfig) -> None:
    hosts = ("127.0.0.1", "other.example")
    changed = msgspec.structs.replace(panel_of(config), hosts=hosts)
    assert "does not hold other.example" in said(replace(config, panel=changed))


@pytest.mark.parametrize(("now_utc_s", "is_told"), [(2**33, True), (None, False)])
def test_a_certificate_that_ends_is_named_when_the_time_is_known(
    config: EdgeConfig, now_utc_s: int | None, is_told: bool
) -> None:
    assert ("browsers refuse it" in said(config, now_utc_s)) is is_told


def test_tones_that_nobody_tells_apart_are_named(config: EdgeConfig) -> None:
    same = PerceptionSection(refused=SignalSection(tones=((660, 120), (880, 160))))
    assert "sounds like" in said(replace(config, perception=same))
