"""What sshd is told, and what its log says of who is in."""

from pathlib import Path

from firmware.remote_help.sshd import Sessions, after, settings

LOG = """Server listening on 10.79.0.2 port 22.
Connection closed by 10.79.0.1 port 40000 [preauth]
Accepted publickey for help from 10.79.0.1 port 40122 ssh2: ED25519-CERT SHA256:k9a ID alice@agency (serial 7) CA ED25519 SHA256:Zz0
Accepted publickey for help from 10.79.0.1 port 40123 ssh2: ECDSA-CERT SHA256:k9b ID bob (serial 8) CA ED25519 SHA256:Zz0
Received disconnect from 10.79.0.1 port 40122:11: disconnected by user
Disconnected from user help 10.79.0.1 port 40122
Timeout, client not responding from user help 10.79.0.1 port 40123
"""  # noqa: E501
ALICE, BOB = ("10.79.0.1", "40122"), ("10.79.0.1", "40123")


def test_who_is_in_follows_the_log() -> None:
    sessions: Sessions = {}
    seen = []
    for line in LOG.splitlines():
        sessions = after(sessions, line)
        seen.append(dict(sessions))
    alice, both = {ALICE: "alice@agency"}, {ALICE: "alice@agency", BOB: "bob"}
    assert seen == [{}, {}, alice, both, {BOB: "bob"}, {BOB: "bob"}, {}]


def test_a_key_without_a_certificate_is_nobody_of_ours() -> None:
    line = "Accepted publickey for help from 10.79.0.1 port 40122 ssh2: ED25519 SHA256:k9a"
    assert after({}, line) == {}


def test_it_listens_at_the_tunnel_and_takes_certificates_alone() -> None:
    text = settings("10.79.0.2", "hdu-0042", Path("/key"), Path("/authority")).splitlines()
    assert [line for line in text if line.startswith("ListenAddress")] == ["ListenAddress 10.79.0.2"]
    for line in ("AuthorizedKeysFile none", "PasswordAuthentication no", "KbdInteractiveAuthentication no"):
        assert line in text
    assert "TrustedUserCAKeys /authority" in text
    asked = next(line for line in text if line.startswith("AuthorizedPrincipalsCommand "))
    assert asked.endswith(" hdu-0042 %k"), "%k is the certificate, %K the key of who signed it: sshd_config(5)"
    assert not any(line.startswith("Subsystem") for line in text)
