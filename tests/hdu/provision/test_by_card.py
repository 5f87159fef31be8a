"""A blank unit and its card, start by start. The card is a folder here; in test_station.py it is one with a FAT."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from firmware import kept
from firmware.buttons.lamps import PROVISIONING
from firmware.facts import Provisioning
from hdu import cli
from hdu.provision import by_card, station, steps
from hdu.provision.by_card import TO_CLEAN, Told
from hdu.provision.stick import FOLDER, GRANT, LABELS, REQUEST, SAYS, SITE, Mounted
from hdu.provision.store import Store
from tests.hdu.provision.conftest import Site
from tests.hdu.provision.test_steps import killed_at, provision, whole

ALL = (SITE, LABELS, REQUEST, GRANT)


class Unit:
    """A unit with a card in it; `start` is what provision.service does at each start."""

    def __init__(self, site: Site) -> None:
        self.site, self.card, self.run = site, site.folder / "card", site.folder / "run"
        self.store, self.folder = site.store(), self.card / FOLDER
        self.run.mkdir()
        self.folder.mkdir(parents=True)
        (self.folder / "how.txt").write_text("as flashed")
        self.store.base.mkdir()

    def start(self) -> int:
        return cli.main(["provision", "card", str(self.card), "--base", str(self.store.base), "--run", str(self.run)])

    def prepare(self) -> None:
        station.prepare(Mounted(self.card), self.site.data, self.site.answers)

    def grant(self) -> None:
        (self.folder / GRANT).write_bytes(self.site.agency.grant((self.folder / REQUEST).read_bytes(), True)[1])

    def says(self) -> str:
        return (self.folder / SAYS).read_bytes().decode().replace("\r\n", "\n")

    def lamp(self) -> str | None:
        told = kept.read(self.run / PROVISIONING, Provisioning)
        return told.state if told else None

    def files(self) -> set[str]:
        return {at.name for at in self.folder.iterdir()}


@pytest.fixture
def unit(site: Site) -> Unit:
    return Unit(site)


def test_two_starts_and_a_grant_between_make_a_blank_unit_the_agencys(unit: Unit) -> None:
    unit.prepare()
    assert unit.start() == 0
    assert (unit.lamp(), whole(unit.store)) == ("asked", "blank")
    assert "hdu-0042: its keys are made. Its request is request.json here." in unit.says()
    unit.grant()
    assert unit.start() == 0
    assert (unit.lamp(), whole(unit.store)) == (None, "hdu-0042")
    assert unit.files() == {"how.txt", SAYS}
    assert "hdu-0042: provisioned, number 1 of Riverside." in unit.says()
    assert "flash its card anew" in unit.says()


def test_a_card_that_asks_for_nothing_is_not_written_to(unit: Unit, capsys: pytest.CaptureFixture[str]) -> None:
    assert unit.start() == 0
    assert unit.files() == {"how.txt"}
    assert unit.lamp() is None
    assert "This unit is blank." in capsys.readouterr().out


def test_starts_without_a_grant_change_nothing(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    before = {at.name: (at.read_bytes(), at.stat().st_mtime_ns) for at in unit.folder.iterdir()}
    pending = steps.pending(unit.store)
    assert unit.start() == 0
    assert {at.name: (at.read_bytes(), at.stat().st_mtime_ns) for at in unit.folder.iterdir()} == before
    assert steps.pending(unit.store) == pending


def test_a_request_that_is_lost_is_written_again(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    asked = (unit.folder / REQUEST).read_bytes()
    for name in (REQUEST, SITE, LABELS):
        (unit.folder / name).unlink()
    assert unit.start() == 0
    assert (unit.folder / REQUEST).read_bytes() == asked
    unit.grant()
    assert unit.start() == 0
    assert whole(unit.store) == "hdu-0042"


def test_no_private_key_is_on_the_card(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    unit.grant()
    keys = steps.pending(unit.store).keys
    secret = [*keys.tunnels.values(), keys.certificate.splitlines()[1]]
    assert not [each for each in secret for at in unit.folder.iterdir() if each.encode() in at.read_bytes()]


def test_another_name_on_the_card_of_a_blank_unit_is_another_request(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    unit.grant()
    labels = (unit.folder / LABELS).read_text().replace("hdu-0042", "hdu-0043")
    (unit.folder / LABELS).write_text(labels)
    assert unit.start() == 1
    assert "the grant is for hdu-0042, this unit is hdu-0043" in unit.says()
    assert (unit.lamp(), whole(unit.store)) == ("refused", "blank")
    unit.grant()
    assert unit.start() == 0
    assert whole(unit.store) == "hdu-0043"


def _cut(name: str) -> Callable[[Unit], None]:
    def change(unit: Unit) -> None:
        (unit.folder / name).write_bytes((unit.folder / name).read_bytes()[:-40])

    return change


def _instead(name: str, old: str, new: str) -> Callable[[Unit], None]:
    def change(unit: Unit) -> None:
        text = (unit.folder / name).read_bytes()
        assert old.encode() in text
        (unit.folder / name).write_bytes(text.replace(old.encode(), new.encode()))

    return change


def _without(name: str) -> Callable[[Unit], None]:
    return lambda unit: (unit.folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut(SITE), "site-file.toml: cannot be read: "),
        (_instead(SITE, "[tunnels]", "[tunnel]"), "site-file.toml: Object contains unknown field"),
        (_instead(SITE, "apn = ", "apm = "), "get the site file again"),
        (_instead(LABELS, "8944500102198304826", "8944500102198304827"), "labels.txt: sim: 8944500102198304827 has"),
        (_instead(LABELS, "unit=hdu-0042", "unit=HDU 42"), "labels.txt: unit: 'HDU 42' was given; needed is"),
        (_instead(LABELS, "panel=", "pannel="), "labels.txt: line 2: 'pannel' is not asked for; known: unit, panel"),
        (_without(LABELS), "labels.txt is not here; put it beside the other file"),
        (_without(SITE), "site-file.toml is not here; put it beside the other file"),
        (_instead(SITE, "\n", "\n#" + "#" * 9_000 + "\n"), "is too long for a site file"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_bad_site_file_or_label_is_said_on_the_card_and_nothing_is_written(
    unit: Unit, spoil: Callable[[Unit], None], words: str
) -> None:
    unit.prepare()
    spoil(unit)
    assert unit.start() == 1
    assert unit.says().startswith("Not provisioned:\n")
    assert words in unit.says()
    assert "Nothing has changed on the unit." in unit.says()
    assert unit.lamp() == "refused"
    assert {at.name for at in unit.store.base.iterdir()} == {".lock"}
    unit.prepare()
    assert unit.start() == 0
    assert unit.lamp() == "asked"


@pytest.mark.parametrize("spoil", [_cut(GRANT), _instead(GRANT, 'number\\":1', 'number\\":2')], ids=["torn", "changed"])
def test_a_grant_that_is_not_the_agencys_changes_nothing(unit: Unit, spoil: Callable[[Unit], None]) -> None:
    unit.prepare()
    unit.start()
    unit.grant()
    spoil(unit)
    assert unit.start() == 1
    assert "grant: " in unit.says()
    assert (unit.lamp(), whole(unit.store)) == ("refused", "blank")
    assert not (unit.store.base / TO_CLEAN).exists()
    unit.grant()
    assert unit.start() == 0
    assert whole(unit.store) == "hdu-0042"


def test_a_unit_that_is_somebody_takes_nothing_from_its_card(unit: Unit) -> None:
    """Not even what its own agency would grant: whoever holds the card can write there."""
    provision(unit.site, unit.store)
    before = {at: at.read_bytes() for at in unit.store.base.rglob("*") if at.is_file()}
    other = msgspec.structs.replace(unit.site.answers, unit="hdu-0666")
    stolen = Site(unit.site.agency, unit.site.data, other, unit.site.folder)
    station.prepare(Mounted(unit.card), stolen.data, other)
    with (second := stolen.store("second")).alone():
        asked = steps.begin(second, stolen.data, other, new_keys=False)
    (unit.folder / GRANT).write_bytes(stolen.agency.grant(asked)[1])
    held = unit.files()
    assert unit.start() == 0
    assert whole(unit.store) == "hdu-0042"
    assert {at: at.read_bytes() for at in unit.store.base.rglob("*") if at.is_file()} == before
    assert unit.files() == held


def test_an_identity_from_elsewhere_is_somebody_too(unit: Unit, tmp_path: Path) -> None:
    """As `hdu image run` gives one: no number of the store's, and not its to replace."""
    (unit.store.base / "given").mkdir()
    unit.store.current.symlink_to("given")
    unit.prepare()
    assert unit.start() == 1
    assert str(unit.store.current.readlink()) == "given"
    assert not unit.store.pending.exists()


