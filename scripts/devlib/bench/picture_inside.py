# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Draw a picture of picture.py; runs where the library is: ``picture_inside.py JSON FILE``."""

import json
import sys
from itertools import cycle

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator

# Readable without colours too: each curve has a mark of its own.
MARKS = "osD^vPX*<>hp"
COLOURS = mpl.colormaps["tab10"].colors
PANEL_WIDTH, HEIGHT = 5.2, 4.6
mpl.rcParams.update(
    {
        # text stays text, and the same numbers make the same file
        "svg.fonttype": "none",
        "svg.hashsalt": "bpo_crm",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def draw(picture, path):
    """Draw the panels side by side, and below each other where there are more of them."""
    panels = picture["panels"]
    columns = picture["columns"] or len(panels)
    lines = -(-len(panels) // columns)
    figure, charts = plt.subplots(
        lines,
        columns,
        figsize=(PANEL_WIDTH * columns, HEIGHT * lines),
        # the same axis where it is the same thing
        sharey=not any(panel["up"] for panel in panels),
        squeeze=False,
        layout="constrained",
    )
    figure.suptitle(picture["title"], fontsize=11)
    # the same curve looks the same in each panel
    names = list(dict.fromkeys(name for panel in panels for name in panel["curves"]))
    looks = {
        name: {"marker": mark, "color": colour}
        for name, mark, colour in zip(names, cycle(MARKS), cycle(COLOURS), strict=False)
    }
    for number, (chart, panel) in enumerate(zip(charts.flat, panels, strict=True)):
        draw_panel(chart, panel, picture, looks)
        if panel["up"] or number == 0:
            chart.set_ylabel(panel["up"] or picture["up"])
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def draw_panel(chart, panel, picture, looks):
    """Draw the curves of a panel, the highest first in the legend."""
    chart.set_title(panel["title"], fontsize=10)
    chart.set_xscale("log")
    if not panel["up"]:
        chart.set_yscale("log")
    curves = {
        name: {int(across): up for across, up in curve.items()}
        for name, curve in panel["curves"].items()
    }
    for name, curve in sorted(curves.items(), key=lambda named: -named[1][max(named[1])]):
        chart.plot(
            list(curve),
            list(curve.values()),
            **looks[name],
            linewidth=1.3,
            markersize=5,
            label=f"{name}: {say(curve[max(curve)])}",
        )
    if picture["at_most"] and not panel["up"]:
        chart.axhline(picture["at_most"], color="black", linestyle="--", linewidth=1)
        chart.annotate(
            f"wanted: {picture['at_most']:g} at most",
            (0.02, picture["at_most"]),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
        )
    chart.set_xticks(sorted({across for curve in curves.values() for across in curve}))
    chart.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:,.0f}"))
    chart.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    chart.minorticks_off()
    measured = [up for curve in curves.values() for up in curve.values()]
    if panel["up"]:
        chart.set_ylim(0, 1.08 * max(measured))
    elif max(measured) < 100 * min(measured):
        # powers of ten alone would be one or two
        chart.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    chart.set_xlabel(picture["across"])
    chart.grid(visible=True, color="0.9")
    chart.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)


def say(value):
    """Return a number as people write it."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


if __name__ == "__main__":
    draw(json.loads(sys.argv[1]), sys.argv[2])
