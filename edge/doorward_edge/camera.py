"""The camera that a configuration names."""

from pathlib import Path

from doorward.times import Clock
from doorward_edge.config import CameraKind, CameraSection
from doorward_edge.ports import FrameSource


def open_camera(camera: CameraSection, clock: Clock, *, seed: int = 0) -> FrameSource:
    """Opens a camera. Its libraries are only loaded here: most gateways need one of them.

    Raises:
        CameraError: it cannot be opened, or a package is missing; the message names it.
    """
    match camera.kind:
        case CameraKind.PICAMERA2:
            from doorward_edge.adapters.camera_picamera2 import PiCamera  # noqa: PLC0415

            return PiCamera(camera, clock)
        case CameraKind.V4L2:
            from doorward_edge.adapters.camera_v4l2 import V4l2Camera  # noqa: PLC0415

            return V4l2Camera(camera, clock)
        case CameraKind.FOLDER:
            from doorward_edge.adapters.camera_folder import FolderCamera  # noqa: PLC0415

            return FolderCamera(Path(camera.path), fps=camera.fps, clock=clock)
        case CameraKind.VIDEO:
            from doorward_edge.adapters.camera_video import VideoCamera  # noqa: PLC0415

            return VideoCamera(Path(camera.path), fps=camera.fps, clock=clock)
        case CameraKind.SCENE:
            from doorward_edge.simulate.scene_camera import SceneCamera  # noqa: PLC0415

            return SceneCamera(
                width_px=camera.width_px,
                height_px=camera.height_px,
                fps=camera.fps,
                seed=seed,
                clock=clock,
            )
