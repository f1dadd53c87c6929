"""A gateway's health on its page: named, in units, judged, in the reader's language."""

from zoneinfo import ZoneInfo

from doorward.health import Level
from doorward_controller.console.health_lines import LEVELS, HealthLine, health_lines
from doorward_controller.console.i18n import Language, Reader
from doorward_controller.domain.permissions import Role
from tests.controller.console.conftest import Plant

BODY: dict[str, object] = {
    "at": 1,
    "camera": "ok",
    "journal": {"pending": 1234},
    "vitals": {
        "flux_capacitance_nf": 7,
        "temperature_mc": 76_500,
        "undervoltage_now": 1,
        "disk_free_bytes": 2_500_000_000,
        "running_s": 7_200,
        "frame_rate_mhz@front": 9_970,
        "throttled_seen": 0,
    },
}


def lines(language: Language = Language.ENGLISH) -> dict[str, HealthLine]:
    reader = Reader(language=language, zone=ZoneInfo("UTC"), now_ms=0)
    return {line.name: line for line in health_lines(BODY, reader)}


def test_numbers_are_named_and_shown_in_their_units() -> None:
    shown = {line.label: line.shown for line in lines().values()}
    assert shown == {
        "Undervoltage now": "Yes",
        "Temperature": "76.5 °C",
        "Slowed down since boot": "No",
        "Disk free": "2,500 MB",
        "Journal: waiting": "1,234",
        "Pictures a second · front": "10 1/s",
        "Gateway on since": "2 hours",
        "flux_capacitance_nf": "7",
    }


def test_bad_numbers_stand_first_and_say_how_bad_they_are() -> None:
    found = tuple(lines().values())
    assert [line.name for line in found[:2]] == ["undervoltage_now", "temperature_mc"]
    assert [line.look for line in found[:3]] == [
        LEVELS[Level.ALARM],
        LEVELS[Level.WARNING],
        None,
    ]


def test_what_a_newer_gateway_says_is_shown_as_it_is_and_last() -> None:
    last = tuple(lines().values())[-1]
    assert (last.name, last.is_known, last.look) == ("flux_capacitance_nf", False, None)


def test_the_numbers_speak_chinese() -> None:
    found = lines(Language.CHINESE)
    assert found["temperature_mc"].label == "温度"
    assert found["undervoltage_now"].shown == "是"
    assert "散热" in found["temperature_mc"].meaning


def test_the_page_marks_what_is_bad_in_words(plant: Plant) -> None:
    plant.near.report_health(pending=3, temperature_mc=91_000, quarks=5)
    page = plant.signed_in(Role.SECURITY, "en").get("/gateways/near").text
    assert "91 °C" in page
    assert ">Alarm<" in page
    assert "shade the housing" in page
    assert "quarks" in page
