"""What the modem is asked by ModemManager, and answers: card, network and bearer (MBIM 1.0, 10.5). No clock."""

import struct
from collections.abc import Callable

from hw.modem.mbim.messages import BASIC_CONNECT, INTERNET, Cid, Command, fields, listed

IMEI, IMSI, ICCID = "490154203237518", "001010123456789", "8901260852290847433"
PROVIDER, NAME = "00101", "Lab Mobile"
LTE = 0x20
HOME, SEARCHING, ATTACHED, DETACHED = 3, 2, 2, 4
ACTIVATED, DEACTIVATED = 1, 3
ADDRESS, GATEWAY, DNS, PREFIX, MTU = (10, 64, 0, 2), (10, 64, 0, 1), (10, 64, 0, 1), 30, 1358


class Radio:
    """`registered` and `signal_dbm` are the network's doing, `apn` and `connected` the unit's."""

    def __init__(self) -> None:
        self.registered, self.signal_dbm = True, -71
        self.on, self.connected, self.apn = True, False, ""
        self._answers: dict[int, Callable[[Command], bytes]] = {
            Cid.DEVICE_CAPS: lambda _: fields("IIIIIIIISSSS", 1, 1, 1, 2, LTE, 0, 1, 1, "", IMEI, "LAB 1", "Lab modem"),
            Cid.SUBSCRIBER_READY_STATUS: lambda _: fields("ISSII", 1, IMSI, ICCID, 0, 0),
            Cid.RADIO_STATE: self._radio_state,
            Cid.PIN: lambda _: fields("III", 0, 0, 0xFFFFFFFF),
            Cid.HOME_PROVIDER: lambda _: fields("SISIII", PROVIDER, 1, NAME, 1, 0, 0),
            Cid.REGISTER_STATE: lambda _: self.registration(),
            Cid.PACKET_SERVICE: lambda _: self._packet_service(),
            Cid.SIGNAL_STATE: lambda _: fields("IIIII", max(0, min(31, (self.signal_dbm + 113) // 2)), 99, 30, 0, 0),
            Cid.CONNECT: self._connect,
            Cid.PROVISIONED_CONTEXTS: lambda _: struct.pack("<I", 0),
            Cid.IP_CONFIGURATION: lambda _: self._addresses(),
            Cid.DEVICE_SERVICES: lambda _: services(),
            Cid.SUBSCRIBE_LIST: lambda asked: asked.content,
            Cid.PACKET_STATISTICS: lambda _: struct.pack("<IIQQQQII", *[0] * 8),
        }

    def answer(self, asked: Command) -> bytes | None:
        """None where it has no such command."""
        known = self._answers.get(asked.cid) if asked.service == BASIC_CONNECT else None
        return known(asked) if known else None

    def registration(self) -> bytes:
        there = self.registered and self.on
        names = (PROVIDER, NAME) if there else ("", "")
        state = HOME if there else SEARCHING
        return fields("IIIIISSSI", 0, state, 1, LTE if there else 0, 1, *names, "", 0)

    def _radio_state(self, asked: Command) -> bytes:
        if asked.sets:
            self.on = bool(asked.content[0])
        return struct.pack("<II", 1, self.on)

    def _packet_service(self) -> bytes:
        there = self.registered and self.on
        return struct.pack("<IIIQQ", 0, ATTACHED if there else DETACHED, LTE if there else 0, 50_000_000, 100_000_000)

    def _connect(self, asked: Command) -> bytes:
        """Activated with the access point that is named, or deactivated."""
        if asked.sets:
            _, command, at, length = struct.unpack_from("<IIII", asked.content)
            self.connected = bool(command) and self.registered
            self.apn = asked.content[at : at + length].decode("utf-16-le") if command else ""
        return self.bearer()

    def bearer(self) -> bytes:
        state = ACTIVATED if self.connected else DEACTIVATED
        return struct.pack("<IIII16sI", 0, state, 0, 1, INTERNET, 0)

    def _addresses(self) -> bytes:
        """One address, its gateway and a name server; IPv4 alone."""
        at = 60
        head = struct.pack("<15I", 0, 0xF, 0, 1, at, 0, 0, at + 8, 0, 1, at + 12, 0, 0, MTU, 0)
        return head + struct.pack("<I", PREFIX) + bytes(ADDRESS) + bytes(GATEWAY) + bytes(DNS)


def services() -> bytes:
    """Basic Connect alone, with what is answered of it."""
    cids = struct.pack(f"<{len(Cid)}I", *Cid)
    return listed(struct.pack("<II", 1, 0), [BASIC_CONNECT + struct.pack("<III", 0, 0, len(Cid)) + cids])
