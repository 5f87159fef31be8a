"""Facts as D-Bus properties and back, for every fact there is."""

import contextlib
import typing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import facts, wire

FACTS = [
    kind
    for kind in vars(facts).values()
    if isinstance(kind, type) and issubclass(kind, facts.Fact) and kind not in (facts.Fact, facts.Status)
]


def values(kind: typing.Any) -> st.SearchStrategy[typing.Any]:
    """Any value of a type that the wire knows."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: values(hints[field.name]) for field in msgspec.structs.fields(kind)})
    if inner := wire._optional(kind):
        return st.none() | values(inner)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=5), values(args[1]), max_size=3)
    plain: dict[type, st.SearchStrategy[typing.Any]] = {
        str: st.text(max_size=8),
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False),
    }
    return plain[kind]


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_fact_comes_back_as_it_went(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    fact = data.draw(values(kind))
    assert wire.fact(kind, wire.properties(fact)) == fact


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        (str, "s"),
        (bool, "b"),
        (int, "x"),
        (float, "d"),
        (float | None, "ad"),
        (tuple[str, ...], "as"),
        (dict[str, str | None], "a{sas}"),
        (facts.Lamps, "(sss)"),
        (tuple[facts.Acknowledgement, ...], "a(sss)"),
    ],
)
def test_signatures(kind: typing.Any, signature: str) -> None:
    assert wire.signature(kind) == signature


def test_an_unknown_type_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="no D-Bus form"):
        wire.signature(bytes)


def test_only_what_differs_is_changed() -> None:
    before, after = facts.Power(percent=40.0), facts.Power(percent=None)
    assert wire.changed(before, after) == {"Percent": ("ad", [])}
    assert wire.changed(after, after) == {}


def test_a_missing_property_keeps_its_default() -> None:
    assert wire.fact(facts.Hub, {"Connected": ("ab", [True])}) == facts.Hub(connected=True)


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_a_value_of_any_other_shape_is_a_fact_or_refused(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    members = st.sampled_from([wire.member(field.name) for field in msgspec.structs.fields(kind)])
    said = data.draw(st.dictionaries(members, st.tuples(st.just("v"), NONSENSE), min_size=1, max_size=3))
    given_all = wire.properties(data.draw(values(kind))) | said
    with contextlib.suppress(msgspec.ValidationError):
        found = wire.fact(kind, given_all)
        assert wire.fact(kind, wire.properties(found)) == found or found != found
