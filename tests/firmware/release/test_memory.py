"""What the updates service remembers: leases that end, failures that stay, a file that is whole."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.release.memory import Failed, Memory, Trial, failed, held, keep, last_failed, lease, load, versions_failed


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100), st.floats(0, 100)), max_size=10), st.floats(0, 300)
)
def test_no_lease_outlives_its_time(asked: list[tuple[str, float, float]], later_s: float) -> None:
    memory, now_s = Memory(), 0.0
    last: dict[str, float] = {}
    for who, after_s, lasts_s in asked:
        now_s += after_s
        memory, last[who] = lease(memory, who, now_s + lasts_s, now_s), now_s + lasts_s
    assert held(memory, now_s + later_s) is any(end > now_s + later_s for end in last.values())


def test_settings_that_failed_leave_the_version_before_them() -> None:
    memory = Memory(site="2", trial=Trial(kind="site", version="3"))
    after = failed(memory, "site", "3", "the hub was lost")
    assert (after.site, after.trial, versions_failed(after, "site")) == ("2", None, frozenset("3"))
    assert versions_failed(after, "bundle") == frozenset()


def test_a_failure_is_told_until_a_later_release_is_good() -> None:
    memory = failed(failed(Memory(site="2"), "bundle", "1.3", "no uplink"), "site", "3", "wrong")
    assert last_failed(memory, "1.2") == Failed("site", "3", "wrong")
    later = msgspec.structs.replace(memory, site="4")
    assert last_failed(later, "1.2") == Failed("bundle", "1.3", "no uplink")
    assert last_failed(later, "1.4") is None


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    memory = failed(lease(Memory(proven="1.2"), "shift", 9.0, 1.0), "bundle", "1.3", "no uplink")
    keep(tmp_path / "updates" / "memory.json", memory)
    assert load(tmp_path / "updates" / "memory.json") == memory


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b"\xff", b'{"failed": 3}'])
def test_a_torn_memory_is_begun_anew(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "memory.json").write_bytes(torn)
    assert load(tmp_path / "memory.json") == Memory()
