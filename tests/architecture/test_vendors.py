"""A vendor's library is imported by its one adapter: replacing it changes one file."""

from fnmatch import fnmatch

import pytest

from tests.architecture.source import DISTRIBUTIONS, modules, product_modules

EDGE = "edge/doorward_edge"
CONTROLLER = "controller/doorward_controller"
READERS = (f"{EDGE}/decoder/*.py", f"{EDGE}/adapters/reader_*.py", f"{EDGE}/diagnosis.py")
MAY_IMPORT = {
    "paho": (
        f"{EDGE}/adapters/broker_paho.py",
        f"{CONTROLLER}/ingest/*_paho.py",
        f"{CONTROLLER}/demo/tap.py",
    ),
    "tinydb": (f"{EDGE}/adapters/documents_*.py",),
    "gpiozero": (f"{EDGE}/adapters/gpio_gpiozero/*.py",),
    "lgpio": (f"{EDGE}/adapters/gpio_gpiozero/*.py",),
    "picamera2": (f"{EDGE}/adapters/camera_picamera2.py",),
    "libcamera": (f"{EDGE}/adapters/camera_picamera2.py",),
    "pyzbar": READERS,
    # It also draws the symbols that the simulator shows.
    "zxingcpp": (*READERS, f"{EDGE}/simulate/symbol.py"),
    "pyseccomp": (f"{EDGE}/decoder/*.py", f"{EDGE}/capture/sandbox.py"),
    "serial": (f"{EDGE}/adapters/scanner_serial.py",),
    "tuf": (f"{EDGE}/updating/*.py", f"{CONTROLLER}/releases/*.py"),
    "securesystemslib": (f"{CONTROLLER}/releases/*.py",),
    "urllib3": (f"{EDGE}/updating/fetching.py",),
    "alembic": (f"{CONTROLLER}/store/*.py",),
    "argon2": (f"{CONTROLLER}/services/*.py", f"{EDGE}/panel/pins.py"),
    "segno": (f"{CONTROLLER}/services/codes.py",),
    "babel": (f"{CONTROLLER}/console/*.py",),
    "jinja2": (
        f"{CONTROLLER}/console/*.py",
        f"{EDGE}/panel/visit.py",
        f"{EDGE}/bench_test/sheet.py",
    ),
    "prometheus_client": (f"{CONTROLLER}/services/measures.py", f"{CONTROLLER}/api/metrics.py"),
    "psycopg": (),
    "scim2_models": (f"{CONTROLLER}/api/scim*.py",),
    "webauthn": (f"{CONTROLLER}/services/passkeys.py",),
    "zxcvbn": (f"{CONTROLLER}/services/passwords.py",),
    "PIL": (f"{CONTROLLER}/services/order_photos.py",),
    "joserfc": (f"{CONTROLLER}/services/outside_provider.py",),
    "fpdf": (f"{CONTROLLER}/exports/papers.py",),
}
# What the kit may use beside these is the part of the standard library that only computes.
KIT_PACKAGES = {"doorward", "cbor2", "cryptography"}
KIT_STANDARD = {
    *(
        "__future__",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
    ),
    *("hashlib", "hmac", "io", "itertools", "json", "math", "operator", "re", "struct", "sys"),
    *("types", "typing", "unicodedata", "zlib", "zoneinfo", "abc", "array", "calendar", "string"),
}


@pytest.mark.parametrize("vendor", MAY_IMPORT)
def test_vendor_is_imported_only_by_its_adapter(vendor: str) -> None:
    importing = [
        module.name
        for module in product_modules()
        if any(name.split(".")[0] == vendor for name in module.imported)
    ]
    allowed = MAY_IMPORT[vendor]
    assert [n for n in importing if not any(fnmatch(n, pattern) for pattern in allowed)] == []


def test_the_kit_uses_only_what_computes() -> None:
    kit = modules(DISTRIBUTIONS["doorward"])
    tops = {(m.name, full.split(".")[0]) for m in kit for full in m.imported}
    foreign = [(name, top) for name, top in tops if top not in KIT_PACKAGES | KIT_STANDARD]
    assert sorted(foreign) == []
