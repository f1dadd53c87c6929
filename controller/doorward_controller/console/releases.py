"""Releases: which there are, who must still sign, and which gateway runs which."""

from collections import Counter

from fastapi import APIRouter
from fastapi.responses import Response

from doorward.software import Part
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import software as rows
from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.publishing import Published, Standing
from doorward_controller.services import software

router = APIRouter()


@router.get("/releases")
def releases_page(visit: SignedIn) -> Response:
    """Shows releases and gateways."""
    visit.require(Action.READ_FLEET)
    return visit.page("releases.html", _all(visit))


@router.get("/releases/part")
def releases_part(visit: SignedIn) -> Response:
    """What changes by itself: where each gateway's update stands."""
    visit.require(Action.READ_FLEET)
    return visit.page("parts/releases.html", _all(visit))


def _all(visit: Visit) -> dict[str, object]:
    at = rows.at_gateways(visit.backend.store, visit.backend.config.site)
    try:
        found, trouble = software.standing(visit.backend), ""
    except ReleaseError as err:
        found, trouble = Standing(releases=(), waiting=(), expires={}), err.message
    running = Counter(row.running for row in at)
    return {
        "versions": _by_version(found.releases, visit.reader.language, running),
        "waiting": found.waiting,
        "expires": {role: int(when.timestamp() * 1000) for role, when in found.expires.items()},
        "trouble": trouble,
        "software": at,
    }


def _by_version(
    releases: tuple[Published, ...], language: str, running: Counter[str]
) -> list[dict[str, object]]:
    """Returns the gateway's releases, a row for each version, newest first."""
    versions: dict[str, dict[str, object]] = {}
    for each in releases:
        release, version = each.release, str(each.release.version)
        if release.part is not Part.GATEWAY:
            continue
        row = versions.setdefault(
            version,
            {
                "version": version,
                "notes": release.notes.get(language) or release.notes.get("en", ""),
                "platforms": [],
                "runs": running[version],
            },
        )
        platforms = row["platforms"]
        assert isinstance(platforms, list)  # noqa: S101  # made above
        platforms.append(release.platform)
    return list(versions.values())
