"""Photographs on work orders: decoded, drawn anew, sealed.

A file from a phone is hostile input. It is opened by an image library with bounds on its size, and
what is kept is the picture drawn anew as JPEG: no place where it was taken, no second file hidden
behind it. It is sealed, because a picture of a door may show people.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.services.work_orders import MAX_POINT, in_work
from doorward_controller.store import work_orders as rows

MAX_UPLOAD_BYTES = 12 * 1024 * 1024
MAX_PHOTOS = 20
MAX_PIXELS = 50_000_000
KEPT_EDGE_PX = 2_048
FORMATS = ("JPEG", "PNG", "WEBP")
MEDIA_TYPE = "image/jpeg"
_QUALITY = 82


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A photograph as it is kept."""

    jpeg: bytes
    width_px: int
    height_px: int


def add_photo(
    backend: Backend, actor: Actor, order_id: int, content: bytes, caption: str = ""
) -> int:
    """Keeps a photograph of the work; returns its number.

    Raises ForbiddenError, NotFoundError, ConflictError or InvalidError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="add_photo", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        order = in_work(doing, order_id)
        if len(rows.photos(doing.connection, order.id)) >= MAX_PHOTOS:
            raise ConflictError(f"an order holds {MAX_PHOTOS} photographs", code="photos_full")
        if len(caption) > MAX_POINT:
            raise InvalidError(f"the caption is longer than {MAX_POINT} characters")
        picture = redraw(content)
        digest = hashlib.sha256(picture.jpeg).hexdigest()
        doing.detail.update(sha256=digest, size_bytes=len(picture.jpeg))
        return rows.add_photo(
            doing.connection,
            order_id=order_id,
            caption=caption.strip().replace("\0", ""),
            media_type=MEDIA_TYPE,
            size_bytes=len(picture.jpeg),
            width_px=picture.width_px,
            height_px=picture.height_px,
            sha256=digest,
            who=actor.name,
            at_utc_s=doing.now.utc_s,
            sealed=seal(backend.keys.personal, picture.jpeg, _about(order_id, digest)),
        )


def read_photo(backend: Backend, order_id: int, photo_id: int) -> bytes:
    """Returns a photograph for somebody who may see maintenance. Raises NotFoundError."""
    with backend.store.read() as connection:
        found = rows.sealed_photo(connection, order_id, photo_id)
    if found is None:
        raise NotFoundError(f"order {order_id} has no photograph {photo_id}", code="no_photo")
    photo, sealed = found
    return unseal(backend.keys.personal, sealed, _about(order_id, photo.sha256))


def redraw(content: bytes) -> Picture:
    """Returns the picture in a file of any known format, drawn anew. Raises InvalidError."""
    if len(content) > MAX_UPLOAD_BYTES:
        raise InvalidError(
            f"the photograph has {len(content)} bytes, at most {MAX_UPLOAD_BYTES}",
            code="photo_large",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                _check_size(opened.width, opened.height)
                return _drawn(opened)
    except InvalidError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Warning) as err:
        raise InvalidError(
            "this is not a photograph as JPEG, PNG or WebP", code="photo_unreadable"
        ) from err
    except Image.DecompressionBombError as err:
        raise InvalidError("the photograph is too large", code="photo_large") from err


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidError(
            f"the photograph has {width} x {height} pixels, at most {MAX_PIXELS}",
            code="photo_large",
        )


def _drawn(opened: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((KEPT_EDGE_PX, KEPT_EDGE_PX))
    out = io.BytesIO()
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    plain.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(jpeg=out.getvalue(), width_px=plain.width, height_px=plain.height)


def _about(order_id: int, digest: str) -> bytes:
    return f"order-photo/{order_id}/{digest}".encode()
