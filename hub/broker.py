"""The embedded broker: mosquitto's configuration and access list, and the command that runs it.

Who may do what is decided by the name in the client's certificate, nothing else. Any other broker may take its place if
it keeps the access list below.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

MESSAGE_BYTES = 65_536
SAVED_AFTER_CHANGES = 100
ACCESS = """\
# A unit touches its own branch alone; %u is the common name of its certificate.
pattern write hdu/v1/%u/status
pattern write hdu/v1/%u/online
pattern write hdu/v1/%u/event
# It reads its alerts back: that the broker holds one is proven by its echo.
pattern readwrite hdu/v1/%u/alert/+
pattern write hdu/v1/%u/result/+
pattern read hdu/v1/%u/ack/+
pattern read hdu/v1/%u/command/+

# The supervisors' console sees everything; it answers alerts and sends commands.
user console
topic read hdu/v1/#
topic write hdu/v1/+/ack/+
topic write hdu/v1/+/command/+
"""
CONFIGURATION = """\
# Written by hub/broker.py at each start.
listener {port} {address}
cafile {tls}/ca.pem
certfile {tls}/broker.pem
keyfile {tls}/broker.key
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder}/acl
user root

# The store is a convenience: what a kill takes back, units tell again when they reconnect. Each save writes all of it,
# so it is made after a number of changes, not after each.
persistence true
persistence_location {folder}/store/
autosave_on_changes true
autosave_interval {saved_after}

# A client that does not read, or floods, costs a bounded amount.
max_packet_size {packet_bytes}
max_queued_messages 1000
max_queued_bytes 8388608
max_inflight_messages 20
max_keepalive 300
persistent_client_expiration 1d
memory_limit 268435456

set_tcp_nodelay true
sys_interval 0
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


def write(folder: Path, address: str, port: int, tls: Path) -> list[str]:
    """Writes mosquitto.conf and acl into `folder` (its store too) and returns the command that runs the broker.

    `tls` holds ca.pem, broker.pem and broker.key. The command stays in the foreground and ends on SIGTERM. The
    configuration says `user root`: in a user namespace with one mapped uid there is no other user to become.
    """
    folder, tls = folder.resolve(), tls.resolve()
    (folder / "store").mkdir(parents=True, exist_ok=True)
    (folder / "acl").write_text(ACCESS)
    (folder / "acl").chmod(0o600)
    text = CONFIGURATION.format(
        address=address,
        port=port,
        folder=folder,
        tls=tls,
        saved_after=SAVED_AFTER_CHANGES,
        packet_bytes=MESSAGE_BYTES + 1024,
    )
    (folder / "mosquitto.conf").write_text(text)
    return ["mosquitto", "-c", str(folder / "mosquitto.conf")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Becomes the broker."""
    parser = argparse.ArgumentParser(prog="python -m hub.broker", description="Run the embedded MQTT broker.")
    parser.add_argument("folder", type=Path, help="configuration and retained messages")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS")
    parser.add_argument("--port", type=int, default=8883)
    parser.add_argument("--tls", type=Path, required=True, metavar="FOLDER", help="ca.pem, broker.pem, broker.key")
    given = parser.parse_args(arguments)
    command = write(given.folder, given.listen, given.port, given.tls)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        parser.exit(2, f"broker: cannot run mosquitto: {error.strerror}; install Debian's mosquitto\n")


if __name__ == "__main__":
    main()
