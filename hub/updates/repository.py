"""The update repository: TUF metadata over bundles, site settings and roll-outs, as plain files for any web server.

    FOLDER/public/metadata/  N.root.json  N.targets.json  N.halts.json  N.snapshot.json  timestamp.json
    FOLDER/public/targets/   DIGEST.NAME: what the targets role names
    FOLDER/staged/           root.json, targets.json: drafts that wait for signatures; never served

Roles: `root` (offline, a threshold of people), `targets` (a token), and the online key for `timestamp`, `snapshot` and
`halts`. `halts` may name only halts/*, which stop a roll-out: a stolen online key can hold updates up, never make one.
Nothing here knows a unit: no step depends on how many there are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from hub.updates.files import UpdatesError, write
from hub.updates.role_files import RoleFiles, signed
from hub.updates.target_files import place, shelve

HALTS = "halts"


class Repository(RoleFiles):
    """The steps that change it."""

    # -- the root: drafted by one, signed by several

    def draft_root(self, roots: Sequence[Key], threshold: int, targets: Sequence[Key], online: Key) -> Path:
        """The next root, unsigned, in staged/. The threshold is of people: 2 of 3 survives one loss and one theft."""
        if not 2 <= threshold <= len({key.keyid for key in roots}):
            raise UpdatesError(
                f"root: {len(roots)} different keys and a threshold of {threshold}; two at least must sign"
            )
        before = self.newest("root")
        root = Root(version=before + 1, expires=self._expires("root"), consistent_snapshot=True)
        for role, keys in {"root": roots, "targets": targets, "snapshot": [online], "timestamp": [online]}.items():
            for key in keys:
                root.add_key(key, role)
        root.roles["root"].threshold = threshold
        return self._stage("root", Metadata(root))

    def publish_root(self) -> int:
        """Publishes staged/root.json if those of the root before it and its own holders have signed; its version."""
        draft = self.read(self.staged / "root.json", Root)
        before = self.newest("root")
        try:
            if before:
                self.root().verify_delegate("root", draft.signed_bytes, draft.signatures)
            draft.signed.verify_delegate("root", draft.signed_bytes, draft.signatures)
        except RepositoryError as error:
            raise UpdatesError(f"root: not published: {error}; have another holder sign staged/root.json") from error
        if draft.signed.version != before + 1:
            raise UpdatesError(f"root: version {draft.signed.version} after {before}; draft it anew")
        self._put("root", draft)
        (self.staged / "root.json").unlink()
        return before + 1

    # -- the targets: staged, signed on a token, released

    def stage(self, files: Mapping[str, Path], remove: Sequence[str] = (), halts: Key | None = None) -> Path:
        """Adds `files` (target path -> file) to the next targets, unsigned. `halts`: whose key may stop roll-outs."""
        targets = self._draft_targets()
        for name in remove:
            if targets.targets.pop(name, None) is None:
                raise UpdatesError(f"{name}: is not published; published are: {', '.join(sorted(targets.targets))}")
        for name, file in files.items():
            if Path(name).is_absolute() or ".." in Path(name).parts or name.startswith(f"{HALTS}/"):
                raise UpdatesError(f"{name}: cannot name a target; use bundles/, site/ or rollouts/ and a name")
            made = TargetFile.from_file(name, str(file), ["sha256"])
            shelve(file, made, self.folder)
            targets.targets[name] = made
        if halts is not None:
            role = DelegatedRole(HALTS, [halts.keyid], 1, True, paths=[f"{HALTS}/*"])
            targets.delegations = Delegations({halts.keyid: halts}, {HALTS: role})
        return self._stage("targets", Metadata(targets))

    def release(self, online: Signer) -> int:
        """Publishes staged/targets.json if it is signed, or renews what is there; then snapshot and timestamp."""
        at = self.staged / "targets.json"
        if at.exists():
            draft = self.read(at, Targets)
            self._verify("targets", draft)
            self._put("targets", draft)
            at.unlink()
        self._renew_halts(online, {})
        return self._online(online)

    def halt(self, online: Signer, roll_out: str, reason: str) -> int:
        """Stops a roll-out by the online key alone; what is installed stays installed."""
        content = reason.encode()[:1_000] + b"\n"
        made = TargetFile.from_data(f"{HALTS}/{roll_out}", content, ["sha256"])
        write(place(made, self.folder), content)
        self._renew_halts(online, {made.path: made})
        return self._online(online)

    def resume(self, online: Signer, roll_out: str) -> int:
        self._renew_halts(online, {f"{HALTS}/{roll_out}": None})
        return self._online(online)

    def halted(self) -> list[str]:
        """The roll-outs that are stopped."""
        if not self.newest(HALTS):
            return []
        return [name.partition("/")[2] for name in self.current(HALTS, Targets).signed.targets]

    def _draft_targets(self) -> Targets:
        """Targets one newer than what is published: the draft that is there, without its signatures, or a new one."""
        if (self.staged / "targets.json").exists():
            return self._renewed(self.read(self.staged / "targets.json", Targets).signed)
        before = self.newest("targets")
        targets = self.current("targets", Targets).signed if before else Targets()
        targets.version = before + 1
        return self._renewed(targets)

    def _renewed(self, targets: Targets) -> Targets:
        targets.expires = self._expires("targets")
        return targets

    def _renew_halts(self, online: Signer, changes: Mapping[str, TargetFile | None]) -> None:
        if not self.newest("targets") or self.current("targets", Targets).signed.delegations is None:
            return
        before = self.newest(HALTS)
        halts = self.current(HALTS, Targets).signed if before else Targets()
        halts.targets.update({name: made for name, made in changes.items() if made is not None})
        for name in [name for name, made in changes.items() if made is None]:
            halts.targets.pop(name, None)
        halts.version, halts.expires = before + 1, self._expires(HALTS)
        self._put(HALTS, signed(halts, online))

    def _online(self, online: Signer) -> int:
        """A new snapshot of what is there and, last of all, the timestamp: until then nobody sees a change."""
        snapshot = Snapshot(version=self.newest("snapshot") + 1, expires=self._expires("snapshot"))
        snapshot.meta = {f"{role}.json": self._meta(role) for role in ("targets", HALTS) if self.newest(role)}
        made = signed(snapshot, online)
        self._verify("snapshot", made)
        self._put("snapshot", made)
        at = self.file("timestamp", 0)
        before = self.read(at, Timestamp).signed.version if at.exists() else 0
        timestamp = Timestamp(before + 1, expires=self._expires("timestamp"), snapshot_meta=self._meta("snapshot"))
        self._put("timestamp", signed(timestamp, online))
        return timestamp.version
