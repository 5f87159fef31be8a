"""The configuration: `site.toml` (the agency) and `unit.toml` (this unit) as frozen structs.

Every value has its unit in its name, a bound and a default that works. `firmware.configfile` reads the files.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{5,14}$")]  # ITU-T E.164
Gpio = Annotated[int, Meta(ge=0, le=27)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Milliseconds = Annotated[float, Meta(gt=0, le=60_000)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: immutable, unknown keys refused."""


class HubAddress(Section, frozen=True):
    """Where the agency's hub is."""

    host: Annotated[str, Meta(min_length=1, max_length=253)] = "10.79.0.1"
    mqtt_port: Port = 8883
    probe_port: Port = 7411
    keepalive_s: Annotated[int, Meta(ge=2, le=300)] = 5
    connect_timeout_s: Annotated[float, Meta(ge=0.2, le=60)] = 4.0
    reconnect_first_s: Annotated[float, Meta(ge=0.05, le=60)] = 0.25
    reconnect_max_s: Annotated[float, Meta(ge=0.1, le=600)] = 8.0


class StatusPolicy(Section, frozen=True):
    """How often the status document goes out when nothing changes."""

    interval_s: Annotated[float, Meta(ge=1, le=600)] = 30.0
    detail_s: Annotated[float, Meta(ge=0.1, le=600)] = 2.0
    settle_ms: Annotated[float, Meta(ge=1, le=5_000)] = 50.0


class AlertPolicy(Section, frozen=True):
    """How often an alert is tried again, and how long an answered one stays to be read."""

    retry_first_s: Annotated[float, Meta(ge=0.05, le=60)] = 0.25
    retry_max_s: Annotated[float, Meta(ge=0.1, le=600)] = 8.0
    remind_s: Annotated[float, Meta(ge=1, le=3_600)] = 30.0
    acknowledged_lamp_s: Annotated[float, Meta(ge=1, le=3_600)] = 30.0
    sms_after_s: Annotated[float, Meta(ge=0, le=600)] = 5.0
    sms_numbers: tuple[Number, ...] = ()
    keep_alerts: Annotated[int, Meta(ge=10, le=100_000)] = 1_000
    reserve_bytes: Annotated[int, Meta(ge=4_096, le=1 << 30)] = 1 << 20


class PowerPolicy(Section, frozen=True):
    """When power is called low or ending, and how the unit then stops; a battery test never runs on a shift."""

    flicker_ms: Milliseconds = 300.0
    low_minutes: Annotated[float, Meta(ge=2, le=600)] = 15.0
    ending_minutes: Annotated[float, Meta(ge=1.5, le=60)] = 4.0
    handover_s: Annotated[float, Meta(ge=1, le=300)] = 60.0
    grace_s: Annotated[float, Meta(ge=1, le=60)] = 5.0
    test_every_days: Annotated[float, Meta(ge=0, le=365)] = 30.0
    test_hour_utc: Annotated[int, Meta(ge=0, le=23)] = 10
    test_quiet_minutes: Annotated[float, Meta(ge=0, le=1_440)] = 60.0
    test_floor_percent: Annotated[float, Meta(ge=5, le=90)] = 10.0
    replace_below_percent: Annotated[float, Meta(ge=10, le=95)] = 70.0


class CallPolicy(Section, frozen=True):
    """The agency's SIP server, and the audio it is spoken to with.

    `reorder_ms` holds packets back until those before them have come. `playout_ms` is heard while none come; the buffer
    grows to what a slower path takes, with one gap of the difference, as far as playout_ms + 40. Where LTE is slower
    than the wire by more than `playout_ms`, that much here makes the first switch-over unheard too, and every word
    later. `device_ms` is what the sound card may hold.
    """

    sip_host: Annotated[str, Meta(max_length=253)] = "10.80.0.1"
    sip_port: Port = 5060
    sip_transport: Literal["udp", "tcp", "tls"] = "udp"
    register_s: Annotated[int, Meta(ge=10, le=3_600)] = 60
    register_retry_s: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    encryption: Literal["srtp-sdes", "srtp-dtls", "none"] = "srtp-sdes"
    codecs: tuple[Literal["opus", "pcmu", "pcma"], ...] = ("opus", "pcmu", "pcma")
    reorder_ms: Annotated[int, Meta(ge=20, le=200)] = 20
    playout_ms: Annotated[int, Meta(ge=20, le=400)] = 20
    device_ms: Annotated[int, Meta(ge=10, le=200)] = 30
    rtp_first_port: Annotated[int, Meta(ge=1_024, le=65_000)] = 16_384
    rtp_last_port: Annotated[int, Meta(ge=1_034, le=65_535)] = 16_483
    transfer_target: Annotated[str, Meta(max_length=253)] = ""


