"""The house rules that can be checked: who imports whom, and what the panel process never loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("firmware", "hub", "hw", "bench", "hdu", "image")
FORBIDDEN = {"firmware": {"hub", "hw", "bench", "hdu", "image"}, "hub": {"hw", "bench", "hdu"}, "hw": {"bench", "hdu"}}
SERVICES = {file.stem for file in (ROOT / "firmware").glob("*.py") if "if __name__ ==" in file.read_text()}
FILES = sorted(path for room in ROOMS if (ROOT / room).exists() for path in (ROOT / room).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_room_reaches_where_it_must_not(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0]
    assert {name.partition(".")[0] for name in imported(file)} & FORBIDDEN.get(room, set()) == set()


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_service_imports_another(service: str) -> None:
    others = {f"firmware.{name}" for name in SERVICES - {service}}
    assert set(imported(ROOT / "firmware" / f"{service}.py")) & others == set()


@pytest.mark.parametrize("file", sorted((ROOT / "firmware" / "drivers").glob("*.py")), ids=lambda file: file.stem)
def test_a_driver_knows_only_facts_and_configuration(file: Path) -> None:
    known = ("firmware.facts", "firmware.config", "firmware.drivers")
    ours = {name for name in imported(file) if name.startswith("firmware.")}
    assert {name for name in ours if not name.startswith(known)} == set()


def test_the_panel_loads_no_bus_no_mqtt_and_no_audio() -> None:
    words = "import sys, firmware.panel; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {"sdbus", "aiomqtt", "paho", "alsaaudio"} & set(loaded.stdout.split()) == set()


def test_no_file_is_two_rooms_in_one() -> None:
    long = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in FILES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}
