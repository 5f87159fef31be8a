"""Facts as ordinary typed D-Bus properties: the mapping, pure and reversible.

| Python                | D-Bus                                          |
|-----------------------|------------------------------------------------|
| `str`, `Literal[...]` | `s`                                            |
| `bool`, `int`, `float`| `b`, `x`, `d`                                  |
| `X | None`            | `aX`: no element is unknown, one is the value  |
| `tuple[X, ...]`       | `aX`                                           |
| `dict[str, X]`        | `a{sX}`                                        |
| a struct              | `(...)`, its fields in order                   |

A field `rtt_ms` is the property `RttMs`.
"""

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

F = TypeVar("F", bound=msgspec.Struct)

_BASIC: dict[type, str] = {str: "s", bool: "b", int: "x", float: "d"}


@cache
def member(field: str) -> str:
    """`rtt_ms` -> `RttMs`."""
    return "".join(word.capitalize() for word in field.split("_"))


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in msgspec.structs.fields(kind)}


def _optional(kind: Any) -> Any:
    """X for `X | None`, else None."""
    if get_origin(kind) not in (types.UnionType, Union):
        return None
    (inner,) = [each for each in get_args(kind) if each is not type(None)]
    return inner


@cache
def signature(kind: Any) -> str:
    """The D-Bus signature of a Python type from the table above; TypeError for any other."""
    if kind in _BASIC:
        return _BASIC[kind]
    if inner := _optional(kind):
        return "a" + signature(inner)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "s"
    if origin is tuple:
        return "a" + signature(args[0])
    if origin is dict:
        return f"a{{s{signature(args[1])}}}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "(" + "".join(signature(each) for each in _fields(kind).values()) + ")"
    raise TypeError(f"wire: {kind!r} has no D-Bus form; use a type from the table in firmware/wire.py")


def encode(kind: Any, value: Any) -> Any:
    """A Python value of type `kind` as sdbus takes it."""
    if inner := _optional(kind):
        return [] if value is None else [encode(inner, value)]
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple:
        return [encode(args[0], each) for each in value]
    if origin is dict:
        return {key: encode(args[1], each) for key, each in value.items()}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return tuple(encode(each, getattr(value, name)) for name, each in _fields(kind).items())
    return kind(value) if kind in _BASIC else value


def decode(kind: Any, value: Any) -> Any:
    """The inverse of `encode`; msgspec.ValidationError where the value is not of that type."""
    if inner := _optional(kind):
        parts = _parts(value, list)
        return decode(inner, parts[0]) if parts else None
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(decode(args[0], each) for each in _parts(value, list))
    if origin is dict:
        return {decode(str, key): decode(args[1], each) for key, each in _parts(value, dict).items()}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = _fields(kind)
        if len(_parts(value, tuple)) != len(fields):
            raise msgspec.ValidationError(f"Expected {len(fields)} fields of {kind.__name__}, got {len(value)}")
        return kind(**{name: decode(each, part) for (name, each), part in zip(fields.items(), value, strict=True)})
    return msgspec.convert(value, kind)


def _parts(value: Any, kind: type) -> Any:
    """`value`, which sdbus gives as `kind` where the signature is right."""
    if not isinstance(value, kind):
        raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
    return value


def signatures(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Field name -> signature, for every property of a fact."""
    return {name: signature(each) for name, each in _fields(kind).items()}


def properties(fact: msgspec.Struct) -> dict[str, tuple[str, Any]]:
    """A fact as D-Bus properties: member name -> (signature, value)."""
    fields = _fields(type(fact))
    return {member(name): (signature(kind), encode(kind, getattr(fact, name))) for name, kind in fields.items()}


def changed(before: msgspec.Struct, after: msgspec.Struct) -> dict[str, tuple[str, Any]]:
    """The properties in which two facts of one type differ, as in `after`."""
    old = properties(before)
    return {name: value for name, value in properties(after).items() if old[name] != value}


def fact(kind: type[F], values: Mapping[str, tuple[str, Any]]) -> F:
    """The inverse of `properties`, with its error; a property that is missing keeps the fact's default."""
    fields = {member(name): (name, each) for name, each in _fields(kind).items()}
    known = {name: value for name, (_, value) in values.items() if name in fields}
    return kind(**{fields[name][0]: decode(fields[name][1], value) for name, value in known.items()})
