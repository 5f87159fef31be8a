"""Breaks what decides, once at a time, and sees that a test fails: `python -m tests.bench.broken_once [--only TEXT]`.

Each comparison, condition, number and word of the field (a level, a state, an action) is changed by itself, in memory;
the tests of that file run on it in a process of their own. What no test notices is printed with its line. Exit 1 then.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import importlib.abc
import importlib.util
import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis.strategies  # noqa: F401  loaded once, so that no child pays for it
import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent.parent
TARGETS: dict[str, tuple[str, ...]] = {
    "firmware/checks/*.py": ("tests/firmware/test_verdict.py",),
    "firmware/verdict.py": ("tests/firmware/test_verdict.py",),
    "firmware/supply/policy.py": ("tests/firmware/supply/test_policy.py",),
    "firmware/supply/mains.py": ("tests/firmware/supply/test_mains.py",),
    "firmware/supply/battery_test.py": ("tests/firmware/supply/test_battery_test.py",),
    "firmware/supply/age.py": ("tests/firmware/supply/test_age.py",),
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SCALES = (
    ("unsafe", "unknown", "warning"),
    ("red", "amber", "green"),
    ("normal", "on-battery", "low", "ending"),
    ("handing-over", "holding", "grace", "off"),
    ("save", "resume", "warn", "hand-over", "flush", "power-off", "restart"),
    ("up", "suspect", "down"),
    ("idle", "active"),
    ("start", "stop"),
)
NEXT = {word: scale[(place + 1) % len(scale)] for scale in SCALES for place, word in enumerate(scale)}


@dataclass(frozen=True)
class Break:
    """One change of one file: `code` is the whole module with it."""

    module: str
    file: Path
    line: int
    what: str
    code: CodeType


def changed(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The node broken in each way there is, with words."""
    made = copy.deepcopy(node)
    if isinstance(made, ast.Compare) and len(made.ops) == 1:
        made.ops = [COMPARED[type(made.ops[0])]()]
        yield made, f"{ast.unparse(node)} -> {ast.unparse(made)}"
    elif isinstance(made, ast.BoolOp):
        made.op = ast.Or() if isinstance(made.op, ast.And) else ast.And()
        yield made, f"{ast.unparse(node)} -> {ast.unparse(made)}"
    elif isinstance(made, ast.UnaryOp) and isinstance(made.op, ast.Not):
        yield made.operand, f"{ast.unparse(node)} -> {ast.unparse(made.operand)}"
    elif isinstance(made, ast.If | ast.IfExp):
        made.test = ast.UnaryOp(ast.Not(), made.test)
        yield made, f"if {ast.unparse(made.test.operand)} -> if not"
    elif isinstance(made, ast.Constant) and isinstance(made.value, int | float) and not isinstance(made.value, bool):
        yield ast.Constant(made.value + 1), f"{made.value} -> {made.value + 1}"
    elif isinstance(made, ast.Constant) and isinstance(made.value, str) and made.value in NEXT:
        yield ast.Constant(NEXT[made.value]), f"{made.value!r} -> {NEXT[made.value]!r}"


class Swap(ast.NodeTransformer):
    """Puts `new` where `old` stands."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.new, node) if node is self.old else self.generic_visit(node)


def deciding(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of the functions and the constants above them; what only names a type decides nothing."""
    for top in tree.body:
        if isinstance(top, ast.FunctionDef):
            for statement in top.body:
                yield from ast.walk(statement)
        elif isinstance(top, ast.Assign) and not isinstance(top.value, ast.Subscript):
            yield from ast.walk(top.value)


def breaks(file: Path) -> Iterator[Break]:
    text = file.read_text()
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    count = len(list(deciding(ast.parse(text))))
    for place in range(count):
        for way in range(len(list(changed(list(deciding(ast.parse(text)))[place])))):
            tree = ast.parse(text)
            node = list(deciding(tree))[place]
            new, what = list(changed(node))[way]
            line = getattr(node, "lineno", 0)
            Swap(node, new).visit(tree)
            yield Break(module, file, line, what, compile(ast.fix_missing_locations(tree), str(file), "exec"))


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the broken module where the whole one is asked for."""

    def __init__(self, of: Break) -> None:
        self.of = of

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self.of.file)) if name == self.of.module else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.of.code, module.__dict__)


def noticed(of: Break, tests: Sequence[str]) -> bool:
    """Whether a test fails on the broken module."""
    child = os.fork()
    if child == 0:
        sys.meta_path.insert(0, Finder(of))
        settings.register_profile("broken", deadline=None, max_examples=60, database=None, derandomize=True)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with contextlib.suppress(Exception):  # before the tests, whose own import hook takes names like theirs
                importlib.import_module(of.module)
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=broken", *tests])
        os._exit(0 if code == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="broken_once", description=__doc__)
    parser.add_argument("--only", default="", help="only files with this in their path")
    given = parser.parse_args()
    total, missed = 0, list[Break]()
    for pattern, tests in TARGETS.items():
        for file in sorted(each for each in ROOT.glob(pattern) if given.only in str(each.relative_to(ROOT))):
            found = list(breaks(file))
            unseen = [each for each in found if not noticed(each, tests)]
            print(
                f"{file.relative_to(ROOT)!s:<40} {len(found) - len(unseen):>3} of {len(found):>3} noticed", flush=True
            )
            for each in unseen:
                print(f"    line {each.line}: {each.what}", flush=True)
            total, missed = total + len(found), missed + unseen
    print(f"{total - len(missed)} of {total} breaks noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
