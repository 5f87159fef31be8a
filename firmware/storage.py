"""How the data partition of this unit is kept: what the image's initrd says of it, once for each boot."""

import logging
from pathlib import Path

import msgspec

from firmware.facts import Storage

SAID = Path("/run/hdu-data.json")
log = logging.getLogger("storage")


def opened(said: Path = SAID) -> Storage:
    """Unknown where no initrd of ours has run (the bench), or what it said cannot be read."""
    try:
        return msgspec.json.decode(said.read_bytes(), type=Storage)
    except FileNotFoundError:
        return Storage()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.error("%s refused: %s", said, error)
        return Storage()
