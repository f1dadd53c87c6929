"""`doorward-edge bench-test`: every wire, lamp, camera and clock, before a door hangs on it."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import typer

from doorward.times import ClockTrust, Instant
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.gpio_gpiozero import Pins, board_pins
from doorward_edge.bench_test.course import Course
from doorward_edge.bench_test.lines import LoopError, inputs_of, outputs_of, parse_loops
from doorward_edge.bench_test.looks import Looking
from doorward_edge.bench_test.person import Nobody, Person
from doorward_edge.bench_test.results import Report, Step, Verdict
from doorward_edge.bench_test.sheet import MARKS, sheet_html
from doorward_edge.capture.source import largest_picture_px, open_source
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import CameraSection, ConfigError, EdgeConfig, load_config
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.diagnosis import examine
from doorward_edge.disk import POSIX
from doorward_edge.perception import Words
from doorward_edge.sight import Sight
from doorward_edge.vitals.identity import identity

EXIT = {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.SKIPPED: 3}
WRONG, BUSY = 2, 4

Made = TypeVar("Made")


def bench_test(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
    loop: list[str] = typer.Option(
        [], help="A wire from an output to an input, by terminals: ch3=17, ch4.nc=27; repeatable."
    ),
    move_lock: bool = typer.Option(
        False, "--move-lock", help="Also switch locks. Asks you to type the gateway's name."
    ),
    unattended: bool = typer.Option(
        False, "--unattended", help="Ask nobody; what needs a person is skipped."
    ),
    who: str = typer.Option("", help="Who does it; stands on the report sheet."),
    out: Path | None = typer.Option(
        None, help="Folder for the report (JSON and HTML); without it, only what is printed."
    ),
    terminals: bool = typer.Option(False, "--terminals", help="Only list outputs and inputs."),
) -> None:
    """Tries everything that is wired, writes down what was found.

    Exit status: 0 everything works, 1 something failed, 2 wrong configuration or loop, 3 nothing
    failed but steps were skipped, 4 the gateway runs or the lock may not be moved.
    """
    settings = _or_exit(lambda: load_config(config))
    if terminals:
        _list(settings)
        return
    loops = _or_exit(lambda: parse_loops(loop, settings))
    person: Person = Nobody() if unattended else TerminalPerson()
    let_go = _alone(settings)
    try:
        if move_lock:
            _insist(settings, person)
        clock = SystemClock(settings.clock.source)
        course = Course(
            config=settings,
            clock=clock,
            person=person,
            loops=loops,
            may_move_locks=move_lock,
            findings=examine(config),
            open_pins=_pins,
            open_sight=lambda camera: _sight(settings, camera, clock),
            pause=_pause,
        )
        began = clock.now()
        steps = []
        for step in course.steps():
            _print(step)
            steps.append(step)
    finally:
        let_go()
    report = _report(settings, who, began, steps)
    typer.echo(f"{report.verdict}: {_sums(report)}")
    if out is not None:
        _write(report, out)
    raise typer.Exit(EXIT[report.verdict])


class TerminalPerson:
    """Whoever sits at the terminal."""

    is_there = True

    def asks(self, words: Words) -> bool | None:
        """Asks until the answer is yes, no or skip."""
        typer.echo(f"{words.en}\n{words.zh}")
        while True:
            answer = typer.prompt("[y]es 是 / [n]o 否 / [s]kip 跳过").strip().lower()[:1]
            if answer in {"y", "n", "s"}:
                return {"y": True, "n": False, "s": None}[answer]

    def tells(self, words: Words) -> None:
        """Prints it."""
        typer.echo(f"{words.en}\n{words.zh}")

    def types(self, words: Words, wanted: str) -> bool:
        """Asks for it once."""
        typer.echo(f"{words.en}\n{words.zh}")
        return bool(typer.prompt(">").strip() == wanted)


def _or_exit(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except (ConfigError, LoopError) as err:
        typer.echo(f"doorward-edge: {err}", err=True)
        raise typer.Exit(WRONG) from err


def _alone(config: EdgeConfig) -> Callable[[], None]:
    """Takes the journal's lock, so that the gateway neither runs nor starts meanwhile."""
    folder = config.data_dir / "journal"
    if not folder.is_dir():
        return lambda: None  # it never ran here
    try:
        return POSIX.lock(folder / "journal.lock")
    except BlockingIOError as err:
        typer.echo(
            "doorward-edge: the gateway runs; its doors would move under people's hands. Stop it: "
            "sudo systemctl stop doorward-edge",
            err=True,
        )
        raise typer.Exit(BUSY) from err
    except OSError as err:
        typer.echo(f"doorward-edge: {folder}: {err.strerror or err}", err=True)
        raise typer.Exit(WRONG) from err


