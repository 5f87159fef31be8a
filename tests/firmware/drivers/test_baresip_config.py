"""The softphone's configuration: nothing listens where it should not, and no call is in clear."""

import pytest

from firmware.config import CallPolicy, Softphone
from firmware.drivers.baresip_config import account, address_of_record, configuration, sound_devices

PHONE = Softphone(listen_address="10.79.1.1", user="5501")


def settings(policy: CallPolicy | None = None) -> dict[str, str]:
    text = configuration(policy or CallPolicy(), PHONE, 4444)
    return dict(line.split(" ", 1) for line in text.splitlines() if not line.startswith("module"))


def test_it_listens_on_the_tunnel_and_on_loopback_alone() -> None:
    said = settings()
    assert said["sip_listen"] == "10.79.1.1:5060"
    assert said["net_interface"] == "10.79.1.1"
    assert said["ctrl_tcp_listen"] == "127.0.0.1:4444"


def test_nothing_that_opens_a_port_of_its_own_is_loaded() -> None:
    text = configuration(CallPolicy(), PHONE, 4444)
    assert not {"httpd", "cons", "mqtt", "stun", "turn", "ice"} & {
        word for line in text.split() for word in [line[:-3]]
    }


@pytest.mark.parametrize(("reorder_ms", "frames"), [(20, "1-5"), (40, "2-10"), (50, "3-15")])
def test_the_jitter_buffer_is_in_whole_frames_and_never_too_small(reorder_ms: int, frames: str) -> None:
    assert settings(CallPolicy(reorder_ms=reorder_ms))["jitter_buffer_delay"] == frames


def test_the_playout_buffer_is_what_the_site_says() -> None:
    assert settings(CallPolicy(playout_ms=80))["audio_buffer"] == "80-120"


def test_it_speaks_and_hears_through_our_path_with_its_limiters_and_gate() -> None:
    assert settings()["audio_source"] == settings()["audio_player"] == "alsa,hdu_headset"
    assert not any("alsa" in device for device in sound_devices(microphone=False, earpiece=False))
    assert ["alsa" in device for device in sound_devices(microphone=False, earpiece=True)] == [False, True]


@pytest.mark.parametrize(
    ("encryption", "said"), [("srtp-sdes", "mediaenc=srtp-mand"), ("srtp-dtls", "mediaenc=dtls_srtp")]
)
def test_srtp_is_required_by_default(encryption: str, said: str) -> None:
    policy = CallPolicy(encryption=encryption)  # type: ignore[arg-type]
    assert said in account(policy, PHONE, "hdu-0001", "")
    assert CallPolicy().encryption == "srtp-sdes"


def test_the_account_says_who_where_how_and_in_which_order() -> None:
    policy = CallPolicy(sip_host="10.79.0.1", codecs=("pcmu", "opus"), register_s=120)
    said = account(policy, PHONE, "hdu-0001", "s3cret").split(";")
    assert said[0] == "<sip:5501@10.79.0.1:5060"
    assert {"regint=120", "audio_codecs=pcmu/8000/1,opus/48000/1", "answermode=manual", "auth_pass=s3cret"} <= set(said)
    assert address_of_record(policy, Softphone(), "hdu-0001") == "sip:hdu-0001@10.79.0.1:5060"


@pytest.mark.parametrize("password", ["a;b", "a b", 'a"b', "a\\b"])
def test_a_password_that_cannot_be_said_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="choose another password"):
        account(CallPolicy(), PHONE, "hdu-0001", password)
