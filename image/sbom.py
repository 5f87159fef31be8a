"""What the image is made of, as CycloneDX 1.6 JSON: Debian packages and Python wheels, with versions and hashes."""

import json
from collections.abc import Iterable

from image.debian import Package
from image.wheels import Pinned


def document(version: str, packages: Iterable[Package], python: Iterable[Pinned], image_sha256: str) -> str:
    """The same text for the same content: no time, no random serial number."""
    components = [*map(_package, packages), *map(_python, python)]
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "firmware",
                "name": "home-dispatch-unit",
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": image_sha256}],
            }
        },
        "components": sorted(components, key=lambda each: str(each["purl"])),
    }
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def _package(package: Package) -> dict[str, object]:
    return {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:deb/debian/{package.name}@{package.version}?arch={package.architecture}",
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
    }


def _python(pinned: Pinned) -> dict[str, object]:
    """A lock names several files of one release; each of their hashes may be the one that was taken."""
    return {
        "type": "library",
        "name": pinned.name,
        "version": pinned.version,
        "purl": f"pkg:pypi/{pinned.name.lower()}@{pinned.version}",
        "properties": [{"name": "hdu:locked-sha256", "value": each} for each in pinned.hashes],
    }
