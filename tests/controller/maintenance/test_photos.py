"""Photographs on work orders: drawn anew, sealed, and nothing else let in."""

import io
from functools import partial
from typing import Any

import pytest
from PIL import Image

from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.services import order_photos
from doorward_controller.services.backend import Backend
from doorward_controller.store import work_orders as rows
from tests.controller.maintenance.test_acts import FAY, TO_WORK, ask, near, refused, take
from tests.fakes.fed_gateway import FedGateway

__all__ = ["near"]


def photo(width: int = 40, height: int = 30, form: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, form, **options)
    return out.getvalue()


def in_work(backend: Backend) -> int:
    order = ask(backend)
    take(backend, order, *TO_WORK)
    return order


def test_a_photograph_is_drawn_anew_sealed_and_read_back(
    backend: Backend, near: FedGateway
) -> None:
    order = in_work(backend)
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6
    sent = photo(3_000, 1_000, exif=exif) + b"<script>alert(1)</script>"
    number = order_photos.add_photo(backend, FAY, order, sent, "the ribbon")
    kept = order_photos.read_photo(backend, order, number)
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (683, 2_048))
        assert not picture.getexif()
    assert b"script" not in kept
    assert b"taken at home" not in kept
    with backend.store.read() as connection:
        found = rows.sealed_photo(connection, order, number)
    assert found is not None
    assert kept[100:300] not in found[1]
    refused(NotFoundError, "no_photo", lambda: order_photos.read_photo(backend, order + 1, number))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        b"%PDF-1.7",
        photo()[:200],
        photo(form="GIF"),
        photo(form="PNG")[:60],
    ],
    ids=["empty", "gif-head", "svg", "pdf", "half-jpeg", "gif", "half-png"],
)
def test_what_is_no_photograph_is_refused(
    backend: Backend, near: FedGateway, content: bytes
) -> None:
    order = in_work(backend)
    refused(
        InvalidError, "photo_unreadable",
        lambda: order_photos.add_photo(backend, FAY, order, content),
    )  # fmt: skip


def test_a_photograph_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000
    for content in (bomb.getvalue(), bytes(order_photos.MAX_UPLOAD_BYTES + 1)):
        refused(InvalidError, "photo_large", partial(order_photos.redraw, content))
