"""The pages on real sockets, with fakes behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_edge.panel.opening import Panel
from tests.edge.panel.visitor import Visitor
from tests.fakes.panel_site import PanelSite


@pytest.fixture
def site(tmp_path: Path) -> PanelSite:
    return PanelSite(tmp_path)


@pytest.fixture
def panel(site: PanelSite) -> Iterator[Panel]:
    with site.running() as running:
        yield running


@pytest.fixture
def visitor(site: PanelSite, panel: Panel) -> Iterator[Visitor]:
    with Visitor(site, panel.ports[0]) as one:
        yield one
