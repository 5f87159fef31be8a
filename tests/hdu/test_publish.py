"""The key ceremony and a release as IT does them, by the commands alone, with a token; then a real web server."""

import http.server
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from firmware.drivers.tuf_client import Refused, Repository, SteadyFetcher
from hdu import cli

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
ROLL_OUT = b'id = "hdu-1.0"\ntarget = "bundles/hdu-1.0.raucb"\nversion = "1.0"\n[percent]\ncanary = 100\n'


class Agency:
    """A folder with everybody's keys, and `hdu` as they call it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.repository = folder / "repository"
        self.public = self.repository / "public"

    def hdu(self, *words: object, status: int = 0) -> str:
        self.capsys.readouterr()
        found = cli.main([str(word) for word in words])
        said = self.capsys.readouterr()
        assert found == status, said
        return said.out + said.err

    def ceremony(self, targets: Path, holders: tuple[str, ...] = ("alice", "bob")) -> None:
        at = self.folder
        publics = [at / f"{name}.key.pub" for name in ("alice", "bob", "carol")]
        words = ("--threshold", 2, "--targets", targets, "--online", at / "online.key.pub")
        self.hdu("sign", "root", self.repository, "--root", *publics, *words)
        for name in holders:
            self.hdu("sign", "add", self.repository / "staged/root.json", "--key", at / f"{name}.key")

    def keys(self) -> None:
        for name in ("alice", "bob", "carol"):
            self.hdu("sign", "key", self.folder / f"{name}.key")
        self.hdu("sign", "key", self.folder / "online.key", "--unattended")

    def release(self, key: str, public: Path | None, bundle: bytes = b"release one") -> None:
        (self.folder / "bundle").write_bytes(bundle)
        (self.folder / "rollout.toml").write_bytes(ROLL_OUT)
        files = (f"bundles/hdu-1.0.raucb={self.folder / 'bundle'}", f"rollouts/hdu-1.0={self.folder / 'rollout.toml'}")
        self.hdu("publish", "stage", self.repository, *files, "--halts", self.folder / "online.key.pub")
        more = ("--public", public) if public else ()
        self.hdu("sign", "add", self.repository / "staged/targets.json", "--key", key, *more)
        self.hdu("publish", "release", self.repository, "--online", self.folder / "online.key")


@pytest.fixture
def agency(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Agency:
    (tmp_path / "secret").write_text("correct horse\n")
    monkeypatch.setenv("HDU_SECRET_FILE", str(tmp_path / "secret"))
    made = Agency(tmp_path, capsys)
    made.keys()
    return made


@pytest.fixture
def released(agency: Agency) -> Agency:
    """A repository whose targets are signed by a file's key."""
    agency.hdu("sign", "key", agency.folder / "release.key")
    agency.ceremony(agency.folder / "release.key.pub")
    agency.hdu("publish", "root", agency.repository)
    agency.release(str(agency.folder / "release.key"), None)
    return agency


class Site(http.server.SimpleHTTPRequestHandler):
    """Plain files, as any web server gives them."""

    def log_message(self, format: str, *args: object) -> None:
        pass


