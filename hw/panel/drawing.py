"""The wiring drawing, made from pins.toml: `python -m hw.panel.drawing` writes wiring.svg beside it."""

from html import escape
from pathlib import Path

from hw.panel.pins import Contact, Lamp, Pins, pins

FILE = Path(__file__).with_name("wiring.svg")
WIDTH, ROW, TOP, HEADER_X, PART_X = 760, 44, 90, 230, 430
COLOURS = {"red": "#c81e1e", "orange": "#e07b00", "yellow": "#d4b400", "green": "#1c8c3c", "blue": "#1f5fbf"}
COLOURS |= {"violet": "#7a3fb0", "grey": "#808080", "white": "#f2f2f2", "black": "#222222"}


def drawing(of: Pins) -> str:
    """SVG of every wire from the header J8 to its part; pure."""
    rows = list(of.wired().values())
    bottom = TOP + ROW * len(rows)
    parts = [_row(row, TOP + ROW * place) for place, row in enumerate(rows)]
    ground = _ground(of.ground.pin, of.ground.wire, bottom)
    height = bottom + 80
    return "\n".join([_head(height), _header(bottom), *parts, ground, "</svg>", ""])


def _head(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="14">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        + _text(24, 36, "Panel wiring: header J8 to buttons and lamps", size=20)
        + "\n"
        + _text(
            24, 60, "Contacts close to ground (pull-ups in the controller); each lamp has its own resistor to ground."
        )
    )


def _header(bottom: int) -> str:
    box = f'<rect x="24" y="{TOP - 18}" width="{HEADER_X - 24}" height="{bottom - TOP + 54}" rx="6" fill="#eef2ee"'
    return f'{box} stroke="#456"/>'


def _row(row: Contact | Lamp, y: int) -> str:
    what = f"{row.button}, {row.kind}" if isinstance(row, Contact) else f"{row.lamp} lamp, {row.colour}"
    symbol = _switch(row, y) if isinstance(row, Contact) else _lamp(row, y)
    wire = _wire(row.wire, y)
    return "\n".join(
        [_text(36, y + 5, f"pin {row.pin}"), _text(100, y + 5, f"GPIO {row.gpio}"), wire, symbol, _label(what, y)]
    )


def _label(what: str, y: int) -> str:
    return _text(PART_X + 130, y + 5, what)


def _wire(colour: str, y: int) -> str:
    outline = f'<path d="M{HEADER_X} {y}H{PART_X}" stroke="#555" stroke-width="6"/>'
    name = _text(HEADER_X + 60, y - 7, colour, size=12)
    return f'{outline}<path d="M{HEADER_X} {y}H{PART_X}" stroke="{COLOURS[colour]}" stroke-width="4"/>{name}'


def _switch(row: Contact, y: int) -> str:
    tip = y - 14 if row.kind == "normally open" else y - 3
    x = PART_X
    path = f"M{x} {y}h20L{x + 56} {tip}M{x + 54} {y}h36"
    return f'<path d="{path}" stroke="#222" stroke-width="2" fill="none"/>' + _earth(x + 90, y)


def _lamp(row: Lamp, y: int) -> str:
    x = PART_X
    resistor = f'<rect x="{x + 8}" y="{y - 7}" width="34" height="14" fill="#fff" stroke="#222"/>'
    value = _text(x + 9, y + 4, str(row.resistor_ohm), size=12)
    bulb = f'<circle cx="{x + 64}" cy="{y}" r="10" fill="{COLOURS[row.colour]}" stroke="#222"/>'
    wire = f'<path d="M{x} {y}h8m34 0h12m20 0h16" stroke="#222" stroke-width="2"/>'
    return wire + resistor + value + bulb + _earth(x + 90, y)


def _earth(x: int, y: int) -> str:
    return f'<path d="M{x} {y}v8m-8 0h16m-13 4h10m-7 4h4" stroke="#222" stroke-width="2" fill="none"/>'


def _ground(pin: int, wire: str, y: int) -> str:
    return "\n".join([_text(36, y + 5, f"pin {pin}"), _text(100, y + 5, "ground"), _wire(wire, y), _earth(PART_X, y)])


def _text(x: int, y: int, text: str, size: int = 14) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="#222">{escape(text)}</text>'


if __name__ == "__main__":
    FILE.write_text(drawing(pins()))
