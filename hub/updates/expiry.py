"""What ends soon: told in time, with what to do. The offline roles earliest, because people must meet for them."""

from datetime import timedelta

from tuf.api.metadata import Metadata

from hub.updates.repository import Repository

WARN_DAYS = {"root": 60, "targets": 21, "halts": 21, "snapshot": 2, "timestamp": 1}


def warnings(repository: Repository) -> list[str]:
    """One line for each role that ends soon, or has ended, or is not there."""
    found = []
    for role, days in WARN_DAYS.items():
        at = repository.file(role, repository.newest(role))
        if not at.exists():
            found.append(f"{role}: is not published")
            continue
        left = Metadata.from_file(str(at)).signed.expires - repository.now
        if left < timedelta(days=days):
            state = "has expired" if left < timedelta() else f"expires in {left.total_seconds() / 86400:.1f} days"
            found.append(f"{role}: {state}; {_remedy(role)}")
    return found


def _remedy(role: str) -> str:
    if role == "root":
        return "hold a key ceremony: hdu sign root"
    return "stage and sign it: hdu publish stage" if role == "targets" else "renew it: hdu publish release"
