"""Our Python on the unit: nothing that the unit's code imports is missing there, nothing comes unlocked."""

import ast
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from image import wheels

ROOT = Path(__file__).parents[2]
AGENCY = {"fleet", "flash", "image", "provision", "publish", "sign"}  # what is done at a desk, not on a unit
NOT_ON_A_UNIT = {"hub", "image", "hw", "bench"}


def imported(file: Path) -> set[str]:
    """The first word of each module that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def unit_files() -> list[Path]:
    files = [file for room in wheels.OURS for file in (ROOT / room).rglob("*.py")]
    return [file for file in files if file.relative_to(ROOT).parts[:1] != ("hdu",) or file.parts[-2:][0] == "hdu"]


def test_what_the_unit_imports_comes_with_it() -> None:
    brought = {each.name.lower() for each in wheels.wanted()}
    files = [file for file in unit_files() if file.stem not in AGENCY]
    words = {word for file in files for word in imported(file)} - set(sys.stdlib_module_names) - NOT_ON_A_UNIT
    known = packages_distributions()
    needed = {name.lower() for word in words - set(wheels.OURS) for name in known.get(word, [word])}
    assert needed - brought == set()


def test_everything_is_locked_with_hashes() -> None:
    assert all(each.hashes and all(len(one) == 64 for one in each.hashes) for each in wheels.wanted())
    assert {"sdbus", "msgspec", "pyalsaaudio", "watchdog"} <= {each.name.lower() for each in wheels.wanted()}


PROVISIONED_BY_CARD = """
import sys
from pathlib import Path
from hdu import cli
status = cli.main(["provision", "card", sys.argv[1], "--base", sys.argv[2]])
rooms = {"firmware", "hdu", "hub", "hw", "image", "bench"}
ours = [each for name, each in sys.modules.items() if name.partition(".")[0] in rooms]
print({each.__name__ for each in ours if not str(each.__file__).startswith(sys.argv[3])} or "only what a unit has")
raise SystemExit(status)
"""


def as_on_a_unit(folder: Path, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """`program` where there is only what a unit has of ours."""
    for room in wheels.OURS:
        shutil.copytree(ROOT / room, folder / room)
    (folder / "hub").mkdir()
    for file in wheels.BOTH_ENDS:
        shutil.copy(ROOT / file, folder / file)
    argv = [sys.executable, "-c", program, *words]
    return subprocess.run(
        argv, env={"PYTHONPATH": str(folder)}, cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_unit_has_all_that_its_provisioning_loads(tmp_path: Path) -> None:
    """The agency's rooms are not on it, but for what both ends of the enrolment know."""
    (tmp_path / "card/provision").mkdir(parents=True)
    (tmp_path / "card/provision/labels.txt").write_text("unit=hdu-0042\n")
    (tmp_path / "card/provision/site-file.toml").write_text("agency = 3\n")
    done = as_on_a_unit(tmp_path, PROVISIONED_BY_CARD, *(str(tmp_path / name) for name in ("card", "identity", "")))
    assert done.stdout == "only what a unit has\n", done.stderr
    assert (done.returncode, "site-file.toml: " in done.stderr) == (1, True)


ACCEPTED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # what is None here cannot be imported
import firmware.acceptance.run, firmware.readiness
from hdu import cli
raise SystemExit(cli.main(["selftest", "--acceptance", "--technician", "Sam", "--to", "-"]))
"""


def test_a_unit_has_all_that_its_acceptance_loads(tmp_path: Path) -> None:
    """It looks on where there is nothing to print with; here there is no bus."""
    done = as_on_a_unit(tmp_path, ACCEPTED, "fpdf", "segno", "aiohttp", "pkcs11", "pygments", "markdown_it")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hdu selftest: the unit does not answer"), done.stderr
