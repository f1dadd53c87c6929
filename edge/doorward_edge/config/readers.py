"""What reads at which portal: names, devices and pictures that fit together."""

from doorward.ids import parse_name
from doorward_edge.config.devices import CameraKind, CameraSection
from doorward_edge.config.file import EdgeFile
from doorward_edge.config.portals import PortalSection
from doorward_edge.config.table import Problem, named
from doorward_edge.toml_places import Place

MOST_PORTALS = 8

_OWNED = frozenset({CameraKind.PICAMERA2, CameraKind.V4L2})
"""Cameras that are real devices, which one reader has to itself."""

_SIZED = frozenset({CameraKind.PICAMERA2, CameraKind.SCENE})
"""Cameras that give the size that they are asked for."""


def check_readers(file: EdgeFile) -> None:
    """Every camera and scanner has a name of its own and reads at one portal. Raises Problem."""
    for index, camera in enumerate(file.camera):
        _check_camera(("camera", index), camera)
    if not 1 <= len(file.portal) <= MOST_PORTALS:
        raise Problem(
            ("portal",), f"stands {len(file.portal)} times, must stand 1 to {MOST_PORTALS} times"
        )
    names: dict[str, Place] = {}
    for kind, wanted in (
        ("camera", [camera.name for camera in file.camera]),
        ("scanner", [scanner.name for scanner in file.scanner]),
    ):
        for index, name in enumerate(wanted):
            if name in names:
                raise Problem((kind, index, "name"), f"is {name!r}, which is taken")
            names[named((kind, index, "name"), parse_name, name)] = (kind, index)
    _refuse_shared_devices(file)
    owners: dict[str, str] = {}
    ids: set[str] = set()
    for index, portal in enumerate(file.portal):
        if portal.id in ids:
            raise Problem(("portal", index, "id"), f"is {portal.id!r}, which is taken")
        ids.add(portal.id)
        _check_readers_of(("portal", index), portal, names, owners)
    for name, place in names.items():
        if name not in owners:
            key = f"{place[0]}s"
            raise Problem((*place, "name"), f'is {name!r}, but no portal has {key} = ["{name}"]')


def _check_camera(place: Place, camera: CameraSection) -> None:
    if camera.kind in {CameraKind.FOLDER, CameraKind.VIDEO} and not camera.path:
        raise Problem((*place, "path"), f"is missing; kind {camera.kind} plays what lies there")
    if not camera.roi_px:
        return
    if len(camera.roi_px) != 4:
        raise Problem((*place, "roi_px"), "must be [x, y, width, height]")
    x, y, width, height = camera.roi_px
    frame = f"{camera.width_px} x {camera.height_px}"
    is_inside = (
        x >= 0 and y >= 0 and x + width <= camera.width_px and y + height <= camera.height_px
    )
    if width < 1 or height < 1 or (camera.kind in _SIZED and not is_inside):
        raise Problem((*place, "roi_px"), f"is {list(camera.roi_px)}, not within {frame}")


def _refuse_shared_devices(file: EdgeFile) -> None:
    real = [
        (("camera", index, "device"), camera.device, camera.name)
        for index, camera in enumerate(file.camera)
        if camera.kind in _OWNED
    ]
    real += [
        (("scanner", index, "device"), scanner.device, scanner.name)
        for index, scanner in enumerate(file.scanner)
    ]
    owners: dict[str, str] = {}
    for place, device, name in real:
        if device in owners:
            raise Problem(place, f"is {device!r}, which {owners[device]} has already")
        owners[device] = name


def _check_readers_of(
    place: Place, portal: PortalSection, names: dict[str, Place], owners: dict[str, str]
) -> None:
    for kind, key, wanted in (
        ("camera", "cameras", portal.cameras),
        ("scanner", "scanners", portal.scanners),
    ):
        known = [name for name, (of, _) in names.items() if of == kind]
        for index, name in enumerate(wanted):
            if name not in known:
                listed = ", ".join(known) or f"none; add [[{kind}]]"
                raise Problem((*place, key, index), f"has {name!r}; there is: {listed}")
            if name in owners:
                raise Problem((*place, key, index), f"has {name!r}, which reads at {owners[name]}")
            owners[name] = portal.id
    has_reader = bool(portal.cameras or portal.scanners)
    if has_reader == portal.panel_only:
        said = "reads codes and is panel_only" if has_reader else "has no cameras and no scanners"
        raise Problem(place, f"{portal.id!r} {said}; name what reads there, or set panel_only")
