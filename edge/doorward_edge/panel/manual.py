"""Registration by hand: a guard writes, the rules decide, the portal opens, all on record."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from doorward.reasons import REASON_TEXTS, Reason
from doorward.staff import Ability
from doorward_edge.by_hand import MOST_NOTE, Answer, Cause, Registration, Way
from doorward_edge.panel.manual_forms import (
    Guard,
    Problems,
    Rules,
    read_registration,
    read_time,
)
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.sessions import Session
from doorward_edge.panel.visit import Desk, form_of, is_forged
from doorward_edge.panel.words import CAUSE_KEYS, WAY_KEYS

MOST_PENDING = 8
_MAY = Ability.REGISTER


class Manual:
    """The pages for guards."""

    def __init__(self, parts: PanelParts, desk: Desk) -> None:
        """Takes what the gateway gives, and what every page needs."""
        self._parts = parts
        self._desk = desk
        self._rules = Rules(portals=tuple(parts.portals), subject=parts.section.subject)

    async def form(self, request: Request) -> Response:
        """Shows the form."""
        session = self._guard(request)
        return session if isinstance(session, Response) else self._form(request, session)

    async def register(self, request: Request) -> Response:
        """Takes a registration; says what became of it."""
        entered = await self._entered_once(request)
        if isinstance(entered, Response):
            return entered
        session, form = entered
        read = read_registration(form, self._rules, self._who(session))
        if not isinstance(read, Registration):
            return self._form(request, session, form, read)
        return await self._take(request, session, read)

    async def overrule(self, request: Request) -> Response:
        """Opens although the rules refused, for who may do so and says why."""
        entered = await self._entered(request)
        if isinstance(entered, Response):
            return entered
        session, form = entered
        number = form.get("pending", "")
        pending = session.pending.get(number)
        if not isinstance(pending, Registration):
            return self._message(request, session, 409, "overrule_gone")
        note = form.get("note", "")[:MOST_NOTE]
        if not note:
            return self._refused(request, session, pending, number, "note_needed")
        del session.pending[number]
        wanted = replace(
            pending, note=note, overrules=True, may_overrule=self._who(session).may_overrule
        )
        return await self._take(request, session, wanted)

    async def paper_form(self, request: Request) -> Response:
        """Shows the form for what was written on paper."""
        session = self._guard(request)
        return session if isinstance(session, Response) else self._paper(request, session)

    async def paper(self, request: Request) -> Response:
        """Puts a paper form on record."""
        entered = await self._entered_once(request)
        if isinstance(entered, Response):
            return entered
        session, form = entered
        now = self._parts.clock.now()
        offset_s = self._parts.offset_s(now.utc_s)
        if offset_s is None:
            return self._message(request, session, 503, "no_site_time")
        read = read_registration(form, self._rules, self._who(session))
        happened = read_time(form.get("happened", ""), now.trusted_utc_s, offset_s)
        if happened is None or not isinstance(read, Registration):
            problems = {} if isinstance(read, Registration) else read
            if happened is None:
                problems["happened"] = ("bad_time", {})
            return self._paper(request, session, form, problems)
        return await self._take(request, session, replace(read, happened_utc_ms=happened))

    # --- What is shown --------------------------------------------------------------------------

    def _form(
        self,
        request: Request,
        session: Session,
        form: Mapping[str, str] | None = None,
        problems: Problems | None = None,
    ) -> Response:
        return self._fields(request, session, "manual.html", form, problems)

    def _paper(
        self,
        request: Request,
        session: Session,
        form: Mapping[str, str] | None = None,
        problems: Problems | None = None,
    ) -> Response:
        return self._fields(request, session, "paper.html", form, problems)

    def _fields(
        self,
        request: Request,
        session: Session,
        template: str,
        form: Mapping[str, str] | None,
        problems: Problems | None,
    ) -> Response:
        words = self._desk.words(request)
        found = problems or {}
        return self._desk.page(
            request,
            template,
            422 if found else 200,
            session,
            portals=self._rules.portals,
            ways=[(way.value, words(WAY_KEYS[way])) for way in Way],
            causes=[(cause.value, words(CAUSE_KEYS[cause])) for cause in Cause],
            subject=self._rules.subject.value,
            form=form or {},
            problems={name: words(key, **values) for name, (key, values) in found.items()},
            online=self._parts.is_online(),
            once=session.new_form(),
            may_service=self._desk.may(session, Ability.SERVICE),
        )

    def _message(self, request: Request, session: Session, status: int, key: str) -> Response:
        return self._desk.page(request, "message.html", status, session, key=key, back="/manual")

    def _answered(
        self, request: Request, session: Session, registration: Registration, answer: Answer
    ) -> Response:
        if not answer.is_recorded:
            return self._message(request, session, 503, "not_recorded")
        if registration.is_paper:
            return self._desk.page(
                request, "message.html", 200, session, key="paper_saved", back="/manual/paper"
            )
        if answer.is_open:
            return self._desk.page(request, "opened.html", 200, session)
        number = ""
        if answer.may_be_overruled:
            number = secrets.token_urlsafe(12)
            while len(session.pending) >= MOST_PENDING:
                del session.pending[next(iter(session.pending))]
            session.pending[number] = registration
        text = REASON_TEXTS[answer.reason]
        words = self._desk.words(request)
        return self._refused_page(
            request,
            session,
            number,
            why=words.pick(text.en, text.zh),
            # Whoever came without a code is sent to a guard, who is the one that reads this.
            then="" if answer.reason is Reason.NO_CODE else words.pick(text.next_en, text.next_zh),
        )

    def _refused(
        self, request: Request, session: Session, pending: Registration, number: str, key: str
    ) -> Response:
        session.pending[number] = pending
        words = self._desk.words(request)
        return self._refused_page(request, session, number, why="", then="", problem=words(key))

    def _refused_page(
        self,
        request: Request,
        session: Session,
        number: str,
        *,
        why: str,
        then: str,
        problem: str = "",
    ) -> Response:
        return self._desk.page(
            request,
            "refused.html",
            422 if problem else 200,
            session,
            why=why,
            then=then,
            pending=number,
            problem=problem,
        )

    # --- What is done ---------------------------------------------------------------------------

    async def _take(
        self, request: Request, session: Session, registration: Registration
    ) -> Response:
        try:
            answer = await asyncio.to_thread(self._parts.register, registration)
        except TimeoutError:
            # Not taken later either: who is told "nothing is opened" must not hear the lock.
            return self._message(request, session, 503, "no_answer")
        return self._answered(request, session, registration, answer)

    def _guard(self, request: Request) -> Session | Response:
        session = self._desk.session(request)
        if session is None:
            return RedirectResponse("/sign-in/manual", 303)
        if not self._desk.may(session, _MAY):
            return self._desk.page(
                request, "message.html", 403, session, key="not_allowed", back="/service"
            )
        return session

    async def _entered(self, request: Request) -> tuple[Session, dict[str, str]] | Response:
        session = self._guard(request)
        if isinstance(session, Response):
            return session
        form = await form_of(request)
        if is_forged(session, form):
            return self._message(request, session, 403, "over")
        return session, form

    async def _entered_once(self, request: Request) -> tuple[Session, dict[str, str]] | Response:
        """Refuses a form, too, that was sent before."""
        entered = await self._entered(request)
        if isinstance(entered, Response):
            return entered
        session, form = entered
        if not session.use_form(form.get("once", "")):
            return self._message(request, session, 409, "over")
        return entered

    def _who(self, session: Session) -> Guard:
        may_overrule = self._desk.may(session, Ability.OVERRIDE)
        return Guard(actor=session.member.id, may_overrule=may_overrule)
