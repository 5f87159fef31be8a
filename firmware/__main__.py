"""`python -m firmware NAME` runs the service NAME, lean.

asyncio loads OpenSSL wherever it finds it: 4.5 MB in each process, a third of what a service weighs. Only what speaks
TLS gets it; for the others `ssl` is barred before anything is imported.
"""

import runpy
import sys

SPEAK_TLS = {"hublink"}


def main(name: str) -> None:
    if name not in SPEAK_TLS:
        sys.modules["ssl"] = None  # type: ignore[assignment]  # how the import system is told that there is none
    runpy.run_module(f"firmware.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("firmware: one service at a time; python -m firmware panel")
    main(sys.argv[1])
