"""The hub's echo: answers the units' probes, and nothing else. `python -m hub.responder --key FILE`.

It keeps no state and no list of units, answers only what carries a valid tag, never with more bytes than were sent, and
is therefore of no use for amplification. Processes share the port (SO_REUSEPORT): start as many as there are cores.
"""

import argparse
import logging
import signal
import socket
import sys
import time
from pathlib import Path

from firmware.failover import probing

PORT = 7411
BUFFER_BYTES = 4 << 20
log = logging.getLogger("responder")


def respond(datagram: bytes, site_key: bytes, hub_us: int) -> bytes | None:
    """The answer to a datagram that came at `hub_us`; None where it deserves none. Pure."""
    probe = probing.asked(datagram, site_key)
    return probing.answer(datagram, probe, site_key, hub_us) if probe else None


def listen(address: str, port: int) -> socket.socket:
    """A UDP socket that shares its port with the other responders of this host."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    made.bind((address, port))
    return made


def serve(at: socket.socket, site_key: bytes) -> None:
    """Answers for ever, from the address that was asked (the socket is bound to it)."""
    while True:
        datagram, sender = at.recvfrom(probing.PROBE_BYTES + 1)
        answer = respond(datagram, site_key, time.time_ns() // 1000)
        if answer is not None:
            _send(at, answer, sender)


def _send(at: socket.socket, answer: bytes, to: tuple[str, int]) -> None:
    try:
        at.sendto(answer, to)
    except OSError as error:  # one unit that cannot be reached is no reason to leave the others without answers
        log.debug("no way back to %s: %s", to, error)


def main() -> int:
    parser = argparse.ArgumentParser(prog="hub.responder", description="Answers the units' probes.")
    parser.add_argument("--key", type=Path, required=True, help="file with the site's probing key, 64 hex digits")
    parser.add_argument("--bind", default="0.0.0.0", help="the hub's own public address")
    parser.add_argument("--port", type=int, default=PORT)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        site_key = probing.key(given.key.read_text())
        at = listen(given.bind, given.port)
    except (OSError, UnicodeDecodeError, probing.BadKey) as error:
        print(f"responder: {given.bind}:{given.port}, key {given.key}: {error}", file=sys.stderr)
        return 2
    print(f"responder ready: {given.bind}:{at.getsockname()[1]}", flush=True)
    serve(at, site_key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
