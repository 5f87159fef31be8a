"""A published repository, and a server of it in memory that can be told to misbehave."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from firmware.drivers import tuf_client
from hub.updates.repository import Repository
from hub.updates.role_files import add_signature

BUNDLE = "bundles/hdu-1.0.raucb"
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Agency:
    """The keys of everybody, and the repository they publish."""

    folder: Path
    holders: list[CryptoSigner] = field(default_factory=lambda: [CryptoSigner.generate_ed25519() for _ in range(3)])
    token: CryptoSigner = field(default_factory=CryptoSigner.generate_ecdsa)
    online: CryptoSigner = field(default_factory=CryptoSigner.generate_ed25519)

    def repository(self, days_ago: float = 0) -> Repository:
        return Repository(self.folder, NOW - timedelta(days=days_ago))

    def ceremony(self, signers: int = 2, days_ago: float = 0) -> None:
        repository = self.repository(days_ago)
        at = repository.draft_root(
            [each.public_key for each in self.holders], 2, [self.token.public_key], self.online.public_key
        )
        for each in self.holders[:signers]:
            add_signature(at, each)
        repository.publish_root()

    def release(self, files: dict[str, bytes], days_ago: float = 0) -> None:
        repository = self.repository(days_ago)
        made = {}
        for name, content in files.items():
            made[name] = self.folder / "in" / name.replace("/", "-")
            made[name].parent.mkdir(exist_ok=True)
            made[name].write_bytes(content)
        at = repository.stage(made, halts=self.online.public_key)
        add_signature(at, self.token)
        repository.release(self.online)

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def files(self) -> dict[str, bytes]:
        """What a web server serves, by path."""
        return {str(at.relative_to(self.public)): at.read_bytes() for at in self.public.rglob("*") if at.is_file()}


Answer = bytes | Callable[[], Iterator[bytes]]


class Server(FetcherInterface):
    """Serves a dictionary; `answers` says what it says instead: bytes, or a stream."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix("memory://")
        self.asked.append(path)
        answer = self.answers.get(path, self.files.get(path))
        if answer is None:
            raise DownloadHTTPError("HTTP status 404", 404)
        return answer() if callable(answer) else iter([answer])


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65_536


def stalled() -> Iterator[bytes]:
    yield b"{"
    raise SlowRetrievalError("nothing for 15 s")


@dataclass
class Unit:
    """A unit's update client, each look at the server a new one as after a restart."""

    folder: Path
    root: bytes
    server: Server

    def look(self) -> tuf_client.Repository:
        made = tuf_client.Repository("memory:/", self.folder, self.root, self.server)
        made.refresh()
        return made

    def take(self, name: str = BUNDLE) -> bytes:
        look = self.look()
        found = look.find(name)
        assert found is not None
        return look.fetch(found).read_bytes()

    def kept(self) -> dict[str, bytes]:
        """What the unit trusts and has; root links that were followed correctly are no harm and may grow."""
        found = {str(at.relative_to(self.folder)): at.read_bytes() for at in self.folder.rglob("*") if at.is_file()}
        return {name: data for name, data in found.items() if "root" not in name}


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path / "agency")
    made.ceremony()
    made.release({BUNDLE: b"release one"})
    return made


@pytest.fixture
def unit(tmp_path: Path, agency: Agency) -> Unit:
    """A unit that took the first release."""
    made = Unit(tmp_path / "unit", agency.files()["metadata/1.root.json"], Server(agency.files()))
    assert made.take() == b"release one"
    return made
