"""How a command fails."""


class Failure(Exception):
    """Ends the command: one line (what, where, what to do) on standard error, exit status 1, or 2 for a wrong call.

    What cannot be printed, as a file from elsewhere may hold it, is shown escaped: no input steers the terminal.
    """

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__("\n".join(map(_printable, words.split("\n"))))
        self.status = status


def _printable(line: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)
