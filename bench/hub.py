"""The hub on the bench: certificates, broker and supervisors' console, in the hub's namespace."""

import secrets
from pathlib import Path

from bench.processes import Program, inside, python
from firmware.failover import probing
from firmware.failover.tunnels import DATA, VOICE
from hub import authority, broker
from hw.cables.topology import HUB, Names

MQTT_PORT = 8883


class BenchHub:
    def __init__(self, folder: Path, names: Names) -> None:
        self.folder, self.names = folder, names
        self.console_socket, self.probing_key = folder / "console.sock", folder / "probing.key"

    def certify(self, unit: str) -> Path:
        """Makes every certificate; returns the folder of the unit's."""
        made = authority.make(self.folder / "tls", [HUB, DATA.hub(), VOICE.hub()], [unit])
        return made.unit(unit)

    def probing(self, unit: str) -> str:
        """Makes the site's probing key; returns what provisioning would put on the unit."""
        self.probing_key.parent.mkdir(parents=True, exist_ok=True)
        self.probing_key.touch(mode=0o600)
        self.probing_key.write_text(secrets.token_hex(probing.KEY))
        return probing.unit_key(probing.key(self.probing_key.read_text()), probing.identity(unit)).hex()

    def releases(self, root_copy: Path) -> Program:
        """The update repository on a plain web server, inside the data tunnel; the unit is given its root."""
        words = ("serve", str(self.folder / "releases"), "--bind", DATA.hub(), "--root-copy", str(root_copy))
        return Program("releases", inside(self.names.hub, python("bench.releases", *words)), {}, lambda: True)

    def programs(self) -> list[Program]:
        tls = self.folder / "tls"
        broker_argv = broker.write(self.folder / "broker", "0.0.0.0", MQTT_PORT, tls / "broker")
        console = python(
            "hub.console",
            *("--unix", str(self.console_socket), "--mqtt", f"{HUB}:{MQTT_PORT}", "--tls", str(tls / "console")),
            *("--updates", str(self.folder / "releases" / "public")),
        )
        responder = python("hub.responder", "--key", str(self.probing_key), "--bind", HUB)
        return [
            Program("responder", inside(self.names.hub, responder), {}, lambda: True),
            Program("broker", inside(self.names.hub, broker_argv), {}, lambda: True),
            Program("console", inside(self.names.hub, console), {}, self.console_socket.exists),
        ]
