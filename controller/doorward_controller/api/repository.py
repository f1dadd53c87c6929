"""The repository of releases as gateways fetch it: files, as they are, without signing in.

Nothing in it is secret, and everything is signed: whoever alters it is found out by the gateways.
"""

from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from doorward_controller.config import Config
from doorward_controller.services.software import folder_of

ROOT = "/repository"
_NEVER_CHANGES = "public, max-age=31536000, immutable"


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        is_newest = Path(path).name == "timestamp.json"
        response.headers["Cache-Control"] = "no-cache" if is_newest else _NEVER_CHANGES
        return response


def mounts(config: Config) -> list[Mount]:
    """Returns what serves metadata and files; what waits for signatures is not among it."""
    folder = folder_of(config)
    return [
        Mount(f"{ROOT}/{name}", _Files(directory=path, check_dir=False))
        for name, path in (("metadata", folder.metadata), ("targets", folder.targets))
    ]
