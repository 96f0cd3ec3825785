# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the measurements came to, and how it is shown."""

import textwrap
from dataclasses import dataclass, field

HEADINGS = ("what", "against", "measured", "wanted", "met")
WIDTHS = (34, 32, 20, 14, 3)
MET = {True: "yes", False: "no", None: "–"}


@dataclass
class Row:
    """One line of the table.

    :param ratio: what was measured, and is compared with what is wanted
    :param unit: said after the ratio
    :param at_least: the ratio wanted, when more is better
    :param at_most: the ratio wanted, when less is better; what has neither is told, not judged
    :param details: the numbers behind the ratio, one a line
    """

    what: str
    against: str
    ratio: float
    unit: str = "times"
    at_least: float | None = None
    at_most: float | None = None
    details: list = field(default_factory=list)

    @property
    def is_met(self):
        """Whether it is as wanted; None where nothing is."""
        if self.at_least is None and self.at_most is None:
            return None
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return self.ratio <= self.at_most

    @property
    def cells(self):
        """Return the line's texts."""
        wanted = "–"
        if self.at_most is not None:
            wanted = f"{self.at_most:g} at most"
        if self.at_least is not None:
            wanted = f"{self.at_least:g} at least"
        measured = f"{self.ratio:.4g} {self.unit}".strip()
        return (self.what, self.against, measured, wanted, MET[self.is_met])


def render(rows):
    """Return the table, and the numbers behind it, as lines of text."""
    lines = [_render_cells(HEADINGS), "  ".join("-" * width for width in WIDTHS)]
    for row in rows:
        lines.append(_render_cells(row.cells))
    lines.append("")
    for row in (row for row in rows if row.details):
        lines.append(f"{row.what}, {row.against}:")
        lines += [f"  {detail}" for detail in row.details]
    return lines


def render_markdown(rows):
    """Return the table as lines of Markdown, as docs/measurements.md has it."""
    lines = ["| what | against | wanted | measured | met |", "|---|---|---|---|---|"]
    for row in rows:
        what, against, measured, wanted, met = row.cells
        bold = "**no**" if row.is_met is False else met
        lines.append(f"| {what} | {against} | {wanted} | **{measured}** | {bold} |")
    return lines


def _render_cells(cells):
    """Return one line of cells, wrapped to the widths of their columns."""
    wrapped = [
        textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS, strict=True)
    ]
    height = max(map(len, wrapped))
    lines = [
        "  ".join(
            (part[number] if number < len(part) else "").ljust(width)
            for part, width in zip(wrapped, WIDTHS, strict=True)
        ).rstrip()
        for number in range(height)
    ]
    return "\n".join(lines)
