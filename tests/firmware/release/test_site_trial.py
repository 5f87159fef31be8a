"""Settings on trial: pure decisions by property, files by table."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.configfile import load, seal
from firmware.release.site_trial import KEEP_S, LOST_S, SiteRefused, Trial, begin, decide, keep, running, take_back

OLD, NEW = b"[hub]\nmqtt_port = 8883\n", b"[hub]\nmqtt_port = 8884\n"


def outcome(story: list[tuple[float, bool | None]]) -> tuple[str, float]:
    """What is done, and when, to settings that came at 0: (seconds, hub) after one another."""
    trial, now_s = Trial(0.0), 0.0
    for seconds, hub in story:
        end_s = now_s + seconds
        while now_s < end_s:
            trial, action = decide(trial, hub, now_s)
            if action != "wait":
                return action, now_s
            now_s += 1
    return "wait", now_s


@pytest.mark.parametrize(
    ("story", "action", "at_s"),
    [
        ([(1_000, False)], "take-back", LOST_S),
        ([(1_000, None)], "take-back", LOST_S),
        ([(5, False), (1_000, True)], "keep", 5 + KEEP_S),
        ([(5, False), (100, True), (299, False), (1_000, True)], "keep", 404 + KEEP_S),
        ([(100, True), (1_000, False)], "take-back", 100 + LOST_S),
        ([(299, True), (1_000, False)], "take-back", 299 + LOST_S),
    ],
)
def test_a_hub_lost_for_five_minutes_takes_the_settings_back(
    story: list[tuple[float, bool | None]], action: str, at_s: float
) -> None:
    assert outcome(story) == (action, at_s)


@given(st.lists(st.tuples(st.integers(1, 290), st.sampled_from([True, False, None])), max_size=8))
def test_it_never_ends_early_and_always_ends(story: list[tuple[int, bool | None]]) -> None:
    steady = [(float(seconds), hub) for seconds, hub in story]
    action, at_s = outcome([*steady, (700.0, False)])
    assert action in ("keep", "take-back") and at_s >= min(LOST_S, KEEP_S)


def test_settings_have_a_folder_of_their_own_in_an_identity_that_is_root_s(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_bytes(OLD)
    (tmp_path / "settings").mkdir()
    begin(tmp_path, NEW)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["settings", "site.toml"]
    assert (tmp_path / "site.toml").read_bytes() == OLD
    assert load(tmp_path)[0].site.hub.mqtt_port == 8884 and running(tmp_path)
    take_back(tmp_path)
    assert load(tmp_path)[0].site.hub.mqtt_port == 8883 and not running(tmp_path)


def test_taken_back_is_what_was_before(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_bytes(OLD)
    begin(tmp_path, NEW)
    assert (tmp_path / "site.toml").read_bytes() == seal(NEW) and running(tmp_path)
    begin(tmp_path, NEW + b"probe_port = 7412\n")  # a second within the trial: the way back stays the same
    take_back(tmp_path)
    assert (tmp_path / "site.toml").read_bytes() == OLD and not running(tmp_path)


def test_kept_stays_and_is_not_taken_back_any_more(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_bytes(OLD)
    begin(tmp_path, NEW)
    keep(tmp_path)
    take_back(tmp_path)
    assert (tmp_path / "site.toml").read_bytes() == seal(NEW)


@pytest.mark.parametrize("moment", range(4))
def test_a_power_cut_at_any_moment_leaves_whole_settings_and_a_way_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    (tmp_path / "site.toml").write_bytes(OLD)
    left, fsync = iter(range(moment)), os.fsync

    def cut(fd: int) -> None:
        if next(left, None) is None:
            raise OSError("power cut")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(OSError, match="power cut"):
        begin(tmp_path, NEW)
    monkeypatch.undo()
    assert (tmp_path / "site.toml").read_bytes() == (seal(NEW) if moment == 3 else OLD)
    take_back(tmp_path)
    assert (tmp_path / "site.toml").read_bytes() == OLD and not running(tmp_path)


@pytest.mark.parametrize("data", [b"[hub]\nmqtt_port = 0\n", b"[nothing]\n", b"\xff", b"[hub", b"hub = 3\n"])
def test_bad_settings_change_nothing_though_they_may_be_signed(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "site.toml").write_bytes(OLD)
    with pytest.raises(SiteRefused, match=r"site\.toml"):
        begin(tmp_path, data)
    assert (tmp_path / "site.toml").read_bytes() == OLD and not running(tmp_path)
