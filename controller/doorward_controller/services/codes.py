"""Codes as pictures: PNG for screens, SVG and PDF for print."""

import io
from enum import StrEnum

import segno

QUIET_ZONE_MODULES = 4
"""The standard's margin; readers miss codes without it."""

_PNG_MODULE_PX = 10
_PDF_MODULE_PT = 4


class DrawFormat(StrEnum):
    """What a picture is for."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


MEDIA_TYPES = {
    DrawFormat.PNG: "image/png",
    DrawFormat.SVG: "image/svg+xml",
    DrawFormat.PDF: "application/pdf",
}


def draw(text: str, form: DrawFormat) -> bytes:
    """Returns the QR code of `text` (alphanumeric mode, level M) as a file."""
    return _drawn(
        segno.make(text, error="m", mode="alphanumeric", micro=False, boost_error=False), form
    )


def draw_address(address: str, form: DrawFormat) -> bytes:
    """Returns the QR code of a web address (level Q: a label on a device gets scratched)."""
    return _drawn(segno.make(address, error="q", micro=False, boost_error=False), form)


def _drawn(code: segno.QRCode, form: DrawFormat) -> bytes:
    scale = _PNG_MODULE_PX if form is DrawFormat.PNG else _PDF_MODULE_PT
    out = io.BytesIO()
    # A PDF's creation date would make two prints of one code differ.
    options = {"compresslevel": 9} if form is not DrawFormat.SVG else {"xmldecl": False}
    code.save(out, kind=form.value, scale=scale, border=QUIET_ZONE_MODULES, **options)
    return out.getvalue()


def draw_link(link: str) -> str:
    """Returns the QR code of an address as SVG to stand within a page, without any style."""
    code = segno.make(link, error="m", micro=False, boost_error=False)
    out = io.BytesIO()
    code.save(
        out, kind="svg", border=QUIET_ZONE_MODULES, dark="#000", light="#fff", omitsize=True,
        xmldecl=False, svgclass=None, lineclass=None, nl=False,
    )  # fmt: skip
    return out.getvalue().decode()
