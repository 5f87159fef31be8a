"""What the unit keeps for itself: read back as written or refused, whatever bit of it changed, wherever it was cut."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import kept
from tests.test_flipped_bits import flipped


class Nothing(msgspec.Struct, frozen=True):
    pass


class Something(msgspec.Struct, frozen=True):
    text: str = ""
    number: float | None = None
    more: tuple[str, ...] = ()


things = st.builds(Something, st.text(max_size=30), st.none() | st.floats(0, 1e6), st.tuples(st.text(max_size=9)))


@given(things)
def test_what_is_sealed_is_opened_and_is_json_to_everyone_else(thing: Something) -> None:
    sealed = kept.seal(thing)
    assert kept.opened(sealed, Something) == thing
    plain = json.loads(sealed)
    assert len(plain.pop("crc32")) == 8
    assert msgspec.convert(plain, Something) == thing


def test_nothing_can_be_kept() -> None:
    assert kept.opened(kept.seal(Nothing()), Nothing) == Nothing()


@given(things, st.data())
def test_no_flip_and_no_cut_is_read_as_another_value(thing: Something, data: st.DataObject) -> None:
    sealed = kept.seal(thing)
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for bad in (sealed[:cut], *flipped(sealed, 7)):
        try:
            assert kept.opened(bad, Something) == thing
        except kept.Damaged as error:
            assert str(error)


def test_a_value_that_changed_is_refused_with_the_file_named(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    kept.replace(file, kept.seal(Something("Kim")).replace(b"Kim", b"Lim"))
    with pytest.raises(kept.Damaged, match=f"{file}.*crc32"):
        kept.read(file, Something)


def test_what_a_person_wrote_is_taken(tmp_path: Path) -> None:
    (tmp_path / "by-hand").write_text('{"text": "Kim"}')
    assert kept.read(tmp_path / "by-hand", Something) == Something("Kim")
    assert kept.read(tmp_path / "absent", Something) is None


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for durable in (False, True):
        kept.replace(tmp_path / "file", b"new", durable=durable)
        assert [each.name for each in tmp_path.iterdir()] == ["file"]
