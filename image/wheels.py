"""Our own Python for the unit: the checkout's packages and the locked dependencies as arm64 wheels, unpacked.

What PyPI has no wheel of (pyalsaaudio) is compiled here for arm64 from its locked source.
"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from firmware.release.version import RELEASE
from image.places import CHECKOUT, BuildError, cache, content, key
from image.tools import WORK, Tools

PYTHON = "3.13"  # of the suite
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")
AGENCY_ONLY = {"aiohttp", "fpdf2", "segno", "python-pkcs11"}  # nothing on a unit imports them
COMPILED = "pyalsaaudio"
OURS = ("firmware", "hdu")
BOTH_ENDS = tuple(f"hub/{name}.py" for name in ("__init__", "enrolment", "sealing", "tunnel_keys"))
"""Of the agency's rooms, what a unit needs to ask to be one of its units, and to take the answer."""


@dataclass(frozen=True)
class Pinned:
    """One dependency as locked."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def line(self) -> str:
        return f"{self.name}=={self.version} " + " ".join(f"--hash=sha256:{each}" for each in self.hashes)


def locked() -> dict[str, Pinned]:
    """Everything in requirements.lock, by name."""
    found = {}
    for block in re.split(r"\n(?=\S)", (CHECKOUT / "requirements.lock").read_text()):
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block):
            hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
            found[match[1].lower()] = Pinned(match[1], match[2], hashes)
    return found


def project() -> dict[str, str]:
    table = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return {"name": table["name"], "version": RELEASE, "dependencies": "\n".join(table["dependencies"])}


def wanted() -> list[Pinned]:
    """What the unit's part of the project needs, with what that needs."""
    lock = locked()
    direct = re.findall(r"^([A-Za-z0-9._-]+)", project()["dependencies"], re.MULTILINE)
    names = {name.lower() for name in direct} | {name.lower() for name in NEEDED_BY_THOSE}
    return [lock[name] for name in sorted(names - AGENCY_ONLY) if name in lock]


# What the direct ones import on the unit: no syntax colours for rich, no other systems' parts.
NEEDED_BY_THOSE = (*("cffi", "colorzero", "paho-mqtt", "typing-extensions", "urllib3"),)


def _pip(folder: Path, requirements: str, *options: str) -> None:
    (folder / "requirements.txt").write_text(requirements)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "-r", str(folder / "requirements.txt"), "-d", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise BuildError(f"image: pip cannot fetch the unit's Python: {words[-1] if words else done.stderr[-200:]}")


def fetched() -> Path:
    """The folder of wheels, and of the one source; fetched once for each state of the lock."""
    pinned = wanted()
    folder = cache() / "wheels" / key(PYTHON, *(each.line() for each in pinned))
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    lines = "\n".join(each.line() for each in pinned if each.name.lower() != COMPILED)
    _pip(folder, lines, *platforms, "--python-version", PYTHON, "--implementation", "cp", "--only-binary", ":all:")
    _pip(folder, locked()[COMPILED].line(), "--no-binary", ":all:")
    (folder / "complete").touch()
    return folder


def install(root: Path, tools: Tools, headers: Path, version: str) -> None:
    """All of it into the root's dist-packages, with the metadata by which the release is known."""
    site = root / "usr/lib/python3/dist-packages"
    site.mkdir(parents=True, exist_ok=True)
    folder = fetched()
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shutil.copy(compiled(folder, tools, headers, root), site)
    for room in OURS:
        shutil.copytree(CHECKOUT / room, site / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for file in BOTH_ENDS:
        (site / file).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / file, site / file)
    _name(site, version)
    for useless in [*site.rglob("test_data"), *site.glob("tests"), *site.glob("*/tests")]:
        shutil.rmtree(useless, ignore_errors=True)


def _name(site: Path, version: str) -> None:
    """The release says what it is, where the code reads it and where Python looks."""
    file = site / "firmware/release/version.py"
    file.write_text(file.read_text().replace(f'RELEASE = "{RELEASE}"', f'RELEASE = "{version}"'))
    name = project()["name"]
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    factory = "[gpiozero_pin_factories]\nhdu_libgpiod = firmware.drivers.gpio_libgpiod:LibgpiodFactory\n"
    (folder / "entry_points.txt").write_text(factory)


def compiled(folder: Path, tools: Tools, headers: Path, root: Path) -> Path:
    """pyalsaaudio's one module for arm64."""
    (source,) = folder.glob(f"{COMPILED}-*.tar.gz")
    work = folder / f"compiled-{key(content(headers / 'usr/include/alsa'), str(tools.tree.parent.name))}"
    module = work / "alsaaudio.cpython-313-aarch64-linux-gnu.so"
    if module.exists():
        return module
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    shutil.unpack_archive(source, work / "source")
    shutil.copytree(headers / "usr/include", work / "include", symlinks=True)
    (library,) = sorted((root / "usr/lib/aarch64-linux-gnu").glob("libasound.so.2.*"))
    shutil.copy(library, work / "libasound.so")
    (file,) = (work / "source").rglob("alsaaudio.c")
    includes = [f"-I{WORK}/include/python{PYTHON}", f"-I{WORK}/include"]
    flags = ["-O2", "-g0", "-fPIC", "-shared", "-Wl,--build-id=none", "-Wl,--allow-shlib-undefined"]
    files = [f"{WORK}/{module.name}", f"{WORK}/{file.relative_to(work)}", f"{WORK}/libasound.so"]
    tools.run(work, "aarch64-linux-gnu-gcc", *flags, *includes, "-o", *files)
    return module
