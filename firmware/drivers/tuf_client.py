"""The unit's view of the update repository: `tuf.ngclient` from the image's root, with limits on what a server may do.

Whatever happens the unit keeps what it has: metadata and targets are written only after they were verified. What was
refused is one Refused with its reason. The clock must be right (expiry): the caller asks only when it is disciplined.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3
from tuf.api import exceptions
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

METADATA_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16


class Refused(Exception):
    """What the repository says is not taken; the message says what was wrong with it."""


class SteadyFetcher(FetcherInterface):
    """HTTP that gives a server `gap_s` between bytes and, after `grace_s`, asks `least_bytes_s` of it on average."""

    def __init__(self, gap_s: float = 15.0, grace_s: float = 30.0, least_bytes_s: float = 2_000.0) -> None:
        self.gap_s, self.grace_s, self.least_bytes_s = gap_s, grace_s, least_bytes_s
        self.pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(gap_s))

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            answer = self.pool.request("GET", url, preload_content=False, redirect=False)
        except urllib3.exceptions.NewConnectionError as error:  # to the library a kind of time-out; to us it is none
            raise exceptions.DownloadError(f"{url}: no connection: {error}") from error
        except urllib3.exceptions.TimeoutError as error:
            raise exceptions.SlowRetrievalError(f"{url}: no answer for {self.gap_s:g} s") from error
        if answer.status != 200:
            answer.close()
            raise exceptions.DownloadHTTPError(f"{url}: HTTP status {answer.status}", answer.status)
        return self._chunks(url, answer)

    def _chunks(self, url: str, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        began, got = time.monotonic(), 0
        with contextlib.closing(answer):
            while True:
                try:
                    chunk = answer.read1(CHUNK_BYTES)
                except urllib3.exceptions.TimeoutError as error:
                    raise exceptions.SlowRetrievalError(f"{url}: nothing for {self.gap_s:g} s") from error
                except urllib3.exceptions.HTTPError as error:
                    raise exceptions.DownloadError(f"{url}: broken off: {error}") from error
                if not chunk:
                    return
                got += len(chunk)
                took = time.monotonic() - began
                if took > self.grace_s and got < took * self.least_bytes_s:
                    raise exceptions.SlowRetrievalError(f"{url}: only {got} bytes in {took:.0f} s")
                yield chunk


class Repository:
    """One look at the repository below `url` (with metadata/ and targets/); `root` is the image's own root metadata."""

    def __init__(self, url: str, folder: Path, root: bytes, fetcher: FetcherInterface | None = None) -> None:
        limits = UpdaterConfig(
            snapshot_max_length=METADATA_BYTES, targets_max_length=METADATA_BYTES, root_max_length=METADATA_BYTES
        )
        self.url, self.folder = url, folder
        (folder / "metadata").mkdir(parents=True, exist_ok=True)
        (folder / "targets").mkdir(exist_ok=True)
        with _refusing():
            self.updater = Updater(
                str(folder / "metadata"),
                f"{url}/metadata/",
                str(folder / "targets"),
                f"{url}/targets/",
                fetcher or SteadyFetcher(),
                limits,
                bootstrap=root,
            )

    def refresh(self) -> None:
        """Takes the newest metadata; Refused, and nothing has changed, where it is not right."""
        with _refusing():
            self.updater.refresh()

    def find(self, name: str) -> TargetFile | None:
        """What is signed under `name` (length and hash); None: nothing. Refused as with `refresh`."""
        with _refusing():
            return self.updater.get_targetinfo(name)

    def names(self, prefix: str) -> list[str]:
        """What the targets role has signed below `prefix`, in order of name, as of the last `refresh`."""
        with _refusing():
            known: Metadata[Targets] = Metadata.from_file(str(self.folder / "metadata" / "targets.json"))
            return sorted(name for name in known.signed.targets if name.startswith(prefix))

    def address(self, found: TargetFile) -> str:
        """Where a target is, for who verifies what it takes from there."""
        folder, _, name = found.path.rpartition("/")
        return f"{self.url}/targets/{folder}{'/' if folder else ''}{found.hashes['sha256']}.{name}"

    def fetch(self, found: TargetFile) -> Path:
        """The whole, verified file; what was there before it stays until then."""
        at = self.folder / "targets" / found.path.replace("/", "%2F")
        with _refusing():
            if self.updater.find_cached_target(found, str(at)) is None:
                new = at.with_name(f".{at.name}.new")
                self.updater.download_target(found, str(new))
                new.replace(at)
        return at


REASONS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ExpiredMetadataError, "expired: the repository, or this unit's clock, is behind"),
    (exceptions.UnsignedMetadataError, "not signed by enough of the right keys"),
    (exceptions.BadVersionNumberError, "older than what is known (replayed or mixed)"),
    (exceptions.LengthOrHashMismatchError, "not the content that was signed"),
    (exceptions.DownloadLengthMismatchError, "longer than what was signed"),
    (exceptions.SlowRetrievalError, "too slow"),
    (exceptions.DownloadError, "could not be fetched"),
    (exceptions.RepositoryError, "not valid metadata"),
    (OSError, "could not be kept on this unit's disk"),
)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Every failure of the library as Refused, the kind first, then its own words, in one line."""
    try:
        yield
    except (exceptions.RepositoryError, exceptions.DownloadError, OSError, ValueError, RecursionError) as error:
        kind = next((words for each, words in REASONS if isinstance(error, each)), "not valid metadata")
        raise Refused(f"update refused: {kind} ({' '.join(str(error).split())[:200]})") from error
