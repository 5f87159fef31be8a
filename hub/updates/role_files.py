"""The roles of the update repository as files: which is the newest, read as what it should be, checked, written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from hub.updates.files import UpdatesError, write

DAYS = {"root": 365, "targets": 90, "halts": 90, "snapshot": 7, "timestamp": 2}
Signed = Root | Targets | Snapshot | Timestamp


class RoleFiles:
    """Those of the repository in `folder`. `now` is given, so that expiry can be tested."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder, self.now = folder, now or datetime.now(UTC).replace(microsecond=0)
        self.metadata, self.staged = folder / "public/metadata", folder / "staged"

    def file(self, role: str, version: int) -> Path:
        """Where that version of a role is, or will be."""
        return self.metadata / ("timestamp.json" if role == "timestamp" else f"{version}.{role}.json")

    def newest(self, role: str) -> int:
        """The newest published version of a role; 0: none."""
        found = (each.name.partition(".")[0] for each in self.metadata.glob(f"*.{role}.json"))
        return max((int(each) for each in found if each.isdigit()), default=0)

    def root(self) -> Root:
        """The newest root; UpdatesError before the first ceremony."""
        found: Root = self.current("root", Root).signed
        return found

    def current(self, role: str, kind: type[Any]) -> Metadata[Any]:
        return self.read(self.file(role, self.newest(role)), kind)

    def read(self, at: Path, kind: type[Any]) -> Metadata[Any]:
        """The metadata in `at`; UpdatesError where it is not there or not of that kind."""
        try:
            found: Metadata[Any] = Metadata.from_file(str(at))
        except (RepositoryError, OSError, ValueError, RecursionError) as error:
            raise UpdatesError(f"{at}: cannot be read as {kind.type}: {error}") from error
        if not isinstance(found.signed, kind):
            raise UpdatesError(f"{at}: is {found.signed.type}, not {kind.type}")
        return found

    def _stage(self, role: str, draft: Metadata[Any]) -> Path:
        at = self.staged / f"{role}.json"
        write(at, draft.to_bytes())
        return at

    def _put(self, role: str, made: Metadata[Any]) -> None:
        write(self.file(role, made.signed.version), made.to_bytes())

    def _meta(self, role: str) -> MetaFile:
        version = self.newest(role)
        return MetaFile.from_data(version, self.file(role, version).read_bytes(), ["sha256"])

    def _verify(self, role: str, made: Metadata[Any]) -> None:
        try:
            self.root().verify_delegate(role, made.signed_bytes, made.signatures)
        except RepositoryError as error:
            raise UpdatesError(f"{role}: not published: {error}; sign it with the key that the root names") from error

    def _expires(self, role: str) -> datetime:
        return self.now + timedelta(days=DAYS[role])


def add_signature(at: Path, by: Signer) -> int:
    """Signs the draft `at` as one of several; how many signatures it has now."""
    try:
        draft: Metadata[Any] = Metadata.from_file(str(at))
    except (RepositoryError, OSError, ValueError) as error:
        raise UpdatesError(f"{at}: cannot be signed: {error}") from error
    draft.sign(by, append=True)
    write(at, draft.to_bytes())
    return len(draft.signatures)


def signed(made: Signed, by: Signer) -> Metadata[Any]:
    whole: Metadata[Any] = Metadata(made)
    whole.sign(by)
    return whole
