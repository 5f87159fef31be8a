"""What keeps strangers out of a unit, in the image itself: its data, its USB, its network, and who may help."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hdu import cli
from image import boot, build, machine
from image import card as layout
from image.build import Built
from image.flash import release
from image.machine import READY
from image.tools import Tools
from tests.image.flash.conftest import signer
from tests.lab import guest, strangers
from tests.lab.guest import CARD, Guest
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
MARKER = "what-the-dispatcher-said-in-confidence"
WAY = ("-chardev", "socket,id=way,path=way.sock,server=on,wait=off", "-device", "virtserialport,chardev=way,name=way")
CUTS_S = (0.0, 0.4, 1.5, 4.0)
PROXY = """import socket, sys, threading
way = socket.socket(socket.AF_UNIX); way.connect(sys.argv[1])
open(sys.argv[2], "w").close()
def out():
    while data := way.recv(65536):
        sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
threading.Thread(target=out, daemon=True).start()
while data := sys.stdin.buffer.raw.read(65536):
    way.sendall(data)
"""


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@pytest.fixture(scope="module")
def built() -> Built:
    return build.build("0.1.0", None, told)


@pytest.fixture
def card(built: Built, tools: Tools, tmp_path: Path) -> Path:
    return guest.fresh(built, tmp_path / "machine", tools).parent


@pytest.fixture(scope="module")
def unit(built: Built, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """One that is up, on a board without a secret, that belongs to an agency and has the address of its tunnel."""
    work = guest.fresh(built, tmp_path_factory.mktemp("unit") / "machine", tools).parent
    with plugged(Guest(work, tools, *WAY)) as run:
        run.until(READY, guest.BOOT_S)
        yield run


# The data, and the board they belong to.


def board(work: Path, tools: Tools, secret: bytes | None) -> Guest:
    """A board with this card in it."""
    if secret is None:
        return Guest(work, tools)
    (work / "otp").write_bytes(secret)
    return Guest(work, tools, "-fw_cfg", "name=opt/org.homedispatch/otp,file=otp")


def test_the_data_are_the_board_s_and_nobody_else_s(card: Path, tools: Tools) -> None:
    ours, other = b"\x01" * 32, b"\x02" * 32
    with plugged(board(card, tools, ours)) as run:
        run.answers()
        assert "/dev/mapper/data" in run.run("grep ' /data ' /proc/mounts")
        assert '"encrypted":true' in run.run("cat /run/hdu-data.json")
        identity = run.run(f"echo {MARKER} > /data/hdu/marker; sync; cat /etc/machine-id")
        run.run("until [ $(fw_printenv -n BOOT_A_LEFT) = 3 ]; do sleep 1; done", 600)  # else three more are too many
    assert MARKER.encode() not in (card / CARD).read_bytes()
    for secret in (other, None):
        with plugged(board(card, tools, secret)) as run:
            run.until("hdu: the data on this card do not open with this board's secret", guest.BOOT_S)
    with plugged(board(card, tools, ours)) as run:
        assert run.answers().run("cat /etc/machine-id /data/hdu/marker").split() == [identity, MARKER]


@pytest.mark.parametrize("after_s", CUTS_S)
def test_a_first_boot_that_is_cut_begins_again(card: Path, tools: Tools, after_s: float) -> None:
    with plugged(board(card, tools, b"\x01" * 32)) as run:
        run.until("hdu: first boot: making the data partition", guest.BOOT_S)
        _read_for(run, after_s)
    with plugged(board(card, tools, b"\x01" * 32)) as run:
        assert '"encrypted":true' in run.answers().run("cat /run/hdu-data.json")
        assert len(run.run("cat /etc/machine-id")) == 32


def _read_for(run: Guest, span_s: float) -> None:
    ends = time.monotonic() + span_s
    while time.monotonic() < ends and run.read(0.05):
        pass


def test_a_board_without_a_secret_says_that_its_data_are_not_encrypted(unit: Guest) -> None:
    unit.until("hdu: data NOT encrypted: this board has no secret", 60)
    assert "NOT encrypted: this board has no secret" in unit.run("hdu status", may_fail=True)


# A card of which nothing starts.


def test_a_card_without_a_whole_slot_is_mended_and_keeps_what_it_held(
    card: Path, built: Built, tools: Tools, tmp_path: Path
) -> None:
    with plugged(Guest(card, tools)) as run:
        identity = run.answers().run("echo kept > /data/hdu/marker; sync; cat /etc/machine-id")
    worn = guest.raw(card, tools)
    ruined(worn)
    with plugged(Guest(card, tools, card=worn.name)) as run:
        run.until("hdu: no slot starts", guest.BOOT_S)
    image = machine.fresh_card(built.card, tmp_path / "release")
    os.truncate(image, layout.SIZE)
    by = signer(tmp_path / "signer")
    release.sign(image, by.certificate, str(by.key))
    words = ["flash", str(image), "--to", str(worn), "--authority", str(by.authority), "--yes", "--mend"]
    assert cli.main([*words, "--log", str(tmp_path / "log")]) == 0
    machine.with_unit(card, tools, guest.SHELL)
    with plugged(Guest(card, tools, card=worn.name)) as run:
        assert run.answers().run("cat /etc/machine-id /data/hdu/marker").split() == [identity, "kept"]


def ruined(card: Path) -> None:
    """Both kernels and both roots are not what they were, and no try is left."""
    used_up = boot.environment(boot.FRESH | {"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"})
    with card.open("r+b") as out:
        for at, content in (
            *((at, used_up) for at in boot.ENVIRONMENT_AT),
            *((at, bytes(1 << 20)) for at in layout.BOOT_AT),
            *((at, os.urandom(1 << 20)) for at in layout.ROOT_AT),
        ):
            out.seek(at)
            out.write(content)


# What is plugged in.


@pytest.mark.parametrize(("device", "id"), [("usb-storage", "46f4:0001"), ("usb-kbd", "0627:0001")])
def test_a_usb_device_that_no_unit_has_is_refused_and_recorded(unit: Guest, device: str, id: str) -> None:
    more = {}
    if device == "usb-storage":
        unit.board.execute("blockdev-add", **{"driver": "null-co", "node-name": "stick", "size": 1 << 20})
        more = {"drive": "stick"}
    before = unit.run("ls /sys/class/block /dev/input 2> /dev/null")
    unit.board.execute("device_add", driver=device, id=device, **more)
    wanted = f'until hdu log --kind usb.refused | grep -q \'"id":"{id}"\'; do sleep 0.5; done'
    unit.run(wanted, 180)
    assert "1" not in unit.run("cat /sys/bus/usb/devices/*-[1-9]*/authorized 2> /dev/null", may_fail=True).split()
    assert unit.run("ls /sys/class/block /dev/input 2> /dev/null") == before
    assert unit.run("stat -c %s /run/usbguard/audit.log") == "0"


# What answers.


def forwarded(run: Guest, port: int) -> socket.socket:
    """A connection from outside to that port of the unit."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()[1]
    words = f"hostfwd_add wired tcp:127.0.0.1:{here}-:{port}"
    run.board.execute("human-monitor-command", **{"command-line": words})
    return socket.create_connection(("127.0.0.1", here), timeout=5)


