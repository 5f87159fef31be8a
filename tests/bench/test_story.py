"""The whole story on real parts: a press, the hub, a person's answer; and each thing that may be pulled meanwhile."""

import os
import socket
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hw.cables import namespace
from tests.bench.conftest import Client, ready, start

pytestmark = [pytest.mark.bench, pytest.mark.xdist_group("bench")]


def press_panic(bench: Client) -> str:
    """Presses, waits for the console to show it, and returns the alert's id."""
    before = set(bench.open_alerts())
    bench.tap("panic")
    (id,) = bench.until("the console shows the panic", lambda: set(bench.open_alerts()) - before)
    return str(id)


def test_a_panic_is_answered_by_a_person_and_the_lamp_says_so(bench: Client) -> None:
    id = press_panic(bench)
    bench.until("delivered", lambda: bench.get("/unit.json")["panel"]["panic"] == "delivered")
    bench.until("the lamp blinks slowly", lambda: bench.get("/twin/panel")["lamps"]["panic"] == "slow")
    bench.post("/hub/acknowledge", {"alert": id, "by": "Kim"})
    bench.until("acknowledged", lambda: bench.get("/unit.json")["panel"]["panic"] == "acknowledged")
    bench.until("the lamp is steady", lambda: bench.get("/twin/panel")["lamps"]["panic"] == "on")
    (alert,) = [each for each in bench.get("/hub.json")["alerts"] if each["id"] == id]
    assert alert["acknowledged_by"] == "Kim"


def test_a_panic_is_not_answered_by_itself(bench: Client) -> None:
    id = press_panic(bench)
    bench.post("/twin/process", {"service": "broker", "signal": "KILL"})
    bench.until("on the hub again", lambda: bench.get("/hub.json")["broker"]["state"] == "connected")
    bench.until("still open", lambda: id in bench.open_alerts())
    assert bench.get("/unit.json")["panel"]["panic"] != "acknowledged"


def test_cables_pulled_leave_the_unit_on_the_hub_over_lte(bench: Client) -> None:
    for name in ("wired", "wired2"):
        bench.post(f"/twin/uplink/{name}", {"cable": False})
    bench.until("LTE carries the unit", lambda: active(bench) == "lte")
    bench.until("on the hub", lambda: bench.get("/unit.json")["hub"]["connected"])
    id = press_panic(bench)
    assert bench.open_alerts()[id]["via"] == "lte"


def active(bench: Client) -> str:
    return next((each["name"] for each in bench.get("/unit.json")["uplinks"] if each["active"]), "")


def test_no_way_out_sends_a_text_and_the_panic_arrives_when_there_is_one(bench: Client) -> None:
    before = len(bench.get("/twin/modem")["sms_sent"])
    for name in ("wired", "wired2", "lte"):
        bench.post(f"/twin/uplink/{name}", {"blackhole": True})
    bench.tap("panic")
    bench.until("a text", lambda: len(bench.get("/twin/modem")["sms_sent"]) > before, 30)
    assert "PANIC" in bench.get("/twin/modem")["sms_sent"][-1]["text"]
    bench.post("/twin/uplink/lte", {"heal": True})
    alert = bench.until("it arrives", bench.open_alerts, 30)
    assert any(each["via"].startswith("sms+") for each in alert.values())


def test_mute_is_proven_before_the_lamp_is_lit(bench: Client) -> None:
    bench.post("/twin/headset", {"speaking": True})
    bench.until("sound", lambda: (bench.get("/twin/headset")["capture_rms"] or 0) > 0)
    bench.tap("mute")
    bench.until("steady", lambda: bench.get("/twin/panel")["lamps"]["mute"] == "on")
    assert bench.get("/twin/headset")["capture_rms"] == 0.0
    bench.tap("mute")
    bench.until("live", lambda: bench.get("/unit.json")["panel"]["mute"] == "live")


def test_a_mute_that_cannot_be_proven_is_a_fault_on_the_panel_and_at_the_hub(bench: Client) -> None:
    bench.post("/twin/headset", {"speaking": True, "stuck_switch": True})
    bench.tap("mute")
    bench.until("the lamp says fault", lambda: bench.get("/unit.json")["panel"]["mute"] == "fault")
    (unit,) = bench.until("the hub knows", lambda: [each for each in hub_units(bench) if mute_fault(each)])
    assert unit["verdict"] != "fit"
    assert bench.get("/twin/headset")["capture_rms"] == 0.0
    bench.post("/twin/headset", {"heal": True})
    bench.until("proven", lambda: bench.get("/unit.json")["panel"]["mute"] == "muted")
    bench.tap("mute")
    bench.until("live", lambda: bench.get("/unit.json")["panel"]["mute"] == "live")