class Drip(Site):
    """A byte at a time, for ever."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                time.sleep(0.02)
        except OSError:
            return


@contextmanager
def serving(folder: Path, handler: type[Site] = Site) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def client(agency: Agency, url: str, fetcher: SteadyFetcher | None = None) -> Repository:
    root = (agency.public / "metadata/1.root.json").read_bytes()
    return Repository(url, agency.folder / "unit", root, fetcher)


def take(agency: Agency, url: str, fetcher: SteadyFetcher | None = None) -> bytes:
    look = client(agency, url, fetcher)
    look.refresh()
    found = look.find("bundles/hdu-1.0.raucb")
    assert found is not None
    return look.fetch(found).read_bytes()


def test_two_of_three_holders_must_take_part(agency: Agency) -> None:
    agency.ceremony(agency.folder / "carol.key.pub", holders=("alice",))
    assert "have another holder sign" in agency.hdu("publish", "root", agency.repository, status=1)
    agency.hdu("sign", "add", agency.repository / "staged/root.json", "--key", agency.folder / "carol.key")
    assert "root 1 is published" in agency.hdu("publish", "root", agency.repository)
    assert "two at least must sign" in agency.hdu(
        *("sign", "root", agency.repository, "--root", agency.folder / "alice.key.pub", "--threshold", 1),
        *("--targets", agency.folder / "bob.key.pub", "--online", agency.folder / "online.key.pub"),
        status=1,
    )


def test_a_wrong_passphrase_and_a_key_that_is_there_are_refused_in_words(agency: Agency) -> None:
    assert "never overwritten" in agency.hdu("sign", "key", agency.folder / "alice.key", status=1)
    agency.ceremony(agency.folder / "carol.key.pub")
    (agency.folder / "secret").write_text("wrong")
    said = agency.hdu(
        "sign", "add", agency.repository / "staged/root.json", "--key", agency.folder / "bob.key", status=1
    )
    assert "check path and passphrase" in said and said.count("\n") == 1


def test_a_unit_takes_a_release_from_a_real_web_server(released: Agency) -> None:
    with serving(released.public) as url:
        assert take(released, url) == b"release one"


def test_a_web_server_that_swaps_a_bundle_is_refused(released: Agency) -> None:
    (at,) = (released.public / "targets/bundles").glob("*.raucb")
    at.write_bytes(b"release 0ne")
    with serving(released.public) as url, pytest.raises(Refused, match="not the content that was signed"):
        take(released, url)


def test_a_web_server_that_drips_is_left_although_it_never_pauses(released: Agency) -> None:
    fetcher = SteadyFetcher(gap_s=2.0, grace_s=0.3, least_bytes_s=2_000)
    with serving(released.public, Drip) as url, pytest.raises(Refused, match="too slow"):
        take(released, url, fetcher)


def test_a_web_server_that_is_away_is_said_so(released: Agency) -> None:
    with serving(released.public) as url:
        take(released, url)
    with pytest.raises(Refused, match="could not be fetched"):
        take(released, url)
    kept = released.folder / "unit/targets/bundles%2Fhdu-1.0.raucb"
    assert kept.read_bytes() == b"release one"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rollouts/x", b"id = 3", "is no roll-out"),
        ("site/x.toml", b"[hub]\nmqtt_port = 0", "mqtt_port = 0 is refused"),
        ("../x", b"", "cannot name a target"),
        ("halts/x", b"", "cannot name a target"),
    ],
)
def test_what_no_unit_could_read_is_not_staged(released: Agency, name: str, content: bytes, words: str) -> None:
    (released.folder / "bad").write_bytes(content)
    said = released.hdu("publish", "stage", released.repository, f"{name}={released.folder / 'bad'}", status=1)
    assert words in said and said.count("\n") == 1
    assert not (released.repository / "staged/targets.json").exists()


def test_the_release_is_signed_on_a_pkcs11_token(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    if not MODULE.exists() or not shutil.which("softhsm2-util"):
        pytest.skip("softhsm2 is not here; run inside bench/machine/enter")
    (agency.folder / "tokens").mkdir()
    (agency.folder / "softhsm2.conf").write_text(f"directories.tokendir = {agency.folder / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(agency.folder / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(MODULE))
    (agency.folder / "secret").write_text("1234")
    agency.folder.joinpath("pins").mkdir()
    for name in ("alice", "bob", "carol", "online"):  # all with the token's PIN: one secret file serves the test
        (agency.folder / f"{name}.key").unlink()
    agency.keys()
    words = "softhsm2-util --init-token --free --label release --pin 1234 --so-pin 5678"
    subprocess.run(words.split(), check=True, capture_output=True, env=dict(os.environ))
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    token = pkcs11.lib(str(MODULE)).get_token(token_label="release")
    with token.open(user_pin="1234", rw=True) as session:
        curve = encode_named_curve_parameters("secp256r1")
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        parameters.generate_keypair(store=True, label="release", id=b"\x02")
    public = agency.folder / "release.pub"
    said = agency.hdu("sign", "token", public, "--label", "release", "--id", 2)
    assert "hsm:2?label=release" in said
    agency.ceremony(public)
    agency.hdu("publish", "root", agency.repository)
    agency.release("hsm:2?label=release", public)
    with serving(agency.public) as url:
        assert take(agency, url) == b"release one"


def test_check_warns_of_what_is_not_published_yet(agency: Agency) -> None:
    assert "root: is not published" in agency.hdu("publish", "check", agency.repository, status=1)


def test_check_is_content_with_a_fresh_release(released: Agency) -> None:
    assert "nothing expires soon" in released.hdu("publish", "check", released.repository)
