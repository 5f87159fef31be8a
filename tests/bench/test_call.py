"""What the call bench says of gaps and counters, and that a starved bench does not end the call."""

from typing import Any

from tests.bench.call import GAP_MS, LEAD_S, NEAR_S, Counters, told
from tests.bench.conftest import Client


class Starved(Client):
    """Answers the second question only."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked = 0

    def get(self, _path: str) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise TimeoutError("timed out")
        return {}


def test_a_gap_is_counted_where_a_counter_moved_near_it() -> None:
    gaps = [0, GAP_MS, 0, 0, 0, 0, GAP_MS, GAP_MS - 10]
    found = told(gaps, [LEAD_S + 2 - NEAR_S / 2])
    assert (found["pieces"], found["with_gap"], found["of_them_not_counted"]) == (8, 2, 1)


def test_a_bench_that_does_not_answer_is_told_and_counted_and_asked_again() -> None:
    client, counters = Starved(), Counters()
    assert (counters.ask(client), counters.ask(client)) == (None, {})
    assert counters.unanswered == 1
    assert "did not answer" in counters.lines[0]
