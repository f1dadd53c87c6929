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
    code = segno.make(text, error="m", mode="alphanumeric", micro=False, boost_error=False)
    scale = _PNG_MODULE_PX if form is DrawFormat.PNG else _PDF_MODULE_PT
    out = io.BytesIO()
    # A PDF's creation date would make two prints of one code differ.
    options = {"compresslevel": 9} if form is not DrawFormat.SVG else {"xmldecl": False}
    code.save(out, kind=form.value, scale=scale, border=QUIET_ZONE_MODULES, **options)
    return out.getvalue()
