"""Every file and message that the unit reads, with each of its bits flipped in turn: refused with a reason, or still
whole, and never the end of whoever reads it.

What has a check of its own (probes, the recorder's chain, certificates at the handshake, what the unit keeps for
itself, a configuration that was sealed) refuses every flip that changes a value. What has none (a hand-written
configuration, messages between processes) may be read as another value, within its bounds.
"""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware import configfile, facts, kept, modem, wire
from firmware.answers import answer_in
from firmware.audio.command import commanded
from firmware.buttons.lamps import Request
from firmware.buttons.panelfiles import PanelFiles
from firmware.config import Certificates, Config, Site
from firmware.configfile import load
from firmware.drivers import at_answers, at_lines, mqtt, nut, power_supply, ups_serial
from firmware.drivers.at_lines import Command, Exchange
from firmware.failover import meter, probing
from firmware.failover.budget import Usage
from firmware.radio.ladder import Ladder
from firmware.record import chain
from firmware.spool import Spool
from firmware.supply import memory as power_memory
from firmware.supply.battery import Battery
from firmware.supply.memory import Memory
from firmware.voice.rtp_stream import parse as rtp
from hub import authority, responder

ID = "01M827DZYKHC188F8QSC3S5GF3"
ALERT = facts.Alert(id=ID, unit="hdu-0001", kind="panic", raised_at="2026-11-22T10:00:00.000Z")
ANSWER = facts.Acknowledgement(id=ID, by="Kim", at="2026-11-22T10:00:01.000Z")


def flipped(good: bytes, step: int = 1) -> Iterator[bytes]:
    """`good` with one of its bits flipped: each, or each `step`-th (an odd one meets every place in a byte)."""
    for bit in range(0, 8 * len(good), step):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        yield bytes(bad)


# --- files -----------------------------------------------------------------------------------------------------------

SITE = b'[hub]\nhost = "10.79.0.1"\nmqtt_port = 8883\n[alerts]\nsms_numbers = ["+15550001111"]\nremind_s = 30.0\n'
UNIT = b'name = "hdu-0001"\nvoice_copies = "nft"\n[panel]\ndebounce_ms = 5.0\npin_factory = "lgpio"\n'


