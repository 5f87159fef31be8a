"""Settings that the bench publishes are the settings that were asked for."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from bench.releasing import to_toml

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=8)
VALUES = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXT | st.lists(TEXT, max_size=3)
TABLES = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, TEXT, max_size=3), max_size=5)


@given(st.dictionaries(NAMES, TABLES, max_size=4))
def test_what_is_written_is_read_again(settings: dict[str, dict[str, object]]) -> None:
    assert tomllib.loads(to_toml(settings)) == settings
