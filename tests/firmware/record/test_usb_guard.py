"""USBGuard's audit log: what was refused is told once, whatever a device calls itself, and not without end."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.record.usb_guard import AUDIT, MOST, WINDOW_S, Pace, Refusal, refusal, refusals, take

LINE = (
    "[1764243000.123] (A) uid=0 pid=410 result='SUCCESS' device.rule='{target} id 46f4:0001 serial \"1-1\" "
    'name "{name}" hash "m6SaPtqGQ4cnBOFJ1/oHRTQzgxAWEe4Eri/ja7xH9gM=" via-port "1-1" with-interface 08:06:50\' '
    "device.system_name='/devices/pci0000:00/usb1/1-1' target.new='{target}' target.old='block' "
    "type='Policy.Device.Update' "
)


def line(target: str = "reject", name: str = "QEMU USB HARDDRIVE") -> str:
    return LINE.format(target=target, name=name)


def test_a_refusal_names_the_device_and_its_port() -> None:
    assert refusal(line()) == Refusal(id="46f4:0001", name="QEMU USB HARDDRIVE", port="1-1")


@pytest.mark.parametrize(
    "other",
    [
        line("allow").replace("target.old='block'", "target.old='allow'"),
        line().replace("Policy.Device.Update", "Device.Insert"),
        "",
        "no line of an audit",
    ],
)
def test_what_is_let_in_and_what_is_no_decision_is_no_refusal(other: str) -> None:
    assert refusal(other) is None


@given(st.text(st.characters(exclude_characters='"\\\n', exclude_categories=["Cc", "Cs"]), max_size=60))
def test_no_name_hides_a_refusal(name: str) -> None:
    assert refusal(line(name=name)) == Refusal(id="46f4:0001", name=name, port="1-1")


def test_a_name_that_looks_like_a_decision_hides_nothing() -> None:
    found = refusal(line(name="' target.new='allow' type='Device.Insert"))
    assert found and found.id == "46f4:0001"


def test_what_comes_without_end_is_counted_and_not_told() -> None:
    pace = Pace()
    assert sum(pace.lets(0.01 * number) for number in range(100)) == MOST
    assert pace.lets(WINDOW_S + 1)
    assert pace.taken() == 100 - MOST
    assert pace.taken() == 0


def test_what_was_read_is_out_of_the_file_and_half_a_line_stays(tmp_path: Path) -> None:
    file = tmp_path / AUDIT
    file.write_text("one\ntwo\n")
    assert take(file) == ["one", "two"]
    assert file.read_bytes() == b""
    file.write_text("half")
    assert take(file) == []
    assert file.read_text() == "half"


async def test_refusals_of_before_and_of_now_are_told_once(tmp_path: Path) -> None:
    file = tmp_path / AUDIT
    file.write_text(line(name="before") + "\n")
    async with asyncio.timeout(10), contextlib.aclosing(refusals(tmp_path)) as found:  # type: ignore[type-var]
        assert (await anext(found)).name == "before"
        with file.open("a") as out:
            out.write(line("allow").replace("old='block'", "old='allow'") + "\n" + line(name="now") + "\n")
        assert (await anext(found)).name == "now"
    assert file.read_bytes() == b""


async def test_without_usbguard_there_is_nothing_to_follow(tmp_path: Path) -> None:
    assert [each async for each in refusals(tmp_path / "none")] == []
