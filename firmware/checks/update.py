"""No update is half done, failed, or still on trial; a unit with slots knows what became of its last one.

A unit without slots (no A/B image was flashed) has no updates, and nothing to say of them.
"""

from firmware.checks.reason import Reason
from firmware.facts import Status

AT_REST = ("idle", "waiting", "")  # one that waits for its time disturbs nobody
WORDS = {
    "fetching": "is being fetched",
    "installing": "is being installed",
    "restarting": "waits to restart this unit",
    "proving": "has been installed and proves itself",
    "on-trial": "of the settings is on trial",
}


def check(status: Status) -> Reason | None:
    update = status.update
    if update.state not in AT_REST:
        return Reason("update", "warning", f"An update {WORDS.get(update.state, f'is in progress ({update.state})')}.")
    if update.failed_version:
        why = f" ({update.failed})" if update.failed else ""
        words = f"The update to {update.failed_version} did not work{why}; this unit runs what it had before."
        return Reason("update", "warning", words)
    if update.proven is False:
        return Reason("update", "warning", "A new release is on trial in this unit.")
    if status.slot is not None and update.booted is None:
        return Reason("update", "warning", "It is not known whether an update is in progress.")
    return None
