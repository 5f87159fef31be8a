"""The headset pulled out of a call, live and muted. `make bench-replug` does it 200 times."""

from tests.bench import replug
from tests.bench.conftest import Client


def test_a_headset_pulled_out_of_a_call_is_back_within_two_seconds_as_it_was_and_nothing_else_dies(
    bench: Client,
) -> None:
    found = replug.run(bench, 2)
    assert (found["call"]["state"], found["call"]["lost_calls"]) == ("active", 0)
    assert found["ended"] == {}
    assert found["back_in_use"]["p50_ms"] < 2_000
    assert all(row["descriptors_grown"] <= 2 for row in found["held"].values()), found["held"]
