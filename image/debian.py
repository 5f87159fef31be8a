"""Debian packages of any architecture, resolved, fetched and verified by apt, and never installed.

apt gets a root of its own in the cache: the machine's packages, sources and keys stay as they are. Where Debian is
mirrored is what this machine's own apt already says.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from image.places import SUITE, BuildError, cache

KEYRINGS = Path("/usr/share/keyrings")
COMPONENTS = "main non-free-firmware"
CONFIGURATION = """APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "1";
Dir "{root}";
Dir::Etc "{root}/etc";
Dir::Etc::trustedparts "{keyrings}";
Dir::State "{root}";
Dir::State::status "{root}/status";
Dir::Cache "{root}";
Dir::Cache::archives "{root}/archives";
Dir::Bin::methods "/usr/lib/apt/methods";
"""


@dataclass(frozen=True)
class Package:
    """One fetched package."""

    name: str
    version: str
    architecture: str
    file: Path
    sha256: str


class Debian:
    """One architecture of the suite; `refresh` before the first question."""

    def __init__(self, architecture: str) -> None:
        self.root = cache() / "apt" / architecture
        for folder in ("lists/partial", "archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        text = CONFIGURATION.format(architecture=architecture, root=self.root, keyrings=KEYRINGS)
        (self.root / "apt.conf").write_text(text)
        (self.root / "etc" / "sources.list").write_text(sources(mirrors()))

    def refresh(self) -> str:
        """Fetches the package lists; without the mirror the last ones serve, and the answer says so."""
        done = self._apt("update", "--error-on=any", check=False)
        if done.returncode == 0:
            return ""
        if not any((self.root / "lists").glob("*_Packages")):
            raise BuildError(f"image: no package lists: {_last(done.stderr)}; is the Debian mirror reachable?")
        return f"the mirror did not answer, building from the last package lists ({_last(done.stderr)})"

    def fetch(self, wanted: list[str], left_out: frozenset[str] = frozenset()) -> list[Package]:
        """These packages and all that they need, without `left_out`, in apt's order of unpacking."""
        files = self._named("install", wanted)
        kept = [file for file in files if file.partition("_")[0] not in left_out]
        self._apt("--download-only", "install", *wanted)
        return [package(self.root / "archives" / file) for file in kept]

    def fetch_alone(self, wanted: list[str]) -> list[Package]:
        """These packages and nothing that they need."""
        files = self._named("download", wanted)
        missing = [file.partition("_")[0] for file in files if not (self.root / "archives" / file).exists()]
        if missing:
            self._apt("download", *missing, folder=self.root / "archives")
        return [package(self.root / "archives" / file) for file in files]

    def _named(self, verb: str, wanted: list[str]) -> list[str]:
        """The files apt would fetch; it names only what it has not got, so it is shown an archive without any."""
        (nothing := self.root / "nothing" / "partial").mkdir(parents=True, exist_ok=True)
        shown = self._apt("-o", f"Dir::Cache::archives={nothing.parent}", "--print-uris", verb, *wanted)
        return [line.split()[1] for line in shown.stdout.splitlines()]

    def _apt(self, *words: str, check: bool = True, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "APT_CONFIG": str(self.root / "apt.conf"), "LC_ALL": "C.UTF-8"}
        command = ["apt-get", "-qq", "-y", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
        if check and done.returncode:
            raise BuildError(f"image: apt cannot {words[0].lstrip('-')}: {_last(done.stderr)}")
        return done


def mirrors() -> tuple[str, str]:
    """Debian and its security updates, as this machine's apt has them."""
    command = ["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError("image: needs apt (Debian or a derivative) on the machine that builds") from error
    known = dict(line.split("|", 1) for line in sorted(lines, reverse=True))
    if "Debian" not in known:
        raise BuildError("image: this machine's apt has no Debian source; add one (sources.list(5)) and try again")
    return known["Debian"], known.get("Debian-Security", known["Debian"].rstrip("/") + "-security/")


def sources(mirror: tuple[str, str]) -> str:
    main, security = mirror
    if not any(KEYRINGS.glob(f"debian-archive-{SUITE}-*.gpg")):
        raise BuildError(f"image: no keys of Debian {SUITE} in {KEYRINGS}; install debian-archive-keyring")
    lines = [(main, SUITE), (main, f"{SUITE}-updates"), (security, f"{SUITE}-security")]
    return "".join(f"deb {uri} {suite} {COMPONENTS}\n" for uri, suite in lines)


def package(file: Path) -> Package:
    """From NAME_VERSION_ARCHITECTURE.deb; apt has checked it against the signed lists."""
    name, version, architecture = file.name.removesuffix(".deb").split("_")
    return Package(name, unquote(version), architecture, file, hashlib.sha256(file.read_bytes()).hexdigest())


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
