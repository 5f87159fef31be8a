"""What the services say to each other and to the hub: frozen structs, units in the names, `None` for unknown.

`Status` is the status document: `hdu status --json`, the retained MQTT message and `GET /unit.json` are all its JSON.
Each section is also what one service exposes as typed D-Bus properties (see `firmware.wire`).
"""

from typing import Literal

import msgspec

Button = Literal["panic", "mute", "assist"]
Pattern = Literal["off", "on", "slow", "fast", "double"]
Colour = Literal["off", "green", "amber", "red"]
PanicState = Literal["idle", "raised", "delivered", "acknowledged"]
MuteState = Literal["live", "muted", "fault"]
AlertKind = Literal["panic", "assist", "wellness", "tamper", "power"]
UplinkKind = Literal["ethernet", "lte"]
UplinkState = Literal["up", "suspect", "down", "unknown"]
CallState = Literal["idle", "ringing", "active"]
SoftphoneState = Literal["up", "down"]
PowerSource = Literal["mains", "battery", "unknown"]
PowerState = Literal["normal", "on-battery", "low", "ending"]
BatteryTest = Literal["idle", "running"]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every fact: immutable, compared by value, built by keyword."""


class Alert(Fact, frozen=True, forbid_unknown_fields=True):
    """One press that a person must answer. `id` is a ULID and stays the same however often it is sent."""

    id: str
    unit: str
    kind: AlertKind
    raised_at: str
    attempt: int = 0
    via: str = ""


class Acknowledgement(Fact, frozen=True, forbid_unknown_fields=True):
    """A person's answer to the alert `id`; `by` is a name, `at` an RFC 3339 time."""

    id: str
    by: str
    at: str


class Lamps(Fact, frozen=True):
    """What each lamp shows now: a pattern for panic and mute, a colour for the verdict."""

    panic: Pattern = "off"
    mute: Pattern = "off"
    safe: Colour = "off"


class Panel(Fact, frozen=True):
    """The panel; `read` is whether its contacts are read anew, again and again (None: unknown)."""

    read: bool | None = None
    panic: PanicState = "idle"
    mute: MuteState | None = None
    lamps: Lamps = Lamps()
    faults: tuple[str, ...] = ()


class Headset(Fact, frozen=True):
    """The headset as measured.

    `muted` is the capture switch read back; `mute_proven` whether silence was then, and still is, measured (None: mute
    is not asked for). `mute_state` is for the lamp: `muted` only while proven, `fault` when asked for and not proven
    (or sound may pass no more although it should), `live` when sound may pass. `capture_cut`: the software gate before
    the softphone was read back shut. Levels are RMS, 0 dBFS a full-scale sine (AES17). `overruns` counts lost capture.
    `peak_limit_dbfs` is what the limiter in the playback path is set to; `shift_level_db` the sound of this shift as a
    level over 12 h, `shift_dose_percent` of what 83 dB are. None: the headset's loudness, or what it plays, is unknown.
    """

    present: bool | None = None
    name: str = ""
    muted: bool | None = None
    mute_proven: bool | None = None
    mute_state: MuteState | None = None
    capture_cut: bool | None = None
    level_dbfs: float | None = None
    noise_floor_dbfs: float | None = None
    clipping: bool | None = None
    microphone_dead: bool | None = None
    overruns: int = 0
    peak_limit_dbfs: float | None = None
    shift_began: str = ""
    shift_level_db: float | None = None
    shift_dose_percent: float | None = None
    shift_dose_spent: bool | None = None


class Call(Fact, frozen=True):
    """The call and its audio as received. `r_factor` and `mos` (1 to 4.5) are ITU-T G.107; frames are 20 ms of audio.

    `registered`, `softphone` and what was lost last hold between calls too; `last_lost` is an RFC 3339 time or empty.
    """

    state: CallState | None = None
    peer: str = ""
    held: bool = False
    waiting: bool = False
    secure: bool | None = None
    codec: str = ""
    mos: float | None = None
    r_factor: float | None = None
    loss: float | None = None
    jitter_ms: float | None = None
    rtt_ms: float | None = None
    lost_frames: int | None = None
    longest_gap_ms: float | None = None
    overruns: int | None = None
    underruns: int | None = None
    registered: bool | None = None
    softphone: SoftphoneState | None = None
    lost_calls: int = 0
    last_lost: str = ""


