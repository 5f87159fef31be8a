"""From a blank unit to a provisioned one, and back, with the power cut at every step."""

import os
import shutil
import ssl
import sys
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from firmware.config import Site as SiteToml
from firmware.configfile import SEAL, changed, load
from firmware.failover import probing, tunnels
from hdu.provision import site_file, steps
from hdu.provision.identity import Refused
from hdu.provision.store import Store
from hub.enrolment import EnrolmentError, read_request
from hub.tunnel_keys import public_key
from tests.hdu.provision.conftest import Site

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "shutil.rmtree", "os.listdir"}
KILLED = 9
SERVICES_READ = ("unit.key", "probe.key")


def provision(site: Site, store: Store, new_keys: bool = False) -> Path:
    with store.alone():
        asked = steps.begin(store, site.data, site.answers, new_keys)
        _, grant = site.agency.grant(asked, replace=True)
        return steps.finish(store, grant, store.current)


def whole(store: Store) -> str:
    """What a restarted unit finds: blank, or an identity that its services can use; AssertionError otherwise."""
    if not store.current.exists():
        return "blank"
    folder = store.current.resolve()
    config, faults = load(store.current)
    assert faults == () or all("site.good.toml" in fault for fault in faults)  # the data partition is not there
    certificates = config.unit.certificates
    context = ssl.create_default_context(cafile=certificates.authority)
    context.load_cert_chain(certificates.certificate, certificates.key)
    probing.key(Path(config.unit.probing_key).read_text())
    assert {at.name for at in (folder / "profiles").iterdir()} == {
        f"{name}.nmconnection" for name in ("hdu-standing", "lte", *(tunnel.interface for tunnel in tunnels.ALL))
    }
    return steps.provisioned(store).answers.unit


def test_a_blank_unit_becomes_one_of_the_agencys(site: Site) -> None:
    store = site.store()
    folder = provision(site, store)
    assert whole(store) == "hdu-0042"
    config, _ = load(folder)
    unit = config.unit
    assert (unit.name, unit.panel.mute_button) == ("hdu-0042", "push-to-mute")
    assert (unit.headset.vendor_id, unit.headset.product_id, unit.headset.serial) == ("046d", "0a8f", "A1B2")
    assert unit.softphone.listen_address == tunnels.VOICE.unit(1)
    assert config.site.failover.probe_host == "203.0.113.7"
    assert config.site.calls.transfer_target == 'desk "4"'
    assert config.site.hub == SiteToml().hub
    assert unit.modem.sim == site.answers.sim
    assert "apn=agency.example\n" in (folder / "profiles/lte.nmconnection").read_text()
    for name in ("site.toml", "unit.toml"):
        sealed = (folder / name).read_bytes()
        assert SEAL.search(sealed) and not changed(sealed) and changed(sealed.replace(b"a", b"b"))


def test_the_certificate_and_the_probing_key_are_what_the_hub_expects(site: Site) -> None:
    store = site.store()
    folder = provision(site, store)
    found = x509.load_pem_x509_certificate((folder / "tls/unit.pem").read_bytes())
    found.verify_directly_issued_by(site.agency.authority.certificate)
    assert found.subject.rfc4514_string() == "CN=hdu-0042"
    site_key = probing.key((site.agency.folder / "probing.key").read_text())
    expected = probing.unit_key(site_key, probing.identity("hdu-0042"))
    assert probing.key((folder / "probe.key").read_text()) == expected


def test_both_ends_of_each_tunnel_know_the_other(site: Site) -> None:
    folder = provision(site, site.store())
    entry = site.agency.units()["hdu-0042"]
    for tunnel in tunnels.ALL:
        text = (folder / f"profiles/{tunnel.interface}.nmconnection").read_text()
        private = next(line.partition("=")[2] for line in text.splitlines() if line.startswith("private-key="))
        assert public_key(private) == entry.tunnels[tunnel.interface]
        assert f"[wireguard-peer.{site.agency.tunnels()[tunnel.interface]}]" in text
        assert f"address1={tunnel.unit(entry.number)}/32" in text


