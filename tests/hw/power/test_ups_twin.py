"""The serial UPS's twin refuses what it is not."""

from pathlib import Path

import pytest

from hw.power.ups_twin import UpsTwin


@pytest.mark.parametrize("body", [{"mains": 1}, {"battery_v": 100}, {"battery_v": "12"}, {"oil": True}])
async def test_bad_input_changes_nothing(tmp_path: Path, body: dict[str, object]) -> None:
    twin = UpsTwin(tmp_path)
    before = twin.state()
    with pytest.raises(ValueError, match=r"^ups: [^\n]+$"):
        await twin.command(body)
    assert twin.state() == before
