"""What is told to `wireguard-go` after a change of a route: every peer's own endpoint, often at first, then less."""

import pytest

from hw.cables import follow

TOLD = "private_key=aa\nlisten_port=51820\npublic_key=01\nendpoint=203.0.113.1:51820\npublic_key=02\nerrno=0\n\n"


def test_each_peer_that_has_an_endpoint_is_given_it_again() -> None:
    assert list(follow.endpoints(TOLD)) == [("01", "203.0.113.1:51820")]
    assert follow.again(TOLD) == "set=1\npublic_key=01\nupdate_only=true\nendpoint=203.0.113.1:51820\n\n"


def test_without_endpoints_nothing_is_asked() -> None:
    assert follow.again("errno=0\n\n") == ""


@pytest.mark.parametrize(("since_s", "wait_s"), [(0.0, 0.008), (0.5, 0.25), (14.9, 0.25), (15.1, None)])
def test_how_often(since_s: float, wait_s: float | None) -> None:
    assert follow.again_after_s(since_s) == wait_s
    assert follow.again_after_s(float("inf")) is None
