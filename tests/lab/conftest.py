"""The image and its boot loader in QEMU: minutes of emulation, so `make test-image` asks for it by HDU_LAB."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image import build
from image.build import Built
from image.places import CHECKOUT, alone, cache, content, key
from image.tools import Tools
from tests.lab import environment, guest, rehearsal
from tests.lab.enrolled import Unit, enrolled
from tests.lab.guest import Guest
from tests.lab.virt import plugged
from tests.lab.web import Shelf, shelf

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    if not os.environ.get("HDU_LAB"):
        skip(ours, "boots machines in QEMU: make test-image")
    elif not environment.has("virt"):
        skip(
            [item for item in ours if not item.get_closest_marker("outside")],
            "needs more than a console and power: QEMU",
        )


def skip(items: list[pytest.Item], reason: str) -> None:
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def times() -> Iterator[None]:
    """Each state that a unit gets to is told with how long it took."""
    with environment.times_told():
        yield


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def tools() -> Tools:
    """QEMU and what makes cards; fetched once."""
    return build.tools(told)


@pytest.fixture(scope="session")
def built() -> Built:
    return build.build("0.1.0", None, told)


@pytest.fixture(scope="session")
def ready(built: Built, tools: Tools) -> Path:
    """A unit that is up, proven and has something to lose, saved; made once for an image."""
    how = key(built.folder.name, content(HERE / "guest.py", HERE / "rehearsal.py", CHECKOUT / "image" / "machine.py"))
    folder = cache() / "ready" / how
    with alone(folder):
        if not (folder / guest.READY_STATE).exists():
            make_ready(built, tools, folder)
    return folder


def make_ready(built: Built, tools: Tools, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    guest.fresh(built, folder, tools)
    with plugged(Guest(folder, tools)) as run, rehearsal.responder(folder) as probes:
        run.is_ready()
        rehearsal.prepare(run, probes)
        guest.save(run)


@pytest.fixture
def up(ready: Path, tools: Tools, tmp_path: Path) -> Iterator[Guest]:
    """That unit, going on from there."""
    with plugged(guest.resumed(ready, tmp_path / "machine", tools)) as run:
        yield guest.go_on(run)


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """That unit once for a file of tests, known to an agency and connected."""
    with enrolled(ready, tools, tmp_path_factory.mktemp("unit")) as made:
        yield made


@pytest.fixture
def blank(built: Built, tools: Tools, tmp_path: Path) -> Path:
    """The folder of a machine with a card as it was flashed."""
    return guest.fresh(built, tmp_path / "machine", tools).parent


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shelf]:
    """Where central IT publishes."""
    with shelf(tmp_path / "shelf") as made:
        yield made