def test_no_private_key_leaves_the_unit_and_none_can_be_read_by_others(site: Site) -> None:
    store = site.store()
    with store.alone():
        asked = steps.begin(store, site.data, site.answers, new_keys=False)
        _, grant = site.agency.grant(asked)
        folder = steps.finish(store, grant, store.current)
    keys = steps.pending(store).keys
    secret = [*keys.tunnels.values(), keys.certificate.splitlines()[1], (folder / "probe.key").read_text().strip()]
    assert not [each for each in secret if each.encode() in asked + grant]
    for file in (file for file in folder.rglob("*") if file.is_file()):
        if any(each.encode() in file.read_bytes() for each in secret):
            assert file.stat().st_mode & (0o007 if file.name in SERVICES_READ else 0o077) == 0, file


def test_the_services_read_what_is_theirs_by_the_group_of_the_folder(site: Site) -> None:
    store, group = site.store(), 54_321
    store.base.mkdir()
    try:
        os.chown(store.base, -1, group)
    except OSError:
        pytest.skip("needs root: nobody else may give a folder to a group that is not his")
    store.base.chmod(0o2750)
    folder = provision(site, store)
    for name in ("unit.toml", "site.toml", "probe.key", "tls/unit.key", "tls/unit.pem", "tls/ca.pem"):
        found = (folder / name).stat()
        assert (found.st_gid, found.st_mode & 0o040) == (group, 0o040), name


def test_the_same_again_keeps_keys_and_number_and_new_keys_are_new(site: Site) -> None:
    store = site.store()
    first = provision(site, store)
    key = (first / "tls/unit.key").read_bytes()
    assert (provision(site, store) / "tls/unit.key").read_bytes() == key
    assert (provision(site, store, new_keys=True) / "tls/unit.key").read_bytes() != key
    assert steps.provisioned(store).number == 1


def test_a_grant_may_be_given_twice(site: Site) -> None:
    store = site.store()
    with store.alone():
        _, grant = site.agency.grant(steps.begin(store, site.data, site.answers, new_keys=False))
        steps.finish(store, grant, store.current)
    with store.alone():
        steps.finish(store, grant, store.current)
    assert whole(store) == "hdu-0042"


def test_undo_goes_back_one_and_then_to_blank(site: Site) -> None:
    store = site.store()
    provision(site, store)
    named = msgspec.structs.replace(site.answers, unit="hdu-0043")
    other = Site(site.agency, site.data, named, site.folder)
    provision(other, store)
    assert whole(store) == "hdu-0043"
    for expected in ("hdu-0042", "blank", "blank"):
        with store.alone():
            store.undo()
        assert whole(store) == expected
    assert [at.name for at in store.base.iterdir()] == [".lock"]


def test_a_name_that_another_unit_has_is_refused_until_it_is_replaced(site: Site) -> None:
    provision(site, site.store("first"))
    second = site.store("second")
    with second.alone():
        asked = steps.begin(second, site.data, site.answers, new_keys=False)
    with pytest.raises(EnrolmentError, match="hdu-0042 is another unit's name"):
        site.agency.grant(asked)
    grant, _ = site.agency.grant(asked, replace=True)
    assert grant.number == 1


def test_another_units_grant_is_refused_and_nothing_changes(site: Site) -> None:
    store, other = site.store(), site.store("other")
    named = msgspec.structs.replace(site.answers, unit="hdu-0099")
    with other.alone():
        _, foreign = site.agency.grant(steps.begin(other, site.data, named, new_keys=False))
    with store.alone():
        steps.begin(store, site.data, site.answers, new_keys=False)
        with pytest.raises(Refused, match="the grant is for hdu-0099"):
            steps.finish(store, foreign, store.current)
    assert whole(store) == "blank"


def test_a_grant_for_keys_of_yesterday_is_refused(site: Site) -> None:
    store = site.store()
    with store.alone():
        _, old = site.agency.grant(steps.begin(store, site.data, site.answers, new_keys=False))
        steps.begin(store, site.data, site.answers, new_keys=True)
        with pytest.raises(Refused, match="older request"):
            steps.finish(store, old, store.current)


def test_a_changed_request_or_grant_is_refused(site: Site) -> None:
    store = site.store()
    with store.alone():
        asked = steps.begin(store, site.data, site.answers, new_keys=False)
        with pytest.raises(EnrolmentError, match="signature is refused"):
            ours = read_request(asked)[0].tunnels["wg-a"]
            site.agency.grant(asked.replace(ours.encode(), site.agency.tunnels()["wg-a"].encode()))
        _, grant = site.agency.grant(asked)
        with pytest.raises(EnrolmentError, match="signature is refused"):
            steps.finish(store, grant.replace(b'number\\":1', b'number\\":2'), store.current)


