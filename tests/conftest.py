"""What many tests stand on: a private bus of their own."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a busy machine is no reason to fail an example
settings.load_profile("house")

BUS_CONFIG = """<busconfig><type>system</type><auth>EXTERNAL</auth><listen>unix:path={socket}</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
<allow receive_sender="*"/><allow eavesdrop="false"/></policy></busconfig>
"""


@pytest.fixture
def private_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a system bus of this test's own, with an open policy; also in DBUS_SYSTEM_BUS_ADDRESS."""
    if not shutil.which("dbus-daemon"):
        pytest.skip("dbus-daemon is not here; run inside bench/machine/enter")
    config = tmp_path / "bus.conf"
    config.write_text(BUS_CONFIG.format(socket=tmp_path / "bus"))
    daemon = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with daemon:
        assert daemon.stdout
        address = daemon.stdout.readline().strip().split(",guid=")[0]
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
        daemon.terminate()