class FailoverPolicy(Section, frozen=True):
    """How the uplinks are probed, when the unit moves, and what LTE may cost.

    `probe_host` is the hub's own address, outside the tunnels (empty: hub.host); `targets` are asked by ICMP echo
    besides it; `tunnels` names the interface of each uplink's own tunnel, whose traffic counts as proof.
    """

    wired_ms: Milliseconds = 50.0
    wired_standby_ms: Milliseconds = 500.0
    wired_down_ms: Milliseconds = 100.0
    wired_quick_ms: Milliseconds = 5.0
    burst_ms: Milliseconds = 100.0
    floor_ms: Milliseconds = 10.0
    lte_ms: Milliseconds = 10_000.0
    lte_urgent_ms: Milliseconds = 1_000.0
    lte_active_ms: Milliseconds = 250.0
    lte_quick_ms: Milliseconds = 100.0
    lte_burst_ms: Milliseconds = 300.0
    lte_floor_ms: Milliseconds = 50.0
    clean_s: Seconds = 60.0
    hold_max_s: Seconds = 1_800.0
    forgive_s: Seconds = 3_600.0
    boot_s: Seconds = 20.0
    unknown_call_s: Seconds = 600.0
    probe_host: Annotated[str, Meta(max_length=253)] = ""
    targets: tuple[str, ...] = ()
    tunnels: dict[str, str] = msgspec.field(default_factory=lambda: {"wired": "wg-a", "lte": "wg-b"})
    lte_plan_mb: Annotated[float, Meta(ge=1, le=1_000_000)] = 2_000.0
    lte_idle_mb: Annotated[float, Meta(ge=1, le=100_000)] = 35.0


class HeadsetPolicy(Section, frozen=True):
    """When a mute counts as proven, and how the microphone is measured.

    `shift_rest_h` without a call end a shift: the next call begins another, with all of its sound dose to spend.
    """

    prove_within_ms: Annotated[float, Meta(ge=50, le=2_000)] = 150.0
    silence_dbfs: Annotated[float, Meta(ge=-90, le=-50)] = -80.0
    silence_ms: Annotated[float, Meta(ge=10, le=500)] = 30.0
    silence_after_fault_s: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    unmeasured_ms: Annotated[float, Meta(ge=100, le=2_000)] = 300.0
    period_ms: Annotated[float, Meta(ge=20, le=100)] = 100.0
    proof_period_ms: Annotated[float, Meta(ge=5, le=50)] = 10.0
    retry_s: Annotated[float, Meta(ge=0.1, le=2)] = 0.25
    dead_microphone_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    tone_dbfs: Annotated[float, Meta(ge=-60, le=-6)] = -30.0
    shift_rest_h: Annotated[float, Meta(ge=1, le=24)] = 8.0


class RecorderPolicy(Section, frozen=True):
    """How much the flight recorder keeps, and how long an event that is not urgent may wait for the disk."""

    keep_events: Annotated[int, Meta(ge=1_000, le=10_000_000)] = 100_000
    segment_events: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    sync_s: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    send_s: Annotated[float, Meta(ge=0.5, le=3_600)] = 5.0


class SurveyPolicy(Section, frozen=True):
    """What the agency asks of a home where no published requirement gives a figure (see `hdu survey`)."""

    sign_off_hours: Annotated[float, Meta(ge=0.05, le=72)] = 24.0
    hub_reached_percent: Annotated[float, Meta(ge=0, le=100)] = 99.9
    uplink_up_percent: Annotated[float, Meta(ge=0, le=100)] = 99.0
    two_kinds_percent: Annotated[float, Meta(ge=0, le=100)] = 99.0
    lost_unit_s: Annotated[float, Meta(ge=1, le=3_600)] = 90.0
    lte_signal_dbm: Annotated[float, Meta(ge=-140, le=-40)] = -100.0
    mains_losses_per_day: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    battery_minutes: Annotated[float, Meta(ge=1, le=1_440)] = 30.0
    room_noise_dbfs: Annotated[float, Meta(ge=-90, le=0)] = -40.0


class UpdatePolicy(Section, frozen=True):
    """Where releases are published (below `url`: metadata/ and targets/; empty: nowhere), how often the unit looks, and
    how long after a call it is left alone."""

    url: Annotated[str, Meta(max_length=1_000, pattern=r"^(https?://[^\s?#]+[^\s?#/])?$")] = ""
    poll_s: Annotated[float, Meta(ge=1, le=86_400)] = 900.0
    quiet_minutes: Annotated[float, Meta(ge=0, le=1_440)] = 60.0


