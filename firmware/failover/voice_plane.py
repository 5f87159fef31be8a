"""The voice plane while it matters: copies of wg-voice's datagrams on LTE, on in a call or with a panic open, else off.

One difference between unit and bench, and it is here: on a unit the copies are made by a `tc` mirror on wg-a that
NetworkManager owns, and wg-b's route is what is switched; on the bench, whose kernel has no mirror, the copies are one
nftables rule.
"""

import asyncio
import logging
import socket
from typing import Protocol

from firmware.facts import CallState, PanicState, UplinkState
from firmware.failover.tunnels import CARRIED, DATA, LTE, VOICE, WIRED, host

DISCARD_PORT = 9  # RFC 863
MEND_S = 300.0
log = logging.getLogger("voice plane")
# `dup to` takes the way to that address and leaves the datagram's own destination alone: the copy goes by wg-b,
# whatever index that interface has today, and nowhere while it is away. `wireguard-go` answers by the interface it last
# heard on, so its datagrams may leave by wg-b: with copies on they are copied to wg-a, with copies off turned to it.
TABLE = """add table ip voice
add chain ip voice out { type filter hook output priority 0; }
add chain ip voice way { type route hook output priority -150; }
flush table ip voice
"""
OURS = f"ip daddr {host(CARRIED, 0)} udp dport {VOICE.port}"
COPIES = f"""add rule ip voice out oifname "{WIRED.interface}" {OURS} dup to {LTE.hub()}
add rule ip voice out oifname "{LTE.interface}" {OURS} dup to {WIRED.hub()}
"""
NO_COPIES = f"""add rule ip voice way oifname "{LTE.interface}" {OURS} meta mark set 1
"""


def copying_wanted(call: CallState | None, panic: PanicState | None, wired: UplinkState | None) -> bool:
    """Whether copies are worth their bytes: a call or a panic that nobody has answered is on, or wired is not well, so
    that the plane goes by LTE alone; unknown counts as in need. Idle on a well wired uplink LTE carries nothing."""
    return call != "idle" or panic in (None, "raised", "delivered") or wired != "up"


class VoicePlaneError(Exception):
    """The copies could not be switched; the message says why. The caller tries again, the call goes on over wg-a."""


def rules(on: bool) -> str:
    """The nft(8) transaction that turns the copies on or off."""
    return TABLE + (COPIES if on else NO_COPIES)


class Copying(Protocol):
    """Who makes the copies. `mend` is for a quiet moment: it may interrupt the plane."""

    async def mend(self, now: float) -> None:
        """Sees to it that copies would be made if they were on; ConnectionError or RuntimeError where that failed."""

    async def set(self, on: bool) -> None:
        """Copies from now on, or no more; VoicePlaneError where it could not be done. Setting twice is fine."""


class NftCopying:
    """Copies by an nftables `dup` rule of ours (nft(8)); needs CAP_NET_ADMIN."""

    async def mend(self, now: float) -> None:
        """A rule names interfaces, so it is not lost with one."""

    async def set(self, on: bool) -> None:
        process = await asyncio.create_subprocess_exec(
            "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, why = await process.communicate(rules(on).encode())
        if process.returncode:
            raise VoicePlaneError(f"voice plane: nft refused to switch the copies: {why.decode().strip()}")


class Tables(Protocol):
    """The part of the NetworkManager driver that the mirror needs."""

    def open_table(self, table: int, on: bool) -> None:
        """Whether the pins of that routing table stand; OSError where the kernel refuses."""

    def mirrors(self, source: str, target: str) -> bool | None:
        """Whether what leaves by `source` is mirrored to `target`; None where one of them is not there."""

    async def activate(self, interface: str) -> None:
        """Activates the interface's profile (anew)."""


class MirrorCopying:
    """Copies by the mirror in wg-a's profile (`firmware.failover.profiles`). It stands always, since NetworkManager
    changes no `tc` setting of a link that is up. What opens and shuts is wg-b's way; shut, the copies end at
    `unreachable` before they cost LTE anything."""

    def __init__(self, driver: Tables) -> None:
        self._driver = driver
        self._mended_at = -MEND_S

    async def mend(self, now: float) -> None:
        """Where wg-b was made anew the mirror has lost it, and only a new activation of wg-a finds it again; not more
        often than each MEND_S, since that interrupts wg-a."""
        if now - self._mended_at < MEND_S or self._driver.mirrors(WIRED.interface, LTE.interface) is not False:
            return
        self._mended_at = now
        log.warning("%s mirrors nothing to %s: activating it anew", WIRED.interface, LTE.interface)
        await self._driver.activate(WIRED.interface)

    async def set(self, on: bool) -> None:
        try:
            self._driver.open_table(LTE.mark or 0, on)
        except OSError as error:
            raise VoicePlaneError(f"voice plane: the copies could not be switched: {error}") from error


def poke() -> None:
    """Sends one small datagram through each tunnel that may have moved, so that the hub answers on the new way at once
    (a WireGuard peer follows the last packet it could verify). A tunnel that is away costs nothing."""
    for tunnel in (DATA, VOICE):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
            try:
                out.sendto(b"\0", (tunnel.hub(), DISCARD_PORT))
            except OSError:
                continue
