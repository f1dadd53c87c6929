"""Words for settings: their names, the things that they belong to, what is wrong with an entry."""

from collections.abc import Mapping
from types import MappingProxyType

from doorward_controller.console.i18n import mark

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "camera.*.width_px": mark("Width of the pictures"),
        "camera.*.height_px": mark("Height of the pictures"),
        "camera.*.fps": mark("Pictures a second"),
        "camera.*.exposure_us": mark("Fixed exposure"),
        "camera.*.gain": mark("Fixed gain"),
        "camera.*.focus": mark("Focus: auto, or a fixed distance"),
        "camera.*.roi_px": mark("Part of the picture: x, y, width, height"),
        "reader.strategy": mark("Which readers look"),
        "reader.symbologies": mark("Kinds of code that are looked for"),
        "portal.*.held_s": mark("A code that is held up is one scan for"),
        "portal.*.door.open_timeout_s": mark("The leaf may take to open"),
        "portal.*.door.passage_timeout_s": mark("Walking through may take"),
        "portal.*.door.held_after_s": mark("An open leaf counts as held open after"),
        "perception.*.en": mark("Large words, English"),
        "perception.*.zh": mark("Large words, Chinese"),
        "perception.*.tones": mark("Tones: hertz and milliseconds"),
        "health.interval_s": mark("Health is told every"),
    }
)

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "camera": mark("Camera"),
        "reader": mark("Reading codes"),
        "portal": mark("Portal"),
        "perception": mark("Signal"),
        "health": mark("Health"),
    }
)

SIGNALS: Mapping[str, str] = MappingProxyType(
    {
        "idle": mark("Ready"),
        "granted": mark("Granted"),
        "refused": mark("Refused"),
        "unreadable": mark("Cannot be read"),
        "not_enrolled": mark("Not enrolled"),
        "waiting": mark("Waiting for the second person"),
        "lockdown": mark("Lockdown"),
        "fire": mark("Fire"),
        "camera_fault": mark("Camera fault"),
        "identify": mark("Blink and beep"),
    }
)

CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "dual": mark("Both, one after the other"),
        "zxing": mark("ZXing alone"),
        "pyzbar": mark("ZBar alone"),
        "qr": mark("QR code"),
        "micro_qr": mark("Micro QR code"),
        "data_matrix": mark("Data Matrix"),
        "aztec": mark("Aztec"),
        "pdf417": mark("PDF417"),
        "code_128": mark("Code 128"),
        "code_39": mark("Code 39"),
        "ean_13": mark("EAN-13"),
        "itf": mark("Interleaved 2 of 5"),
    }
)

FIELD_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "not_a_number": mark("This is not a number."),
        "not_whole": mark("This must be a whole number."),
        "out_of_bounds": mark("This is out of bounds."),
        "too_long": mark("This is too long."),
        "not_a_choice": mark("This is not one of the choices."),
        "not_a_list": mark("This is not a list as in the example."),
    }
)

LINE_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "no_equals": mark("there is no “=” in it"),
        "not_settable": mark("this cannot be set from afar"),
        "not_json": mark("the value is not JSON; words stand in double quotes"),
        "bad_value": mark("the value must be a number, a text, true, false or a list"),
        "twice": mark("this was set above already"),
    }
)
