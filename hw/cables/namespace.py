"""Network namespaces by name: work done and sockets made inside one, from a process that stays outside."""

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def within(name: str, work: Callable[[], T]) -> T:
    """The result of `work`, done in a thread of its own that has entered the namespace; what it raises is raised here.

    A socket belongs to the namespace it was made in, so it can be used from anywhere afterwards.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            _enter(name)
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name=f"within-{name}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _enter(name: str) -> None:
    """Moves this thread alone (setns(2)); OSError where the namespace is not there."""
    handle = os.open(FOLDER / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"namespace {name}: cannot be entered; is this process root in it?")
    finally:
        os.close(handle)


def udp_socket(name: str, address: tuple[str, int] = ("0.0.0.0", 0)) -> socket.socket:
    """A non-blocking UDP socket inside the namespace, bound to `address`."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        made.bind(address)
        return made

    return within(name, make)


def command(name: str, *argv: str) -> tuple[str, ...]:
    """`argv` as to be run inside the namespace."""
    return ("nsenter", f"--net={FOLDER / name}", *argv)
