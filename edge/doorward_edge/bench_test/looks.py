"""Steps about cameras: a picture, light in it, the decoder, and a code that is held up."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from doorward_edge.bench_test.person import Person
from doorward_edge.bench_test.results import Step, failed, passed, skipped
from doorward_edge.decoder.client import Loss
from doorward_edge.perception import Words
from doorward_edge.scan import Scan
from doorward_edge.sight import Examined

FIRST_PICTURE_S = 20.0
PICTURES_TO_START = 200
"""Of a camera with ten a second: the decoder has 20 s to start, as on a slow card."""
HOLD_UP_S = 30.0
TURN_S = 1.0
DARK_OF_255, BRIGHT_OF_255 = 25, 240
"""A covered lens, and one into which the sun shines."""


class Looking(Protocol):
    """What a camera's pictures are looked at with; `Sight` is the real one."""

    def examine(self, timeout_s: float) -> Examined | None:
        """Returns the next picture, and whether the decoder could look at it."""

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        """Returns the codes of the next picture with one."""

    def close(self) -> None:
        """Lets go of the camera."""


def try_camera(name: str, open_sight: Callable[[], Looking], person: Person) -> Iterator[Step]:
    """Yields a step for the picture, and one for a code that is held up."""
    with closing(open_sight()) as sight:
        picture = _picture(f"camera {name}", sight)
        yield picture
        code = f"code {name}"
        if picture.figures.get("brightness") is None:
            yield skipped(code, "there is no picture to read it from", "没有画面可读")
        elif not person.is_there:
            yield skipped(code, "nobody held a code up", "无人出示二维码")
        else:
            yield _code(code, name, sight, person)


def _first_looked_at(sight: Looking) -> Examined | None:
    """Returns the first picture at which a decoder that has just been started could look."""
    seen = sight.examine(FIRST_PICTURE_S)
    for _ in range(PICTURES_TO_START):
        if seen is None or seen.loss != Loss.NOT_READY:
            break
        seen = sight.examine(FIRST_PICTURE_S)
    return seen


def _picture(name: str, sight: Looking) -> Step:
    seen = _first_looked_at(sight)
    if seen is None:
        return failed(
            name,
            f"no picture within {FIRST_PICTURE_S:.0f} s: ribbon, overlay, or in use elsewhere",
            f"{FIRST_PICTURE_S:.0f} 秒内没有画面：检查排线、overlay，或被其他程序占用",
        )
    height, width = seen.luma.shape
    brightness = float(seen.luma.mean())
    figures = {"brightness": brightness, "decode_ms": seen.decode_us / 1000}
    if seen.loss:
        return failed(
            name,
            f"the decoder did not look: {seen.loss}",
            f"解码器未能查看：{seen.loss}",
            **figures,
        )
    if not DARK_OF_255 <= brightness <= BRIGHT_OF_255:
        en, zh = ("dark", "过暗") if brightness < DARK_OF_255 else ("bright", "过亮")
        return failed(
            name,
            f"the picture is too {en}: {brightness:.0f} of 255 on average; cover, light, exposure",
            f"画面{zh}：平均 {brightness:.0f}/255；检查镜头盖、光照、曝光",
            **figures,
        )
    return passed(
        name,
        f"{width}x{height}, {brightness:.0f} of 255 bright, looked at in "
        f"{figures['decode_ms']:.1f} ms",
        f"{width}x{height}，亮度 {brightness:.0f}/255，查看用时 {figures['decode_ms']:.1f} 毫秒",
        **figures,
    )


def _code(name: str, camera: str, sight: Looking, person: Person) -> Step:
    person.tells(
        Words(
            f"Hold a code up to camera {camera}, as people will, at their distance.",
            f"请按实际使用距离向摄像头 {camera} 出示一个二维码。",
        )
    )
    for _ in range(int(HOLD_UP_S / TURN_S)):
        scans = sight.next_scans(TURN_S)
        if scans:
            return passed(name, "a code was read", "已读到二维码")
    return failed(
        name,
        f"no code was read within {HOLD_UP_S:.0f} s; `doorward-edge aim` says why",
        f"{HOLD_UP_S:.0f} 秒内未读到二维码；请用 `doorward-edge aim` 查看原因",
    )
