"""sshd as a unit runs it while remote help is open: its settings, and what its log says of who is in. Pure.

Whoever comes in has a certificate of the agency's for this unit by name, that was made for a day at most
(firmware.remote_help.principals); no password, no key of their own, nothing forwarded, no file transfer.
"""

import re
from collections.abc import Mapping
from pathlib import Path

USER = "help"
ACCEPTED = re.compile(r"Accepted publickey for \S+ from (\S+) port (\d+) .*-CERT \S+ ID (.+) \(serial \d+\) CA ")
ENDED = re.compile(
    r"(?:Disconnected from|Received disconnect from|Connection closed by|Connection reset by|Timeout, client not "
    r"responding from)\b.*?(\S+) port (\d+)"
)
SETTINGS = """Port {port}
ListenAddress {address}
HostKey {host_key}
TrustedUserCAKeys {authority}
AuthorizedPrincipalsCommand /usr/bin/python3 -m firmware.remote_help.principals {unit} %k
AuthorizedPrincipalsCommandUser nobody
AuthorizedKeysFile none
AuthenticationMethods publickey
AllowUsers {user}
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
DisableForwarding yes
PermitTunnel no
PermitUserRC no
PermitUserEnvironment no
MaxAuthTries 2
MaxSessions 2
MaxStartups 2:50:4
LoginGraceTime 30
ClientAliveInterval 15
ClientAliveCountMax 2
PrintMotd no
PidFile none
LogLevel INFO
"""
Sessions = Mapping[tuple[str, str], str]


def settings(address: str, unit: str, host_key: Path, authority: Path, port: int = 22) -> str:
    """sshd_config(5) for this address and no other."""
    words = {"address": address, "port": port, "unit": unit, "host_key": host_key, "authority": authority, "user": USER}
    return SETTINGS.format(**words)


def after(sessions: Sessions, line: str) -> Sessions:
    """Who is in, by address and port, after a line of sshd's log: the name is the certificate's key identity."""
    if found := ACCEPTED.search(line):
        return {**sessions, (found[1], found[2]): found[3]}
    if found := ENDED.search(line):
        return {peer: who for peer, who in sessions.items() if peer != (found[1], found[2])}
    return sessions
