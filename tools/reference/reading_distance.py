"""From how far codes are read: code size x camera, exposures for people who walk, heights."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tools.hardware.mounting import Held, best_mount, height_deg, mount_at, nearest_mm
from tools.hardware.optics import Range, longest_exposure_us, tilted
from tools.hardware.parts import HARDWARE, Shelf, load_file
from tools.hardware.reading_table import (
    COMFORT_PX,
    MODULES,
    Row,
    load_limits,
    load_media,
    rows,
)
from tools.hardware.reading_trials import LENS_BLUR_PX, NOISE_DN, TILT_DEG
from tools.reference.markdown import MADE, table

SPEEDS_MM_S = {"held still by a hand": 100, "strolling": 700, "walking": 1400}
DISTANCES_MM = (300, 500, 800)
HEIGHTS_MM = (1100, 1400)
"""Where most rules for access end; where screens and readers of cards often hang."""
ASLANT_DEG = 30
CODE_MM = 60


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    low_mm: float
    high_mm: float
    is_seated: bool = False


class _PeopleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sources: tuple[str, ...]
    shoes_mm: float
    group: tuple[_Group, ...]


@dataclass(frozen=True, slots=True)
class _People:
    sources: tuple[str, ...]
    held: tuple[Held, ...]

    @property
    def standing(self) -> tuple[Held, ...]:
        return tuple(one for one in self.held if "wheelchair" not in one.name)


def text() -> str:
    """Returns the page."""
    return (
        f"# From how far a code is read\n\n{MADE}\n"
        "Computed from the cameras' data (`hardware/cameras/`) and from what the gateway's own "
        f"readers bear, which was measured on rendered pictures ({_measured()}). Held straight, "
        "in a lit hall. A real lens and real light are not in it: try yours with "
        "[`doorward-edge aim`](../aiming.md).\n\n"
        "![Reading distances](reading-distance.svg)\n\n"
        + _distances()
        + _limits()
        + _exposures()
        + _heights()
    )


def _measured() -> str:
    limits = load_limits()
    return f"{limits.measured_on.isoformat()}, {limits.pictures} pictures a step"


def _distances() -> str:
    head = ("code", "camera", "picture", "comfortable", "at most", f"{ASLANT_DEG}° aslant")
    body = table(head, (_row(row) for row in rows()))
    return (
        "## Code, camera, distance\n\n"
        f"*Comfortable* has {COMFORT_PX:g} pixels a module, as `aim` asks for; at *at most* "
        "readers just manage. `–`: no such distance. Below the near end a code does not fit into "
        "the picture, or is out of focus. A larger picture reaches further and costs the computer "
        "more for each frame.\n\n" + body + "\n"
    )


def _row(row: Row) -> tuple[str, ...]:
    return (
        f"{row.medium.name} (`{row.medium.kind}`)",
        row.camera_name,
        f"{row.frame.width_px}x{row.frame.height_px}",
        _range(row.comfortable),
        _range(row.at_most),
        _range(tilted(row.at_most, ASLANT_DEG)),
    )


def _range(found: Range) -> str:
    if found.is_empty:
        return "–"
    return f"{_cm_up(found.near_mm)} to {int(found.far_mm // 10)} cm"


def _cm_up(mm: float) -> int:
    return int(-(-mm // 10))


def _limits() -> str:
    limits = load_limits()

    def line() -> Iterator[tuple[str, ...]]:
        for one in limits.code:
            yield (
                f"`{one.kind}` ({MODULES[one.kind]} modules)",
                f"{one.module_px:g} px (half lost at {one.module_px_lost:g})",
                f"{one.defocus_modules:g} modules (half lost at {one.defocus_modules_lost:g})",
                f"{one.motion_modules:g} modules (half lost at {one.motion_modules_lost:g})",
            )

    head = ("code", "fewest pixels a module", "largest blur (sigma)", "longest motion")
    return (
        "## What the readers bear\n\n"
        f"At least 98 of 100 pictures were read; {TILT_DEG}° aslant at most about each axis, blur "
        f"of the lens {LENS_BLUR_PX:g} px, noise {NOISE_DN:g} of 255. A still code was looked at "
        "by the first look and one turn of the rotation, a moving one by the first look alone. "
        "`make reading-limits` measures anew.\n\n" + table(head, line()) + "\n"
    )


def _exposures() -> str:
    limits = load_limits()

    def line() -> Iterator[tuple[str, ...]]:
        for medium in load_media().medium:
            found = limits.of(medium.kind).limits
            yield (
                medium.name,
                *(
                    _us(longest_exposure_us(medium.code, mm_s, found))
                    for mm_s in SPEEDS_MM_S.values()
                ),
            )

    head = ("code", *(f"{name} ({mm_s / 1000:g} m/s)" for name, mm_s in SPEEDS_MM_S.items()))
    return (
        "## Longest exposure (`exposure_us`)\n\nWhile the picture is taken a code may move by so "
        "many of its modules as above; the distance does not matter. Across the picture is the "
        "worst case: who walks towards the camera moves less in it. A rolling shutter also skews "
        "what moves; for codes in a passing hand take the global shutter.\n\n"
        + table(head, line())
        + "\n"
    )


def _us(exposure: float) -> str:
    return f"{exposure / 1000:.1f} ms" if exposure < 100_000 else "over 100 ms"


def _heights() -> str:
    people = _people()

    def line() -> Iterator[tuple[str, ...]]:
        for who, held in (("standing", people.standing), ("standing and seated", people.held)):
            for distance in DISTANCES_MM:
                best = best_mount(held, distance)
                for mount in (best, *(mount_at(mm, held, distance) for mm in HEIGHTS_MM)):
                    yield (
                        who,
                        f"{distance // 10} cm",
                        f"{mount.height_mm / 10:.0f} cm" + (" (best)" if mount is best else ""),
                        _tilt(mount.tilt_deg),
                        f"{mount.worst_deg:.0f}°",
                        f"{mount.needed_deg:.0f}°",
                    )

    head = ("who", "distance", "lens at", "axis", "worst angle", "must see in height")
    listed = "".join(f"- Source: {source}\n" for source in people.sources)
    return (
        "## At which height\n\nPeople hold a code between elbow and shoulder. In the middle of "
        "all hands the worst angle is the smallest; a code that is held upright is seen so much "
        "aslant: up to 30° is in the table above, more takes distance away. People turn a code "
        "towards the lens when they see where it is: mark it.\n\n"
        + table(head, line())
        + "\n"
        + _nearest(people)
        + "\n"
        + listed
    )


def _tilt(down_deg: float) -> str:
    if abs(down_deg) < 1:
        return "level"
    return f"{abs(down_deg):.0f}° {'down' if down_deg > 0 else 'up'}"


def _nearest(people: _People) -> str:
    shelf = Shelf()

    def line() -> Iterator[tuple[str, ...]]:
        for name in shelf.names("cameras"):
            camera = shelf.camera(name)
            frame = camera.usual_frame
            yield (
                name,
                f"{height_deg(camera, frame):.0f}°",
                *(
                    f"{_cm_up(nearest_mm(camera, frame, held, code_mm=CODE_MM))} cm"
                    for held in (people.standing, people.held)
                ),
            )

    head = ("camera", "sees in height", "all who stand, from", "and all who sit, from")
    return (
        "A camera sees all hands at once only from some distance on. Where codes are read nearer "
        "than that, people bring them to the mark, or a second camera is put up lower. Mounted "
        "upright (turned by 90°), a camera sees more in height.\n\n" + table(head, line())
    )


def _people() -> _People:
    file = load_file(HARDWARE / "people.toml", _PeopleFile)
    held = tuple(
        Held(
            name=one.name,
            low_mm=one.low_mm + (0 if one.is_seated else file.shoes_mm),
            high_mm=one.high_mm + (0 if one.is_seated else file.shoes_mm),
        )
        for one in file.group
    )
    return _People(file.sources, held)
