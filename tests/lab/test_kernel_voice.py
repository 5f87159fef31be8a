"""The voice plane as a unit has it: the kernel's WireGuard and NetworkManager's mirror, on Debian's own kernel."""

import platform
from pathlib import Path

import pytest

from tests.lab import kernel_bench
from tests.lab.kernel_voice import FAULTS

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the guest runs this machine's own programs, amd64"),
]


def test_no_packet_is_lost_doubled_or_in_clear_through_any_fault(tmp_path: Path) -> None:
    found = kernel_bench.measured(1, list(FAULTS), tmp_path)
    faults = {each["fault"]: each for each in found if "fault" in each}
    print(kernel_bench.HEAD, *(kernel_bench.line(each) for each in found if "up" in each), sep="\n")
    for fault in FAULTS:
        assert kernel_bench.whole(faults[fault]), faults[fault]
        assert faults[fault]["copies"] >= 0.9 * faults[fault]["up"]["sent"], "LTE did not get every copy"
    assert (faults["call over"]["copies"], faults["call over"]["lost"]) == (0, 0)
    assert faults["target anew"]["mirrored"]
    assert (faults["tunnel away"]["leaked"], faults["tunnel away"]["refused"]) == (0, 20)
