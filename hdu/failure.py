"""How a command fails."""


class Failure(Exception):
    """Ends the command: one line (what, where, what to do) on standard error, exit status 1, or 2 for a wrong call."""

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__(words)
        self.status = status
