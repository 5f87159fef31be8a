"""An identity that a machine in QEMU is given from outside: files laid in /etc/hdu before any service starts.

By a credential of systemd's (systemd.system-credentials(7), `tmpfiles.extra`) in QEMU's firmware: the card is as it was
flashed, and no board has such firmware. What is provisioned on the unit later comes before it.
"""

import base64
from pathlib import Path

CREDENTIAL = "opt/io.systemd.credentials/tmpfiles.extra"
AT = "/var/lib/hdu/identity"


def lines(folder: Path) -> list[str]:
    """What tmpfiles.d(5) makes of it: every file, readable to the services alone; `current` where there is none yet."""
    found = [f"d {AT}/given 2750 root hdu"]
    for path in sorted(folder.rglob("*")):
        place = f"{AT}/given/{path.relative_to(folder)}"
        if path.is_dir():
            found.append(f"d {place} 2750 root hdu")
        else:
            found.append(f"f+~ {place} 0640 root hdu - {base64.b64encode(path.read_bytes()).decode()}")
    return [*found, f"L {AT}/current - - - - given"]


def words(work: Path, folder: Path) -> tuple[str, ...]:
    """QEMU's words for a machine in `work` that is given the files of `folder`."""
    file = work / "given.conf"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines(folder)) + "\n")
    return ("-fw_cfg", f"name={CREDENTIAL},file={file.name}")
