"""The flash station and a card as the product's is laid out: flashed, asked for, signed, provisioned."""

import io
import shutil
from pathlib import Path

import pytest

from bench.provisioned import CARD_BYTES, stand_in
from hdu import cli
from hdu.provision.station import OnDisk, folder_of
from hdu.provision.stick import FOLDER, GRANT, LABELS, REQUEST, SAYS, SITE, Mounted
from image.card import BOOT_AT, FIRMWARE_AT
from image.flash import fat, release
from image.flash.blockmap import BlockMap
from image.flash.fat import FirstPartition
from image.flash.medium import RealDisk
from image.flash.writing import check
from tests.hdu.provision.conftest import LABELS as SCANNED
from tests.hdu.provision.conftest import Site
from tests.hdu.provision.test_steps import whole
from tests.image.flash.conftest import signer

try:
    fat.program()
except OSError as error:
    pytestmark = pytest.mark.skip(reason=str(error))


class Station:
    """A signed image, an empty card, a site file and one unit's labels, in a folder."""

    def __init__(self, site: Site) -> None:
        self.site, at = site, site.folder
        self.image, self.card, self.file, self.labels = at / "unit.img", at / "card.img", at / "site", at / "labels"
        stand_in(self.image)
        self.by = signer(at / "signer")
        release.sign(self.image, self.by.certificate, str(self.by.key))
        self.blank(self.card)
        self.file.write_bytes(site.data)
        self.labels.write_text(SCANNED)

    def blank(self, card: Path) -> Path:
        with card.open("wb") as made:
            made.truncate(CARD_BYTES)
        return card

    def flash(self, *words: str, second: tuple[str, ...] = ()) -> int:
        common = ["--authority", str(self.by.authority), "--yes", "--log", str(self.site.folder / "log")]
        return cli.main(["flash", str(self.image), "--to", str(self.card), *second, *common, *words])

    def with_site(self) -> int:
        return self.flash("--site", str(self.file), "--answers", str(self.labels))

    def provision(self, *words: str) -> int:
        return cli.main(["provision", *words])

    def start(self) -> int:
        return self.provision("card", str(self.card), "--base", str(self.site.store().base))

    def sign(self, *words: str) -> int:
        return self.provision("sign", str(self.card), "--authority", str(self.site.agency.folder), *words)

    def there(self) -> set[str]:
        return {name for name in (SITE, LABELS, REQUEST, GRANT, SAYS) if OnDisk(self.card).read(name) is not None}


def empty(card: Path) -> bool:
    return card.stat().st_blocks == 0


@pytest.fixture
def station(site: Site) -> Station:
    return Station(site)


def test_a_card_that_is_flashed_with_a_site_file_makes_its_unit_the_agencys(station: Station) -> None:
    assert station.with_site() == 0
    assert station.there() == {SITE, LABELS}
    assert station.start() == 0
    assert station.there() == {SITE, LABELS, REQUEST, SAYS}
    assert station.sign("--papers", str(station.site.folder)) == 0
    for name in ("label", "card"):
        assert (station.site.folder / f"hdu-0042-{name}.pdf").read_bytes().startswith(b"%PDF")
    assert station.start() == 0
    assert whole(station.site.store()) == "hdu-0042"
    assert station.there() == {SAYS}


def test_the_image_is_as_signed_but_for_the_first_partition(station: Station) -> None:
    assert station.with_site() == 0
    blockmap, _ = release.trusted(station.image, station.by.authority)
    rest = tuple(each for each in blockmap.ranges if not FIRMWARE_AT <= each.offset < BOOT_AT[0])
    disk = RealDisk(station.card)
    assert list(check(disk, BlockMap(blockmap.size, rest)))
    disk.close()