class Uplink(Fact, frozen=True):
    """One way to the hub. `loss` is a fraction (0 to 1) over the probing window, `rtt_ms` the smoothed round trip."""

    name: str
    kind: UplinkKind
    state: UplinkState = "unknown"
    active: bool = False
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    loss: float | None = None
    reason: str = ""


class Uplinks(Fact, frozen=True):
    """What the uplinks service says; the order is the order of preference.

    `last_decision` is JSON with all facts it was made from (`firmware.failover.record.Decision`); `outage_ms` is the
    longest the hub could have been out of reach in it. LTE megabytes (10^6) are of this month; `lte_frugal`: leave out
    what can wait.
    """

    uplinks: tuple[Uplink, ...] = ()
    last_decision: str = ""
    outage_ms: float | None = None
    hub_silent: bool | None = None
    hub_clock_error_ms: float | None = None
    lte_used_mb: float | None = None
    lte_forecast_mb: float | None = None
    lte_frugal: bool | None = None


class Lte(Fact, frozen=True):
    """LTE this month: used, and expected at its end, in MB (1e6 bytes); `frugal`: all but voice and panics wait."""

    used_mb: float | None = None
    forecast_mb: float | None = None
    frugal: bool | None = None


class Alerts(Fact, frozen=True):
    """`pending_alerts`: not yet at the hub; `open_alerts`: not yet acknowledged by a person."""

    pending_alerts: int | None = None
    open_alerts: int | None = None
    spool_full: bool | None = None


class Document(Fact, frozen=True):
    """What the status service says: the status document as JSON."""

    document: str = ""


class Modem(Fact, frozen=True):
    """What the modem said last (3GPP TS 27.007); all unknown when it does not answer. `reason` says what is wrong.

    `iccid` is the number of the card that is in it (empty: it does not say), `iccid_expected` of the one that this unit
    was provisioned with (empty: none was named).
    """

    registered: bool | None = None
    roaming: bool | None = None
    operator: str = ""
    signal_dbm: int | None = None
    rsrp_dbm: int | None = None
    sim: str = ""
    iccid: str = ""
    iccid_expected: str = ""
    temperature_c: float | None = None
    port: str = ""
    reason: str = ""


class PowerReading(Fact, frozen=True):
    """What one source of power facts says at one instant, as it says it. Current is positive out of the battery."""

    source: str
    mains: bool | None = None
    percent: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    low: bool | None = None
    testing: bool | None = None
    fault: str = ""


class Power(Fact, frozen=True):
    """Minutes are estimates with a bound (`at_least`, `at_most`); all three None: the unit does not know.

    `believed` is the source that is believed and `why` the reason. `flickers` counts mains losses too short to be told.
    `health_percent` is this battery's capacity against the one it was sold with, from its last test; `replace`: it is
    due, at the latest on the date `replace_by` (empty: not known). `stage` is how far the ending is: handing-over,
    holding, grace, off. `test_ended` says why the last battery test ended.
    """

    source: PowerSource = "unknown"
    percent: float | None = None
    minutes_left: float | None = None
    state: PowerState | None = None
    minutes_at_least: float | None = None
    minutes_at_most: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    believed: str = ""
    why: str = ""
    flickers: int = 0
    stage: str = ""
    test: BatteryTest = "idle"
    test_ended: str = ""
    tested_at: str = ""
    tested_minutes: float | None = None
    health_percent: float | None = None
    replace: bool | None = None
    replace_by: str = ""
    faults: tuple[str, ...] = ()


class Hub(Fact, frozen=True):
    """`pending_alerts`: not yet at the hub; `spool_full`: no room is left for the reserve of the next panics."""

    connected: bool | None = None
    pending_alerts: int | None = None
    spool_full: bool | None = None


class Clock(Fact, frozen=True):
    """`error_ms` bounds the distance from UTC: as the kernel's clock discipline knows it or, without one, from the
    hub's clock by the probes (RFC 5905, 8); None: nobody knows."""

    error_ms: float | None = None