def hub_units(bench: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.get("/hub.json")["units"]
    return found


def mute_fault(unit: dict[str, Any]) -> bool:
    return bool(unit["headset"]) and unit["headset"]["mute_state"] == "fault" and unit["verdict"] != "fit"


def test_a_cut_wire_is_a_fault_and_mends(bench: Client) -> None:
    bench.post("/twin/panel", {"line": "panic", "fault": "cut"})
    bench.until("a fault", lambda: bench.get("/unit.json")["panel"]["faults"])
    bench.until("not safe", lambda: bench.get("/unit.json")["readiness"]["safe"] is False)
    bench.post("/twin/panel", {"line": "panic", "fault": "none"})
    bench.until("mended", lambda: not bench.get("/unit.json")["panel"]["faults"])


@pytest.mark.parametrize("service", ["alerts", "hublink", "panelbus", "status", "bus", "uplinks", "panel"])
def test_a_panic_survives_the_death_of_any_service(bench: Client, service: str) -> None:
    bench.post("/twin/process", {"service": service, "signal": "KILL"})
    press_panic(bench)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/twin/panel", b"not json"),
        ("/twin/panel", b'["panic"]'),
        ("/twin/panel", b'{"button": "coffee", "action": "press"}'),
        ("/twin/uplink/moon", b'{"cable": false}'),
        ("/twin/uplink/wired", b'{"loss": 7}'),
        ("/twin/uplink/wired", b'{"speed": 7}'),
        ("/twin/power", b'{"percent": 420}'),
        ("/twin/modem", b'{"signal_dbm": "loud"}'),
        ("/twin/headset", b'{"plugged": "yes"}'),
        ("/twin/call", b'{"action": "sing"}'),
        ("/twin/process", b'{"service": "nobody", "signal": "KILL"}'),
        ("/twin/process", b'{"service": "panel", "signal": "HUG"}'),
        ("/twin/teapot", b"{}"),
        ("/unit/call", b'{"action": "sing"}'),
        ("/hub/acknowledge", b'{"alert": 7}'),
    ],
)
def test_bad_input_is_refused_in_one_line(bench: Client, path: str, body: bytes) -> None:
    status, words = bench.refusal(path, body)
    assert status in (400, 404)
    assert words.strip() and "\n" not in words.strip() and "Traceback" not in words


def test_nothing_answers_a_stranger_on_an_uplink(bench: Client) -> None:
    assert bench.get("/unit.json")["hub"]["connected"]
    inside, outside = f"t{os.getpid()}-unit", f"t{os.getpid()}-r-wired"
    shown = subprocess.run(["ip", "netns", "exec", inside, "ss", "-Hlntu"], capture_output=True, text=True, check=True)
    rows = [line.split() for line in shown.stdout.splitlines()]
    ports = {(row[0], int(row[4].rpartition(":")[2])) for row in rows if row[0] in ("tcp", "udp")}
    assert ports, "the scan must have something to find"
    answers = {(kind, port): namespace.within(outside, partial(asked, kind, port)) for kind, port in ports}
    assert set(answers.values()) == {"silence"}, answers


def asked(kind: str, port: int) -> str:
    """What the router at the wired uplink gets that asks a port of the unit."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as out:
        out.settimeout(0.5)
        try:
            out.connect(("192.168.10.2", port))
            out.send(b"hello")
            out.recv(1)
        except TimeoutError:
            return "silence"
        except OSError as error:
            return str(error)
    return "an answer"


def test_a_bench_that_ends_leaves_nothing() -> None:
    process, client, lifeline = start(f"e{os.getpid()}-")
    with process:
        ready(process)
        assert client.folder.exists()
        os.close(lifeline)
        assert process.wait(30) == 0
    assert not client.folder.exists()
    assert [path.name for path in Path("/run/netns").iterdir() if path.name.startswith(f"e{os.getpid()}-")] == []
    left = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and str(client.folder) in told(entry)]
    assert left == []


def told(entry: Path) -> str:
    """A process's environment and command line, as far as they can be read."""
    parts = []
    for name in ("cmdline", "environ"):
        try:
            parts.append((entry / name).read_bytes().decode(errors="replace"))
        except OSError:
            parts.append("")
    return " ".join(parts)
