"""Who is signed in. In memory alone: a restart signs everybody out, and that is right here."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from doorward.staff import StaffMember

IDLE_MS = 10 * 60_000
"""A guard turns away from a screen that others can reach."""
LONGEST_MS = 10 * 3_600_000
"""A shift."""
MOST_SESSIONS = 64
MOST_FORMS = 32


@dataclass(slots=True, kw_only=True)
class Session:
    """A signed-in browser.

    Attributes:
        member: as it was at sign-in; when the list says otherwise, the session is over.
        csrf: what forms of this session carry.
        pending: what waits for the guard's last word, by its one-time number.
    """

    member: StaffMember
    csrf: str
    began_mono_ms: int
    seen_mono_ms: int
    pending: dict[str, object] = field(default_factory=dict)
    _forms: dict[str, None] = field(default_factory=dict)

    def new_form(self) -> str:
        """Returns the number of a form that can be sent once: nobody enters twice by a reload."""
        number = secrets.token_urlsafe(12)
        self._forms[number] = None
        while len(self._forms) > MOST_FORMS:
            del self._forms[next(iter(self._forms))]
        return number

    def use_form(self, number: str) -> bool:
        """Whether a form of this number was given out and is sent for the first time."""
        is_new = number in self._forms
        self._forms.pop(number, None)
        return is_new


class Sessions:
    """All sessions, by the hash of the cookie's value. Used by the panel's thread alone."""

    def __init__(self) -> None:
        """Begins with none."""
        self._sessions: dict[bytes, Session] = {}

    def open(self, member: StaffMember, now_mono_ms: int) -> str:
        """Returns the cookie's value of a new session."""
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        token = secrets.token_urlsafe(32)
        self._sessions[_hashed(token)] = Session(
            member=member,
            csrf=secrets.token_urlsafe(24),
            began_mono_ms=now_mono_ms,
            seen_mono_ms=now_mono_ms,
        )
        return token

    def resume(self, token: str, now_mono_ms: int) -> Session | None:
        """Returns the session of a cookie, or None when it is over."""
        session = self._sessions.get(_hashed(token))
        if session is None:
            return None
        idle_ms = now_mono_ms - session.seen_mono_ms
        if idle_ms > IDLE_MS or now_mono_ms - session.began_mono_ms > LONGEST_MS:
            self.close(token)
            return None
        session.seen_mono_ms = now_mono_ms
        return session

    def close(self, token: str) -> None:
        """Ends a session; an unknown one is no error."""
        self._sessions.pop(_hashed(token), None)


def is_same(expected: str, given: str) -> bool:
    """Whether two secrets are equal; takes the same time for every wrong one."""
    return hmac.compare_digest(expected.encode(), given.encode())


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
