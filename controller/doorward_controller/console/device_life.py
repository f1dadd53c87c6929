"""A device's whole life on one page, as PDF and as XLSX, and the label that leads to it."""

from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console import maintenance_words as mw
from doorward_controller.console.fleet_words import COMPONENTS
from doorward_controller.console.i18n import mark
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.exports import papers, spreadsheets
from doorward_controller.queries import device_life, fleet_board
from doorward_controller.queries.device_life import DeviceLife, LifeEvent
from doorward_controller.services import codes

router = APIRouter()
_HEADER = (
    mark("Time"),
    mark("What"),
    mark("Exactly"),
    mark("Description"),
    mark("Who"),
    mark("Order"),
    mark("Until"),
)
_LIFE = mark("Life of the device")
_NOTHING = mark("Nothing has happened yet.")
_FACTS = (mark("Enrolled"), mark("Work orders"), mark("Made"))


@router.get("/devices/{name}/life")
def life_page(visit: SignedIn, name: str) -> Response:
    """Shows everything that happened to a device."""
    return visit.page("device_life.html", life=_life(visit, name), mw=mw, exact=exactly)


@router.get("/devices/{name}/life.pdf")
def life_pdf(visit: SignedIn, name: str) -> Response:
    """Gives the life out as a report."""
    life, say, reader = _life(visit, name), visit.reader.gettext, visit.reader
    header = [say(word) for word in _HEADER]
    table = papers.Table(
        title=say(_LIFE),
        header=header,
        widths=(17, 14, 14, 30, 10, 7, 17),
        rows=[[_shown(visit, value) for value in _row(visit, event)] for event in life.events],
        empty=say(_NOTHING),
    )
    paper = papers.Paper(
        title=name,
        subtitle=f"{say(_LIFE)} · {visit.backend.config.site}",
        facts=[
            (say(_FACTS[0]), reader.full_time(life.enrolled_at_utc_s * 1000)),
            (say(_FACTS[1]), reader.number(len(life.orders))),
            (say(_FACTS[2]), reader.full_time(reader.now_ms)),
        ],
        tables=[table],
        foot=f"Doorward · {visit.backend.config.site} · {name}",
    )
    return _file(papers.pdf(paper), papers.PDF_TYPE, f"{name}-life.pdf")


@router.get("/devices/{name}/life.xlsx")
def life_xlsx(visit: SignedIn, name: str) -> Response:
    """Gives the life out as a workbook."""
    life, say = _life(visit, name), visit.reader.gettext
    rows = (_row(visit, event) for event in life.events)
    header = [say(word) for word in _HEADER]
    header[0] = f"{header[0]} ({visit.reader.zone.key})"
    content = b"".join(spreadsheets.xlsx_chunks(say(_LIFE), header, rows))
    return _file(content, spreadsheets.XLSX_TYPE, f"{name}-life.xlsx")


@router.get("/devices/{name}/label.{extension}")
def label(visit: SignedIn, name: str, extension: str) -> Response:
    """Draws the code that leads from the device to its page."""
    visit.require_gateway(Action.READ_MAINTENANCE, name)
    if fleet_board.gateway(visit.backend.store, name) is None:
        raise NotFoundError(f"there is no gateway {name[:40]}")
    if extension not in {each.value for each in codes.DrawFormat}:
        raise NotFoundError(f"there is no label.{extension[:10]}")
    shape = codes.DrawFormat(extension)
    return _file(
        codes.draw_address(address_of(visit, name), shape),
        codes.MEDIA_TYPES[shape],
        f"device-{name}.{extension}",
        how="inline",
    )


@router.get("/maintenance/labels")
def labels_page(visit: SignedIn) -> Response:
    """Shows the labels of all devices, to be printed and stuck on."""
    visit.require_somewhere(Action.READ_MAINTENANCE)
    rows = fleet_board.gateways(visit.backend.store, visit.zones)
    return visit.page("device_labels.html", rows=rows, base=str(visit.request.base_url))


def address_of(visit: Visit, name: str) -> str:
    """Returns the address that a label holds: this server as the reader reached it."""
    return f"{visit.request.base_url}gateways/{quote(name, safe='')}"


def exactly(visit: Visit, event: LifeEvent) -> str:
    """Returns what kind of thing happened, in words where we have them."""
    for table in (mw.KINDS, mw.REMEDIES, mw.DOWNTIMES, COMPONENTS):
        if event.code in table:
            return visit.reader.gettext(table[event.code])
    return event.code.replace("_", " ")


def _life(visit: Visit, name: str) -> DeviceLife:
    visit.require_gateway(Action.READ_MAINTENANCE, name)
    found = device_life.life(visit.backend.store, visit.backend.config.site, name)
    if found is None:
        raise NotFoundError(f"there is no gateway {name[:40]}")
    return found


def _row(visit: Visit, event: LifeEvent) -> tuple[str | int | datetime | None, ...]:
    local = visit.reader.local
    return (
        local(event.at_utc_s * 1000),
        visit.reader.gettext(mw.LIFE[event.kind.value]),
        exactly(visit, event),
        event.text,
        event.who,
        event.order_id,
        local(event.ended_utc_s * 1000) if event.ended_utc_s is not None else None,
    )


def _shown(visit: Visit, value: str | int | datetime | None) -> str:
    if isinstance(value, datetime):
        return visit.reader.full_time(int(value.timestamp() * 1000))
    return "" if value is None else str(value)


def _file(content: bytes, media_type: str, name: str, *, how: str = "attachment") -> Response:
    headers = {"Content-Disposition": f'{how}; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