def heard(run: Guest, port: int) -> bytes:
    """What a stranger hears who says something there, within 3 s of the unit's time; nothing is a drop or a refusal."""
    with forwarded(run, port) as stranger, contextlib.suppress(OSError):
        stranger.settimeout(0.1)
        stranger.sendall(b"HELLO\r\n\r\n")
        run.run("sleep 3")
        return stranger.recv(100)
    return b""


def strangers_hear_nothing(run: Guest) -> None:
    found = strangers.listening(run)
    print(f"\nlistening beyond loopback: {found or 'nothing'}")
    assert [each for each in found if not strangers.OWN_NEEDS.search(each.split()[1])] == []
    for port in (22, 80, 443, 1883, 5060, 8883, 8911):
        assert heard(run, port) == b"", port


def test_nothing_answers_a_stranger_also_after_services_restart(unit: Guest) -> None:
    strangers_hear_nothing(unit)
    unit.run("systemctl restart NetworkManager hdu-uplinks hdu-panel@a usbguard ModemManager", 300)
    unit.run("until ip -4 addr show scope global | grep -q inet; do sleep 0.5; done", 120)
    strangers_hear_nothing(unit)


def test_it_is_the_firewall_that_keeps_strangers_from_what_does_listen(unit: Guest) -> None:
    """A careless service on every address: not heard, and heard at once where the firewall is not there."""
    unit.run("(while :; do echo careless | busybox nc -l -p 7777; done) > /dev/null 2>&1 & echo $! > /tmp/careless")
    try:
        unit.run("until ss -Hltn | grep -q :7777; do sleep 0.2; done", 30)
        assert heard(unit, 7777) == b""
        unit.run("nft delete table inet strangers")
        assert heard(unit, 7777).startswith(b"careless")
        unit.run("systemctl restart firewall")
        assert heard(unit, 7777) == b""
    finally:
        unit.run("systemctl restart firewall; kill $(cat /tmp/careless); busybox killall nc", may_fail=True)