@pytest.mark.parametrize("file", ["site.toml", "unit.toml"])
def test_a_configuration_is_whole_and_each_fault_is_one_line_with_the_file(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = f'[folders]\ndata = "{tmp_path}/data"\n'.encode()
    (tmp_path / "unit.toml").write_bytes(UNIT + folders)
    (tmp_path / "site.toml").write_bytes(SITE)
    good, faults = load(tmp_path)
    assert faults == ()
    told = 0
    for bad in flipped(SITE if file == "site.toml" else UNIT, 3):
        (tmp_path / file).write_bytes(bad if file == "site.toml" else bad + folders)
        config, faults = load(tmp_path)
        assert isinstance(config, Config)
        assert config == msgspec.convert(msgspec.to_builtins(config), Config), "a value out of its bound"
        assert all(file in fault and len(fault.splitlines()) == 1 for fault in faults), faults
        told += bool(faults)
    assert told > 50, "hardly any flip was told"
    assert good.site != Site()


@pytest.mark.parametrize("file", ["site.toml", "unit.toml"])
def test_every_flip_in_a_sealed_configuration_is_told_or_changes_nothing(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a folder whose name has flipped may be made here
    folders = f'[folders]\ndata = "{tmp_path}/data"\n'.encode()
    whole = {"unit.toml": configfile.seal(UNIT + folders), "site.toml": configfile.seal(SITE)}
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    good, faults = load(tmp_path)
    assert faults == ()
    for bad in flipped(whole[file], 3):
        (tmp_path / file).write_bytes(bad)
        config, faults = load(tmp_path)
        assert config == good or any(file in fault for fault in faults)
        assert file == "unit.toml" or config == good, "a site file that changed by itself was taken"


@pytest.mark.parametrize("suffix", [".alert", ".acknowledged"])
def test_a_damaged_alert_goes_on_as_a_panic_with_a_reason_and_a_damaged_answer_is_none(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool, file = Spool(tmp_path, 0), tmp_path / (ID + suffix)
    spool.put(ALERT)
    spool.mark(ID, "acknowledged", ANSWER)
    good = {each: (tmp_path / (ID + each)).read_bytes() for each in (".alert", ".acknowledged")}
    for bad in flipped(good[suffix], 3):
        for each, content in good.items():
            (tmp_path / (ID + each)).write_bytes(content)
        file.write_bytes(bad)
        caplog.clear()
        found = spool.entries()
        (entry,) = found
        if "aside" in caplog.text:
            assert (tmp_path / "aside" / file.name).read_bytes() == bad
        else:
            assert (entry.alert, entry.acknowledged) == (ALERT, ANSWER)
        assert (entry.alert.id, entry.alert.kind) == (ID, "panic")
        assert entry.acknowledged in (ANSWER, None)
    assert Spool(tmp_path, 0).entries() is not None


def test_a_flipped_mark_of_delivery_is_still_a_mark(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 0)
    spool.put(ALERT)
    for bad in flipped(b"{}"):
        (tmp_path / f"{ID}.delivered").write_bytes(bad)
        assert spool.entries()[0].delivered


def test_a_flipped_mute_is_live_or_muted_and_the_microphone_takes_doubt_as_muted(tmp_path: Path) -> None:
    files = PanelFiles(tmp_path / "data", tmp_path / "run")
    for good in (b"muted", b"live"):
        for bad in flipped(good):
            (tmp_path / "data" / "mute").write_bytes(bad)
            assert files.mute() in ("muted", "live")
            assert commanded(tmp_path / "data" / "mute") or bad.strip() == b"live"


def test_a_flipped_request_for_the_lamps_shows_unknown_or_what_was_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = PanelFiles(tmp_path / "data", tmp_path / "run")
    good = Request(mute="on", safe="green", mute_state="muted")
    for bad in flipped(kept.seal(good)):
        (tmp_path / "run" / "lamps.json").write_bytes(bad)
        caplog.clear()
        found = files.request(stale_s=60.0)
        assert found == (Request() if "refused" in caplog.text else good)


def test_a_flipped_press_goes_on_as_a_panic_with_a_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = PanelFiles(tmp_path / "data", tmp_path / "run")
    for bad in flipped(kept.seal(ALERT)):
        file = files.presses / f"{ID}.alert"
        file.write_bytes(bad)
        caplog.clear()
        found = files.remembered()
        assert [(each.id, each.kind) for each in found] == [(ID, "panic")]
        assert found == [ALERT] or "goes on as a panic" in caplog.text


LEARNED = Battery(
    capacity_wh=38.0, load_w=9.0, full_v=8.3, empty_v=6.0, percent_wh=(0.0, 38.0), volts=(6.0, 8.3), volt_wh=(0.0, 38.0)
)
MEMORY = Memory(battery=LEARNED, tested_at="2026-11-22T10:00:00Z", tested_minutes=250.0, voltage_right=True)
KEPT = [
    pytest.param("lte-usage.json", Usage("2026-11", 7, 9), meter._load),
    pytest.param("modem-ladder.json", Ladder(1.0, 2, 3.0, (4.0,)), modem._recall),
    pytest.param("power.json", MEMORY, power_memory.load),
]


@pytest.mark.parametrize(("file", "memory", "recall"), KEPT)
def test_a_flipped_memory_is_forgotten_with_a_reason(
    file: str, memory: msgspec.Struct, recall: Callable[[Path], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for bad in (kept.seal(memory), *flipped(kept.seal(memory))):
        (tmp_path / file).write_bytes(bad)
        caplog.clear()
        assert recall(tmp_path / file) == (type(memory)() if file in caplog.text else memory)


def test_a_flipped_key_is_refused_or_answers_nothing() -> None:
    good = SITE_KEY.hex()
    asked = probing.ask(PROBE, SECRET)
    for bad in flipped(good.encode()):
        try:
            found = probing.key(bad.decode())
        except (probing.BadKey, UnicodeDecodeError):
            continue
        assert found == SITE_KEY or responder.respond(asked, found, PROBE.sent_us) is None


def test_every_flip_in_the_recorders_chain_is_told() -> None:
    line, _ = chain.line(chain.Last(), "2026-11-22T10:00:00.000Z", "start", b'{"service":"panel"}')
    assert isinstance(chain.parse(line), chain.Event)
    for bad in flipped(line):
        assert isinstance(chain.parse(bad), str), bad


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority.make(tmp_path_factory.mktemp("agency"), ("127.0.0.1",), ("hdu-0001",)).unit("hdu-0001")


@pytest.mark.parametrize("file", ["ca.pem", "unit.pem", "unit.key"])
def test_a_flipped_certificate_or_key_is_refused_by_name_or_left_to_the_handshake(
    file: str, certificates: Path, tmp_path: Path
) -> None:
    paths = {each: certificates / each for each in ("ca.pem", "unit.pem", "unit.key")}
    paths[file] = tmp_path / file
    files = Certificates(authority=str(paths["ca.pem"]), certificate=str(paths["unit.pem"]), key=str(paths["unit.key"]))
    refused = 0
    for bad in flipped((certificates / file).read_bytes(), 17):
        paths[file].write_bytes(bad)
        try:
            assert isinstance(mqtt.tls(files), ssl.SSLContext)
        except mqtt.Credentials as error:
            refused += 1
            assert "cannot be used" in str(error) and "\n" not in str(error)
    assert refused > 20


# --- messages --------------------------------------------------------------------------------------------------------

SITE_KEY = bytes(range(32))
PROBE = probing.Probe(probing.identity("hdu-0001"), 77, 1_700_000_000_000_000, b"once")
SECRET = probing.unit_key(SITE_KEY, PROBE.unit)


def test_every_flip_in_a_probe_gets_no_answer() -> None:
    good = probing.ask(PROBE, SECRET)
    assert responder.respond(good, SITE_KEY, PROBE.sent_us) is not None
    assert [bad for bad in flipped(good) if responder.respond(bad, SITE_KEY, PROBE.sent_us) is not None] == []


def test_every_flip_in_an_answer_is_no_answer() -> None:
    asked = probing.ask(PROBE, SECRET)
    good = responder.respond(asked, SITE_KEY, PROBE.sent_us)
    assert good is not None and probing.answered(good, asked, SECRET) is not None
    assert [bad for bad in flipped(good) if probing.answered(bad, asked, SECRET) is not None] == []


AT = [
    (
        at_answers.CREG,
        b'+CREG: 1,5,"1A2B","00C3D4E5",7',
        at_answers.stat,
    ),
    (at_answers.COPS, b'+COPS: 0,0,"Lab Mobile",7', at_answers.operator),
    (at_answers.CSQ, b"+CSQ: 21,99", at_answers.signal_dbm),
    (at_answers.CESQ, b"+CESQ: 99,99,255,255,20,55", at_answers.rsrp_dbm),
    (at_answers.CPIN, b"+CPIN: READY", at_answers.sim),
    (at_answers.CFUN, b"+CFUN: 1", at_answers.functional),
]


@pytest.mark.parametrize(("command", "line", "meaning"), AT, ids=[command.text for command, _, _ in AT])
def test_a_flipped_line_of_the_modem_is_left_out_or_means_something(
    command: Command, line: bytes, meaning: Callable[[Any], object]
) -> None:
    for bad in flipped(line):
        rest, lines = at_lines.split(b"", b"\r\n" + bad + b"\r\n\r\nOK\r\n")
        exchange = Exchange(command)
        for each in lines:
            exchange = at_lines.take(exchange, each).exchange
        assert rest == b""
        meaning(exchange.lines)
        assert at_answers.error_words(exchange.error or bad.decode("latin-1"))


UEVENT = (
    b"POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS=Discharging\nPOWER_SUPPLY_PRESENT=1\n"
    b"POWER_SUPPLY_VOLTAGE_NOW=7412000\nPOWER_SUPPLY_CURRENT_NOW=1200000\nPOWER_SUPPLY_CAPACITY=64\n"
    b"POWER_SUPPLY_ENERGY_NOW=20000000\nPOWER_SUPPLY_ENERGY_FULL=38000000\n"
)


def test_a_flipped_file_of_the_power_supply_class_is_a_reading(tmp_path: Path) -> None:
    (tmp_path / "BAT0").mkdir()
    for bad in flipped(UEVENT, 3):
        (tmp_path / "BAT0" / "uevent").write_bytes(bad)
        found = power_supply.PowerSupply(tmp_path).read(0.0)
        assert found == msgspec.convert(msgspec.to_builtins(found), facts.PowerReading)
        assert found.source == power_supply.NAME


def test_a_flipped_answer_of_a_serial_ups_is_refused_or_a_reading() -> None:
    good = b"(230.1 229.0 230.0 023 50.0 27.40 25.0 00001001\r"
    assert ups_serial.parse(good).mains is True
    for bad in flipped(good):
        try:
            assert ups_serial.parse(bad).source == ups_serial.NAME
        except ups_serial.UpsSerialError as error:
            assert "\n" not in str(error)


def test_a_flipped_answer_of_upsd_is_refused_or_a_reading() -> None:
    good = b'VAR ups battery.charge "97"\nVAR ups ups.status "OB DISCHRG"\nVAR ups battery.voltage "27.1"\n'
    for bad in flipped(good):
        try:
            assert nut.reading(nut.variables(bad.decode(errors="replace"), "ups")).source == nut.NAME
        except nut.NutError as error:
            assert len(str(error).splitlines()) == 1


def test_a_flipped_answer_of_a_supervisor_is_refused_or_names_this_alert() -> None:
    good = msgspec.json.encode(ANSWER)
    assert answer_in(ID, good) == ANSWER
    for bad in flipped(good):
        found = answer_in(ID, bad)
        if isinstance(found, str):
            assert found and len(found.splitlines()) == 1
        else:
            assert found.id == ID and found.by.isprintable() and found.by.strip()


def test_a_flipped_header_of_rtp_is_refused_or_a_packet() -> None:
    for bad in flipped(bytes.fromhex("800000010000000a0badcafe") + b"sound"):
        found = rtp(bad, 1.0)
        assert (found is None) == (bad[0] >> 6 != 2)


def test_a_flipped_fact_on_the_bus_is_refused_or_a_fact() -> None:
    """As JSON: D-Bus has no checksum, and its daemon lets through what is still a message."""
    uplink = facts.Uplinks(uplinks=(facts.Uplink(name="wired", kind="ethernet", rtt_ms=12.1),), outage_ms=41.0)
    good = msgspec.json.encode({name: value for name, (_, value) in wire.properties(uplink).items()})
    for bad in flipped(good):
        try:
            said = msgspec.json.decode(bad, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # no message at all
        with contextlib.suppress(msgspec.ValidationError):
            found = wire.fact(facts.Uplinks, {name: ("v", as_sdbus(value)) for name, value in said.items()})
            assert found == msgspec.convert(msgspec.to_builtins(found), facts.Uplinks)


def as_sdbus(value: Any) -> Any:
    """A list within a list was a struct."""
    return [tuple(each) if isinstance(each, list) else each for each in value] if isinstance(value, list) else value
