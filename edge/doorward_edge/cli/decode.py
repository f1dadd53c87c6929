"""`doorward-edge decode`: what the gateway's readers see in pictures."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import Decoded, DecoderClient, Loss
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.natural import SUFFIXES, natural_key
from doorward_edge.scan import Symbology
from doorward_edge.stages.decode import STILL_PASSES

_MIB = 2**20
MAX_FILE_BYTES = 64 * _MIB
CHILD_MEMORY_BYTES = 1024 * _MIB
DEADLINE_MS = 30_000
START_TIMEOUT_S = 30.0

_ERRORS = {
    Loss.NOT_READY: "the decoder did not start in time",
    Loss.DIED: "the decoder died of this file",
    Loss.HUNG: f"the decoder was not done within {DEADLINE_MS // 1000} s",
    Loss.NONSENSE: "the decoder answered nonsense",
    Loss.TOO_LARGE: "the picture is too large",
    Loss.NOT_AN_IMAGE: "not a picture that can be opened",
    Loss.FAILED: "the decoder failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of one file.

    Attributes:
        texts: what the codes say that count.
        reader: which reader and pass saw them, or "".
        ms: time of the readers and of opening the picture.
        problems: why other codes do not count.
        error: why the file could not be looked at, or "".
    """

    file: str
    texts: tuple[str, ...] = ()
    reader: str = ""
    ms: float = 0.0
    problems: tuple[str, ...] = ()
    error: str = ""

    def to_json(self) -> str:
        """Returns one line; `error` only where there is one."""
        fields = asdict(self)
        if not self.error:
            del fields["error"]
        return json.dumps(fields, ensure_ascii=False)


def decode(
    paths: list[Path] = typer.Argument(help="Pictures, and folders of pictures."),
    symbology: list[Symbology] = typer.Option([Symbology.QR], help="What to look for; repeatable."),
    json_output: bool = typer.Option(False, "--json", help="One JSON object a picture."),
) -> None:
    """Reads the codes in pictures with every pass there is, in the sandboxed decoder.

    Exit status: 0 also where nothing is found; a file that cannot be opened has an error instead of
    texts.
    """
    files = list(_files(paths))
    if not files:
        typer.echo(f"no pictures in {', '.join(map(str, paths))}", err=True)
        return
    settings = ChildSettings(
        symbologies=tuple(symbology),
        frame_bytes=MAX_FILE_BYTES,
        memory_bytes=CHILD_MEMORY_BYTES,
        reads_files=True,
    )
    client = DecoderClient(settings, SystemClock(ClockSource.ASSUME), deadline_ms=DEADLINE_MS)
    try:
        readings = (_read(client, file) for file in _shown(files))
        if json_output:
            for reading in readings:
                print(reading.to_json(), flush=True)
        else:
            _print(list(readings))
    finally:
        client.close()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Returns the files that are meant: those of a folder that are named as pictures, in order."""
    for path in paths:
        if path.is_dir():
            found = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            yield from sorted(found, key=lambda p: natural_key(str(p)))
        else:
            yield path


def _shown(files: list[Path]) -> Iterable[Path]:
    """Returns the same files, with a progress bar for several of them on a terminal."""
    if len(files) < 2 or not sys.stderr.isatty():
        return files
    # Not at the top: `run` and `simulate` are in the same program and print no tables.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    return track(files, "Reading", console=Console(stderr=True), transient=True)


def _read(client: DecoderClient, file: Path) -> Reading:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return Reading(file=str(file), error=f"larger than {MAX_FILE_BYTES // _MIB} MiB")
        content = file.read_bytes()
    except OSError as err:
        return Reading(file=str(file), error=err.strerror or str(err))
    client.wait_ready(START_TIMEOUT_S)
    began = time.perf_counter()
    decoded = client.decode_file(content, STILL_PASSES)
    return _reading(file, decoded, (time.perf_counter() - began) * 1000)


def _reading(file: Path, decoded: Decoded, took_ms: float) -> Reading:
    counting = [s for s in decoded.sightings if not s.problem]
    return Reading(
        file=str(file),
        texts=tuple(dict.fromkeys(s.payload.decode("utf-8", "backslashreplace") for s in counting)),
        reader=decoded.sightings[0].reader if decoded.sightings else "",
        ms=round(took_ms, 1),
        problems=tuple(dict.fromkeys(s.problem for s in decoded.sightings if s.problem)),
        error=_ERRORS[decoded.loss] if decoded.loss else "",
    )


def _print(readings: list[Reading]) -> None:
    from rich.console import Console  # noqa: PLC0415 (as above)
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    def shown_text(text: str) -> str:
        """A code is written by strangers: no markup, no commands to the terminal."""
        return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))

    table = Table("file", "text", "reader", "ms", box=None, pad_edge=False)
    for reading in readings:
        said = [*map(shown_text, reading.texts), *(f"[yellow]{p}[/]" for p in reading.problems)]
        if reading.error:
            said = [f"[red]{escape(reading.error)}[/]"]
        text = "\n".join(said) or "[dim]nothing[/]"
        table.add_row(escape(reading.file), text, reading.reader, f"{reading.ms:.1f}")
    Console(highlight=False).print(table)
