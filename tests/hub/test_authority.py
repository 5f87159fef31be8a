"""The authority: what it makes holds together, and a second call changes nothing that is good."""

import stat
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.authority import Authority, AuthorityError, make

NAMES = ("10.79.0.1", "localhost")


def certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_party_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    make(tmp_path, NAMES, ["hdu-0001"])
    assert set(contents(tmp_path)) == {
        *("ca.pem", "ca.key"),
        *("broker/ca.pem", "broker/broker.pem", "broker/broker.key"),
        *("console/ca.pem", "console/console.pem", "console/console.key"),
        *("units/hdu-0001/ca.pem", "units/hdu-0001/unit.pem", "units/hdu-0001/unit.key"),
    }


@pytest.mark.parametrize(
    "file, name, purpose",
    [
        ("broker/broker.pem", "broker", ExtendedKeyUsageOID.SERVER_AUTH),
        ("console/console.pem", "console", ExtendedKeyUsageOID.CLIENT_AUTH),
        ("units/hdu-0001/unit.pem", "hdu-0001", ExtendedKeyUsageOID.CLIENT_AUTH),
    ],
)
def test_a_certificate_names_its_party_and_serves_one_purpose(
    tmp_path: Path, file: str, name: str, purpose: x509.ObjectIdentifier
) -> None:
    made = make(tmp_path, NAMES, ["hdu-0001"])
    found = certificate(tmp_path / file)
    found.verify_directly_issued_by(made.certificate)
    assert [each.value for each in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [name]
    assert list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [purpose]
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    public = found.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    make(tmp_path, NAMES, ["hdu-0001"])
    assert {stat.S_IMODE(key.stat().st_mode) for key in tmp_path.rglob("*.key")} == {0o600}


def test_a_second_call_keeps_everything_and_is_fast(tmp_path: Path) -> None:
    make(tmp_path, NAMES, ["hdu-0001"])
    before, since = contents(tmp_path), time.monotonic()
    make(tmp_path, NAMES, ["hdu-0001"])
    assert contents(tmp_path) == before
    assert time.monotonic() - since < 0.5


def test_a_new_unit_leaves_the_others_alone(tmp_path: Path) -> None:
    make(tmp_path, NAMES, ["hdu-0001"])
    before = contents(tmp_path)
    make(tmp_path, NAMES, ["hdu-0001", "hdu-0002"])
    assert {name: contents(tmp_path)[name] for name in before} == before
    assert "units/hdu-0002/unit.pem" in contents(tmp_path)


def test_a_new_address_of_the_broker_makes_its_certificate_anew(tmp_path: Path) -> None:
    make(tmp_path, NAMES, [])
    make(tmp_path, (*NAMES, "10.79.0.2"), [])
    names = certificate(tmp_path / "broker/broker.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(each) for each in names.value.get_values_for_type(x509.IPAddress)] == ["10.79.0.1", "10.79.0.2"]
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]


@pytest.mark.parametrize("damage", [b"", b"not a certificate", None])
@pytest.mark.parametrize("file", ["unit.pem", "unit.key"])
def test_a_damaged_pair_is_made_anew(tmp_path: Path, file: str, damage: bytes | None) -> None:
    folder = make(tmp_path, NAMES, ["hdu-0001"]).unit("hdu-0001")
    if damage is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(damage)
    made = make(tmp_path, NAMES, ["hdu-0001"])
    certificate(folder / "unit.pem").verify_directly_issued_by(made.certificate)


def test_a_certificate_of_another_authority_is_made_anew(tmp_path: Path) -> None:
    other = make(tmp_path / "other", NAMES, ["hdu-0001"]).unit("hdu-0001")
    ours = make(tmp_path / "ours", NAMES, ["hdu-0001"])
    folder = tmp_path / "ours/units/hdu-0001"
    for name in ("unit.pem", "unit.key"):
        (folder / name).write_bytes((other / name).read_bytes())
    ours.unit("hdu-0001")
    certificate(folder / "unit.pem").verify_directly_issued_by(ours.certificate)


@pytest.mark.parametrize("name", ["", "console", "broker", "+", "#", "a/b", "../x", "HDU", "x" * 33, "hdu-0001\n"])
def test_what_cannot_name_a_unit_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AuthorityError, match="cannot name a unit"):
        Authority(tmp_path).unit(name)
