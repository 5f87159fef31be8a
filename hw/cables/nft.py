"""nftables rules put into a namespace in well under a millisecond: libnftables(3), held open there."""

import ctypes

from hw.cables import namespace
from hw.cables.topology import CablesError


class Nft:
    """One nft(8) session inside one namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._library = ctypes.CDLL("libnftables.so.1")
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        self._session = ctypes.c_void_p(namespace.within(name, lambda: self._library.nft_ctx_new(0)))
        self._library.nft_ctx_buffer_error(self._session)
        self._library.nft_ctx_buffer_output(self._session)

    def run(self, text: str) -> str:
        """Applies `text` as one transaction, returns what it printed; CablesError and nothing changed where refused."""
        if self._library.nft_run_cmd_from_buffer(self._session, text.encode()):
            why = self._library.nft_ctx_get_error_buffer(self._session).decode().strip()
            raise CablesError(f"cables: nft in {self.name} refused: {why}")
        return str(self._library.nft_ctx_get_output_buffer(self._session).decode())

    def close(self) -> None:
        if self._session:
            self._library.nft_ctx_free(self._session)
            self._session = ctypes.c_void_p()
