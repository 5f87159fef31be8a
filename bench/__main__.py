"""`python -m bench --port 8911`: takes the port on this machine's loopback, then enters the namespaces with it."""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MACHINE = ROOT / "bench" / "machine"


def listening(port: int) -> socket.socket:
    """The page's socket, made where a browser can reach it; SystemExit in one line where the port is taken."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"bench: port {port} cannot be used ({error.strerror}); choose another with PORT=") from error
    made.listen()
    made.set_inheritable(True)
    return made


def keep(argv: list[str], page: socket.socket, lifeline: int) -> int:
    """Runs the bench until it ends; a signal closes its lifeline, which it takes as the word to stop."""
    os.set_inheritable(lifeline, True)
    child = subprocess.Popen(argv, cwd=ROOT, pass_fds=(page.fileno(), lifeline))
    os.close(lifeline)
    return child.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="the whole unit on twins")
    parser.add_argument("--port", type=int, default=8911, help="where the page is (default 8911)")
    parser.add_argument("--packages", nargs="*", default=["packages.txt"], help="package lists to unpack")
    parser.add_argument("--provisioned", help="a folder whose unit was provisioned by hdu (see bench.provisioned)")
    given = parser.parse_args()
    lists = [str(MACHINE / name) for name in given.packages]
    made = subprocess.run([str(MACHINE / "prepare"), *lists], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise SystemExit(1)
    page = listening(given.port)
    inner, outer = os.pipe()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _close(outer))
    command = [sys.executable, "-m", "bench.inside", "--socket", str(page.fileno()), "--lifeline", str(inner)]
    command += ["--provisioned", given.provisioned] if given.provisioned else []
    enter = [str(MACHINE / "enter"), made.stdout.strip(), *command, "--port", str(given.port)]
    raise SystemExit(keep(enter, page, inner))


def _close(handle: int) -> None:
    with contextlib.suppress(OSError):  # a second signal finds it closed
        os.close(handle)


if __name__ == "__main__":
    main()
