"""Who may sign in at this gateway's pages: the newest staff list that the controller signed.

It is taken as rules are (see `sync`): signed for its purpose by a key of the newest keyring, never
back, on the disk before it counts. The list is read by the panel's thread while the courier
replaces it: one assignment, never a change in place.
"""

import logging
from collections.abc import Callable

from doorward.envelope import Envelope, Kind, parse_envelope
from doorward.errors import DoorwardError, MalformedError, RollbackError
from doorward.ids import SiteId
from doorward.keys import PURPOSE_OF_KIND, Keyring, verify_signed
from doorward.staff import StaffList, StaffMember, accept_staff
from doorward.times import Instant
from doorward_edge.ports import PolicyFiles
from doorward_edge.sync import Taken, Verdict

log = logging.getLogger(__name__)

STAFF = "staff"


class StaffBook:
    """Holds the list; the courier is its only writer."""

    def __init__(self, *, site: SiteId, files: PolicyFiles, keyring: Callable[[], Keyring]) -> None:
        """Knows nobody yet; `load` brings back the list that was applied."""
        self._site = site
        self._files = files
        self._keyring = keyring
        self._list: StaffList | None = None

    @property
    def version(self) -> int:
        """Which version is held; 0 for none."""
        return self._list.version if self._list else 0

    @property
    def keyring_version(self) -> int:
        """By which keyring a list is judged now."""
        return self._keyring().version

    def find(self, member_id: str) -> StaffMember | None:
        """Returns the member with this id, or None."""
        return self._list.find(member_id) if self._list else None

    def load(self) -> tuple[str, ...]:
        """Takes the list from the disk. Returns what could not be used, in words; never raises."""
        try:
            wire = self._files.load(STAFF)
            if wire is not None:
                self._list = self._read(parse_envelope(wire), None)
        except (DoorwardError, OSError) as err:
            return (f"{STAFF} on disk: {err}",)
        return ()

    def take(self, wire: bytes, now: Instant) -> Taken:
        """Applies a pushed list, or says why not."""
        try:
            read = self._read(parse_envelope(wire), now.trusted_utc_s)
            self._files.save(STAFF, wire)
        except RollbackError:
            return Taken(verdict=Verdict.ALREADY, what=STAFF)
        except OSError as err:
            log.error("staff.unwritten error=%s", err)  # noqa: TRY400  # one line
            return Taken(verdict=Verdict.UNWRITTEN, what=STAFF, error=f"not written: {err}")
        except DoorwardError as err:
            log.warning("staff.refused error=%s", err)
            return Taken(verdict=Verdict.REFUSED, what=STAFF, error=str(err))
        self._list = read
        log.info("staff.applied version=%d members=%d", read.version, len(read.members))
        return Taken(verdict=Verdict.APPLIED, what=STAFF)

    def _read(self, envelope: Envelope, now_utc_s: int | None) -> StaffList:
        if envelope.kind is not Kind.STAFF:
            raise MalformedError(f"a {envelope.kind} is not a staff list")
        verify_signed(envelope, self._keyring(), PURPOSE_OF_KIND[Kind.STAFF], now_utc_s)
        return accept_staff(self.version, StaffList.from_body(envelope.body), self._site)
