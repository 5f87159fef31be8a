"""The `hdu` command. Exit 0 fine, 1 the thing asked about is not well, 2 the call was wrong.

Each command is a module of this folder with `main(arguments) -> exit status`, imported when asked for.
"""

import importlib
import sys
from collections.abc import Sequence

from hdu.failure import Failure

COMMANDS = {
    "status": "what the unit knows of itself (--json: the status document)",
    "watch": "the uplinks and everything else, live in the terminal",
    "selftest": "is this unit fit for a shift? all parts, in words (--json), with an exit status",
    "shift": "on NAME | off: who is on shift here; updates and battery tests wait for its end",
    "log": "read, filter and verify the flight recorder",
    "survey": "is this home fit for dispatching? a soak, judged line by line (--report page.html)",
    "config": "check | show: the configuration, with every fault and every bound",
    "sign": "keys and signatures: the key ceremony, releases, images",
    "publish": "stage, release, halt: what the units see, as plain files",
    "fleet": "who runs what, who failed and why, how a roll-out goes (--json); --guard stops one",
    "image": "build | run | bundle: the unit's image from Debian packages, in QEMU, and as a signed release",
    "flash": "the removable disks; write a signed image to several at once and verify",
    "provision": "begin | sign | finish | undo | show | papers: makes a blank unit one of the agency's",
}


def usage() -> str:
    width = max(map(len, COMMANDS))
    return "\n".join(["usage: hdu COMMAND ...", *(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in ([], ["-h"], ["--help"], ["help"]):
        print(usage())
        return 0 if given else 2
    if given[0] not in COMMANDS:
        print(f"hdu: {given[0]} is not a command; one of: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"hdu.{given[0]}")
    try:
        status: int = module.main(given[1:])
    except KeyboardInterrupt:
        return 0
    except Failure as failure:
        print(failure, file=sys.stderr)
        return failure.status
    return status


if __name__ == "__main__":
    sys.exit(main())
