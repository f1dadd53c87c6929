"""What can be held up to a camera: everybody's badges, those of the console included."""

from collections.abc import Sequence
from threading import Lock

from doorward.ids import parse_credential_id
from doorward_controller.console.demo_port import DemoBadge
from doorward_controller.demo.turnstile import Code
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ActError
from doorward_controller.queries import credentials
from doorward_controller.services import holders, issuing
from doorward_controller.services.backend import Backend

_NEWEST = 30
_OFFICE = Actor(name="demo", role=Role.ISSUER)


class Wallet:
    """Finds badges by the label that a person sees."""

    def __init__(self, backend: Backend, known: Sequence[Code]) -> None:
        self._backend = backend
        self._codes = {code.credential_id: code for code in known if code.credential_id}
        self._others = [code for code in known if code.credential_id is None]
        self._lock = Lock()
        self._peoples = frozenset(self._codes)

    def badges(self) -> Sequence[DemoBadge]:
        """Returns what can be presented, the newest badge first."""
        page = credentials.page(
            self._backend.store, credentials.CredentialFilter(), cursor=None, limit=_NEWEST
        )
        ours = [
            DemoBadge(
                label=code.label,
                credential_id=row.credential_id,
                state=self._state(row),
                is_visitors=row.credential_id not in self._peoples,
            )
            for row in page.items
            if (code := self._code(row)) is not None
        ]
        others = [
            DemoBadge(label=code.label, credential_id=None, state="foreign")
            for code in self._others
        ]
        return ours + others

    def find(self, label: str) -> Code:
        """Returns the code with that label. Raises LookupError."""
        self.badges()
        with self._lock:
            everything = [*self._codes.values(), *self._others]
        for code in everything:
            if code.label == label:
                return code
        raise LookupError(f"badge {label!r}")

    def _state(self, row: credentials.CredentialRow) -> str:
        now_s = self._backend.clock.now().utc_s
        if row.state != "valid":
            return str(row.state)
        if row.expires <= now_s:
            return "expired"
        return "upcoming" if row.not_before > now_s else "valid"

    def _code(self, row: credentials.CredentialRow) -> Code | None:
        """Reads a badge that was issued in the console once, and remembers it."""
        with self._lock:
            known = self._codes.get(row.credential_id)
        if known is not None:
            return known
        try:
            text = issuing.code_text(self._backend, _OFFICE, row.credential_id)
        except ActError:
            # A pass has no code of its own: the holder's telephone draws it.
            return None
        label = f"{self._name(row)} · {parse_credential_id(row.credential_id).hex()[:4]}"
        code = Code(label=label, text=text, credential_id=row.credential_id)
        with self._lock:
            return self._codes.setdefault(row.credential_id, code)

    def _name(self, row: credentials.CredentialRow) -> str:
        if row.holder_id is None:
            return row.purpose or "badge"
        found = holders.read_holders(self._backend, _OFFICE, [row.holder_id])[row.holder_id]
        return found.name if found is not None else "erased"
