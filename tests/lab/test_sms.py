"""The last way out on the image: no uplink is left, and a PANIC leaves by the modem as an SMS."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.tools import Tools
from tests.lab import guest as lab
from tests.lab.enrolled import BOUND_S, soon
from tests.lab.guest import Guest
from tests.lab.hands import raised
from tests.lab.rehearsal import IDENTITY, UNIT, put, until
from tests.lab.virt import plugged

pytestmark = pytest.mark.timeout(3600)
NUMBER = "+15550001111"
MODEM = '[modem]\nport = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_hdu-modem-if00-port0"\n'
SITE = f'[alerts]\nsms_numbers = ["{NUMBER}"]\n'


@pytest.fixture(scope="module")
def unit(ready: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The saved unit, which knows no hub, with a modem plugged in and a number to tell."""
    work = tmp_path_factory.mktemp("sms") / "machine"
    with plugged(lab.resumed(ready, work, tools, plugged=("modem",))) as run:
        lab.go_on(run)
        put(run, {f"{IDENTITY}/unit.toml": UNIT + MODEM, f"{IDENTITY}/site.toml": SITE})
        run.run("systemctl restart hdu-modem hdu-alerts hdu-uplinks", 300)
        until(run, "its network", "Modem", "registered", True, BOUND_S)
        yield run


def test_a_panic_that_no_uplink_carries_goes_by_sms(unit: Guest) -> None:
    began = time.monotonic()
    unit.board.cable("wired", False)
    alert = raised(unit)
    sent = soon(unit, "the SMS", lambda: [each for each in unit.board.state("modem")["sms_sent"] if alert in str(each)])
    print(f"\n{time.monotonic() - began:.1f} s after the finger: {sent[0]}")
    assert sent[0]["to"] == NUMBER
    assert "PANIC" in sent[0]["text"].upper()
