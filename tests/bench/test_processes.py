"""The bench's supervisor: what ends is started again, what is stopped is gone, and what does not serve is named."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.processes import Processes, Program, python
from tests.firmware.service_scene import eventually

READY = "import os, socket; s = socket.socket(1, 2); s.sendto(b'STATUS=up\\nREADY=1', os.environ['NOTIFY_SOCKET'])"
WAITS = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def program(name: str, *lines: str, **environment: str) -> Program:
    return Program(name, [sys.executable, "-c", "\n".join(lines)], environment)


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    made = Processes(tmp_path / "log")
    yield made
    await made.stop()


async def test_it_serves_when_it_says_so_and_is_started_again_when_it_is_killed(processes: Processes) -> None:
    await processes.start(program("one", READY, WAITS))
    one = processes["one"]
    assert one.child
    first = one.child.pid
    one.signal(signal.SIGKILL)
    await eventually(lambda: one.starts == 2 and one.is_ready.is_set(), "it is there again")
    assert one.child.pid != first


async def test_what_ends_by_itself_is_started_again_whatever_its_status(processes: Processes) -> None:
    again = Program("ends", [sys.executable, "-c", "import sys; print('ended'); sys.exit(0)"], {}, lambda: True)
    await processes.start(again)
    await eventually(lambda: processes["ends"].starts >= 3, "three lives")
    await eventually(lambda: processes["ends"].last_words() == "ended", "its log is kept")


async def test_the_death_of_one_is_the_death_of_one(processes: Processes) -> None:
    await processes.start(program("one", READY, WAITS), program("two", READY, WAITS))
    processes["one"].signal(signal.SIGKILL)
    await eventually(lambda: processes["one"].starts == 2, "one is there again")
    assert processes["two"].starts == 1


async def test_what_does_not_serve_is_named_with_its_last_words(processes: Processes) -> None:
    with pytest.raises(TimeoutError, match="mute is not ready after 2 s: no port"):
        await processes.start(program("mute", "print('no port', flush=True)", WAITS), bound_s=2.0)


async def test_it_is_given_its_environment(processes: Processes) -> None:
    tells = "import os; print(os.environ['COLOUR'], flush=True)"
    await processes.start(program("one", tells, READY, WAITS, COLOUR="red"))
    assert processes["one"].last_words() == "red"


async def test_stopping_ends_even_what_is_deaf_and_starts_nothing_again(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "log")
    await processes.start(program("deaf", DEAF, READY, WAITS), program("one", READY, WAITS))
    pids = [each.child.pid for each in processes.all.values() if each.child]
    await processes.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert [each.starts for each in processes.all.values()] == [1, 1]


async def test_who_is_not_there_is_an_error_in_words(processes: Processes) -> None:
    await processes.start(program("one", READY, WAITS))
    with pytest.raises(ValueError, match="service: nobody is not one of one"):
        processes["nobody"]
    one = processes["one"]
    one.signal(signal.SIGSTOP)
    one.signal(signal.SIGCONT)
    await processes.stop()
    with pytest.raises(ProcessLookupError, match="one is not running"):
        one.signal(signal.SIGTERM)
    processes.all.clear()


def test_a_module_is_run_by_this_python() -> None:
    assert python("firmware.panel", "--x") == [sys.executable, "-m", "firmware.panel", "--x"]
