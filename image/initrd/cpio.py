"""A cpio archive as the kernel unpacks it (initramfs buffer format, "newc"), with nothing in it that varies."""

import stat


class Archive:
    """Files and links by path; folders come by themselves."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}

    def file(self, path: str, content: bytes, mode: int) -> None:
        self._folders(path)
        self._entries[path] = (stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        self._folders(path)
        self._entries[path] = (stat.S_IFLNK | 0o777, target.encode())

    def _folders(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            self._entries.setdefault("/".join(parts[:count]), (stat.S_IFDIR | 0o755, b""))

    def bytes(self) -> bytes:
        entries = [_entry(number + 1, path, *self._entries[path]) for number, path in enumerate(sorted(self._entries))]
        return b"".join([*entries, _entry(0, "TRAILER!!!", 0, b"")])


def _entry(inode: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum
    values = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % value for value in values)
    return _padded(head + name) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
