"""What a hostile repository can try. Each is refused with its reason, and the unit keeps what it has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets, Timestamp

from firmware.drivers.tuf_client import Refused
from hub.updates.expiry import warnings
from hub.updates.files import UpdatesError
from hub.updates.role_files import add_signature
from tests.hub.updates import bundle_mutations, mutations
from tests.hub.updates.conftest import BUNDLE, Agency, Server, Unit, endless, stalled

TARGETS, SNAPSHOT, TIMESTAMP = "metadata/2.targets.json", "metadata/2.snapshot.json", "metadata/timestamp.json"


def resign(data: bytes, change: Callable[[Metadata[Timestamp]], None], by: CryptoSigner) -> bytes:
    made: Metadata[Timestamp] = Metadata.from_bytes(data)
    change(made)
    made.sign(by)
    return made.to_bytes()


def wrong_keys(agency: Agency, unit: Unit) -> None:
    """A whole repository with another agency's keys."""
    other = Agency(agency.folder.parent / "other")
    other.ceremony()
    other.release({BUNDLE: b"evil"})
    other.release({BUNDLE: b"evil again"})
    unit.server.files = other.files()


def too_few_signatures(agency: Agency, unit: Unit) -> None:
    """A new root that one of the two needed holders signed."""
    root: Metadata[Root] = Metadata.from_bytes(agency.files()["metadata/1.root.json"])
    root.signed.version = 2
    root.signatures.clear()
    root.sign(agency.holders[0])
    unit.server.answers["metadata/2.root.json"] = root.to_bytes()


def expired(agency: Agency, unit: Unit) -> None:
    """Newer, well signed, and three days over its time: a timestamp holds two."""
    agency.repository(days_ago=5).release(agency.online)
    unit.server.files = agency.files()


def replayed(agency: Agency, unit: Unit) -> None:
    """The unit has seen the second release; the server goes back to the first."""
    before = agency.files()
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    assert unit.take() == b"release two"
    unit.server.files = before


def mixed(agency: Agency, unit: Unit) -> None:
    """The second release's timestamp and snapshot with the first's targets."""
    first = agency.files()["metadata/1.targets.json"]
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    unit.server.answers[TARGETS] = first


def endless_metadata(agency: Agency, unit: Unit) -> None:
    unit.server.answers[TIMESTAMP] = endless


def slow_metadata(agency: Agency, unit: Unit) -> None:
    unit.server.answers[TIMESTAMP] = stalled


def missing_link(agency: Agency, unit: Unit) -> None:
    """Two rotations, of which the server withholds the first: what the new keys signed cannot be followed."""
    for _ in range(2):
        agency.online = CryptoSigner.generate_ed25519()
        agency.ceremony()
    agency.release({BUNDLE: b"release two"})
    unit.server.files = {name: data for name, data in agency.files().items() if name != "metadata/2.root.json"}


def compromised_timestamp_made_up(agency: Agency, unit: Unit) -> None:
    """The thief of the online key points to a snapshot that names targets of his own."""
    evil = Targets(version=2, expires=agency.repository()._expires("targets"))
    forged: Metadata[Targets] = Metadata(evil)
    forged.sign(agency.online)
    repository = agency.repository()
    (agency.public / TARGETS).write_bytes(forged.to_bytes())
    repository._online(agency.online)
    unit.server.files = agency.files()


def compromised_timestamp_back(agency: Agency, unit: Unit) -> None:
    """The thief goes back to a snapshot that the unit has left behind."""
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    assert unit.take() == b"release two"

    def back(made: Metadata[Timestamp]) -> None:
        made.signed.version += 1
        made.signed.snapshot_meta.version = 1

    unit.server.answers[TIMESTAMP] = resign(agency.files()[TIMESTAMP], back, agency.online)


ATTACKS: dict[Callable[[Agency, Unit], None], str] = {
    wrong_keys: "not signed by enough of the right keys",
    too_few_signatures: "not signed by enough of the right keys",
    expired: "expired",
    replayed: "older than what is known",
    mixed: " was signed",  # longer, or other content: the length of a signature varies
    endless_metadata: "longer than what was signed",
    slow_metadata: "too slow",
    missing_link: "not signed by enough of the right keys",
    compromised_timestamp_made_up: "not signed by enough of the right keys",
    compromised_timestamp_back: "older than what is known",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_is_refused_with_its_reason_and_the_unit_keeps_what_it_has(
    attack: Callable[[Agency, Unit], None], agency: Agency, unit: Unit
) -> None:
    attack(agency, unit)
    bundles = {name: data for name, data in unit.kept().items() if name.startswith("targets")}
    with pytest.raises(Refused, match=ATTACKS[attack]) as refused:
        unit.take()
    assert "\n" not in str(refused.value)
    after = {name: data for name, data in unit.kept().items() if name.startswith("targets")}
    assert after == bundles
    assert b"evil" not in b"".join(after.values())


def test_the_honest_repository_is_followed_again_afterwards(agency: Agency, unit: Unit) -> None:
    for attack in (endless_metadata, slow_metadata, too_few_signatures):
        attack(agency, unit)
        with pytest.raises(Refused):
            unit.look()
        unit.server.answers.clear()
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    assert unit.take() == b"release two"


def test_a_disk_that_takes_nothing_is_not_called_an_attack(agency: Agency, unit: Unit) -> None:
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    at = unit.folder / "metadata" / "timestamp.json"
    at.unlink()
    at.mkdir()
    with pytest.raises(Refused, match="could not be kept on this unit's disk"):
        unit.take()
    at.rmdir()
    assert unit.take() == b"release two"


def test_a_frozen_repository_is_noticed_when_its_timestamp_ends(tmp_path: Path) -> None:
    """Always the same good answer: it holds for two days, then it is refused."""
    frozen = Agency(tmp_path / "frozen")
    frozen.ceremony(days_ago=3)
    frozen.release({BUNDLE: b"release one"}, days_ago=3)
    unit = Unit(tmp_path / "unit", frozen.files()["metadata/1.root.json"], Server(frozen.files()))
    with pytest.raises(Refused, match="expired"):
        unit.take()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"evil", "not the content"),
        (b"evil and long" * 9, "longer than"),
        (endless, "longer than"),
        (stalled, "too slow"),
    ],
    ids=["swapped", "longer", "endless", "slow"],
)
def test_a_target_that_is_not_what_was_signed_is_refused(
    agency: Agency, unit: Unit, content: object, reason: str
) -> None:
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    (path,) = [name for name, data in unit.server.files.items() if data == b"release two"]
    unit.server.answers[path] = content  # type: ignore[assignment]
    before = {name: data for name, data in unit.kept().items() if name.startswith("targets")}
    with pytest.raises(Refused, match=reason):
        unit.take()
    assert {name: data for name, data in unit.kept().items() if name.startswith("targets")} == before


