"""Who is inside, as a guard sees it on the gateway's own page."""

from doorward.ids import GatewayId
from doorward.presence_muster import Present, ZoneMuster
from doorward.staff import Ability
from tests.edge.panel.visitor import Visitor
from tests.fakes.panel_site import START_S, PanelSite, member

SOUTH = GatewayId("south")
PEOPLE = (
    Present(holder=bytes(16), since=START_S - 3600, seen_by=SOUTH),
    Present(holder=b"\1" * 16, since=START_S - 60, seen_by=SOUTH),
)
HALL = ZoneMuster(
    zone="hall", people=PEOPLE, unheard=(SOUTH,), as_of=START_S - 90, is_complete=True
)


def test_nobody_sees_it_who_is_not_signed_in(visitor: Visitor) -> None:
    answer = visitor.get("/inside")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/manual")


def test_a_guard_sees_who_is_inside_since_when_and_what_is_not_certain(
    site: PanelSite, visitor: Visitor
) -> None:
    site.zones = (HALL,)
    visitor.sign_in("g-07")
    assert '<a href="/inside">' in visitor.get("/manual").text
    page = visitor.get("/inside").text
    assert "hall: 2" in page
    assert "0000000000000007" in page
    assert "01" * 16 in page, "whom no roster lists"
    assert "2027-01-15 15:00" in page, "the site's own time"
    assert "Nothing is heard of south" in page
    assert "These are all" not in page


def test_a_gateway_that_does_not_answer_is_said(site: PanelSite, visitor: Visitor) -> None:
    site.zones = None
    site.staff.put(member("g-09", Ability.REGISTER))
    visitor.sign_in("g-09")
    assert visitor.get("/inside").status_code == 503
