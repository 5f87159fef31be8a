"""The unit's root: Debian's packages, our files and our Python, configured once here so that nothing is at boot.

No package script runs. What scripts would do and the unit needs is done here, each in a line or two: users, enabled
services, module dependencies, Python's bytecode.
"""

import re
import shutil
from pathlib import Path

from image import drivers
from image.places import CHECKOUT, EPOCH, IMAGE, BuildError, names
from image.tools import WORK, Tools
from image.units import units
from image.unpacking import owners_of, prune
from image.wheels import install

LINKS = {
    "etc/hdu": "/var/lib/hdu/identity/current",
    "etc/mtab": "../proc/self/mounts",
    "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
    "etc/resolv.conf": "/run/NetworkManager/resolv.conf",
    "usr/bin/awk": "mawk",
    "var/run": "/run",
    "var/lock": "/run/lock",
}
MASKED = names("masked.txt")
FOLDERS = ("data", "var/lib/hdu", "var/lib/NetworkManager", "var/lib/rauc", "var/log/journal")
MACHINE_ID = "etc/machine-id"
PRIVATE = (
    *("etc/usbguard/rules.conf", "etc/usbguard/usbguard-daemon.conf"),
    "usr/lib/NetworkManager/system-connections/wired.nmconnection",
)


def made(base: Path, headers: Path, tools: Tools, work: Path, version: str) -> Path:
    """The finished tree in `work/root`, from the unpacked packages `base`."""
    root = work / "root"
    shutil.copytree(base / "tree", root, symlinks=True)
    _files(root, version)
    install(root, tools, headers / "tree", version)
    _configure(root, work, tools)
    prune(root)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    return root


def _files(root: Path, version: str) -> None:
    """What packages' scripts would copy, and what is ours."""
    for name in ("passwd", "group"):
        text = (root / f"usr/share/base-passwd/{name}.master").read_text()
        (root / "etc" / name).write_text(text.replace("/bin/bash", "/usr/bin/false"))
    shutil.copy(root / "usr/share/libc-bin/nsswitch.conf", root / "etc/nsswitch.conf")
    shutil.copytree(IMAGE / "root", root, symlinks=True, dirs_exist_ok=True)
    for name, text in units().items():
        (root / "usr/lib/systemd/system" / name).write_text(text)
    shutil.copy(CHECKOUT / "hw/modem/70-hdu-modem.rules", root / "usr/lib/udev/rules.d")
    _libraries(root)
    for link, target in LINKS.items():
        _link(root / link, target)
    for unit in MASKED:
        _link(root / "etc/systemd/system" / unit, "/dev/null")
    (root / MACHINE_ID).write_text("")
    (root / "etc/hostname").write_text("hdu\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost hdu\n::1 localhost\n")
    (root / "usr/bin/hdu").write_text("#!/usr/bin/python3\nfrom hdu.cli import main\n\nraise SystemExit(main())\n")
    (root / "usr/bin/hdu").chmod(0o755)
    _release(root, version)


def _release(root: Path, version: str) -> None:
    file = root / "usr/lib/os-release"
    debian = re.search(r'^DEBIAN_VERSION_FULL="?([^"\n]+)|^VERSION_ID="?([^"\n]+)', file.read_text(), re.MULTILINE)
    lines = {
        "NAME": "home dispatch unit",
        "ID": "hdu",
        "ID_LIKE": "debian",
        "PRETTY_NAME": f"home dispatch unit {version}",
        "VERSION_ID": version,
        "IMAGE_ID": "hdu",
        "IMAGE_VERSION": version,
        "DEBIAN_VERSION": (debian and (debian[1] or debian[2])) or "",
    }
    file.write_text("".join(f'{name}="{value}"\n' for name, value in lines.items()))


def _libraries(root: Path) -> None:
    """Python's ctypes asks `ldconfig -p` where a library is (pyudev, for one). Its cache cannot be made here, for this
    machine's ldconfig knows no libraries of another; so it is written what it would say."""
    folder = root / "usr/lib/aarch64-linux-gnu"
    found = sorted(file.name for file in folder.iterdir() if re.fullmatch(r"lib.+\.so\.[0-9]+", file.name))
    lines = [f"\t{name} (libc6,AArch64) => /lib/{folder.name}/{name}" for name in found]
    (root / "usr/lib/hdu/libraries").write_text(f"{len(found)} libs found\n" + "\n".join(lines) + "\n")
    (root / "usr/sbin/ldconfig").write_text("#!/bin/sh\nexec cat /usr/lib/hdu/libraries\n")


def _link(at: Path, target: str) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_dir() and not at.is_symlink():
        shutil.rmtree(at)
    at.unlink(missing_ok=True)
    at.symlink_to(target)


def _configure(root: Path, work: Path, tools: Tools) -> None:
    """Debian's own tools, run here for a root that is not theirs."""
    inside = f"{WORK}/root"
    seal = ("env", f"SOURCE_DATE_EPOCH={EPOCH}")
    tools.run(work, *seal, "systemd-sysusers", f"--root={inside}")
    users = accounts(root)[0]
    if missing := sorted(set(re.findall(r"^User=(\S+)", "\n".join(units().values()), re.M)) - set(users)):
        raise BuildError(f"image: no such user in sysusers.d/hdu.conf: {', '.join(missing)}")
    _unlocked(root / "etc/shadow")
    for name in ("passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock"):
        (root / "etc" / name).unlink(missing_ok=True)
    tools.run(work, "systemctl", f"--root={inside}", "preset-all", "--preset-mode=full")
    _link(root / "etc/systemd/system/default.target", "/usr/lib/systemd/system/multi-user.target")
    (kernel,) = (folder.name for folder in (root / "usr/lib/modules").iterdir())
    tools.run(work, "depmod", "-b", f"{inside}/usr", "-m", "/lib/modules", kernel, may_fail=True)
    if not (root / f"usr/lib/modules/{kernel}/modules.dep").stat().st_size:
        raise BuildError(f"image: depmod left no dependencies of the modules of {kernel}")
    drivers.check(root / "usr/lib/modules" / kernel)
    kinds = ("-o", "0", "-o", "2", "--hardlink-dupes")  # for what a person types, and for the services (common.conf)
    compile_ = ("python3", "-m", "compileall", "-q", "-j", "0", *kinds, "--invalidation-mode", "unchecked-hash")
    tools.run(work, *seal, *compile_, "-s", inside, f"{inside}/usr/lib/python3", f"{inside}/usr/lib/python3.13")


def _unlocked(shadow: Path) -> None:
    """sshd takes nobody whose account is locked ("!"); "*" lets nobody in by a password either: none fits."""
    shadow.write_text(re.sub(r"^help:!\*:", "help:*:", shadow.read_text(), flags=re.MULTILINE))


def kernel_of(root: Path) -> str:
    return next((root / "usr/lib/modules").iterdir()).name


def accounts(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Users and groups of the root, by name."""
    tables = []
    for name in ("passwd", "group"):
        lines = [line.split(":") for line in (root / "etc" / name).read_text().splitlines()]
        tables.append({fields[0]: int(fields[2]) for fields in lines})
    return tables[0], tables[1]


def ownership(base: Path, root: Path) -> dict[str, tuple[int, int, int]]:
    """Uid, gid and mode of what is not root's, or not as its mode on disk says."""
    users, groups = accounts(root)
    found = {
        path: (users.get(user, 0), groups.get(group, 0), mode)
        for path, (user, group, mode) in owners_of(base).items()
        if (user, group) != ("root", "root") or mode not in (0o755, 0o644, 0o777)
    }
    return found | dict.fromkeys(PRIVATE, (0, 0, 0o600))
