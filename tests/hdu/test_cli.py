"""What every command promises: 0 fine, 1 not well, 2 a wrong call; an error is one line."""

import subprocess
import sys

import pytest

from hdu import cli
from hdu.failure import Failure

WRONG = [
    ["brew"],
    ["--brew"],
    ["status", "now"],
    ["status", "--yaml"],
    ["watch", "--fast"],
    ["selftest", "coffee"],
    ["log", "burn"],
    ["flash", "--to"],
    ["config"],
    ["config", "bake"],
    ["config", "check", "--folder"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_call_is_2_and_one_line_that_says_what_would_be_right(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hdu") and err.count("\n") == 1
    assert "--help" in err or "one of" in err


def test_no_command_at_all_is_a_wrong_call_that_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    words = capsys.readouterr().out
    assert all(command in words for command in cli.COMMANDS)


@pytest.mark.parametrize("ask", ["-h", "--help", "help"])
def test_asking_for_help_is_fine(ask: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([ask]) == 0
    assert "usage: hdu COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["status", "config", "watch"])
def test_each_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"hdu {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["status", "watch"])
def test_a_unit_that_is_not_there_is_1_and_one_line_without_a_trace(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hdu.cli", command],
        env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hdu: the unit does not answer") and done.stderr.count("\n") == 1
    assert "first:" in done.stderr


def test_no_input_steers_the_terminal() -> None:
    assert str(Failure("hdu: \u202eevil\x1b[2J\nnext é")) == "hdu: \\u202eevil\\x1b[2J\nnext é"
