"""The agency's side of a call: its SIP server and a phone that rings the unit, speaks, and records what it hears."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hw.agency import phone, sip_server
from hw.agency.desk import Desk

CODECS = {"opus": "opus/48000/1", "pcmu": "pcmu/8000/1", "pcma": "pcma/8000/1"}
ENCRYPTION = {"srtp-sdes": "srtp-mand", "srtp-dtls": "dtls_srtp", "none": ""}


class AgencyTwin:
    """`address` is the hub's in the tunnel, `prefix` what runs a command there (`nsenter --net=...`); () is here.

    `rings` is the unit's extension. `codec` is what the agency offers first.
    """

    def __init__(
        self,
        folder: Path,
        address: str,
        rings: str = "hdu-0001",
        prefix: Sequence[str] = (),
        *,
        sip_port: int = 5060,
        phone_port: int = 5070,
        control_port: int = 4455,
        encryption: str = "srtp-sdes",
        codecs: Sequence[str] = ("opus", "pcmu", "pcma"),
        passwords: dict[str, str] | None = None,
        speech_s: float = 60.0,
    ) -> None:
        self.folder, self.address, self.rings, self.prefix = folder, address, rings, tuple(prefix)
        self.sip_port, self.phone_port, self.control_port = sip_port, phone_port, control_port
        self.encryption, self.codecs, self.passwords = encryption, codecs, passwords or {}
        self.desk = Desk(folder / "desk", speech_s)
        self.call, self.last_end = "idle", ""
        self.quiet = asyncio.Event()
        self.quiet.set()
        self.phone = phone.Phone(folder / "phone", prefix, self._told)
        self.server: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.desk.start()
        await self.start_server()
        config = phone.configuration(self.address, self.phone_port, self.control_port)
        await self.phone.start(config, self._accounts(), self.control_port, self.desk.server.environment)

    async def start_server(self) -> None:
        """The registrar, with nobody registered yet."""
        config = self.folder / "kamailio.cfg"
        config.write_text(sip_server.configuration(self.address, self.sip_port, self.passwords))
        run = self.folder / "kamailio"
        run.mkdir(exist_ok=True)
        with (self.folder / "kamailio.log").open("ab") as log:
            self.server = await asyncio.create_subprocess_exec(
                *(*self.prefix, "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", str(config), "-Y", str(run)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def stop_server(self) -> None:
        if self.server and self.server.returncode is None:
            self.server.terminate()
            await self.server.wait()

    def _accounts(self) -> str:
        """Two extensions on one phone: the one that rings the unit, and one to transfer to."""
        menc = ENCRYPTION[self.encryption]
        parts = [
            f"<sip:{{name}}@{self.address}:{self.sip_port}>",
            "regint=60",
            f"audio_codecs={','.join(CODECS[name] for name in self.codecs)}",
            "answermode=auto",
            *([f"mediaenc={menc}"] if menc else []),
        ]
        return "".join(";".join(parts).format(name=name) + "\n" for name in ("agency", "supervisor"))

    def state(self) -> dict[str, object]:
        """`heard_rms`: the level the agency hears, 0 to 1; None outside a call. It speaks all through one."""
        active = self.call == "active"
        return {
            "state": self.call,
            "heard_rms": self.desk.rms if active else None,
            "saying": self.desk.said.name if active else None,
            "last_end": self.last_end,
        }

    async def command(self, body: dict[str, object]) -> None:
        """`{"action": "ring"}` calls the unit, `{"action": "hang-up"}` ends that."""
        action = body.get("action")
        if set(body) != {"action"} or action not in ("ring", "hang-up"):
            raise ValueError(f'call: {body} is not known; send {{"action": "ring"}} or {{"action": "hang-up"}}')
        if action == "ring" and self.call != "idle":
            raise ValueError(f"call: cannot ring, the call is {self.call}; hang up first")
        await self._ring() if action == "ring" else await self.phone.do("hangup")

    async def _ring(self) -> None:
        self.call = "ringing"
        self.quiet.clear()
        await self.phone.do("dial", f"sip:{self.rings}@{self.address}:{self.sip_port}")

    async def ended(self) -> None:
        """Returns when there is no call."""
        await self.quiet.wait()

    def _told(self, event: phone.Event) -> None:
        match event.get("type"):
            case "CALL_INCOMING":
                self.call = "ringing"
            case "CALL_ESTABLISHED":
                if self.call != "active":
                    self.desk.begin()
                self.call = "active"
            case "CALL_CLOSED":
                self.call, self.last_end = "idle", str(event.get("param", ""))
                self.quiet.set()
                self._ending = asyncio.create_task(self.desk.end())

    async def close(self) -> None:
        await self.phone.close()
        await self.stop_server()
        await self.desk.close()