def test_nobody_can_log_in_or_become_another(unit: Guest) -> None:
    assert unit.run("find / /data /run /var /tmp -xdev -type f -perm /6000") == ""
    assert unit.run("ls /dev/pts") in ("", "ptmx")
    assert (
        unit.run(
            "systemctl list-units --plain --no-legend '*getty*' '*ssh*' '*.socket' | grep -E 'getty|ssh'", may_fail=True
        )
        == ""
    )
    assert (
        unit.run(
            "ls /usr/bin/su /usr/bin/login /usr/sbin/agetty /usr/sbin/sulogin /usr/bin/passwd 2> /dev/null",
            may_fail=True,
        )
        == ""
    )
    fields = [line.split(":")[1] for line in unit.run("cat /etc/shadow").splitlines()]
    assert fields
    assert all(field.startswith(("!", "*")) for field in fields)


# Who may help from afar.


@pytest.fixture(scope="module")
def agency(unit: Guest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the agency's authority, and with the keys and certificates of who wants in."""
    if not (shutil.which("ssh") and shutil.which("ssh-keygen")):
        pytest.skip("needs ssh and ssh-keygen on this machine")
    folder = tmp_path_factory.mktemp("agency")
    for name in ("ca", "alice", "long", "stranger", "plain"):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", str(folder / name)], check=True)
    for name, by, lasts, principal in (
        ("alice", "ca", "+2h", "hdu-0042"),
        ("long", "ca", "+3d", "hdu-0042"),
        ("stranger", "plain", "+2h", "hdu-0042"),
    ):
        words = ["-s", str(folder / by), "-I", name, "-n", principal, "-V", lasts, str(folder / f"{name}.pub")]
        subprocess.run(["ssh-keygen", "-q", *words], check=True)
    unit.run(f"date -s @{time.time():.0f}")  # a certificate holds from now on, by this machine's clock
    kind, key, *_ = (folder / "ca.pub").read_text().split()
    at = "/var/lib/hdu/identity"
    unit.run(f"mkdir -p {at}/1 && ln -sfn 1 {at}/current && echo 'name = \"hdu-0042\"' > {at}/1/unit.toml")
    unit.run(f"printf '[remote_help]\\nauthority = \"{kind} {key}\"\\n' > {at}/1/site.toml && chmod -R a+rX {at}/1")
    unit.run("systemctl restart hdu-status", 120)
    unit.run("ip link add wg-data type dummy && ip addr add 10.79.0.2/32 dev wg-data && ip link set wg-data up")
    return folder


AS_PANEL = (
    "setpriv --reuid=hdu-panel --regid=hdu --clear-groups python3 -c 'from pathlib import Path; "
    "from firmware.buttons.panelfiles import PanelFiles; "
    'PanelFiles(Path("/var/lib/hdu"), Path("/run/hdu")).{verb}()\''
)
ACCEPTED = "hdu selftest --acceptance --to -"
OPEN = "timeout 60 sh -c 'until ss -Hltn | grep -q 10.79.0.2:22; do sleep 0.3; done'"
SHUT = "timeout 30 sh -c 'while ss -Hltn | grep -q :22; do sleep 0.3; done'"
OVER = "timeout 30 sh -c 'while pgrep -u help || ss -Htn state established | grep -q 10.79.0.2:22; do sleep 0.1; done'"


def ssh(run: Guest, agency: Path, name: str, command: str) -> "subprocess.Popen[str]":
    """ssh as the person `name`, through the tunnel: a port of the machine that ends in the unit at 10.79.0.2."""
    (agency / "proxy.py").write_text(PROXY)
    (there := agency / "there").unlink(missing_ok=True)
    run.run("busybox killall -q nc; sleep 1", may_fail=True)
    options = ["-F", "none", "-o", f"ProxyCommand={sys.executable} {agency}/proxy.py {run.work}/way.sock {there}"]
    for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "BatchMode=yes"):
        options += ["-o", option]
    argv = ["ssh", "-q", *options, "-i", str(agency / name), "help@unit", command]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not there.exists() and process.poll() is None:
        run.read(0.05)
    run.run("busybox nc 10.79.0.2 22 <> $(ls /dev/vport*p2) >&0 2> /dev/null &")
    return process


