"""`wireguard-go` made to follow the route as the kernel's WireGuard does: `python -m hw.cables.follow CONTROL_FOLDER`.

It keeps sending from the address it last received on, even when the default route has moved elsewhere. So at every
change of a route each peer of each tunnel in the folder is given its own endpoint once more, over the tunnel's control
socket (wireguard cross-platform interface), which makes it ask the routing table anew. On a unit there is no such part.
"""

import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

RTMGRP_IPV4_ROUTE = 0x40  # rtnetlink(7)
BOUND_S = 1.0
# (until so long after a change, so often): the hub follows at once, or must be waited for
AGAIN_S = ((0.4, 0.008), (15.0, 0.25))


def endpoints(told: str) -> Iterator[tuple[str, str]]:
    """(public key, endpoint) of each peer that has one, of an answer to `get=1`."""
    key = ""
    for line in told.splitlines():
        name, _, value = line.partition("=")
        if name == "public_key":
            key = value
        elif name == "endpoint":
            yield key, value


def again(told: str) -> str:
    """The request that gives every peer the endpoint it has."""
    peers = "".join(f"public_key={key}\nupdate_only=true\nendpoint={at}\n" for key, at in endpoints(told))
    return f"set=1\n{peers}\n" if peers else ""


def follow(control: Path) -> None:
    """Once, for every tunnel there is; one that is just going away is left alone."""
    for at in control.glob("*.sock"):
        try:
            request = again(_ask(at, "get=1\n\n"))
            if request:
                _ask(at, request)
        except OSError:
            continue


def _ask(at: Path, request: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(BOUND_S)
        control.connect(str(at))
        control.sendall(request.encode())
        told = b""
        while not told.endswith(b"\n\n") and (part := control.recv(1 << 16)):
            told += part
        return told.decode()


def again_after_s(since_s: float) -> float | None:
    """How long to wait before it is told once more, so long after the last change; None: until the next change."""
    return next((each for until, each in AGAIN_S if since_s < until), None)


def main(control: Path) -> None:
    """For ever. What still comes in by the old way after a change would hold the tunnel there, so it is told again and
    again until the hub has surely followed."""
    routes = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    routes.bind((0, RTMGRP_IPV4_ROUTE))
    changed_at = float("-inf")
    while True:
        if select.select([routes], [], [], again_after_s(time.monotonic() - changed_at))[0]:
            routes.recv(1 << 16)
            changed_at = time.monotonic()
        follow(control)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
