"""Every attack once more, over HTTP: refused with the same reason, which reaches the fleet's view."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.drivers.tuf_client import Refused, Repository, SteadyFetcher
from firmware.facts import Update
from hdu.fleet import report
from hub import fleet
from tests.hdu.test_publish import Site
from tests.hub.updates.conftest import BUNDLE, Agency, Server, Unit, endless, stalled
from tests.hub.updates.test_attacks import ATTACKS

GAP_S = 0.4  # between bytes, before a server is called slow


@contextmanager
def hostile(server: Server) -> Iterator[str]:
    """What `server` would say from memory, said on a socket."""

    class Handler(Site):
        def do_GET(self) -> None:
            answer = server.answers.get(self.path[1:], server.files.get(self.path[1:]))
            if answer is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            try:
                if answer is stalled:
                    self.wfile.write(b"{")
                    gone.wait(20)
                elif callable(answer):
                    for part in answer():
                        self.wfile.write(part)
                else:
                    self.wfile.write(answer)
            except OSError:
                return  # the unit has had enough

    gone = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}"
        finally:
            gone.set()
            web.shutdown()
            thread.join()


def refusal(unit: Unit) -> str:
    """Why a unit that looks at this server over HTTP takes nothing; fails where it takes something."""
    with hostile(unit.server) as url, pytest.raises(Refused) as refused:
        look = Repository(url, unit.folder, unit.root, SteadyFetcher(gap_s=GAP_S))
        look.refresh()
        found = look.find(BUNDLE)
        assert found is not None
        look.fetch(found)
    return str(refused.value)


def told(reason: str) -> list[tuple[str, int]]:
    """What `hdu fleet` and the roll-out page count, of a unit that says so in its status document."""
    run = fleet.run("hdu-0001", "1.0", Update(refused=reason), 0.0)
    return report([run], None, 0.0).refusals


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_is_refused_with_its_reason_here_and_in_the_fleet(
    attack: Callable[[Agency, Unit], None], agency: Agency, unit: Unit
) -> None:
    attack(agency, unit)
    before = {name: data for name, data in unit.kept().items() if name.startswith("targets")}
    reason = refusal(unit)
    assert ATTACKS[attack] in reason and "\n" not in reason
    assert {name: data for name, data in unit.kept().items() if name.startswith("targets")} == before
    assert told(reason) == [(reason, 1)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"evil", "not the content"),
        (b"evil and long" * 9, "longer than"),
        (endless, "longer than"),
        (stalled, "too slow"),
    ],
    ids=["swapped", "longer", "endless", "slow"],
)
def test_a_target_swapped_after_signing_is_refused(agency: Agency, unit: Unit, content: object, words: str) -> None:
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    (path,) = [name for name, data in unit.server.files.items() if data == b"release two"]
    unit.server.answers[path] = content  # type: ignore[assignment]
    before = {name: data for name, data in unit.kept().items() if name.startswith("targets")}
    assert words in refusal(unit)
    assert {name: data for name, data in unit.kept().items() if name.startswith("targets")} == before


def test_a_frozen_repository_is_noticed(tmp_path: Path) -> None:
    frozen = Agency(tmp_path / "frozen")
    frozen.ceremony(days_ago=3)
    frozen.release({BUNDLE: b"release one"}, days_ago=3)
    unit = Unit(tmp_path / "unit", frozen.files()["metadata/1.root.json"], Server(frozen.files()))
    assert "expired" in refusal(unit)
