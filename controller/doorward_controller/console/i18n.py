"""Languages, translated text, and dates and numbers as the reader writes them."""

import gettext
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)

_LOCALE_FOLDER = Path(__file__).parent / "locale"
_JUST_NOW_S = 5
"""Younger than this reads "just now": clocks of browser, server and gateway differ by as much."""


_GROUPED = 1000
"""From here on digits stand in groups."""


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")


class Language(StrEnum):
    """A language of the console; the value is its BCP 47 tag."""

    ENGLISH = "en"
    CHINESE = "zh-Hans"

    @property
    def locale(self) -> Locale:
        """The language's conventions for dates and numbers."""
        return _locale(self.value)

    @property
    def own_name(self) -> str:
        """The language's name in itself, as a switch shows it."""
        return "English" if self is Language.ENGLISH else "中文"


_TAGS = frozenset(language.value for language in Language)


def mark(message: str) -> str:
    """Marks a sentence for translation where it stands; it is translated where it is shown."""
    return message


def choose_language(cookie: str | None, accept_language: str | None) -> Language:
    """Returns the reader's choice if there is one, else the best match of what the browser asks."""
    if cookie in _TAGS:
        return Language(cookie)
    for tag in _by_preference(accept_language or ""):
        if tag.startswith("zh"):
            return Language.CHINESE
        if tag.startswith("en"):
            return Language.ENGLISH
    return Language.ENGLISH


def _by_preference(header: str) -> list[str]:
    """Returns the language tags of an Accept-Language header, the most wanted first."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(header[:500].split(",")):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            ranked.append((-weight, position, tag))
    return [tag for _, _, tag in sorted(ranked)]


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """Returns the catalogue, compiled in memory so that no compiled file can be out of date."""
    if language is Language.ENGLISH:
        return gettext.NullTranslations()
    folder = str(language.locale)
    with (_LOCALE_FOLDER / folder / "LC_MESSAGES" / "console.po").open("rb") as source:
        catalogue = read_po(source, locale=folder)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a page, as far as text is concerned; `now_ms` is the page's one reading of time."""

    language: Language
    zone: ZoneInfo
    now_ms: int

    @property
    def gettext(self) -> Callable[[str], str]:
        """Translates one sentence."""
        return translations(self.language).gettext

    @property
    def ngettext(self) -> Callable[[str, str, int], str]:
        """Translates one sentence that counts something."""
        return translations(self.language).ngettext

    def local(self, at_ms: int) -> datetime:
        """Returns the instant on the site's clock."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def utc_s_of(self, typed: str) -> int:
        """Returns the second of a date and time that was typed on the site's clock.

        Raises ValueError for what is none, or lies outside of the calendar.
        """
        try:
            return int(datetime.fromisoformat(typed).replace(tzinfo=self.zone).timestamp())
        except OverflowError as err:
            raise ValueError(str(err)) from err

    @property
    def start_of_day_ms(self) -> int:
        """The last midnight at the site."""
        today = self.local(self.now_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(today.timestamp() * 1000)

    def clock_time(self, at_ms: int) -> str:
        """Returns hour, minute and second at the site; the day too when it is not today."""
        moment = self.local(at_ms)
        if moment.date() == self.local(self.now_ms).date():
            return moment.strftime("%H:%M:%S")
        skeleton = "M月d日 HH:mm" if self.language is Language.CHINESE else "d MMM HH:mm"
        return format_datetime(moment, skeleton, locale=self.language.locale)

    def full_time(self, at_ms: int) -> str:
        """Returns date, time and zone."""
        pattern = (
            "y年M月d日 HH:mm:ss z" if self.language is Language.CHINESE else "d MMM y, HH:mm:ss z"
        )
        return format_datetime(self.local(at_ms), pattern, locale=self.language.locale)

    def day(self, at_ms: int) -> str:
        """Returns the date at the site."""
        pattern = "y年M月d日" if self.language is Language.CHINESE else "d MMM y"
        return format_date(self.local(at_ms), pattern, locale=self.language.locale)

    def plain_day(self, day: date) -> str:
        """Returns a date of a calendar with its weekday."""
        pattern = "y年M月d日 EEE" if self.language is Language.CHINESE else "EEE d MMM y"
        return format_date(day, pattern, locale=self.language.locale)

    def age(self, at_ms: int) -> str:
        """Returns how long ago, or how far ahead, in the one unit that says it best."""
        seconds = (at_ms - self.now_ms) / 1000
        if abs(seconds) < _JUST_NOW_S:
            return self.gettext("just now")
        return format_timedelta(
            timedelta(seconds=seconds),
            add_direction=True,
            threshold=1.2,
            locale=self.language.locale,
        )

    def span(self, seconds: int) -> str:
        """Returns a length of time."""
        return format_timedelta(
            timedelta(seconds=seconds), threshold=1.2, locale=self.language.locale
        )

    def number(self, value: float) -> str:
        """Returns a number with the reader's separators."""
        if isinstance(value, int) and 0 <= value < _GROUPED:
            return str(value)  # in both languages; lists have thousands of these
        return format_decimal(value, locale=self.language.locale)

    def percent(self, share: float) -> str:
        """Returns a share of one as whole per cent."""
        return format_percent(share, locale=self.language.locale)

    def plain_money(self, minor: int, currency: str) -> str:
        """Returns an amount as a form takes it, nothing for nothing."""
        if not minor:
            return ""
        return str(Decimal(minor).scaleb(-get_currency_precision(currency)))

    def money(self, minor: int, currency: str) -> str:
        """Returns an amount given in the currency's smallest unit."""
        amount = Decimal(minor).scaleb(-get_currency_precision(currency))
        return format_currency(amount, currency, locale=self.language.locale)


def minor_units(amount: str, currency: str) -> int:
    """Returns a typed amount in the currency's smallest unit.

    Raises:
        ValueError: it is no amount, or finer than the currency.
    """
    try:
        minor = Decimal(amount.strip().replace(",", ".") or "0").scaleb(
            get_currency_precision(currency)
        )
    except InvalidOperation as err:
        raise ValueError(f"{amount[:40]!r} is no amount") from err
    if not minor.is_finite() or minor != int(minor) or minor < 0:
        raise ValueError(f"{amount[:40]!r} is no amount")
    return int(minor)
