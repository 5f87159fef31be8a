"""`make mutations-provisioning`: mutated answers, site files, requests and grants (ARGS="--tries 1000").

Each goes through `hdu provision` as a technician gives it, and all but the request again as a unit finds it on its
card. Refused is: exit status 1, one line of words or more, and nothing written. Taken is: whole. Anything else ends the
run with the input that did it.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from hdu import provision
from hdu.failure import Failure
from hdu.provision import steps, stick
from hdu.provision.making_site import make
from hdu.provision.store import Store
from tests.hdu.provision.conftest import LABELS, LTE, SETTINGS, UNIT

LONGEST_LINE = 1_000
ODD = (
    "",
    "\x00",
    "\n",
    "é",
    "\u202e",
    "'",
    '"',
    "=",
    ";",
    "[",
    "]]",
    "{",
    "1e999",
    "nan",
    "-1",
    "true",
    "99999999999999999999",
)
ON_CARD = {"site": stick.SITE, "labels": stick.LABELS, "grant": stick.GRANT}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four changes: bytes, characters, cuts, doubled and swapped lines, odd values."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(data) + 1), chance.randint(0, 12)
        kind = chance.randrange(7)
        if kind == 0:
            data = data[:at] + chance.randbytes(length) + data[at + length :]
        elif kind == 1:
            data = data[:at] + chance.choice(ODD).encode() + data[at + length :]
        elif kind == 2:
            data = data[:at]
        elif kind == 3:
            data = data[:at] + data[at + length :]
        elif kind == 4:
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if at < len(data) else data
        else:
            lines = data.splitlines(keepends=True) or [b""]
            one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines.insert(other, lines[one] if kind == 5 else lines.pop(one))
            data = b"".join(lines)
    return data


class Tries:
    """A folder with an agency and a unit, and the kinds of input; `outcomes` counts what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outcomes = folder, Counter[str]()
        self.parser = provision.parser()
        (folder / "unit.toml").write_text(UNIT)
        (folder / "settings.toml").write_text(SETTINGS)
        files = (folder / "settings.toml", folder / "unit.toml")
        self.site = make(folder / "agency", "Riverside", "+1 555 000 9911", "203.0.113.7", *files, LTE)
        for name, content in (("site", self.site), ("labels", LABELS.encode())):
            (folder / name).write_bytes(content)
        self._hdu("begin", "site", "--answers", "labels", "--base", "begun", "--to", "request")
        self._hdu("sign", "request", "--authority", "agency", "--to", "grant")
        self.good = {name: (folder / name).read_bytes() for name in ("labels", "site", "request", "grant")}
        self.good |= {f"card {name}": self.good[name] for name in ON_CARD}

    def _hdu(self, step: str, *words: str) -> None:
        paths = [word if word.startswith("--") else str(self.folder / word) for word in words]
        with redirect_stdout(StringIO()):
            provision.perform(self.parser.parse_args([step, *paths]))

    def one(self, kind: str, data: bytes) -> None:
        """AssertionError where it is neither refused in words with nothing written, nor taken whole."""
        (self.folder / "tried").write_bytes(data)
        base = self.folder / "base"
        try:
            self._give(kind)
        except Failure as refused:
            self._refused(refused, base)
            self.outcomes[f"{kind} refused"] += 1
        else:
            self.outcomes[f"{kind} taken"] += 1
            if kind.endswith(("labels", "site")):
                steps.pending(Store(base))
            elif kind.endswith("grant"):
                steps.provisioned(Store(base))
        finally:
            for used in (base, self.folder / "card"):
                shutil.rmtree(used, ignore_errors=True)
            (self.folder / "made").unlink(missing_ok=True)

    def _give(self, kind: str) -> None:
        if kind in ("labels", "site"):
            site, labels = ("tried", "labels") if kind == "site" else ("site", "tried")
            self._hdu("begin", site, "--answers", labels, "--base", "base", "--to", "made")
        elif kind == "request":
            self._hdu("sign", "tried", "--authority", "agency", "--to", "made")
        elif kind.startswith("card"):
            self._start(kind)
        else:
            shutil.copytree(self.folder / "begun", self.folder / "base")
            self._hdu("finish", "tried", "--base", "base")

    def _start(self, kind: str) -> None:
        """A unit that has begun starts with this card in it; what it refuses it says there, too."""
        card = self.folder / "card" / stick.FOLDER
        card.mkdir(parents=True)
        for name, file in ON_CARD.items():
            if name != "grant" or kind == "card grant":
                shutil.copy(self.folder / ("tried" if kind.endswith(name) else name), card / file)
        shutil.copytree(self.folder / "begun", self.folder / "base")
        try:
            self._hdu("card", "card", "--base", "base")
        except Failure:
            lines = (card / stick.SAYS).read_bytes().decode().split("\r\n")
            assert lines[0] == "Not provisioned:" and len(lines) > 3 and all(map(str.isprintable, lines)), lines
            raise

    def _refused(self, refused: Failure, base: Path) -> None:
        lines = str(refused).splitlines()
        assert refused.status == 1 and lines
        for line in lines:
            assert line.startswith("hdu provision: ") and 30 < len(line) < LONGEST_LINE and line.isprintable(), line
        assert not (self.folder / "made").exists() and not (base / "current").exists()
        written = {at.name for at in base.iterdir()} if base.exists() else set()
        assert written <= {".lock", "pending"} and (("pending" in written) == (base / "pending" / steps.KEYS).exists())


def run(folder: Path, tries: int, seed: int) -> Counter[str]:
    """`tries` of each kind."""
    chance, all_of = random.Random(seed), Tries(folder)
    for number in range(tries):
        for kind, good in all_of.good.items():
            data = mutated(good, chance)
            try:
                all_of.one(kind, data)
            except Exception as error:
                raise AssertionError(f"seed {seed}, try {number}, {kind}: {error!r} of {data!r}") from error
    return all_of.outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for name, count in sorted(run(Path(folder), given.tries, given.seed).items()):
            print(f"{count:9,}  {name}")
    print(f"{given.tries:,} of each kind in {time.monotonic() - began:.0f} s: each refused in words or taken whole")


if __name__ == "__main__":
    main()
