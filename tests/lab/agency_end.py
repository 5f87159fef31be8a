"""The agency's SIP server and phone at the hub's end of wg-voice: `python -m tests.lab.agency_end FOLDER`.

FOLDER/phone.sock takes an order of the twin's a line (hw/agency/twin.py) as JSON, or an empty one, and answers with its
state.
"""

import asyncio
import json
import sys
from pathlib import Path

from firmware.failover.tunnels import VOICE
from hw.agency.twin import AgencyTwin
from tests.lab.rehearsal import NAME


async def serve(folder: Path) -> None:
    twin = AgencyTwin(folder / "calls", VOICE.hub(), NAME)
    await twin.start()

    async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        order = json.loads(await reader.readline())
        if order:
            await twin.command(order)
        writer.write(json.dumps(twin.state()).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(asked, folder / "phone.sock")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
