"""What label, card and report share: a page, its type, its colours. Core PDF fonts only, so text is Latin-1."""

from io import BytesIO

import segno
from fpdf import FPDF

INK, QUIET, LINE, PALE = (28, 34, 40), (104, 112, 120), (214, 219, 224), (244, 246, 248)
RED, GREEN, AMBER, WHITE = (200, 44, 40), (38, 142, 76), (214, 142, 20), (255, 255, 255)
POINT_MM = 25.4 / 72
Colour = tuple[int, int, int]


class Paper(FPDF):
    """One page of `width` x `height` mm with nothing on it."""

    def __init__(self, width: float, height: float, title: str) -> None:
        super().__init__(unit="mm", format=(width, height))
        self.set_title(title)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.add_page()

    def words(
        self, x: float, y: float, text: str, points: float, bold: bool = False, colour: Colour = INK, width: float = 0
    ) -> float:
        """Text from its top left corner, wrapped within `width` (0: to the edge); returns where it ends below."""
        self.set_font("Helvetica", "B" if bold else "", points)
        self.set_text_color(*colour)
        self.set_xy(x, y)
        self.multi_cell(width, points * POINT_MM * 1.32, latin(text), align="L", new_x="LMARGIN", new_y="NEXT")
        return float(self.get_y())

    def line_of(self, x: float, y: float, text: str, points: float, width: float, bold: bool = False) -> None:
        """One line, smaller than `points` where it would be wider than `width`; its foot stays."""
        self.set_font("Helvetica", "B" if bold else "", points)
        fitted = points * min(1.0, width / max(float(self.get_string_width(latin(text))), 0.1))
        self.words(x, y + (points - fitted) * POINT_MM, text, fitted * 0.995, bold)

    def rule(self, x: float, y: float, width: float) -> None:
        self.set_draw_color(*LINE)
        self.set_line_width(0.25)
        self.line(x, y, x + width, y)

    def panel(self, x: float, y: float, width: float, height: float, fill: Colour = PALE, radius: float = 3) -> None:
        self.set_fill_color(*fill)
        self.rect(x, y, width, height, style="F", round_corners=True, corner_radius=radius)

    def lamp(self, x: float, y: float, size: float, colour: Colour | None, blink: bool = False) -> None:
        """A lamp of the panel, lit or (None) dark; a dashed halo where it blinks."""
        self.set_draw_color(*(colour or LINE))
        self.set_line_width(0.35)
        if blink:
            self.set_dash_pattern(0.9, 0.9)
            self.ellipse(x - size * 0.16, y - size * 0.16, size * 1.32, size * 1.32, style="D")
            self.set_dash_pattern()
        self.set_fill_color(*(colour or WHITE))
        self.set_draw_color(*(colour or QUIET))
        self.ellipse(x, y, size, size, style="DF")

    def qr(self, x: float, y: float, size: float, content: str) -> None:
        """As vector squares, error correction M (ISO/IEC 18004), with its quiet zone inside `size`."""
        matrix = list(segno.make_qr(content, error="m").matrix_iter(border=2))
        step = size / len(matrix)
        self.set_fill_color(*INK)
        for row, cells in enumerate(matrix):
            start = None
            for column, dark in enumerate([*cells, 0]):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    self.rect(x + start * step, y + row * step, (column - start) * step, step, style="F")
                    start = None

    def content(self) -> bytes:
        out = BytesIO()
        self.output(out)
        return out.getvalue()


def latin(text: str) -> str:
    """Text as these fonts can show it; what they cannot is a question mark."""
    return text.encode("latin-1", "replace").decode("latin-1")
