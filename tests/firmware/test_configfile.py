"""Bad configuration: every fault at once, by path, value and bound, and never a dead unit."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.config import Config, Site, UnitFile
from firmware.configfile import bounds, load, parse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unit.toml").write_text(f'[folders]\ndata = "{tmp_path}/data"\n')
    return tmp_path


def test_no_files_is_all_defaults_and_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path) == (Config(), ())


def test_every_fault_is_told_at_once(folder: Path) -> None:
    (folder / "site.toml").write_text('[hub]\nmqtt_port = 70000\nspeed = 3\n[alerts]\nremind_s = "soon"\n')
    _, faults = load(folder)
    text = "\n".join(faults)
    assert len(faults) == 3
    assert "hub: mqtt_port = 70000 is refused" in text and "<= 65535" in text
    assert "speed is not a setting" in text and "mqtt_port" in text
    assert "alerts: remind_s = 'soon'" in text


def test_a_bad_site_falls_back_to_the_last_good_one(folder: Path) -> None:
    (folder / "site.toml").write_text("[hub]\nmqtt_port = 1234\n")
    assert load(folder)[0].site.hub.mqtt_port == 1234
    (folder / "site.toml").write_text("[hub]\nmqtt_port = 0\n")
    config, faults = load(folder)
    assert config.site.hub.mqtt_port == 1234
    assert len(faults) == 1


def test_a_bad_site_without_a_good_one_is_the_defaults(folder: Path) -> None:
    (folder / "site.toml").write_text("this is not TOML")
    config, faults = load(folder)
    assert config.site == Site()
    assert "cannot be read" in faults[0]


LOADS = """import sys
from pathlib import Path
from firmware.configfile import load
at, good = Path(sys.argv[1]), Path(sys.argv[1]) / "data/site.good.toml"
for _ in range(300):
    good.write_bytes(b'of an older setting')
    print(*load(at)[1], end="")
"""


def test_services_that_start_together_do_not_meet_over_the_good_copy(folder: Path) -> None:
    """Four processes that each find an older one and keep the new, again and again."""
    (folder / "site.toml").write_text("[hub]\nmqtt_port = 8884\n")
    (folder / "data").mkdir()
    command = [sys.executable, "-c", LOADS, str(folder)]
    together = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [each.communicate(timeout=60)[0] for each in together] == [""] * 4
    assert load(folder)[1] == ()
    assert [each.name for each in (folder / "data").iterdir()] == ["site.good.toml"]


def test_a_bad_value_of_the_unit_keeps_its_default_and_the_rest_holds(folder: Path) -> None:
    (folder / "unit.toml").write_text(
        f'name = "Not Valid"\n[panel]\ndebounce_ms = 7\n[folders]\ndata = "{folder}/data"\n'
    )
    config, faults = load(folder)
    assert (config.unit.name, config.unit.panel.debounce_ms, len(faults)) == ("hdu-0001", 7.0, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "panel", "uplinks", "folders", "hub", "debounce_ms", "data", "power"]) | st.text()


@given(table=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=4), max_size=5))
def test_any_table_is_a_unit_and_each_wrong_value_a_fault(table: dict[str, object]) -> None:
    faults: list[str] = []
    assert isinstance(parse(UnitFile, table, "unit.toml", faults), UnitFile)
    assert len([key for key in table if key not in UnitFile.__struct_fields__]) <= len(faults)


@given(flip=st.integers(0, 8 * 60))
def test_a_flipped_bit_never_stops_the_unit(flip: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("flip")
    text = bytearray(b'[hub]\nhost = "10.79.0.1"\nmqtt_port = 8883\nkeepalive_s = 5\n')
    text[(flip // 8) % len(text)] ^= 1 << flip % 8
    (folder / "site.toml").write_bytes(text)
    (folder / "unit.toml").write_text(f'[folders]\ndata = "{folder}/data"\n')
    config, _ = load(folder)
    assert isinstance(config.site, Site)


def test_bounds_read_as_words() -> None:
    assert bounds(UnitFile.__annotations__["name"]).startswith("str, matches")


def test_a_long_value_is_shown_in_part() -> None:
    faults: list[str] = []
    parse(Site, {"hub": ["x" * 9_999], "y" * 9_999: 1}, "site.toml", faults)
    assert len(faults) == 2 and all(len(fault) < 700 and "characters)" in fault for fault in faults)