class RemoteHelpPolicy(Section, frozen=True):
    """Who may help from afar: the agency's SSH authority (its public key in one line; empty: nobody), and for how long
    one consent holds."""

    authority: Annotated[str, Meta(max_length=1_024, pattern=r"^([a-z0-9@.-]+ [A-Za-z0-9+/=]+)?$")] = ""
    minutes: Annotated[float, Meta(ge=1, le=120)] = 30.0


class Site(Section, frozen=True):
    """site.toml: what holds for every unit of the agency."""

    hub: HubAddress = HubAddress()
    status: StatusPolicy = StatusPolicy()
    alerts: AlertPolicy = AlertPolicy()
    headset: HeadsetPolicy = HeadsetPolicy()
    power: PowerPolicy = PowerPolicy()
    recorder: RecorderPolicy = RecorderPolicy()
    calls: CallPolicy = CallPolicy()
    failover: FailoverPolicy = FailoverPolicy()
    survey: SurveyPolicy = SurveyPolicy()
    updates: UpdatePolicy = UpdatePolicy()
    remote_help: RemoteHelpPolicy = RemoteHelpPolicy()


class PanelHardware(Section, frozen=True):
    """The panel as wired (defaults: hw/panel/pins.toml) and how its buttons are read."""

    pin_factory: Literal["hdu_libgpiod", "lgpio", "rpigpio", "hdu_twin"] = "hdu_libgpiod"
    panic_no_gpio: Gpio = 17
    panic_nc_gpio: Gpio = 27
    mute_gpio: Gpio = 22
    assist_gpio: Gpio = 23
    panic_lamp_gpio: Gpio = 5
    mute_lamp_gpio: Gpio = 6
    safe_green_gpio: Gpio = 13
    safe_red_gpio: Gpio = 19
    mute_button: Literal["toggle", "push-to-mute"] = "toggle"
    debounce_ms: Annotated[float, Meta(ge=1, le=100)] = 5.0
    agree_ms: Annotated[float, Meta(ge=0.1, le=100)] = 1.0
    contact_fault_ms: Annotated[float, Meta(ge=20, le=1_000)] = 50.0
    hold_s: Annotated[float, Meta(ge=0.5, le=10)] = 2.0
    stuck_s: Annotated[float, Meta(ge=5, le=600)] = 30.0
    reread_s: Annotated[float, Meta(ge=0.05, le=10)] = 1.0
    again_s: Annotated[float, Meta(ge=0, le=10)] = 0.0
    lamps_stale_s: Annotated[float, Meta(ge=1, le=60)] = 5.0


class UplinkHardware(Section, frozen=True):
    """One way to the hub: its name, kind and network interface. The order in unit.toml is the order of preference."""

    name: Name
    kind: Literal["ethernet", "lte"]
    interface: Annotated[str, Meta(min_length=1, max_length=15)]


class ModemHardware(Section, frozen=True):
    """The AT port kept for us (a path or a glob; empty: no modem), the number of the SIM that belongs into it (ICCID;
    empty: any), how it is asked, and how far a reset may go."""

    port: Annotated[str, Meta(max_length=255)] = ""
    sim: Annotated[str, Meta(pattern=r"^(89[0-9]{17,18})?$")] = ""
    baud: Annotated[int, Meta(ge=9_600, le=4_000_000)] = 115_200
    poll_s: Annotated[float, Meta(ge=0.05, le=600)] = 10.0
    answer_s: Annotated[float, Meta(ge=0.05, le=60)] = 2.0
    temperature: Literal["none", "quectel", "simcom", "huawei"] = "none"
    sms_s: Annotated[float, Meta(ge=0.2, le=300)] = 60.0
    sms_waiting: Annotated[int, Meta(ge=1, le=100)] = 8
    sick_s: Annotated[float, Meta(ge=0.05, le=86_400)] = 30.0
    unregistered_s: Annotated[float, Meta(ge=0.05, le=86_400)] = 180.0
    settle_s: Annotated[float, Meta(ge=0.05, le=86_400)] = 60.0
    resets_per_day: Annotated[int, Meta(ge=0, le=100)] = 12
    power_cycle: tuple[str, ...] = ()


