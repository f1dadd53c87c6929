"""The console's static files: compressed, and addressed by what is in them."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

STATIC = Path(__file__).parent / "static"
CACHE_CONTROL = "public, max-age=31536000, immutable"
"""Safe, because pages name a file together with `edition`, which changes with any file."""

_MIN_COMPRESSED_BYTES = 1000


@cache
def edition() -> str:
    """Returns a short digest of all static files together."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def application() -> ASGIApp:
    """Returns what serves them.

    Pages themselves are not compressed: with a secret in them, their length would tell about it.
    """
    return GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=_MIN_COMPRESSED_BYTES)
