"""Every check of the verdict has a fault by which `make bench-verdicts` measures it."""

from firmware.checks import ALL
from tests.bench.verdict_faults import FAULTS


def test_no_check_is_left_out() -> None:
    assert {check.__module__.rpartition(".")[2] for check in ALL} - {fault.check for fault in FAULTS} == set()
