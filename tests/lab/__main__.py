"""`make test-image`: builds, boots, updates and breaks the image in QEMU; what passed before is not run again.

python -m tests.lab [--again] [what pytest takes]
"""

import os
import sys
import time
from pathlib import Path

import pytest

from image import build
from image.places import CHECKOUT, cache, content, key

HERE = Path(__file__).parent


def main(words: list[str]) -> int:
    """0 where everything passed, now or before."""
    chosen = [word for word in words if word != "--again"]
    made_of = key(content(*build.MADE_OF, HERE), (CHECKOUT / "requirements.lock").read_bytes(), *chosen)
    stamp = cache() / "passed" / made_of
    if stamp.exists() and "--again" not in words:
        print(f"the image's tests passed on this machine for the very same: {stamp.read_text()}")
        return 0
    os.environ["HDU_LAB"] = "1"
    began = time.monotonic()
    status = pytest.main(["-s", "--durations=0", "-p", "no:cacheprovider", *(chosen or [str(HERE)])])
    if status == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(f"{time.strftime('%F %T')}, in {time.monotonic() - began:.0f} s")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
