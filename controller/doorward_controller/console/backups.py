"""How old the copies are, whether a restore was tried, and who holds the key on paper."""

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.i18n import mark
from doorward_controller.console.visit import SignedIn
from doorward_controller.domain.backup_state import Lack
from doorward_controller.domain.permissions import Action
from doorward_controller.services import backups, disk_room, site_certificates

router = APIRouter()

LACKS: Mapping[Lack, tuple[str, str]] = MappingProxyType(
    {
        Lack.NOT_SET_UP: (
            mark("No place is set for copies"),
            mark("Name two in the settings, one of them in another building."),
        ),
        Lack.NEVER: (
            mark("A place has no copy yet"),
            mark("The nightly timer makes one, or this command:"),
        ),
        Lack.LATE: (
            mark("A copy is too old"),
            mark("Look why below; then this command makes one now:"),
        ),
        Lack.LOG_LATE: (
            mark("The database's log is behind at a place"),
            mark("What is newer cannot be restored from there. Look at what gathers it:"),
        ),
        Lack.FAILED_REHEARSAL: (
            mark("The last tried restore failed"),
            mark("Make a new copy, then try that one:"),
        ),
        Lack.ONE_PLACE: (
            mark("There is one place only"),
            mark("A fire takes the machine and the copy beside it. Set a second place."),
        ),
        Lack.NONE_ELSEWHERE: (
            mark("No place is in another building"),
            mark("Set one, and say so in the settings (is_elsewhere)."),
        ),
        Lack.UNREHEARSED: (
            mark("A restore is due to be tried"),
            mark("What was never restored is only a hope. This tries it beside the real one:"),
        ),
        Lack.UNSHARED_KEY: (
            mark("The key is on this machine alone"),
            mark("Without it no copy can be opened. Share it out on paper:"),
        ),
    }
)
COMMANDS: Mapping[Lack, str] = MappingProxyType(
    {
        Lack.NEVER: "doorward-controller backup run",
        Lack.LATE: "doorward-controller backup run",
        Lack.LOG_LATE: "systemctl status doorward-backup-log",
        Lack.FAILED_REHEARSAL: "doorward-controller backup run",
        Lack.UNREHEARSED: "doorward-controller backup rehearse",
        Lack.UNSHARED_KEY: "doorward-controller recovery split --to FOLDER",
    }
)


@router.get("/backups")
def backups_page(visit: SignedIn) -> Response:
    """Shows all of it."""
    visit.require(Action.READ_KEEPING)
    return visit.page(
        "backups.html",
        found=backups.overview(visit.backend),
        past=backups.past(visit.backend),
        lacks=LACKS,
        commands=COMMANDS,
        rooms=disk_room.rooms(visit.backend.config),
        certificates=site_certificates.files(visit.backend.config),
        keep_days=visit.backend.config.backup.keep_days,
    )