def test_a_store_that_cannot_be_read_begins_anew(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    (unit.store.pending / "keys.json").write_bytes(b"{")
    assert unit.start() == 0
    unit.grant()
    assert unit.start() == 0
    assert whole(unit.store) == "hdu-0042"


class Failing(Mounted):
    """A card that fails at its `left`-th write or removal."""

    left = 0

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError("the card fails")

    def write(self, name: str, content: bytes) -> None:
        self._count()
        super().write(name, content)

    def remove(self, name: str) -> None:
        self._count()
        super().remove(name)


def test_a_card_that_fails_while_it_is_emptied_is_emptied_at_a_later_start(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    unit.grant()
    stick, seen = Failing(unit.card), unit.store.current
    for left in range(6):
        stick.left = left
        try:
            told: Told | None = by_card.go_on(stick, unit.store, seen)
        except OSError:
            told = None
        assert whole(unit.store) == "hdu-0042"
        assert (unit.store.base / TO_CLEAN).exists() == (told is None)
    assert told is not None
    assert unit.files() == {"how.txt", SAYS}


def _restarts(unit: Unit, saved: Path) -> Iterator[bool]:
    """A start of unit and card as saved, killed at each of its changes in turn; whether it came to its end."""
    count, ended = 0, False
    while not ended:
        for at in (unit.store.base, unit.card, unit.run):
            shutil.rmtree(at)
            shutil.copytree(saved / at.name, at, symlinks=True)
        ended = killed_at(
            count, unit.site.folder, lambda: by_card.go_on(Mounted(unit.card), unit.store, unit.store.current)
        )
        yield ended
        count += 1


def _save(unit: Unit) -> Path:
    saved = unit.site.folder / "saved"
    for at in (unit.store.base, unit.card, unit.run):
        shutil.copytree(at, saved / at.name, symlinks=True)
    return saved


@pytest.mark.timeout(300)
def test_cut_at_every_step_the_next_start_goes_on(unit: Unit) -> None:
    """The power goes at any change of the first start, and of the one with the grant: blank or whole, never between."""
    unit.prepare()
    tried = 0
    for _ in _restarts(unit, _save(unit)):
        assert whole(unit.store) == "blank"
        assert unit.start() == 0
        assert unit.lamp() == "asked"
        tried += 1
    assert tried > 10


@pytest.mark.timeout(300)
def test_cut_at_every_step_of_the_start_with_the_grant_it_is_blank_or_whole(unit: Unit) -> None:
    unit.prepare()
    unit.start()
    unit.grant()
    found = []
    for _ in _restarts(unit, _save(unit)):
        found.append(whole(unit.store))
        assert unit.start() == 0
        assert whole(unit.store) == "hdu-0042"
        assert unit.files() <= {"how.txt", SAYS, f"{SAYS}.new"}
        assert not (unit.store.base / TO_CLEAN).exists()
    assert set(found) == {"blank", "hdu-0042"}
    assert len(found) > 30


def test_one_start_at_a_time(unit: Unit, capsys: pytest.CaptureFixture[str]) -> None:
    unit.prepare()
    with Store(unit.store.base).alone():
        assert unit.start() == 1
    assert "another one runs on this unit" in capsys.readouterr().err
