"""How a command reads its arguments: a wrong call is one line, as every other failure."""

import argparse
from typing import NoReturn

from hdu.failure import Failure


class Arguments(argparse.ArgumentParser):
    """`--help` prints all of it; anything wrong is a Failure with status 2."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{self.prog}: {message}; see {self.prog} --help", 2)
