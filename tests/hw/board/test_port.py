"""The socket a machine connects to: what it says is heard, what is said reaches it, and each end is told once."""

import asyncio
from pathlib import Path

from hw.board.port import Port


async def test_one_machine_after_the_other(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    port = Port(
        tmp_path / "port.sock",
        lambda: told.put_nowait("began"),
        lambda line: told.put_nowait(line.decode()),
        lambda: told.put_nowait("ended"),
    )
    await port.start()
    port.say("nobody is there")
    for name in ("first", "second"):
        reader, writer = await asyncio.open_unix_connection(port.at)
        writer.write(f"{name}\n".encode())
        async with asyncio.timeout(10):
            assert [await told.get(), await told.get()] == ["began", f"{name}\n"]
            assert port.taken
            port.say("go on")
            assert await reader.readline() == b"go on\n"
            writer.close()
            assert await told.get() == "ended"
        assert not port.taken
    await port.close()
    assert not port.at.exists()


async def test_the_late_end_of_the_one_before_is_not_the_end_of_the_next(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    began = asyncio.Event()
    port = Port(tmp_path / "port.sock", began.set, print, lambda: told.put_nowait("ended"))
    await port.start()
    async with asyncio.timeout(10):
        _, first = await asyncio.open_unix_connection(port.at)
        await began.wait()
        began.clear()
        reader, second = await asyncio.open_unix_connection(port.at)
        await began.wait()
        first.close()
        await first.wait_closed()
        port.say("go on")
        assert await reader.readline() == b"go on\n"
        assert told.empty() and port.taken
        second.close()
        assert await told.get() == "ended"
    await port.close()
    assert told.empty()
