"""`python -m hub.console --unix SOCKET | --port N --mqtt HOST:PORT --tls FOLDER`: runs the supervisors' console."""

import argparse
import logging
import sys
from pathlib import Path

from aiohttp import web

from hub.console.app import application

STOP_S = 2.0


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, also [IPV6]:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT with a port from 1 to 65535")
    return host.strip("[]"), int(port)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hub.console", description="Run the supervisors' console.")
    at = parser.add_mutually_exclusive_group(required=True)
    at.add_argument("--unix", type=Path, metavar="SOCKET", help="listen on this socket")
    at.add_argument("--port", type=int, metavar="N", help="listen on this port of the loopback address")
    parser.add_argument("--mqtt", type=address, required=True, metavar="HOST:PORT", help="the broker")
    parser.add_argument(
        "--tls", type=Path, required=True, metavar="FOLDER", help="holds ca.pem, console.pem, console.key"
    )
    parser.add_argument("--updates", type=Path, metavar="FOLDER", help="the update repository's public folder")
    return parser


def main() -> None:
    parser = arguments()
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")
    try:
        app = application(given.mqtt[0], given.mqtt[1], given.tls, given.updates)
        where = {"path": str(given.unix)} if given.unix else {"host": "127.0.0.1", "port": given.port}
        web.run_app(app, **where, access_log=None, print=None, shutdown_timeout=STOP_S)
    except OSError as error:
        parser.exit(2, f"console: {error}; look at --tls, --unix and --port\n")


if __name__ == "__main__":
    main()
