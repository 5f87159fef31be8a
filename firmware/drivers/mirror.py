"""Whether a `tc` mirror still copies to the interface it should: rtnetlink(7), tc-mirred(8).

A mirror is bound to the interface that had the name when it was made. Where that one goes and another of the same name
comes, the mirror stays and copies to nobody, and NetworkManager does not tell.
"""

import socket
import struct
from collections.abc import Iterator

from firmware.drivers.carrier import attributes

RTM_NEWTFILTER, RTM_GETTFILTER, NLMSG_DONE = 44, 46, 3
REQUEST, DUMP = 0x1, 0x300
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_MATCHALL_ACT, FIRST_ACTION, TCA_MIRRED_PARMS = 2, 1, 2  # of the kinds "matchall" and "mirred"
MIRRED = struct.Struct("=IIiiiiI")  # struct tc_mirred: index, capab, action, refcnt, bindcnt, eaction, ifindex
HEADER, TCMSG = 16, 20


def mirrors(source: str, target: str) -> bool | None:
    """Whether what leaves by `source` is mirrored to `target`; None where one of them is not there."""
    try:
        ours, theirs = socket.if_nametoindex(source), socket.if_nametoindex(target)
    except OSError:
        return None
    return theirs in targets(_dump(ours))


def targets(messages: bytes) -> Iterator[int]:
    """The interface's index of each mirror in these messages; what is of another kind is passed over."""
    while len(messages) >= HEADER + TCMSG:
        length, kind = struct.unpack_from("=IH", messages)
        if length < HEADER:
            return
        if kind == RTM_NEWTFILTER:
            yield from _target(messages[HEADER + TCMSG : length])
        messages = messages[(length + 3) & ~3 :]


def _target(filter_: bytes) -> Iterator[int]:
    found = attributes(filter_)
    options = attributes(found.get(TCA_OPTIONS, b""))
    action = attributes(attributes(options.get(TCA_MATCHALL_ACT, b"")).get(FIRST_ACTION, b""))
    parameters = attributes(action.get(TCA_OPTIONS, b"")).get(TCA_MIRRED_PARMS, b"")
    mirred = action.get(TCA_KIND, b"").rstrip(b"\0") == b"mirred"
    if found.get(TCA_KIND, b"").rstrip(b"\0") == b"matchall" and mirred and len(parameters) >= MIRRED.size:
        yield MIRRED.unpack_from(parameters)[-1]


def _dump(interface: int) -> bytes:
    """All filters of the interface's root queue."""
    asked = struct.pack("=IHHIIBxHiIII", HEADER + TCMSG, RTM_GETTFILTER, REQUEST | DUMP, 1, 0, 0, 0, interface, 0, 0, 0)
    told = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as kernel:
        kernel.settimeout(1.0)
        kernel.send(asked)
        while (part := kernel.recv(1 << 16)) and struct.unpack_from("=IH", part)[1] == RTM_NEWTFILTER:
            told += part
    return told