@pytest.mark.parametrize(
    ("file", "labels", "words"),
    [
        (b"agency = 3", SCANNED, "Expected `str`, got `int` - at `$.agency`"),
        (None, SCANNED.replace("unit=hdu-0042", "unit=broker"), "unit: broker is the name of a part of the hub"),
        (None, "unit=hdu-0042\n", "panel: nothing was given; needed is the panel's serial number"),
    ],
)
def test_what_a_unit_would_refuse_is_refused_before_anything_is_written(
    station: Station, file: bytes | None, labels: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    station.file.write_bytes(file or station.site.data)
    station.labels.write_text(labels)
    assert station.with_site() == 1
    assert words in capsys.readouterr().err
    assert empty(station.card)


def test_a_unit_s_answers_are_for_one_card(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    second = station.blank(station.site.folder / "second.img")
    assert station.flash("--site", str(station.file), "--answers", str(station.labels), second=(str(second),)) == 2
    assert "--answers for one card alone" in capsys.readouterr().err
    assert empty(second)


def test_several_cards_are_asked_for_one_by_one(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    second = station.blank(station.site.folder / "second.img")
    scans = [*SCANNED.splitlines(), *SCANNED.replace("hdu-0042", "hdu-0043").splitlines()]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(scans)))
    assert station.flash("--site", str(station.file), "--scan", second=(str(second),)) == 0
    names = [OnDisk(card).read(LABELS) for card in (station.card, second)]
    assert [name.splitlines()[0] for name in names if name] == [b"unit=hdu-0042", b"unit=hdu-0043"]


def test_a_card_without_a_request_or_that_is_none_is_told_so(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.flash() == 0
    assert station.sign() == 1
    assert "no request.json on this card; start the unit with it first" in capsys.readouterr().err
    authority = ["--authority", str(station.site.agency.folder)]
    assert station.provision("sign", str(station.site.folder / "nothing"), *authority) == 2
    assert "no such file" in capsys.readouterr().err
    assert station.provision("prepare", str(station.file), str(station.labels), "--answers", str(station.labels)) == 2
    assert "is no card of a unit" in capsys.readouterr().err


def test_a_card_whose_first_partition_is_spoilt_is_said_in_words(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    assert station.flash() == 0
    with station.card.open("r+b") as card:
        card.seek(4 << 20)
        card.write(b"\xff" * 4096)
    assert station.provision("prepare", str(station.file), str(station.card), "--answers", str(station.labels)) == 1
    assert "its first partition: " in capsys.readouterr().err


def test_a_card_prepared_again_asks_anew(station: Station) -> None:
    assert station.with_site() == 0
    assert (station.start(), station.sign()) == (0, 0)
    station.labels.write_text(SCANNED.replace("hdu-0042", "hdu-0043"))
    assert station.provision("prepare", str(station.file), str(station.card), "--answers", str(station.labels)) == 0
    assert station.there() == {SITE, LABELS, SAYS}
    assert (station.start(), station.sign(), station.start()) == (0, 0, 0)
    assert whole(station.site.store()) == "hdu-0043"


def test_the_card_may_be_mounted_or_the_files_carried(station: Station) -> None:
    mounted, base = station.site.folder / "mounted", str(station.site.store().base)
    (mounted / FOLDER).mkdir(parents=True)
    assert isinstance(folder_of(str(mounted)), Mounted)
    assert station.provision("prepare", str(station.file), str(mounted), "--answers", str(station.labels)) == 0
    assert station.provision("card", str(mounted), "--base", base) == 0
    carried = shutil.copy(mounted / FOLDER / REQUEST, station.site.folder)
    grant = mounted / FOLDER / GRANT
    authority = ["--authority", str(station.site.agency.folder)]
    assert station.provision("sign", str(carried), *authority, "--to", str(grant)) == 0
    assert station.provision("card", str(mounted), "--base", base) == 0
    assert whole(station.site.store()) == "hdu-0042"


def test_files_on_a_first_partition(station: Station) -> None:
    partition, content = FirstPartition(station.image), b"x" * 100_000
    assert partition.read("provision/a-long-name.json", 10) is None
    partition.write("provision/a-long-name.json", content)
    partition.write("provision/a-long-name.json", content[:-1])
    assert partition.read("provision/a-long-name.json", 1 << 20) == content[:-1]
    partition.remove("provision/a-long-name.json")
    partition.remove("provision/a-long-name.json")
    assert partition.read("provision/a-long-name.json", 10) is None


def test_papers_are_of_the_unit_that_asked(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    assert station.with_site() == 0
    assert station.start() == 0
    OnDisk(station.card).write(LABELS, SCANNED.replace("hdu-0042", "hdu-0043").encode())
    assert station.sign("--papers", str(station.site.folder)) == 1
    assert "the request is hdu-0042's, labels.txt hdu-0043's" in capsys.readouterr().err
    assert station.there() == {SITE, LABELS, REQUEST, SAYS}


def test_a_card_of_another_agency_is_not_signed(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    assert station.with_site() == 0
    assert station.start() == 0
    other = station.site.folder / "other"
    assert station.provision("sign", str(station.card), "--authority", str(other)) == 1
    assert "its site-file.toml is another agency's" in capsys.readouterr().err
    assert not list((other / "register").iterdir())
    assert station.there() == {SITE, LABELS, REQUEST, SAYS}
