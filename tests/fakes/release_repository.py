"""A repository of releases, made with the controller's own tools, and a server with mischief."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from doorward.software import Part, Release, Version
from doorward_controller.releases import publishing, staging
from doorward_controller.releases.folder import Folder, write
from doorward_controller.releases.staging import Signatories
from tools.releasing.bundle import Wheel, write_bundle

PLATFORM = "cp311-x86_64"
EPOCH_S = 1_700_000_000


def new_signer() -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.generate())


def small_release(
    folder: Path, version: str, *, content: bytes = b"wheel", floor: str = "0.0.0"
) -> Path:
    """Writes a release's file with one small wheel in it."""
    release = Release(
        part=Part.GATEWAY,
        version=Version.parse(version),
        platform=PLATFORM,
        floor=Version.parse(floor),
        notes={"en": f"What is new in {version}"},
    )
    wheel = Wheel(name="doorward", version=version, file="doorward-1-any.whl", content=content)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(release.path).name
    write_bundle(release, [wheel], EPOCH_S, path)
    return path


@dataclass(kw_only=True)
class Publisher:
    """Everybody who signs, and the folder that is served."""

    root: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    root_keys: list[CryptoSigner] = field(default_factory=lambda: [new_signer() for _ in range(3)])
    targets_keys: list[CryptoSigner] = field(
        default_factory=lambda: [new_signer() for _ in range(3)]
    )
    online: CryptoSigner = field(default_factory=new_signer)

    @property
    def folder(self) -> Folder:
        return Folder(root=self.root)

    @property
    def signatories(self) -> Signatories:
        return Signatories(
            root=[key.public_key for key in self.root_keys],
            root_threshold=2,
            targets=[key.public_key for key in self.targets_keys],
            targets_threshold=2,
            online=self.online.public_key,
        )

    def begin(self) -> "Publisher":
        staging.stage_first(self.folder, self.signatories, self.now)
        self.sign_root()
        self.sign_targets()
        assert self.publish() == ()
        return self

    @property
    def first_root(self) -> bytes:
        return self.folder.published("root", 1).read_bytes()

    def sign_root(self, *signers: CryptoSigner) -> None:
        for signer in signers or self.root_keys[:2]:
            staging.sign(self.folder.waiting("root"), signer)

    def sign_targets(self, *signers: CryptoSigner) -> None:
        for signer in signers or self.targets_keys[:2]:
            staging.sign(self.folder.waiting("targets"), signer)

    def publish(self) -> tuple[publishing.Waiting, ...]:
        return publishing.publish(self.folder, self.online, self.now)

    def release(self, version: str, *, content: bytes = b"wheel", floor: str = "0.0.0") -> None:
        """Makes, signs and publishes a release."""
        path = small_release(self.root / "made", version, content=content, floor=floor)
        staging.stage_targets(self.folder, self.now, add=[path])
        self.sign_targets()
        assert self.publish() == ()

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)

    def put(self, role: str, metadata: Metadata, version: int | None = None) -> None:  # type: ignore[type-arg]
        """Serves metadata, however it is signed."""
        path = self.folder.timestamp() if role == "timestamp" else None
        write(path or self.folder.published(role, version or metadata.signed.version), metadata)


Answer = Callable[["Mirror", BaseHTTPRequestHandler, str], bool]
"""Answers a request in its own way, or returns False for the honest one."""


@dataclass(kw_only=True)
class Mirror:
    """Serves a folder over HTTP; `mischief` may answer instead."""

    root: Path
    mischief: Answer | None = None
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    cut_after: int | None = None
    is_over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.lstrip("/")
        self.asked.append(path)
        if self.mischief is not None and self.mischief(self, request, path):
            return
        file = self.root / path
        if not file.is_file() or ".." in path or path.startswith("staged"):
            request.send_error(404)
            return
        self._send(request, file.read_bytes(), is_target=path.startswith("targets/"))

    def _send(self, request: BaseHTTPRequestHandler, content: bytes, *, is_target: bool) -> None:
        wanted = request.headers.get("Range", "")
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if wanted:
            self.ranges.append(wanted)
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Length", str(len(content) - begin))
        request.end_headers()
        body = content[begin:]
        if is_target and self.cut_after is not None:
            body, self.cut_after = body[: self.cut_after], None
        request.wfile.write(body)
        request.close_connection = True


@contextmanager
def serving(root: Path, mischief: Answer | None = None) -> Iterator[Mirror]:
    """A server on a free port of this machine."""
    mirror = Mirror(root=root, mischief=mischief)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                mirror.handle(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    mirror.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield mirror
    finally:
        mirror.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def without_end(mirror: Mirror, request: BaseHTTPRequestHandler, path: str) -> bool:
    """Sends a target's file on and on."""
    if not path.startswith("targets/"):
        return False
    request.send_response(200)
    request.end_headers()
    request.close_connection = True
    until = time.monotonic() + 20
    while not mirror.is_over.is_set() and time.monotonic() < until:
        request.wfile.write(b"\0" * 65536)
    return True
