"""The agency's side of a call: its SIP server and a phone that rings the unit, speaks, and records what it hears."""

import asyncio
import math
import struct
from collections.abc import Sequence
from pathlib import Path

from hw.agency import phone, sip_server, speech

CODECS = {"opus": "opus/48000/1", "pcmu": "pcmu/8000/1", "pcma": "pcma/8000/1"}
ENCRYPTION = {"srtp-sdes": "srtp-mand", "srtp-dtls": "dtls_srtp", "none": ""}
START_S = 10.0
WINDOW_S = 0.5


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
        self.encryption, self.codecs, self.passwords, self.speech_s = encryption, codecs, passwords or {}, speech_s
        self.recordings, self.said = folder / "recordings", folder / "speech.wav"
        self.call, self.last_end = "idle", ""
        self.phone = phone.Phone(folder / "phone", prefix, self._told)
        self.server: asyncio.subprocess.Process | None = None
        self._again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.recordings.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(speech.write, self.said, self.speech_s)
        await self.start_server()
        config = phone.configuration(self.address, self.phone_port, self.control_port, self.said, self.recordings)
        await self.phone.start(config, self._account(), self.control_port)

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

    def _account(self) -> str:
        menc = ENCRYPTION[self.encryption]
        parts = [
            f"<sip:agency@{self.address}:{self.sip_port}>",
            "regint=60",
            f"audio_codecs={','.join(CODECS[name] for name in self.codecs)}",
            "answermode=auto",
            *([f"mediaenc={menc}"] if menc else []),
        ]
        return ";".join(parts) + "\n"

    def state(self) -> dict[str, object]:
        """`heard_rms`: level of the last half second the agency heard, 0 to 1; None outside a call."""
        return {
            "state": self.call,
            "heard_rms": self.heard_rms() if self.call == "active" else None,
            "saying": self.said.name if self.call == "active" else None,
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
        await self.phone.do("dial", f"sip:{self.rings}@{self.address}:{self.sip_port}")

    def _told(self, event: phone.Event) -> None:
        match event.get("type"):
            case "CALL_INCOMING":
                self.call = "ringing"
            case "CALL_ESTABLISHED":
                self.call = "active"
                self._again = asyncio.create_task(self._say_again())
            case "CALL_CLOSED":
                self.call, self.last_end = "idle", str(event.get("param", ""))
                if self._again:
                    self._again.cancel()

    async def _say_again(self) -> None:
        """The file is played once by itself: it is begun anew before its end."""
        while True:
            await asyncio.sleep(self.speech_s - 0.2)
            await self.phone.do("ausrc", f"aufile,{self.said}")

    def recording(self) -> Path | None:
        """What the agency hears in the newest call, as WAV; None before the first."""
        files = sorted(self.recordings.glob("*dec.wav"), key=lambda file: file.stat().st_mtime)
        return files[-1] if files else None

    def heard_rms(self) -> float | None:
        file = self.recording()
        return level(file.read_bytes()) if file else None

    async def close(self) -> None:
        if self._again:
            self._again.cancel()
        await self.phone.close()
        await self.stop_server()


def level(wav: bytes) -> float | None:
    """RMS (0 to 1) of the last WINDOW_S of a 16-bit WAV that is still being written; None where there is none yet."""
    if len(wav) < 46:
        return None
    channels, rate_hz = struct.unpack_from("<HI", wav, 22)
    tail = wav[44:][-int(rate_hz * WINDOW_S) * channels * 2 :]
    samples = [value for (value,) in struct.iter_unpack("<h", tail[: len(tail) // 2 * 2])]
    return math.sqrt(sum(value * value for value in samples) / len(samples)) / 32_768 if samples else None