class HeadsetHardware(Section, frozen=True):
    """The headset by identity, or by ALSA name; its sensitivity, and its card's volts (RMS) at full scale.

    `alsa_device` empty: the card with this vendor, product and serial (or USB port) is looked for below `sysfs_root`.
    `gate_device` is the mixer of the software gate in the capture path, `monitor_device` the capture before that gate
    (empty: there is no gate, and capture is measured on `alsa_device`). `button_device` is its input device where it is
    a HID (empty: that of the card found); `ear_monitor_device` gives what is played (empty: that is unknown).
    Sensitivity or volts None: how loud it is is unknown.
    """

    vendor_id: Annotated[str, Meta(pattern=r"^([0-9a-f]{4})?$")] = ""
    product_id: Annotated[str, Meta(pattern=r"^([0-9a-f]{4})?$")] = ""
    serial: Annotated[str, Meta(max_length=126)] = ""
    usb_port: Annotated[str, Meta(pattern=r"^([0-9]+-[0-9.]+)?$")] = ""
    sysfs_root: str = "/sys"
    alsa_device: Annotated[str, Meta(max_length=64)] = ""
    monitor_device: Annotated[str, Meta(max_length=64)] = ""
    gate_device: Annotated[str, Meta(max_length=64)] = ""
    button_device: Annotated[str, Meta(max_length=255)] = ""
    ear_monitor_device: Annotated[str, Meta(max_length=64)] = ""
    sensitivity_db_spl_per_v: Annotated[float, Meta(ge=60, le=160)] | None = None
    full_scale_v: Annotated[float, Meta(ge=0.001, le=10)] | None = None


class PowerHardware(Section, frozen=True):
    """What tells about mains and battery."""

    sources: tuple[Literal["power_supply", "ups_serial", "nut"], ...] = ("power_supply",)
    power_supply_root: str = "/sys/class/power_supply"
    poll_s: Annotated[float, Meta(ge=0.05, le=60)] = 0.25
    ups_port: Annotated[str, Meta(max_length=255)] = ""
    ups_baud: Annotated[int, Meta(ge=1_200, le=115_200)] = 2_400
    nut_host: Annotated[str, Meta(min_length=1, max_length=253)] = "127.0.0.1"
    nut_port: Port = 3493
    nut_ups: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "ups"
    nut_user: Annotated[str, Meta(max_length=64)] = ""
    nut_password_file: Annotated[str, Meta(max_length=255)] = ""
    capacity_wh: Annotated[float, Meta(ge=1, le=10_000)] = 38.0
    load_w: Annotated[float, Meta(ge=0.5, le=5_000)] = 9.0
    full_v: Annotated[float, Meta(ge=1, le=500)] = 8.3
    empty_v: Annotated[float, Meta(ge=1, le=500)] = 6.0
    backlight_root: str = "/sys/class/backlight"
    dimmed_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0
    power_off_command: tuple[str, ...] = ("systemctl", "poweroff")
    restart_command: tuple[str, ...] = ("systemctl", "reboot")


class Softphone(Section, frozen=True):
    """This unit's extension (empty: the unit's name), and where it listens: the tunnel's address, never an uplink's."""

    user: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    password_file: str = ""
    listen_address: str = "127.0.0.1"
    sip_port: Port = 5060
    binary: str = "baresip"


class Certificates(Section, frozen=True):
    """PEM files of the mutual TLS connection to the hub; the certificate's common name is the unit's name."""

    authority: str = "/etc/hdu/tls/ca.pem"
    certificate: str = "/etc/hdu/tls/unit.pem"
    key: str = "/etc/hdu/tls/unit.key"


class Folders(Section, frozen=True):
    """`data` survives a reboot, `run` does not; `usbguard` is where USBGuard says what it refused."""

    data: str = "/var/lib/hdu"
    run: str = "/run/hdu"
    usbguard: str = "/run/usbguard"


class UpdateHardware(Section, frozen=True):
    """This unit's ring, the update root that the image ships, and how bundles come: streamed by RAUC (its verity
    format), or downloaded whole; `none`: this unit has no slots. New settings are on trial for `trial_s`. RAUC knows
    no end before the end, so `break_off_command` has it started again."""

    ring: Literal["canary", "early", "all"] = "all"
    root: Annotated[str, Meta(max_length=255)] = "/usr/share/hdu/root.json"
    bundles: Literal["stream", "download", "none"] = "stream"
    trial_s: Annotated[float, Meta(ge=1, le=3_600)] = 300.0
    break_off_command: tuple[str, ...] = ("systemctl", "restart", "rauc")


class UnitFile(Section, frozen=True):
    """unit.toml: what is true of this unit alone."""

    name: Name = "hdu-0001"
    panel: PanelHardware = PanelHardware()
    uplinks: tuple[UplinkHardware, ...] = (
        UplinkHardware(name="wired", kind="ethernet", interface="eth0"),
        UplinkHardware(name="lte", kind="lte", interface="wwan0"),
    )
    modem: ModemHardware = ModemHardware()
    headset: HeadsetHardware = HeadsetHardware()
    power: PowerHardware = PowerHardware()
    softphone: Softphone = Softphone()
    updates: UpdateHardware = UpdateHardware()
    certificates: Certificates = Certificates()
    probing_key: str = "/etc/hdu/probe.key"
    voice_copies: Literal["mirror", "nft"] = "mirror"
    folders: Folders = Folders()


class Config(Section, frozen=True):
    """Everything a service may ask for."""

    site: Site = Site()
    unit: UnitFile = UnitFile()
