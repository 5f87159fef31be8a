"""Mutated bundles, and mutated manifests that are rightly signed, shown to the real RAUC by the unit's own driver.

Each is refused in words, or RAUC names its compatible string and version; the slots are as they were, and the service
lives on. Bundles are of the plain format, whose signature is of every byte of content: one that was changed must be
refused. (The signature's wrapping, a CMS structure, has bytes that no signature is of, such as its content's type.)
Manifests are of the format verity, which units take: there the manifest alone is signed, and names the rest by hash.
"""

import asyncio
import contextlib
import os
import random
import struct
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

from firmware.drivers import rauc
from hw.slots.ground import COMPATIBLE, Slots

MANIFEST = f"""[update]
compatible={COMPATIBLE}
version=1.1
[bundle]
format=verity
[image.rootfs]
filename=rootfs.img
"""
LENGTH = struct.Struct(">Q")  # the last eight bytes say how long the signature before them is
ROOT_BYTES, LONGEST_LINE, READY_S = 20_480, 500, 20.0
Mutate = Callable[[bytes, random.Random], bytes]


@contextlib.contextmanager
def own_bus(folder: Path) -> Iterator[None]:
    words = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen([*words, f"--address=unix:path={folder}/bus"], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = daemon.stdout.readline().strip().partition(",guid=")[0]
        try:
            yield
        finally:
            daemon.terminate()


def content(bundle: bytes) -> bytes:
    """What the signature at its end is of."""
    return bundle[: -LENGTH.size - LENGTH.unpack(bundle[-LENGTH.size :])[0]]


class Maker:
    """A good bundle (verity), and others with the manifest that one likes."""

    def __init__(self, ground: Slots) -> None:
        self.key = load_pem_private_key((ground.folder / "signer.key").read_bytes(), None)
        self.certificate = x509.load_pem_x509_certificate((ground.folder / "signer.pem").read_bytes())
        source, made = ground.folder / "source", ground.folder / "good.raucb"
        source.mkdir()
        (source / "rootfs.img").write_bytes(os.urandom(ROOT_BYTES))
        (source / "manifest.raucm").write_text(MANIFEST)
        at = f"{ground.folder}/signer"
        words = ["rauc", f"--cert={at}.pem", f"--key={at}.key", f"--keyring={at}.pem", "bundle", str(source), str(made)]
        subprocess.run(words, check=True, capture_output=True)
        good = made.read_bytes()
        length = LENGTH.unpack(good[-LENGTH.size :])[0]
        self.payload, signature = good[: -LENGTH.size - length], good[-LENGTH.size - length : -LENGTH.size]
        words = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-binary"]
        self.manifest = subprocess.run(words, input=signature, check=True, capture_output=True).stdout

    def signed(self, manifest: bytes) -> bytes:
        """A bundle with that manifest, rightly signed."""
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
        builder = builder.add_signer(self.certificate, self.key, SHA256())
        signature = builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])
        return self.payload + signature + LENGTH.pack(len(signature))


@contextlib.asynccontextmanager
async def service(ground: Slots) -> AsyncIterator[asyncio.subprocess.Process]:
    """RAUC, as after a boot from slot A."""
    with (ground.folder / "rauc.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*ground.command("A"), stdout=log, stderr=log)
    try:
        async with asyncio.timeout(READY_S):
            while True:
                with contextlib.suppress(rauc.RaucError):
                    await rauc.connect().slots()
                    break
                await asyncio.sleep(0.05)
        yield process
    finally:
        process.kill()
        await process.wait()


async def shown(bundle: Path) -> str:
    """`refused` or `taken`; AssertionError for a refusal that is not one line of words."""
    try:
        compatible, version = await rauc.connect().info(str(bundle))
    except rauc.RaucError as error:
        words = str(error)
        assert words.startswith("rauc: ") and words.isprintable() and 40 < len(words) < LONGEST_LINE, words
        return "refused"
    assert isinstance(compatible, str) and isinstance(version, str)
    return "taken"


async def run(folder: Path, tries: int, seed: int, by_bytes: Mutate, by_text: Mutate) -> Counter[str]:
    """`tries` of each kind."""
    ground, chance, outcomes = Slots(folder), random.Random(seed), Counter[str]()
    ground.prepare()
    maker, bad = Maker(ground), folder / "bad.raucb"
    good = (await ground.bundle("1.0", b"release two")).read_bytes()
    slots = [ground.content(slot) for slot in "AB"]
    async with service(ground) as process:
        for number in range(tries):
            data = by_bytes(good, chance)
            bad.write_bytes(data)
            outcome = await shown(bad)
            assert outcome == "refused" or content(data) == content(good), (seed, number)
            outcomes[f"bundles {outcome}"] += 1
            bad.write_bytes(maker.signed((by_bytes if number % 2 else by_text)(maker.manifest, chance)))
            outcomes[f"manifests {await shown(bad)}"] += 1
        assert process.returncode is None, f"seed {seed}: RAUC ended with {process.returncode}"
        assert [ground.content(slot) for slot in "AB"] == slots and ground.primary == "A"
    return outcomes


def tried(folder: Path, tries: int, seed: int, by_bytes: Mutate, by_text: Mutate) -> Counter[str]:
    with own_bus(folder):
        rauc.connect.cache_clear()
        return asyncio.run(run(folder / "slots", tries, seed, by_bytes, by_text))
