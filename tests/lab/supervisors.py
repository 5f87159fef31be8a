"""What supervisors see and do at the console, whatever way leads to it."""

from abc import ABC, abstractmethod
from typing import Any

from tests.lab.rehearsal import NAME


class Supervisors(ABC):
    """`asked` is that way."""

    @abstractmethod
    def asked(self, what: str, body: object = None) -> Any:
        """What the console says to a GET, or to a POST of `body`."""

    def alerts(self) -> dict[str, dict[str, Any]]:
        """What they see, by id."""
        return {each["id"]: each for each in self.asked("hub.json")["alerts"]}

    def row(self) -> dict[str, Any]:
        """The unit at the console; empty where it is not known there."""
        return next((each for each in self.asked("hub.json")["units"] if each["unit"] == NAME), {})

    def acknowledge(self, alert: str, by: str) -> None:
        self.asked("hub/acknowledge", {"alert": alert, "by": by})