def says(run: Guest, process: "subprocess.Popen[str]", bound_s: float = 120) -> tuple[int, str]:
    """Its exit status and words; the guest's console is read meanwhile."""
    ends = time.monotonic() + bound_s
    while process.poll() is None and time.monotonic() < ends:
        run.read(0.2)
    process.kill()
    return process.wait(), process.stdout.read() if process.stdout else ""


def test_without_consent_there_is_no_ssh(unit: Guest, agency: Path) -> None:
    assert agency.exists()
    assert unit.run("ss -Hltn | grep :22; pgrep -x sshd", may_fail=True) == ""


def test_with_consent_the_agency_comes_in_through_the_tunnel_and_nobody_else(unit: Guest, agency: Path) -> None:
    unit.run(AS_PANEL.format(verb="consent"))
    unit.run(OPEN, 120)
    assert [line.split()[3] for line in unit.run("ss -Hltn").splitlines() if ":22" in line.split()[3]] == [
        "10.79.0.2:22"
    ]
    assert heard(unit, 22) == b""
    status, words = says(
        unit, ssh(unit, agency, "alice", f"id; hdu status | head -n 1; journalctl -n 1 -q; {ACCEPTED}; touch /etc/x")
    )
    print(f"\nalice: {status}: {words}")
    assert "uid=931(help)" in words
    assert "hdu-0042" in words
    assert "this unit was never accepted" in words
    assert "Read-only file system" in words
    for name in ("long", "stranger", "plain"):
        assert says(unit, ssh(unit, agency, name, "id"))[0] == 255, name


def test_the_end_of_the_consent_is_the_end_of_the_session(unit: Guest, agency: Path) -> None:
    unit.run(AS_PANEL.format(verb="consent"))
    unit.run(OPEN, 120)
    session = ssh(unit, agency, "alice", "echo in; sleep 600")
    told_who = "until busctl get-property org.homedispatch.RemoteHelp /org/homedispatch/RemoteHelp "
    told_who += "org.homedispatch.RemoteHelp1 Who | grep -q alice; do sleep 0.5; done"
    unit.run(told_who, 180)
    unit.run(AS_PANEL.format(verb="take_back"))
    began = time.monotonic()
    unit.run(OVER, 120)
    print(f"\nthe session ended {time.monotonic() - began:.1f} s after the consent")
    session.kill()  # the port it came by has no end that could reach it
    session.wait()
    unit.run(SHUT, 120)
    assert unit.run("ls /run/hdu/remote-help.json; pgrep -u help", may_fail=True).count("\n") == 0
    assert '"who":["alice"]' in unit.run("hdu log --kind RemoteHelp")
