"""This machine's own files on Debian's own kernel, in QEMU (software emulation): for what the bench's kernel has not.

The guest's root is the machine's, read-only over 9p, under a layer of memory: the same checkout, the same unpacked
packages, the same Python; nothing is copied, nothing of the machine can be changed. Modules are loaded before anything
else, so the guest needs no modprobe.
"""

import lzma
import shlex
import sys
from pathlib import Path

from image import initrd
from image.debian import Debian, Package
from image.initrd.cpio import Archive
from image.machine import Machine
from image.places import CHECKOUT, cache
from image.tools import WORK, Tools
from image.unit_root import kernel_of
from image.unpacking import Rules, unpacked

PROGRAMS = [
    "qemu-system-x86",
    "seabios",
    "util-linux",
    "mount",
    "coreutils",
    "dash",
    "kmod",
    "base-files",
    "libc-bin",
    "liblzma5",
]
KERNEL = "linux-image-amd64"
MODULES = (
    *("virtio_pci", "9p", "9pnet_virtio", "overlay", "veth", "tun", "dummy", "wireguard"),
    *("sch_prio", "cls_matchall", "act_mirred"),
    *("crc32c_generic", "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct", "nft_numgen", "nft_dup_ipv4"),
)
QEMU = (
    *("qemu-system-x86_64", "-M", "q35", "-cpu", "max,la57=off", "-accel", "tcg,thread=multi,tb-size=256"),
    *("-smp", "2", "-m", "1536", "-nographic", "-nodefaults", "-serial", "stdio", "-no-reboot"),
    *("-virtfs", f"local,path={WORK},mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
    *("-device", "virtio-rng-pci"),
)
ENVIRONMENT = "export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8"
CONSOLE = "console=ttyS0 panic=-1 quiet mitigations=off"
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /host /rw /root
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod "$module" || echo "guest: $module is refused"; done < /modules.order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /host
mount -t tmpfs none /rw; mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work root /root
for each in proc sys dev; do mount --move /$each /root/$each; done
for each in run tmp dev/shm; do mkdir -p /root/$each; mount -t tmpfs none /root/$each; done
mkdir -p /root/dev/pts; mount -t devpts devpts /root/dev/pts
ENDED='echo guest: ended with $?; echo o > /proc/sysrq-trigger; sleep 60'
exec switch_root /root /bin/sh -c "$(cat /command)
$ENDED"
"""


def told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def programs() -> tuple[Tools, Path, Path]:
    """QEMU, the kernel's files, and busybox; fetched once."""
    (cache() / "roots").mkdir(parents=True, exist_ok=True)
    host = Debian("amd64")
    if why := host.refresh():
        told(why)
    kernel = [each for each in host.fetch([KERNEL]) if _is_kernel(each)]
    parts = (host.fetch(PROGRAMS), kernel, host.fetch_alone(["busybox-static"]))
    qemu, linux, busybox = (unpacked(each, cache() / "roots", Rules()) / "tree" for each in parts)
    return Tools(qemu), _with_dependencies(linux, Tools(qemu)), busybox / "usr/bin/busybox"


def _with_dependencies(linux: Path, tools: Tools) -> Path:
    """The kernel's tree with its modules.dep, which a package script would make."""
    if not (linux / "usr/lib/modules" / kernel_of(linux) / "modules.dep").exists():
        tools.run(linux, "depmod", "-b", f"{WORK}/usr", "-m", "/lib/modules", kernel_of(linux), may_fail=True)
    return linux


def _is_kernel(package: Package) -> bool:
    return package.name.startswith("linux-image-") and package.name != KERNEL


def prepare(work: Path, linux: Path, busybox: Path, command: str) -> None:
    """`work/vmlinuz` and `work/initrd.img`, whose init runs `command` (sh) on the machine's own files."""
    (kernel,) = (linux / "boot").glob("vmlinuz-*")
    (work / "vmlinuz").write_bytes(kernel.read_bytes())
    archive = Archive()
    archive.file("init", INIT.encode(), 0o755)
    archive.file("command", command.encode(), 0o644)
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    order = [_module(archive, linux / path) for path in initrd.drivers(linux, MODULES)]
    archive.file("modules.order", "".join(f"{path}\n" for path in order).encode(), 0o644)
    (work / "initrd.img").write_bytes(archive.bytes())


def _module(archive: Archive, file: Path) -> str:
    name = f"modules/{file.name.removesuffix('.xz')}"
    data = file.read_bytes()
    archive.file(name, lzma.decompress(data) if file.suffix == ".xz" else data, 0o644)
    return f"/{name}"


class ThisMachine(Machine):
    """A running guest; `console` is all it has said. It powers itself off when its command has ended."""

    def __init__(self, work: Path, command: str, *, shown: bool = False) -> None:
        tools, linux, busybox = programs()
        prepare(work, linux, busybox, command)
        here = f"{WORK}{work.absolute()}"
        boot = ("-kernel", f"{here}/vmlinuz", "-initrd", f"{here}/initrd.img", "-append", CONSOLE)
        super().__init__(Path("/"), tools, shown=shown)
        self.machine, self.extra = QEMU, boot


def in_checkout(*argv: str) -> str:
    """A shell command for `ThisMachine`: `argv` in the checkout, with the bench's packages over /usr as ever."""
    packages = (CHECKOUT / ".packages").read_text().strip()
    enter = shlex.join(["bench/machine/enter", packages, *argv])
    return f"{ENVIRONMENT}; cd {shlex.quote(str(CHECKOUT))} && {enter}"
