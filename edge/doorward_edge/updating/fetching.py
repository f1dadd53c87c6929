"""Bringing bytes here: bounded in length and in time, and taken up where they were cut off."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

import urllib3
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient.fetcher import FetcherInterface

GAP_S = 30.0
"""So long a server may say nothing in the middle of a file."""

LEAST_BYTES_PER_S = 2_000
SLOW_AFTER_S = 60
"""Who sends slower than this for longer than this keeps us from seeing what is new."""

CHUNK_BYTES = 64 * 1024
_HASH = re.compile(r"^[0-9a-f]{64}\.")
_WHOLE, _PART, _NO_SUCH_PART = 200, 206, 416


class RepositoryFetcher(FetcherInterface):
    """Fetches from a server, or from a folder by `file:///`."""

    def __init__(self, ca_file: str, mono_s: Callable[[], float], gap_s: float = GAP_S) -> None:
        """Takes whom to believe, and the monotonic clock.

        Args:
            ca_file: certificates of whoever may say that a server is it; empty: the system's.
            mono_s: the monotonic clock.
            gap_s: so long a server may say nothing.
        """
        self._pool = urllib3.PoolManager(
            retries=False, timeout=gap_s, ca_certs=ca_file or None, cert_reqs="CERT_REQUIRED"
        )
        self._mono_s = mono_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self.chunks(url, 0)[1]

    def chunks(self, url: str, begin: int) -> tuple[int, Iterator[bytes]]:
        """Returns where a server begins, and the bytes from there on.

        Args:
            url: of the file.
            begin: from which byte on it is wanted; a server may begin at 0 all the same.

        Raises:
            DownloadError: the server is not reached, says no, or breaks off.
        """
        if url.startswith("file://"):
            return begin, self._of_file(Path(unquote(urlparse(url).path)), begin)
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        try:
            response = self._pool.request("GET", url, headers=headers, preload_content=False)
        except urllib3.exceptions.NewConnectionError as err:
            raise DownloadError(f"{_named(url)}: {err}") from err
        except urllib3.exceptions.TimeoutError as err:
            raise SlowRetrievalError(f"{_named(url)}: no answer") from err
        except urllib3.exceptions.HTTPError as err:
            raise DownloadError(f"{_named(url)}: {err}") from err
        if response.status == _NO_SUCH_PART and begin:
            response.close()
            return self.chunks(url, 0)
        if response.status not in {_WHOLE, _PART}:
            response.close()
            raise DownloadHTTPError(f"{_named(url)}: status {response.status}", response.status)
        start = begin if response.status == _PART else 0
        return start, self._of_response(url, response)

    def _of_response(self, url: str, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        began_s, received = self._mono_s(), 0
        try:
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                received += len(chunk)
                lasted_s = self._mono_s() - began_s
                if lasted_s > SLOW_AFTER_S and received < lasted_s * LEAST_BYTES_PER_S:
                    raise SlowRetrievalError(f"{_named(url)}: {received} bytes in {lasted_s:.0f} s")
                yield chunk
        except urllib3.exceptions.TimeoutError as err:
            raise SlowRetrievalError(f"{_named(url)}: it stopped after {received} bytes") from err
        except urllib3.exceptions.HTTPError as err:
            raise DownloadError(f"{_named(url)}: cut off after {received} bytes") from err
        finally:
            response.close()

    def _of_file(self, path: Path, begin: int) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                file.seek(begin)
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as err:
            raise DownloadHTTPError(f"{path}: is not there", 404) from err
        except OSError as err:
            raise DownloadError(f"{path}: cannot be read: {err.strerror}") from err


def fetch_to(fetcher: RepositoryFetcher, url: str, part: Path, length: int) -> None:
    """Brings what is missing of a file here; what came stays when it is cut off.

    Args:
        fetcher: where from.
        url: of the file.
        part: grows to exactly `length` bytes, on the disk.
        length: as it was signed.

    Raises:
        DownloadError: it could not be brought here, or is of another length.
        OSError: the disk does not take it.
    """
    have = part.stat().st_size if part.exists() else 0
    if have == length:
        return
    start, chunks = fetcher.chunks(url, have if have < length else 0)
    with part.open("ab") as file:
        file.truncate(start)
        at = start
        for chunk in chunks:
            at += len(chunk)
            if at > length:
                file.truncate(0)
                raise DownloadLengthMismatchError(
                    f"{_named(url)}: more than the {length} bytes signed"
                )
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if at < length:
        raise DownloadError(f"{_named(url)}: cut off after {at} of {length} bytes")


def _named(url: str) -> str:
    """Returns a URL as people are told it: server and file, without the hash before its name."""
    parts = urlparse(url)
    return f"{parts.netloc}/{_HASH.sub('', Path(parts.path).name)}"