def _insist(config: EdgeConfig, person: Person) -> None:
    locks = ", ".join(line.shown for line in outputs_of(config) if line.is_lock) or "no lock"
    words = Words(
        f"{locks} will move. Nothing may hang on it that people or goods rely on. If the wire to "
        f"the door is off, type the gateway's name ({config.gateway}):",
        f"{locks} 将动作。不得连接人员或货物所依赖的门。确认门的接线已断开后，请输入网关名称"
        f"（{config.gateway}）：",
    )
    if not person.types(words, config.gateway):
        typer.echo("doorward-edge: not confirmed; nothing was moved", err=True)
        raise typer.Exit(BUSY)


def _pins() -> Pins:
    return board_pins()


def _pause(for_s: float) -> None:
    threading.Event().wait(for_s)


def _sight(config: EdgeConfig, camera: CameraSection, clock: SystemClock) -> Looking:
    settings = ChildSettings(
        symbologies=config.reader.symbologies, frame_bytes=largest_picture_px(camera)
    )
    return Sight(
        source=open_source(camera, clock),
        decoder=DecoderClient(settings, clock),
        strategy=config.reader.strategy,
        held_s=1.0,
        clock=clock,
        roi_px=camera.roi_px,
    )


def _report(config: EdgeConfig, who: str, began: Instant, steps: list[Step]) -> Report:
    at = datetime.fromtimestamp(began.utc_ms / 1000, UTC)
    return Report(
        site=config.site,
        gateway=config.gateway,
        board=f"{config.board.name}: {config.board.title}",
        software=version("doorward-edge"),
        numbers=identity(config.broker.host, config.broker.port),
        at_utc=at.strftime("%Y-%m-%d %H:%M:%S"),
        is_clock_sure=began.trust is not ClockTrust.UNKNOWN,
        who=who,
        steps=steps,
    )


def _print(step: Step) -> None:
    typer.echo(f"{MARKS[step.verdict][0]} {step.name}: {step.said.en}")
    if step.verdict is Verdict.FAILED and step.said.zh != step.said.en:
        typer.echo(f"  {step.said.zh}")


def _sums(report: Report) -> str:
    counts = dict.fromkeys(Verdict, 0)
    for step in report.steps:
        counts[step.verdict] += 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _list(config: EdgeConfig) -> None:
    for output in outputs_of(config):
        more = ", a lock" if output.is_lock else ""
        typer.echo(f"output {output.terminal}: GPIO{output.pin}, {output.owner}{more}")
    for line in inputs_of(config):
        typer.echo(f"input {line.terminal}: GPIO{line.pin.pin}, {line.owner}")


def _write(report: Report, folder: Path) -> None:
    stem = f"bench-test-{report.gateway}-{report.at_utc.replace(':', '').replace(' ', '-')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = json.dumps(report.to_wire(), ensure_ascii=False, indent=2) + "\n"
        (folder / f"{stem}.json").write_text(found, "utf-8")
        (folder / f"{stem}.html").write_text(sheet_html(report), "utf-8")
    except OSError as err:
        typer.echo(f"doorward-edge: {folder}: {err.strerror or err}", err=True)
        raise typer.Exit(WRONG) from err
    typer.echo(str(folder / f"{stem}.html"))