def test_one_at_a_time(site: Site) -> None:
    store = site.store()
    with store.alone(), pytest.raises(BlockingIOError), Store(store.base).alone():
        pass


def killed_at(count: int, base: Path, act: Callable[[], object]) -> bool:
    """Runs `act` in a child that dies at its `count`-th change below `base`; whether it came to its end before."""
    child = os.fork()
    if child == 0:
        left = count

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in CHANGES and str(base) in str(arguments[:2]):
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        try:
            sys.addaudithook(hook)
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == 0


def each_kill(template: Path, act: Callable[[Store], object], check: Callable[[Store], object]) -> int:
    """`act` on a copy of `template`, killed at each of its changes; `check` after each. How many there were."""
    base, count, ended = template.with_name("tried"), 0, False
    while not ended:
        shutil.rmtree(base, ignore_errors=True)
        shutil.copytree(template, base, symlinks=True)
        store = Store(base)

        def run(store: Store = store) -> None:
            with store.alone():
                act(store)

        ended = killed_at(count, base, run)
        check(store)
        count += 1
    return count


@pytest.mark.parametrize("again", [False, True], ids=["a blank unit", "a unit that has an identity"])
def test_finish_killed_at_every_step_leaves_the_old_or_the_new_and_can_be_repeated(site: Site, again: bool) -> None:
    store, old = site.store(), "blank"
    if again:
        other = msgspec.structs.replace(site.answers, unit="hdu-0001")
        provision(Site(site.agency, site.data, other, site.folder), store)
        old = "hdu-0001"
    with store.alone():
        _, grant = site.agency.grant(steps.begin(store, site.data, site.answers, new_keys=False))
    seen = store.base.with_name("tried") / "current"
    seen_outcomes = set()

    def check(tried: Store) -> None:
        if tried.current.exists() and steps.provisioned(tried).answers.unit == "hdu-0042":
            assert whole(tried) == "hdu-0042"
            seen_outcomes.add("new")
        else:
            assert ("blank" if not tried.current.exists() else steps.provisioned(tried).answers.unit) == old
            seen_outcomes.add("old")
        with tried.alone():
            steps.finish(tried, grant, seen)
        assert whole(tried) == "hdu-0042"
        assert {at.name for at in tried.base.iterdir() if not at.name.isdecimal()} == {".lock", "current"}

    assert each_kill(store.base, lambda tried: steps.finish(tried, grant, seen), check) > 30
    assert seen_outcomes == {"old", "new"}


def test_begin_killed_at_every_step_never_loses_what_was_begun(site: Site) -> None:
    store = site.store()
    with store.alone():
        first = steps.begin(store, site.data, site.answers, new_keys=False)
    requests = set()

    def check(tried: Store) -> None:
        with tried.alone():
            found = steps.pending(tried)
        site_file.read(found.site, "kept")
        site.agency.grant(found.request, replace=True)
        requests.add(found.request == first)

    assert each_kill(store.base, lambda tried: steps.begin(tried, site.data, site.answers, True), check) > 10
    assert requests == {True, False}


def test_undo_killed_at_every_step_is_undone_or_not(site: Site) -> None:
    store, found = site.store(), set()
    provision(site, store)
    other = msgspec.structs.replace(site.answers, unit="hdu-0043")
    provision(Site(site.agency, site.data, other, site.folder), store)

    def check(tried: Store) -> None:
        with tried.alone():
            found.add(steps.provisioned(tried).answers.unit)

    assert each_kill(store.base, lambda tried: tried.undo(), check) > 5
    assert found == {"hdu-0042", "hdu-0043"}


def test_a_unit_without_a_clock_was_not_provisioned_before_its_certificate_was_made(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Still(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Still":
            return cls(2026, 1, 1, tzinfo=tz)

    store = site.store()
    with store.alone():
        _, grant = site.agency.grant(steps.begin(store, site.data, site.answers, new_keys=False))
        monkeypatch.setattr(steps, "datetime", Still)
        folder = steps.finish(store, grant, store.current)
    made = x509.load_pem_x509_certificate((folder / "tls/unit.pem").read_bytes()).not_valid_before_utc
    assert made.year >= 2026
    assert steps.provisioned(store).at == made.isoformat(timespec="seconds")
