"""Plots as static SVG, by pygal: bars of calls by outcome over time.  Each page has the same numbers in a table under it.

A plot is a picture (`<img>`), so what pygal writes into it, styles of its own too, stays inside the picture.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

import pygal
from pygal.style import Style

from caveat.console.words import number

sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]
# pygal's finder for plug-ins of its own, of which there are none here, slows and (with warnings as errors) stops imports

COLOURS = {
    "light": {"completed": "#3f8f67", "denied": "#b4472f", "held": "#c08a1e", "other": "#8b949e", "plain": "#3c6ea8"},
    "dark": {"completed": "#62b88a", "denied": "#e07a63", "held": "#dcab48", "other": "#7d8792", "plain": "#7fa9da"},
}
INK = {"light": "#5c646e", "dark": "#9aa4af"}
LINE = {"light": "#e4e1da", "dark": "#2d333b"}
FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDE, NARROW = (720, 200), (360, 180)
"""Width and height of a picture: on a screen, and on one of a hand's width, where it is not made smaller."""


def bars(  # noqa: PLR0913 - what a picture is made of
    series: Mapping[str, Sequence[int]],
    labels: tuple[Sequence[str], Sequence[str]],
    theme: str,
    zone: tzinfo = UTC,
    language: str = "en",
    *,
    narrow: bool = False,
) -> bytes:
    """Stacked bars.  `series` by outcome group, lowest first; `labels` one a bar, and those of them that are written out;
    the picture itself says of which zone they are."""
    step = step_of(max((sum(column) for column in zip(*series.values(), strict=True)), default=0))
    width, height = NARROW if narrow else WIDE
    chart = pygal.StackedBar(
        style=_style(theme, tuple(series)),
        js=(),
        width=width,
        height=height,
        show_legend=False,
        margin=4,
        margin_left=10,
        show_minor_x_labels=False,
        x_labels_major=list(labels[1])[:: 2 if narrow else 1],
        x_title=str(zone),
        y_labels=(0, step, 2 * step),
        value_formatter=lambda value: number(round(value), language),
        range=(0, 2 * step),
        spacing=6,
        disable_xml_declaration=True,
        truncate_label=-1,
    )
    chart.x_labels = list(labels[0])
    for name, values in series.items():
        chart.add(name, list(values))
    chart.add_xml_filter(_without_scripts)
    drawn: str = chart.render()
    return drawn.encode()


def step_of(most: int) -> int:
    """The number half-way up: 1, 2 or 5 times a power of ten, so that twice of it holds the highest bar."""
    unit = 1
    while True:
        for times in (1, 2, 5):
            if 2 * times * unit >= most:
                return times * unit
        unit *= 10


def _without_scripts(root: Any) -> Any:
    """A picture holds no script: in an `<img>` none would run, and nobody need wonder."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).rpartition("}")[2] == "script":
                parent.remove(child)
    return root


def _style(theme: str, names: tuple[str, ...]) -> Style:
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground=INK[theme],
        foreground_strong=INK[theme],
        foreground_subtle=LINE[theme],
        guide_stroke_color=LINE[theme],
        major_guide_stroke_color=LINE[theme],
        guide_stroke_dasharray="none",
        major_guide_stroke_dasharray="none",
        opacity="1",
        opacity_hover="1",
        transition="0s",
        colors=tuple(COLOURS[theme][name] for name in names),
        font_family=FONT,
        label_font_size=13,
        major_label_font_size=13,
        title_font_size=13,
    )
