"""Which bench the lab's tests are at: labgrid's environment, a file that says where a unit's power and console are.

LG_ENV names it, as everywhere with labgrid (`make test-image ARGS="--env board.yaml"`). Without, it is QEMU.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from labgrid import Environment, steps
from labgrid.step import StepEvent

HERE = Path(__file__).parent
VIRT, WALL = HERE / "virt.yaml", HERE / "wall.yaml"


def given() -> Path | None:
    """A bench that is not this machine's QEMU."""
    return Path(os.environ["LG_ENV"]) if os.environ.get("LG_ENV") else None


@cache
def bench() -> Environment:
    """The one of this run."""
    return Environment(str(given() or VIRT))


def has(feature: str) -> bool:
    """Whether the bench of this run has it (`features` in its file)."""
    return feature in bench().get_target_features()


def tell(event: StepEvent) -> None:
    """How long a unit took to get into a state, as soon as it is there."""
    if event.step.title == "transition" and event.data.get("state") == "stop":
        how = ", failed" if event.step.exception else ""
        print(f"lab: {event.step.args['status']} after {event.step.duration:.1f} s{how}", flush=True)


@contextmanager
def times_told() -> Iterator[None]:
    steps.subscribe(tell)
    yield
    steps.unsubscribe(tell)
