"""The softphone's configuration as text: from ours, written anew at each start. Pure.

Everything listens on the tunnel's address or on loopback; only what is needed is loaded.
"""

from math import ceil

from firmware.config import CallPolicy, Softphone
from firmware.drivers.headset_usb import NAME

FRAME_MS = 20
SLACK_MS = 40  # how far the playout buffer may fill: baresip never shrinks it, so this bounds the delay of a long call
MODULES = "/usr/lib/baresip/modules"
LOADED = ("g711.so", "opus.so", "plc.so", "srtp.so", "dtls_srtp.so", "alsa.so", "aubridge.so")
CODECS = {"opus": "opus/48000/1", "pcmu": "pcmu/8000/1", "pcma": "pcma/8000/1"}
ENCRYPTION = {"srtp-sdes": "srtp-mand", "srtp-dtls": "dtls_srtp", "none": ""}  # srtp-mand refuses a call in clear
SILENT = ("aubridge,silence", "aubridge,nobody")  # two names: with one, the far end would hear itself


def sound_devices(microphone: bool, earpiece: bool) -> tuple[str, str]:
    """Microphone and earpiece as baresip names them; silence in or out where there is none."""
    return (f"alsa,{NAME}" if microphone else SILENT[0]), (f"alsa,{NAME}" if earpiece else SILENT[1])


def configuration(policy: CallPolicy, phone: Softphone, control_port: int) -> str:
    """The file `config`. DSCP 46 (rtp_tos 184) is expedited forwarding, RFC 3246."""
    source, player = sound_devices(microphone=True, earpiece=True)
    frames = ceil(policy.reorder_ms / FRAME_MS)
    lines = [
        "poll_method epoll",
        f"sip_listen {phone.listen_address}:{phone.sip_port}",
        f"net_interface {phone.listen_address}",
        "call_local_timeout 120",
        "call_max_calls 2",
        f"audio_source {source}",
        f"audio_player {player}",
        "audio_alert none,none",
        f"audio_buffer {policy.playout_ms}-{policy.playout_ms + SLACK_MS}",
        f"jitter_buffer_delay {frames}-{frames * 5}",
        "rtp_tos 184",
        f"rtp_ports {policy.rtp_first_port}-{policy.rtp_last_port}",
        "rtp_stats no",
        f"module_path {MODULES}",
        *(f"module {name}" for name in LOADED),
        "module_app menu.so",
        "module_app ctrl_tcp.so",
        f"ctrl_tcp_listen 127.0.0.1:{control_port}",
        "statmode_default off",
        "ringback_disabled yes",
        "opus_stereo no",
        "opus_sprop_stereo no",
        "opus_application voip",
        "opus_inbandfec yes",
        "opus_packet_loss 10",
    ]
    return "\n".join(lines) + "\n"


def address_of_record(policy: CallPolicy, phone: Softphone, unit_name: str) -> str:
    """Who we are to the SIP server."""
    return f"sip:{phone.user or unit_name}@{policy.sip_host}:{policy.sip_port}"


def account(policy: CallPolicy, phone: Softphone, unit_name: str, password: str) -> str:
    """The extension as baresip's `uanew` takes it; ValueError where the password cannot be said in it."""
    if set(password) & set(';"\\ \n'):
        raise ValueError(
            f"softphone: {phone.password_file} holds a space, ;, quote or backslash; choose another password"
        )
    encryption = ENCRYPTION[policy.encryption]
    parts = [
        f"<{address_of_record(policy, phone, unit_name)};transport={policy.sip_transport}>",
        f"regint={policy.register_s}",
        f"audio_codecs={','.join(CODECS[name] for name in policy.codecs)}",
        "answermode=manual",
        *([f"mediaenc={encryption}"] if encryption else []),
        *([f"auth_pass={password}"] if password else []),
    ]
    return ";".join(parts)
