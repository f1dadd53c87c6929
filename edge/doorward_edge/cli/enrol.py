"""`doorward-edge enrol`: this gateway gets its keys and its certificate."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import typer

from doorward.enrolment import Claim, parse_claim, parse_typed
from doorward.errors import DoorwardError
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import ConfigError
from doorward_edge.enrolling.asking_for_claim import Waiting
from doorward_edge.enrolling.door import DoorError
from doorward_edge.enrolling.enrolment import WORDS, GivenUpError, Step, waiting_claim
from doorward_edge.enrolling.folder import BusyError
from doorward_edge.enrolling_wiring import (
    Place,
    after_words,
    carry_out,
    open_waiting,
    patience,
    place_of,
)

EXIT_REFUSED, EXIT_USAGE, EXIT_LATER = 1, 2, 3
MAX_CLAIM_FILE_BYTES = 4096


class Speaker:
    """Says steps to people, or to programs."""

    def __init__(self, *, as_json: bool) -> None:
        """Takes to whom."""
        self._as_json = as_json

    def say(self, step: Step) -> None:
        """Says one."""
        if self._as_json:
            fields = {"event": step.event, "said": step.said} | (
                {"code": step.code} if step.code else {}
            )
            print(json.dumps(fields, ensure_ascii=False), flush=True)
            return
        print(f"{step.said}:  {step.code}" if step.code else step.said, flush=True)

    def fail(self, status: int, code: str, said: str, mend: str = "") -> NoReturn:
        """Says why it does not go on, and ends."""
        words = f"{said}; {mend}" if mend else said
        if self._as_json:
            self.say(Step(event="failed", said=words, code=code))
        else:
            typer.echo(f"doorward-edge: {words}", err=True)
        raise typer.Exit(status)


def enrol(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml; need not be there."),
    claim: str = typer.Option("", help="The text of the claim, DWE1:…"),
    file: Path | None = typer.Option(None, help="A file with that text."),
    camera: bool = typer.Option(False, "--camera", help="Wait for its QR code at the camera."),
    typed: str = typer.Option("", help="Its short form; with --controller, --site, --gateway."),
    controller: str = typer.Option("", help="With --typed: https://HOST[:PORT]."),
    site: str = typer.Option("", help="With --typed: the site."),
    gateway: str = typer.Option("", help="With --typed: this gateway's name."),
    identity: Path | None = typer.Option(None, help="The identity's folder; else as configured."),
    guard: str = typer.Option("auto", help="What guards the keys: auto, tpm2, host, file."),
    replace: bool = typer.Option(False, "--replace", help="Put the identity that is here aside."),
    patience_s: int = typer.Option(1800, min=1, help="Give up after so many seconds."),
    json_output: bool = typer.Option(False, "--json", help="One JSON object a step."),
) -> None:
    """Makes this gateway's keys, asks for its certificate by a claim, and puts all in its place.

    A person compares the code that is shown with the console's and confirms there. An identity
    that works goes on working until the new one is complete. Interrupted, the same command goes on.

    Exit status: 0 enrolled, 1 refused, 2 wrong use, 3 given up for now.
    """
    speaker = Speaker(as_json=json_output)
    place = _place(config, identity, speaker)
    if place.folder.has_identity and not replace:
        speaker.fail(
            EXIT_USAGE, "enrolled_already", f"{place.folder.current} holds an identity already",
            "to put it aside, add --replace",
        )  # fmt: skip
    pause = patience(patience_s)
    with ExitStack() as ends:
        given = _given(speaker, claim=claim, file=file, typed=(typed, controller, site, gateway))
        given = given or waiting_claim(place.folder)
        if given is None and not camera:
            speaker.fail(EXIT_USAGE, "no_claim", "no claim: add --claim TEXT, --file or --camera")
        waiting = open_waiting(place, speaker.say, pause, ends, has_camera=camera)
        given = given or waiting.claim()
        if given is None:
            speaker.fail(EXIT_LATER, "given_up", "no claim was held up in time")
        _enrol(place, given, guard, waiting, speaker)


def _enrol(place: Place, claim: Claim, guard: str, waiting: Waiting, speaker: Speaker) -> None:
    try:
        made = carry_out(place, claim, guard, waiting)
    except DoorError as err:
        speaker.fail(EXIT_REFUSED, err.code, str(err), WORDS.get(err.code, ""))
    except (GivenUpError, BusyError) as err:
        speaker.fail(EXIT_LATER, "given_up", str(err))
    except (OSError, ValueError) as err:
        speaker.fail(EXIT_REFUSED, "cannot_keep", f"{place.folder.root}: {err}")
    for step in after_words(place, made):
        speaker.say(step)


def _place(config: Path, identity: Path | None, speaker: Speaker) -> Place:
    try:
        return place_of(config, identity)
    except ConfigError as err:
        speaker.fail(EXIT_USAGE, "configuration", str(err))


def _given(
    speaker: Speaker, *, claim: str, file: Path | None, typed: tuple[str, str, str, str]
) -> Claim | None:
    try:
        if file is not None:
            with file.open("rb") as opened:
                claim = opened.read(MAX_CLAIM_FILE_BYTES).decode("ascii")
        if claim:
            return parse_claim(claim.strip())
        if typed[0]:
            return parse_typed(typed[0], url=typed[1], site=typed[2], gateway=typed[3])
    except (OSError, UnicodeDecodeError, DoorwardError) as err:
        speaker.fail(EXIT_USAGE, "no_claim", str(err))
    return None