class Readiness(Fact, frozen=True):
    """The verdict. `safe` None is unknown and is never shown green; `colour` is the lamp."""

    safe: bool | None = None
    colour: Colour = "off"
    reasons: tuple[str, ...] = ()


class Provisioning(Fact, frozen=True):
    """How a blank unit stands with its card: its request waits there, or what was there was refused in words."""

    state: Literal["asked", "refused"]


class SelfTest(Fact, frozen=True):
    """The last self test: when (RFC 3339, empty: none yet), whether it passed, and the words of what failed.

    `running` is the scope of the one that runs now, empty while none does.
    """

    at: str = ""
    passed: bool | None = None
    reasons: tuple[str, ...] = ()
    running: str = ""


class Acceptance(Fact, frozen=True):
    """The acceptance that is walked now, or was walked last since the unit started (`state` empty: none).

    `step` is the key of what is measured now, `ask` what the technician must do for it (empty: nothing). `verdict` is
    accepted or not accepted once it has ended with a report; without one `reason` says why.
    """

    state: Literal["", "running", "ended"] = ""
    technician: str = ""
    began: str = ""
    step: str = ""
    ask: str = ""
    verdict: str = ""
    reason: str = ""


class Shift(Fact, frozen=True):
    """Whether a dispatcher is on shift here (None: not known), who, and until when at the latest (RFC 3339)."""

    on: bool | None = None
    who: str = ""
    until: str = ""


class Update(Fact, frozen=True):
    """`state` is idle, waiting, fetching, installing, restarting, proving (a bundle) or on-trial (settings).

    `booted` is the slot that runs; `proven` whether that release was marked good here (None: not known yet).

    `site` is the version of the settings in force, `site_proven` whether they have stood their trial. `available` is
    the roll-out that is next and `reason` why it waits; `refused` what was wrong with the repository at the last look
    (`looked_at`). `failed_version` is what was taken back last (`failed_kind`: bundle or site), `failed` why.
    """

    state: str = "idle"
    booted: str | None = None
    installed: dict[str, str | None] = {}
    ring: str = ""
    proven: bool | None = None
    failed_version: str = ""
    failed: str = ""
    failed_kind: str = ""
    site: str = ""
    site_proven: bool | None = None
    available: str = ""
    reason: str = ""
    refused: str = ""
    looked_at: str = ""


class Recorder(Fact, frozen=True):
    """The flight recorder: numbers of the newest event and of the newest at the hub, and the chain's newest hash."""

    last_seq: int = 0
    last_hash: str = ""
    sent_seq: int = 0
    recorded: int = 0
    lost: int = 0
    faults: tuple[str, ...] = ()


class RemoteHelp(Fact, frozen=True):
    """Whether somebody may come in from afar, until when (RFC 3339), and who is in. `off`: nobody consented; `waiting`:
    no way in yet (`reason`)."""

    state: Literal["off", "waiting", "open"] | None = None
    until: str = ""
    who: tuple[str, ...] = ()
    reason: str = ""


class Storage(Fact, frozen=True):
    """The data partition as it was opened at boot. `reason`: why it is not encrypted; `lost`: it was beyond repair, and
    was made anew."""

    encrypted: bool | None = None
    reason: str = ""
    lost: bool | None = None


class Status(Fact, frozen=True):
    """The status document. A section whose service is silent holds its unknowns."""

    unit: str
    version: str
    slot: str | None
    at: str
    readiness: Readiness = Readiness()
    panel: Panel = Panel()
    headset: Headset = Headset()
    call: Call = Call()
    uplinks: tuple[Uplink, ...] = ()
    outage_ms: float | None = None
    lte: Lte = Lte()
    modem: Modem = Modem()
    power: Power = Power()
    hub: Hub = Hub()
    clock: Clock = Clock()
    configuration_faults: tuple[str, ...] = ()
    update: Update = Update()
    selftest: SelfTest = SelfTest()
    storage: Storage = Storage()
    remote_help: RemoteHelp = RemoteHelp()
    shift: Shift = Shift()
    acceptance: Acceptance = Acceptance()
