"""What a person sees of a walk, and what they get of it: here a walk that this test makes, there the real one."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec
import pytest

from firmware import bus
from firmware.acceptance.finding import Finding
from firmware.acceptance.progress import Asked, Failed, Found, Line, Signed, Walk, after, begun
from firmware.acceptance.report import verify
from hdu import cli
from hdu.acceptance.viewing import news
from tests.firmware.acceptance.test_report import REPORT, signed, unit

__all__ = ["unit"]
BOUND_S = 40.0
MUTE = Finding("mute", "passed", "silence [was] measured", 1.0)
ASKED = Asked("mute", "Press MUTE once.")


def test_only_what_is_new_is_told_and_an_ask_once() -> None:
    first = after(begun("Sam", ""), ASKED)
    assert list(news(Walk(), first)) == ["\n[bold cyan]mute:[/] [bold]Press MUTE once.[/]"]
    second = after(after(first, Found(MUTE)), Asked("mute off", ""))
    (line,) = news(first, second)
    assert "silence \\[was] measured" in line
    assert list(news(second, second)) == []
    assert len(list(news(Walk(), after(second, Found(MUTE))))) == 2, "who comes back sees all of it"


class Desk:
    """The unit's part: a walk of two lines, a step at a time as the test says, and the report it signed."""

    def __init__(self, report: bytes) -> None:
        self.signed = report.decode()
        self.begun: list[tuple[str, str, float]] = []
        methods = [
            bus.Method("Begin", "ssd", ("technician", "panel", "patience_s"), "s", self.begin),
            bus.Method("Report", "", (), "s", self.report),
        ]
        self.export = bus.Export(bus.connect(), "Acceptance", Walk(), methods)

    async def begin(self, technician: str, panel: str, patience_s: float) -> str:
        if self.export.value.state == "running":
            raise ValueError("acceptance: not now: one is running (Sam); take it up, or stop it")
        if technician == "Kim":
            raise ValueError("acceptance: not now: a call is active; wait for its end")
        self.begun.append((technician, panel, patience_s))
        self.export.set(begun(technician, "2026-11-22T21:00:00.000Z"))
        return ""

    async def report(self) -> str:
        return self.signed

    def take(self, line: Line) -> None:
        self.export.set(after(self.export.value, line))

    def end(self) -> None:
        self.take(Found(MUTE))
        self.take(Signed("accepted", self.signed))


@pytest.fixture
async def desk(private_bus: str, unit: Path) -> Desk:
    assert private_bus
    made = Desk(signed(unit))
    await made.export.own()
    return made


async def hdu(*arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "hdu.cli", "selftest", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=dict(os.environ))


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, bytes, str]:
    async with asyncio.timeout(BOUND_S):
        out, err = await process.communicate()
    return process.returncode, out, err.decode()


async def heard(stream: asyncio.StreamReader | None, words: str) -> None:
    assert stream is not None
    async with asyncio.timeout(BOUND_S):
        while words not in (await stream.readline()).decode():
            assert not stream.at_eof(), words


async def test_a_session_that_breaks_is_taken_up_and_the_report_comes_alone_on_standard_output(
    desk: Desk, unit: Path
) -> None:
    lost = await hdu("--acceptance", "--technician", "Sam", "--panel", "PNL-00317", "--to", "-")
    while not desk.begun:  # noqa: ASYNC110 (the call comes over the bus)
        await asyncio.sleep(0.01)
    desk.take(ASKED)
    await heard(lost.stderr, "Press MUTE once.")
    lost.kill()
    await lost.wait()
    for words in (("--technician", "Sam"), ()):
        again = await hdu("--acceptance", "--to", "-", *words)
        await heard(again.stderr, "Press MUTE once.")
        if words:
            again.kill()
            await again.wait()
    desk.end()
    status, out, err = await ended(again)
    assert (status, verify(out, (unit / "ca.pem").read_bytes())) == (0, REPORT)
    assert "accepted" in err and "silence [was] measured" in err
    assert desk.begun == [("Sam", "PNL-00317", 180.0)]
    assert (await ended(await hdu("--acceptance", "--to", "-")))[1] == out, "after its end the report is handed out"


async def test_both_files_where_there_is_a_folder(desk: Desk, tmp_path: Path) -> None:
    desk.export.set(Walk(state="ended", verdict="accepted"))
    status, out, _ = await ended(await hdu("--acceptance", "--to", str(tmp_path)))
    assert status == 0 and b"signed by the unit" in out
    assert (tmp_path / "hdu-0001-acceptance.json").read_text() == desk.signed
    assert (tmp_path / "hdu-0001-acceptance.pdf").read_bytes().startswith(b"%PDF")


async def test_what_does_not_begin_or_ends_without_a_report_is_one_line(desk: Desk) -> None:
    status, _, err = await ended(await hdu("--acceptance", "--technician", "Kim", "--to", "-"))
    assert (status, err) == (1, "hdu selftest: acceptance: not now: a call is active; wait for its end\n")
    desk.export.set(begun("Sam", ""))
    desk.take(Failed("it was stopped"))
    assert (await ended(await hdu("--acceptance", "--to", "-")))[::2] == (
        1,
        "hdu selftest: the acceptance ended without a report: it was stopped\n",
    )
    desk.export.set(Walk())
    desk.signed = ""
    status, out, err = await ended(await hdu("--acceptance", "--to", "-"))
    assert (status, out) == (2, b"") and "--technician NAME" in err
    status, _, err = await ended(await hdu("--acceptance", "--to", "/nowhere"))
    assert status == 2 and "/nowhere is no folder" in err


def test_the_agency_prints_what_came_from_afar_once_it_believes_it(
    unit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, to = tmp_path / "report.json", tmp_path / "papers"
    to.mkdir()
    call = ["selftest", "--paper", str(file), "--authority", str(unit / "ca.pem"), "--to", str(to)]
    file.write_bytes(signed(unit))
    assert cli.main(call) == 0
    assert (to / "hdu-0001-acceptance.pdf").read_bytes().startswith(b"%PDF")
    assert "hdu-0001, accepted on 2026-11-22" in capsys.readouterr().out
    (to / "hdu-0001-acceptance.pdf").unlink()
    file.write_bytes(signed(unit).replace(b"Sam Field", b"Sam Fielt"))
    assert cli.main(call) == 1
    assert "changed after it was signed" in capsys.readouterr().err and not list(to.iterdir())
    failed = msgspec.structs.replace(REPORT, passed=False)
    file.write_bytes(signed(unit, failed))
    assert cli.main(call) == 1 and list(to.iterdir())
