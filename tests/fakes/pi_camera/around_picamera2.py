"""What the real picamera2 imports and cannot have off a Raspberry Pi, replaced before it is loaded.

libcamera is played by `fake_libcamera`; the kernel's memory for pictures by files in memory; what
none of our paths uses (encoders, previews, PIL) by modules that only refuse to work.
"""

import ctypes
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / ".tools" / "test-only"
"""Where the bootstrap has put the real picamera2."""
ABSENT = frozenset(
    "PIL kms piexif prctl pidng simplejpeg videodev2".split()  # noqa: SIM905  # reads as a list
)
_FIOCLEX = 0x5451
"""An order that every file takes, in place of a DMA buffer's order to flush its caches."""


class _AbsentKind(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{cls.__name__}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__} is not here; no path of ours should need it")


def absent(name: str) -> Any:
    """Returns something that can be named, and that refuses to be used."""
    return _AbsentKind(name, (), {})


class _AbsentModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in ABSENT:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__getattr__ = lambda name: _member(module, name)  # type: ignore[method-assign]


def _member(module: ModuleType, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return absent(f"{module.__name__}.{name}")


class FakeFd:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def get(self) -> int:
        return self._fd

    def isValid(self) -> bool:
        return self._fd >= 0


class FakeDmaHeap:
    """Hands out memory that other parts of the process can write by its descriptor."""

    def alloc(self, name: str, size: int) -> FakeFd:
        fd = os.memfd_create(name)
        os.ftruncate(fd, size)
        return FakeFd(fd)

    def close(self) -> None:
        """Nothing is open."""


class FakeSync(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64)]


def install() -> None:
    """Makes `import picamera2` load the real one into these surroundings."""
    from tests.fakes.pi_camera import fake_libcamera

    sys.path.insert(0, str(PACKAGE))
    sys.meta_path.insert(0, _AbsentModules())
    libcamera: Any = fake_libcamera
    controls: Any = ModuleType("libcamera.controls")
    for name in ("ExposureTime", "ExposureTimeMode", "AnalogueGain", "AnalogueGainMode"):
        setattr(controls, name, fake_libcamera.control_id(name))
    controls.draft = absent("controls.draft")
    controls.draft.NoiseReductionModeEnum = ModuleType("NoiseReductionModeEnum")
    for value, name in enumerate(("Off", "Fast", "HighQuality", "Minimal")):
        setattr(controls.draft.NoiseReductionModeEnum, name, value)
    libcamera.controls, libcamera._libcamera = controls, fake_libcamera
    sys.modules["libcamera"], sys.modules["libcamera.controls"] = libcamera, controls
    sys.modules["picamera2.dma_heap"] = _dma_heap()


def _dma_heap() -> ModuleType:
    module: Any = ModuleType("picamera2.dma_heap")
    module.DmaHeap, module.dma_buf_sync, module.UniqueFD = FakeDmaHeap, FakeSync, FakeFd
    module.DMA_BUF_IOCTL_SYNC = _FIOCLEX
    module.DMA_BUF_SYNC_READ, module.DMA_BUF_SYNC_WRITE, module.DMA_BUF_SYNC_RW = 1, 2, 3
    module.DMA_BUF_SYNC_START, module.DMA_BUF_SYNC_END = 0, 4
    return module  # type: ignore[no-any-return]
