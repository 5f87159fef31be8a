"""What is trusted: the map, its signature, and nothing else."""

import random
import subprocess
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from image.flash import blockmap, release
from image.flash.blockmap import BlockMapError
from image.flash.signature import SignatureError
from tests.image.flash.conftest import MIB, Signer, signer, write_image


def test_the_map_names_the_data_and_skips_the_holes(image: Path, trusted: Signer) -> None:
    made, name = release.trusted(image, trusted.authority)
    assert name == "release signer"
    assert made.size == 16 * MIB
    assert made.mapped <= 5 * MIB  # the file system may round an extent up
    data, covered = image.read_bytes(), bytearray(16 * MIB)
    for each in made.ranges:
        covered[each.offset : each.offset + each.length] = data[each.offset : each.offset + each.length]
    assert bytes(covered) == data


def test_the_map_reads_back_as_written(image: Path) -> None:
    made = blockmap.make(image)
    assert blockmap.parse(blockmap.text(made), "map") == made


def test_openssl_alone_agrees_with_the_signature(image: Path, trusted: Signer) -> None:
    words = f"openssl cms -verify -binary -inform DER -in {release.signature_of(image)} -purpose any -out /dev/null"
    files = f" -content {release.map_of(image)} -CAfile {trusted.authority}"
    subprocess.run((words + files).split(), check=True, capture_output=True)


def test_another_authoritys_signature_is_refused(image: Path, tmp_path: Path, trusted: Signer) -> None:
    other = signer(tmp_path / "other")
    release.sign(image, other.certificate, str(other.key))
    with pytest.raises(SignatureError, match="signature is refused"):
        release.trusted(image, trusted.authority)


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    made = signer(tmp_path / "web", ExtendedKeyUsageOID.SERVER_AUTH)
    image = write_image(tmp_path / "unit.img")
    release.sign(image, made.certificate, str(made.key))
    with pytest.raises(SignatureError, match="not for code signing"):
        release.trusted(image, made.authority)


def test_no_signature_is_refused(image: Path, trusted: Signer) -> None:
    release.signature_of(image).unlink()
    with pytest.raises(SignatureError, match="no signature"):
        release.trusted(image, trusted.authority)


def test_a_changed_map_is_refused(image: Path, trusted: Signer) -> None:
    at = release.map_of(image)
    at.write_bytes(at.read_bytes().replace(b"16777216", b"16777217"))
    with pytest.raises(SignatureError, match="signature is refused"):
        release.trusted(image, trusted.authority)


def test_a_truncated_image_is_refused(image: Path, trusted: Signer) -> None:
    with image.open("r+b") as file:
        file.truncate(15 * MIB)
    with pytest.raises(BlockMapError, match="not whole"):
        release.trusted(image, trusted.authority)


def test_any_mutated_map_is_an_error_in_words_or_a_sound_map(image: Path) -> None:
    good = release.map_of(image).read_bytes()
    chance = random.Random(7)
    for _ in range(500):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(bad))
            bad[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            made = blockmap.parse(bytes(bad), "map")
        except BlockMapError as error:
            assert str(error).startswith("map: ") and "\n" not in str(error)
        else:
            assert made.ranges[-1].offset + made.ranges[-1].length <= made.size
