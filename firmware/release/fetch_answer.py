"""What a look at the repository answers: read by the service, which knows nothing of TLS and TUF."""

import msgspec

from firmware.release.rollout import RollOut


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """`refused` is why nothing could be learnt (empty: it could). `place` is the file, or the address, of a target."""

    refused: str = ""
    roll_outs: tuple[RollOut, ...] = ()
    halted: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    place: str = ""
