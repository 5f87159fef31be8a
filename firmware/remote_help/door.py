"""Remote help: sshd, on the tunnel's address alone, for as long as the dispatcher's consent holds. Root; thin.

The panel writes RUN/consent.json (a hand held ASSIST and MUTE); systemd starts this when the file is there, and takes
the file and every session away when this ends. What is so is RUN/remote-help.json, for the bus. Without an authority in
the site's settings nothing is opened at all.
"""

import fcntl
import logging
import os
import pwd
import selectors
import socket
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware import journal, kept
from firmware.config import Config
from firmware.configfile import load
from firmware.facts import RemoteHelp
from firmware.failover.tunnels import DATA
from firmware.remote_help import consent, sshd

SSHD, PANEL, TICK_S, AGAIN_S = "/usr/sbin/sshd", "hdu-panel", 0.5, 5.0
SIOCGIFADDR = 0x8915  # netdevice(7)
FACT, OWN = "remote-help.json", Path("/run/remote-help")
HOST_KEY = Path("/var/lib/hdu/identity/ssh_host_ed25519_key")
log = logging.getLogger("remote_help")


def address(interface: str) -> str | None:
    """The interface's IPv4 address; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", interface.encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def host_key(file: Path) -> Path:
    """Made on the unit the first time it is needed, and kept with its identity."""
    if not file.exists():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(made)
            os.fsync(out.fileno())
        new.rename(file)
        kept.sync(file.parent)
    return file


class Door:
    """Opened by `held_open`, which returns when it must be shut."""

    def __init__(self, config: Config) -> None:
        self.policy, self.unit, self.run = config.site.remote_help, config.unit.name, Path(config.unit.folders.run)
        self.panel = pwd.getpwnam(PANEL).pw_uid
        self.sessions: sshd.Sessions = {}

    def left_s(self) -> float:
        """Asked anew each time: who takes the consent back takes the file away."""
        given = consent.given(self.run / consent.FILE, self.panel)
        return consent.left_s(given, consent.since_boot_s(), self.policy.minutes)

    def tell(self, state: Literal["waiting", "open"], reason: str = "") -> None:
        until = datetime.now(UTC) + timedelta(seconds=self.left_s())
        who = tuple(sorted(set(self.sessions.values())))
        fact = RemoteHelp(state=state, until=f"{until:%Y-%m-%dT%H:%M:%SZ}", who=who, reason=reason)
        kept.replace(self.run / FACT, kept.seal(fact))

    def program(self, at: str) -> list[str]:
        """sshd's command line, its settings written where only root reads."""
        authority, settings = OWN / "authority.pub", OWN / "sshd_config"
        authority.write_text(self.policy.authority + "\n")
        settings.write_text(sshd.settings(at, self.unit, host_key(HOST_KEY), authority))
        return [SSHD, "-D", "-e", "-f", str(settings)]

    def held_open(self) -> None:
        """Until the consent ends, the tunnel's address is another, or sshd ends."""
        at = address(DATA.interface)
        if at is None:
            self.tell("waiting", f"{DATA.interface} has no address: the hub's tunnel is not there")
            return
        log.warning("remote help is open at %s for %.0f min", at, self.left_s() / 60)
        process = subprocess.Popen(self.program(at), stderr=subprocess.PIPE, text=True, errors="replace")
        try:
            self.follow(process, at)
        finally:
            ended = process.poll()
            process.terminate()
            process.wait()
            self.sessions = {}
        if ended is not None:
            self.tell("waiting", f"sshd ended by itself (status {ended}): see its log")

    def follow(self, process: "subprocess.Popen[str]", at: str) -> None:
        assert process.stderr
        os.set_blocking(process.stderr.fileno(), False)
        self.tell("open")
        with selectors.DefaultSelector() as ready:
            ready.register(process.stderr, selectors.EVENT_READ)
            while process.poll() is None and self.left_s() and address(DATA.interface) == at:
                if ready.select(TICK_S):
                    self.heard(process.stderr.readlines())

    def heard(self, lines: list[str]) -> None:
        """Whoever comes or goes is told at once."""
        for line in lines:
            log.info("sshd: %s", line.strip())
            before, self.sessions = self.sessions, sshd.after(self.sessions, line)
            if before != self.sessions:
                self.tell("open")


def main() -> int:
    """0 when the consent has ended, and at once where there is no authority to let anybody in."""
    journal.set_up()
    config, _ = load()
    if not config.site.remote_help.authority:
        log.error("remote help: the site's settings name no remote_help.authority, so nobody can be let in")
        return 0
    door = Door(config)
    while door.left_s():
        door.held_open()
        if door.left_s():
            time.sleep(AGAIN_S)
    log.warning("remote help is shut")
    return 0


if __name__ == "__main__":
    sys.exit(main())
