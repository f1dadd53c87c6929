"""Signing in with a staff number and a PIN, slowly for who guesses."""

import logging
import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from doorward.events import EventCode
from doorward.staff import Ability, StaffMember
from doorward_edge.panel.lockout import FREE_FAILURES, Lockouts
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.pins import BusyError, PinCheck
from doorward_edge.panel.visit import Desk, form_of, is_forged
from doorward_edge.ports import DocumentsError

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
WHERE = {"manual": "/manual", "service": "/service"}


class SignIn:
    """The pages on which one signs in and out."""

    def __init__(self, parts: PanelParts, desk: Desk) -> None:
        """Goes on with the wrong PINs that were counted before."""
        self._parts = parts
        self._desk = desk
        now = parts.clock.now()
        self._lockouts = Lockouts(parts.tallies.pin_failures(), now.mono_ms)
        self._pins = PinCheck()

    async def form(self, request: Request, *, purpose: str) -> Response:
        """Shows the form, or the way on to who is signed in."""
        session = self._desk.session(request)
        if session is not None:
            return RedirectResponse(_way_of(session.member, purpose), 303)
        return self._desk.sign_in_page(request, purpose)

    async def take(self, request: Request, *, purpose: str) -> Response:
        """Checks a staff number and a PIN."""
        form = await form_of(request)
        if not self._desk.is_own_visitor(request, form):
            return self._refused(request, purpose, 403, "over")
        number, pin = form.get("number", "").lower(), form.get("pin", "").replace(" ", "")
        member = self._parts.staff.find(number) if _NUMBER.fullmatch(number) else None
        counted = number if member else f"?{number[:32]}"
        wait_ms = self._lockouts.wait_ms(counted, self._parts.clock.now().mono_ms)
        if wait_ms:
            return self._locked(request, purpose, wait_ms)
        if self._pins.is_busy:
            return self._refused(request, purpose, 503, "busy")
        return await self._check(request, purpose, member, counted, pin)

    async def sign_out(self, request: Request) -> Response:
        """Ends a session, for who asks from one of its pages."""
        session = self._desk.session(request)
        if session is not None and is_forged(session, await form_of(request)):
            return RedirectResponse("/", 303)
        return self._desk.signed_out(request)

    async def _check(
        self, request: Request, purpose: str, member: StaffMember | None, counted: str, pin: str
    ) -> Response:
        parts = self._parts
        try:
            # Before the PIN is looked at: cutting the power during the check wins nothing.
            self._lockouts.begin(counted, parts.clock.now().mono_ms)
            parts.tallies.keep_pin_failures(self._kept())
            is_right = await self._pins.is_right(member, pin)
        except (BusyError, DocumentsError) as err:
            log.warning("sign_in.not_checked error=%s", err)
            return self._refused(request, purpose, 503, "busy")
        now = parts.clock.now()
        is_over = now.trusted_utc_s is not None and (
            member is not None and now.trusted_utc_s >= member.not_after
        )
        if member is None or not is_right or is_over:
            return self._wrong(request, purpose, counted)
        return self._welcome(request, purpose, member)

    def _welcome(self, request: Request, purpose: str, member: StaffMember) -> Response:
        self._lockouts.was_right(member.id)
        try:
            self._parts.tallies.keep_pin_failures(self._kept())
        except DocumentsError as err:
            log.warning("sign_in.not_kept error=%s", err)
        self._parts.tell(EventCode.PANEL_SIGNED_IN, f"staff number {member.id}, for {purpose}")
        token = self._desk.sessions.open(member, self._parts.clock.now().mono_ms)
        return self._desk.signed_in(request, token, _way_of(member, purpose))

    def _wrong(self, request: Request, purpose: str, counted: str) -> Response:
        failures = self._lockouts.failures_of(counted)
        log.info("sign_in.wrong failures=%d", failures)
        if failures > FREE_FAILURES:
            detail = f"staff number {counted}, {failures} times in a row"
            self._parts.tell(EventCode.PANEL_PIN_WRONG, detail)
        wait_ms = self._lockouts.wait_ms(counted, self._parts.clock.now().mono_ms)
        if wait_ms:
            return self._locked(request, purpose, wait_ms)
        return self._refused(request, purpose, 401, "wrong")

    def _locked(self, request: Request, purpose: str, wait_ms: int) -> Response:
        minutes, seconds = divmod(-(-wait_ms // 1000), 60)
        problem = self._desk.words(request)("wait", minutes=minutes, seconds=seconds)
        response = self._desk.sign_in_page(request, purpose, 429, problem)
        response.headers["Retry-After"] = str(minutes * 60 + seconds)
        return response

    def _refused(self, request: Request, purpose: str, status: int, key: str) -> Response:
        return self._desk.sign_in_page(request, purpose, status, self._desk.words(request)(key))

    def _kept(self) -> dict[str, int]:
        """Invented numbers are not written to the disk; they count for the device."""
        return {k: n for k, n in self._lockouts.counts().items() if not k.startswith("?")}


def _way_of(member: StaffMember, purpose: str) -> str:
    """A technician who came by the guards' link is not sent to a page that refuses him."""
    may_register = bool(member.abilities & (Ability.REGISTER | Ability.OVERRIDE))
    if purpose == "manual" and not may_register:
        return WHERE["service"]
    return WHERE[purpose]
