"""Maintenance on the device: what its label says, its meters, and the service journal."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from doorward.events import ByHand
from doorward.ranges import contains
from doorward.records import RecordKind
from doorward.staff import Ability
from doorward.times import UtcSeconds
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.sessions import Session
from doorward_edge.panel.visit import Desk, form_of, is_forged
from doorward_edge.panel.words import Words
from doorward_edge.ports import DocumentsError, MaintenanceEntry
from doorward_edge.stages.record import Recorded

SHOWN_ENTRIES = 50
LIMITS = {"what": 80, "part": 40, "serial_old": 40, "serial_new": 40, "remarks": 160}
MOST_DETAIL = 512
"""Of a record; quotation marks count double."""
MOST_MINUTES = 1440
_MIB = 2**20


class Service:
    """The page for technicians."""

    def __init__(self, parts: PanelParts, desk: Desk) -> None:
        """Takes what the gateway gives, and what every page needs."""
        self._parts = parts
        self._desk = desk

    async def form(self, request: Request) -> Response:
        """Shows label, meters and journal."""
        session = self._technician(request)
        return session if isinstance(session, Response) else self._page(request, session)

    async def add(self, request: Request) -> Response:
        """Writes a line: into the records first, then into the local journal."""
        session = self._technician(request)
        if isinstance(session, Response):
            return session
        form = await form_of(request)
        if is_forged(session, form):
            return self._message(request, session, 403, "over")
        if not session.use_form(form.get("once", "")):
            return self._message(request, session, 409, "over")
        problems = _problems(form)
        if problems:
            return self._page(request, session, form, problems)
        return self._write(request, session, form)

    def _write(self, request: Request, session: Session, form: Mapping[str, str]) -> Response:
        parts, now = self._parts, self._parts.clock.now()
        told = {name: form[name] for name in LIMITS if form.get(name)}
        minutes = int(form.get("minutes") or 0)
        detail = json.dumps(told | {"minutes": minutes}, ensure_ascii=False, sort_keys=True)
        if len(detail) > MOST_DETAIL:
            return self._page(request, session, form, {"remarks": ("too_long", {})})
        begun = parts.begin(RecordKind.SERVICE, ByHand.SERVICED, detail)
        outcome = parts.record(replace(begun, actor=session.member.id))
        if outcome.state is Recorded.FAILED:
            return self._message(request, session, 503, "not_recorded")
        receipt = outcome.receipt
        entry = MaintenanceEntry(
            at=UtcSeconds(now.utc_s),
            what=form["what"],
            who=session.member.id,
            detail=form.get("remarks", ""),
            part=form.get("part", ""),
            serial_old=form.get("serial_old", ""),
            serial_new=form.get("serial_new", ""),
            minutes=minutes,
            epoch=receipt.epoch if receipt else 0,
            seq=receipt.seq if receipt else 0,
        )
        try:
            parts.service.add_maintenance(entry)
        except DocumentsError:
            return self._message(request, session, 503, "not_recorded")
        return RedirectResponse("/service?done=saved", 303)

    def _page(
        self,
        request: Request,
        session: Session,
        form: Mapping[str, str] | None = None,
        problems: Mapping[str, tuple[str, dict[str, object]]] | None = None,
    ) -> Response:
        words, parts = self._desk.words(request), self._parts
        found = problems or {}
        entries = parts.service.maintenance()[-SHOWN_ENTRIES:][::-1]
        return self._desk.page(
            request,
            "service.html",
            422 if found else 200,
            session,
            labels=parts.labels,
            meters=shown_meters(parts.meters(), words),
            entries=[(entry, self._local(entry.at), self._is_here(entry)) for entry in entries],
            form=form or {},
            problems={name: words(key, **values) for name, (key, values) in found.items()},
            limits=LIMITS,
            once=session.new_form(),
            is_saved=request.query_params.get("done") == "saved",
            may_register=self._desk.may(session, Ability.REGISTER),
        )

    def _local(self, at: int) -> str:
        offset_s = self._parts.offset_s(at) or 0
        return datetime.fromtimestamp(at + offset_s, UTC).strftime("%Y-%m-%d %H:%M")

    def _is_here(self, entry: MaintenanceEntry) -> bool:
        """Whether the entry still waits here, and is not on the controller's disk yet."""
        for span in self._parts.spans():
            if span.epoch == entry.epoch:
                return contains(span.pending, entry.seq) or entry.seq == 0
        return entry.seq == 0

    def _message(self, request: Request, session: Session, status: int, key: str) -> Response:
        return self._desk.page(request, "message.html", status, session, key=key, back="/service")

    def _technician(self, request: Request) -> Session | Response:
        session = self._desk.session(request)
        if session is None:
            return RedirectResponse("/sign-in/service", 303)
        if not self._desk.may(session, Ability.SERVICE):
            return self._desk.page(
                request, "message.html", 403, session, key="not_allowed", back="/manual"
            )
        return session


def shown_meters(meters: Mapping[str, int], words: Words) -> list[tuple[str, str]]:
    """Returns the meters in words and in units that people count in."""
    shown = [
        (words("meter.scans"), f"{meters.get('scans', 0):,}"),
        (words("meter.by_hand"), f"{meters.get('by_hand', 0):,}"),
        (words("meter.hours"), f"{meters.get('seconds', 0) // 3600:,}"),
        (words("meter.mib_written"), f"{meters.get('bytes_written', 0) // _MIB:,}"),
    ]
    cycles = sorted((name, n) for name, n in meters.items() if name.startswith("lock_cycles."))
    shown += [
        (words("meter.lock_cycles", portal=name.partition(".")[2]), f"{n:,}") for name, n in cycles
    ]
    return shown


def _problems(form: Mapping[str, str]) -> dict[str, tuple[str, dict[str, object]]]:
    problems: dict[str, tuple[str, dict[str, object]]] = {
        name: ("bad_length", {"most": most})
        for name, most in LIMITS.items()
        if len(form.get(name, "")) > most
    }
    if not form.get("what"):
        problems["what"] = ("bad_what", {})
    minutes = form.get("minutes") or "0"
    if not (minutes.isascii() and minutes.isdecimal() and int(minutes[:6]) <= MOST_MINUTES):
        problems["minutes"] = ("bad_minutes", {})
    return problems
