"""The real system bus and NetworkManager of the unit: their files written, their commands given for a supervisor.

NetworkManager gets a mount namespace of its own: a fresh read-only /sys (it then knows that it is in a container and
does not wait for udev; a remount is refused in a user namespace), its state, and its run folder, by which it knows
after a restart which links were its own: those it leaves up.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from hw.cables import namespace
from hw.cables.topology import LINES, Line

HERE = Path(__file__).parent
PROFILE = """[connection]
id={name}
uuid={uuid}
type=ethernet
interface-name={interface}
autoconnect-retries=0

[ethernet]

[ipv4]
method=manual
address1={address}/24,{gateway}
route-metric={metric}

[ipv6]
method=disabled
"""
SCRIPT = """set -e
mount --make-rprivate /
mount -t sysfs -o ro sysfs /sys
mount -t tmpfs none /var/lib
mkdir -p /var/lib/NetworkManager /run/NetworkManager
mount --bind {state} /var/lib/NetworkManager
mount --bind {run} /run/NetworkManager
exec NetworkManager --debug --log-level=INFO --config={config} --config-dir=/nonexistent --intern-config={intern}
"""


@dataclass(frozen=True)
class Command:
    """One process for a supervisor: what to run and with what added to the environment."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str]


class UnitBus:
    """The unit's private system bus; `address` is its DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "bus"
        self.address = f"unix:path={self.socket}"
        self._config = folder / "bus.conf"

    def prepare(self) -> Command:
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text((HERE / "bus.conf").read_text().replace("@SOCKET@", str(self.socket)))
        at, config = shlex.quote(str(self.socket)), shlex.quote(str(self._config))
        script = f"rm -f {at}; exec dbus-daemon --config-file={config}"
        return Command("bus", ("sh", "-c", f"{script} --nofork --nopidfile --nosyslog"), {})


class NetworkManager:
    """NetworkManager on the interfaces of one unit, with a static profile for each of its lines."""

    def __init__(self, folder: Path, unit: str, bus: UnitBus) -> None:
        self.folder, self.unit, self.bus = folder / "networkmanager", unit, bus

    def prepare(self) -> Command:
        for part in ("state", "run", "profiles"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        config = (HERE / "nm.conf").read_text().replace("@PROFILES@", str(self.folder / "profiles"))
        (self.folder / "nm.conf").write_text(config)
        (self.folder / "intern.conf").touch()
        for line in LINES:
            self._profile(line)
        script = SCRIPT.format(
            state=shlex.quote(str(self.folder / "state")),
            run=shlex.quote(str(self.folder / "run")),
            config=shlex.quote(str(self.folder / "nm.conf")),
            intern=shlex.quote(str(self.folder / "intern.conf")),
        )
        argv = namespace.command(self.unit, "unshare", "--mount", "sh", "-c", script)
        return Command("NetworkManager", argv, {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address})

    def _profile(self, line: Line) -> None:
        """A keyfile (nm-settings-keyfile(5)); it must be readable by root alone."""
        file = self.folder / "profiles" / f"{line.name}.nmconnection"
        uuid = f"00000000-0000-4000-8000-{line.metric:012d}"
        values = {name: getattr(line, name) for name in ("name", "interface", "address", "gateway", "metric")}
        file.write_text(PROFILE.format(uuid=uuid, **values))
        file.chmod(0o600)