def test_a_stolen_online_key_is_replaced_by_the_root_without_touching_a_unit(agency: Agency, unit: Unit) -> None:
    thief = agency.online

    def far_ahead(made: Metadata[Timestamp]) -> None:
        made.signed.version = 1_000_000

    unit.server.answers[TIMESTAMP] = resign(agency.files()[TIMESTAMP], far_ahead, thief)
    unit.look()  # what a thief can do: nobody sees an update any more
    unit.server.answers.clear()
    agency.online = CryptoSigner.generate_ed25519()
    agency.ceremony()
    agency.release({BUNDLE: b"release two"})
    unit.server.files = agency.files()
    assert unit.take() == b"release two"
    unit.server.answers[TIMESTAMP] = resign(agency.files()[TIMESTAMP], far_ahead, thief)
    with pytest.raises(Refused, match="not signed by enough"):
        unit.look()


def test_the_online_key_can_stop_a_roll_out_and_nothing_else(agency: Agency, unit: Unit) -> None:
    agency.repository().halt(agency.online, "hdu-1.0", "canary: 3 roll-backs")
    unit.server.files = agency.files()
    assert unit.take("halts/hdu-1.0") == b"canary: 3 roll-backs\n"
    assert agency.repository().halted() == ["hdu-1.0"]
    agency.repository().resume(agency.online, "hdu-1.0")
    unit.server.files = agency.files()
    assert unit.look().find("halts/hdu-1.0") is None

    halts: Metadata[Targets] = agency.repository().current("halts", Targets)
    evil = agency.repository().current("targets", Targets).signed.targets[BUNDLE]
    evil.path = "bundles/hdu-6.6.raucb"
    halts.signed.targets[evil.path] = evil
    halts.sign(agency.online)
    agency.repository()._put("halts", halts)
    agency.repository()._online(agency.online)
    unit.server.files = agency.files()
    assert unit.look().find("bundles/hdu-6.6.raucb") is None


def test_a_root_that_too_few_signed_is_not_published(agency: Agency) -> None:
    with pytest.raises(UpdatesError, match="have another holder sign"):
        agency.ceremony(signers=1)
    with pytest.raises(UpdatesError, match="two at least must sign"):
        agency.repository().draft_root([agency.holders[0].public_key], 1, [], agency.online.public_key)


def test_targets_that_the_token_did_not_sign_are_not_published(agency: Agency) -> None:
    file = agency.folder / "file"
    file.write_bytes(b"x")
    add_signature(agency.repository().stage({BUNDLE: file}), agency.online)
    with pytest.raises(UpdatesError, match="targets: not published"):
        agency.repository().release(agency.online)


def test_expiry_is_told_in_time(agency: Agency) -> None:
    assert warnings(agency.repository()) == []
    found = warnings(agency.repository(days_ago=-1.5))
    assert [line.partition(":")[0] for line in found] == ["timestamp"]
    assert "expires in 0.5 days" in found[0]
    later = warnings(agency.repository(days_ago=-330))
    assert any(line.startswith("root: expires in 35.0 days; hold a key ceremony") for line in later)
    assert any(line.startswith("targets: has expired") for line in later)


def test_mutated_metadata_is_an_error_in_words_and_nothing_is_half_written(agency: Agency, unit: Unit) -> None:
    tries = 150
    assert mutations.metadata(agency, unit, tries, seed=1) > tries // 2


def test_mutated_roll_outs_and_site_files_are_an_error_in_words(tmp_path: Path) -> None:
    assert mutations.roll_outs(500, seed=2) > 50
    assert mutations.sites(300, seed=3, folder=tmp_path) > 50


@pytest.mark.skipif(not shutil.which("rauc"), reason="rauc is not here; run inside bench/machine/enter")
def test_mutated_bundles_are_an_error_in_words(tmp_path: Path) -> None:
    found = bundle_mutations.tried(tmp_path, 30, 4, mutations.mutate_bytes, mutations.mutate_text)
    assert found["bundles refused"] >= 28 and found["manifests refused"] >= 10 and found["manifests taken"] >= 1
