"""What the console of a tried unit prints: its words, and nothing that moves the cursor."""

from image.trying import CONTROL


def test_words_stay_and_what_moves_the_cursor_goes() -> None:
    said = "\x1b[!p\x1b]104\x1b\\\x1b[?7h\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8hdu: ready\x1b[0;1;31m, A\x1b[0m"
    assert CONTROL.sub("", said) == "hdu: ready, A"
