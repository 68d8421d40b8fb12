"""One HTML file with everything in it: text, data, script, styles and the plotting library."""

from __future__ import annotations

import html
import importlib.util
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from posembed._version import __version__
from posembed.errors import InvalidArgumentError, MissingExtraError, WorkFailedError, first_line
from posembed.files import write_whole
from posembed.records.base import JsonObject
from posembed.report.html.charts import Chart
from posembed.report.html.plot_config import PLOT_CONFIG
from posembed.report.html.words import escaped, paragraphs

ROOM = 1_500_000  # bytes of charts; with the 4.8 MB of plotly.js a page stays under 6.5 MB, which phones open
_MARK = '<meta name="generator" content="posembed'
# Nothing may be fetched: not by us, not by the library, not by a name in a checkpoint that got through.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def require_plotly() -> Path:
    """Return the path of plotly.js.

    Raises:
        MissingExtraError: if it is not installed.
    """
    found = importlib.util.find_spec("plotly")  # not imported: only its script is wanted
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        script = Path(place) / "package_data" / "plotly.min.js"
        if script.is_file():
            return script
    raise MissingExtraError("plotly", "report", "writing an HTML report")


class Page:
    """A report that is being assembled.

    Args:
        title: of the page.
        noun: what the page is, as in "Skip to the report".
        style: more CSS.
        script: more JavaScript; the element ``data`` holds what :meth:`add_data` received, as JSON.

    Example:
        >>> page = Page("a report")
        >>> page.add("<p>text</p>")
    """

    def __init__(self, title: str, *, noun: str = "report", style: str = "", script: str = "") -> None:
        self.title = title
        self.noun = noun
        self.style, self.script = style, script
        self.parts: list[str] = []
        self.charts: list[JsonObject] = []
        self.data: list[object] = []
        self._size = 0  # of the charts, in bytes

    def add(self, markup: str) -> None:
        """Add HTML, already escaped."""
        self.parts.append(markup)

    def add_charts(self, charts: Sequence[Chart], otherwise: str = "Not drawn, for the page's size.") -> None:
        """Add charts, side by side where there is room; once the page is full, the sentence ``otherwise`` instead."""
        plain = [chart.to_dict() for chart in charts]
        size = self._size + sum(len(json.dumps(each)) for each in plain)
        if size >= ROOM:
            self.add(paragraphs([otherwise]))
            return
        self._size = size
        figures = [_figure(chart, number) for number, chart in enumerate(charts, start=len(self.charts))]
        self.charts += plain
        self.parts += ['<div class="charts">', *figures, "</div>"]

    def add_data(self, value: object) -> int:
        """Add plain values for the page's own script, and return their number."""
        self.data.append(value)
        return len(self.data) - 1

    def to_html(self) -> str:
        """Return the whole file as text."""
        assets = resources.files("posembed.report.html") / "assets"
        style, script = ((assets / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
        library = require_plotly().read_text(encoding="utf-8")
        title = escaped(self.title)
        return "\n".join(
            [
                '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f'{_MARK} {__version__}">',
                f"<title>{title}</title>\n<style>\n{style}{self.style}</style>\n</head>\n<body>",
                f'<a class="skip" href="#main">Skip to the {self.noun}</a>',
                f'<header><h1>{title}</h1><button type="button" id="theme">Dark colors</button></header>',
                '<main id="main">',
                *self.parts,
                "</main>",
                '<div id="live" class="unseen" role="status" aria-live="polite"></div>',
                f"<footer><p>Written by posembed {__version__}; charts by plotly.js (MIT). This file is complete: it "
                "loads nothing from the network.</p></footer>",
                f'<script type="application/json" id="plot-config">{_safe_json(PLOT_CONFIG)}</script>',
                f'<script type="application/json" id="charts">{_safe_json(self.charts)}</script>',
                f"<script>{library}</script>",
                f"<script>\n{script}</script>",
                *self._own_script(),
                "</body>\n</html>\n",
            ]
        )

    def _own_script(self) -> list[str]:
        if not self.script:
            return []
        data = f'<script type="application/json" id="data">{_safe_json(self.data)}</script>'
        return [data, f"<script>\n{self.script}</script>"]


def _figure(chart: Chart, number: int) -> str:
    name = f"chart-{number}"
    head = f'<h3 id="{name}-title">{escaped(chart.title)}</h3>'
    reading = f'<figcaption id="{name}-reading">{escaped(chart.reading)}</figcaption>'
    if chart.empty is not None:
        return f'<figure class="chart">{head}<div class="nothing">{escaped(chart.reading)}</div></figure>'
    label = escaped(f"{chart.title}. {chart.reading} Arrow keys move through the values, Escape leaves.")
    chooser = ""
    if chart.choice is not None:
        height, width, step = chart.choice
        chooser = '<p class="chooser">Patch: ' + "".join(
            f'<label>{word} <input type="number" id="{name}-{word}" min="0" max="{size - 1}" step="{step}" '
            f'value="{size // 2 // step * step}"></label> '
            for word, size in (("row", height), ("column", width))
        )
        chooser += "</p>"
    return (
        f'<figure class="chart">{head}{chooser}'
        f'<div class="plot" id="{name}" tabindex="0" role="img" aria-label="{label}"></div>{reading}'
        f'<p class="tools"><button type="button" data-csv="{number}">Download data (CSV)</button></p>'
        f'<details data-rows="{number}"><summary>Show data</summary></details></figure>'
    )


def _safe_json(value: object) -> str:
    """Return JSON that cannot end its ``<script>``, whatever names it holds."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def write_page(file: str | os.PathLike[str], text: str) -> Path:
    """Write a report atomically, under another name first, then renamed. Only an older report is replaced.

    Raises:
        InvalidArgumentError: if the file exists and is not a report, or is a directory.
        WorkFailedError: if it cannot be written.
    """
    path = Path(file)
    refuse_other_files(path)

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    try:
        write_whole(path, write)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WorkFailedError(f"{path}: the report cannot be written: {reason.lower()}") from None
    return path


def refuse_other_files(path: Path) -> None:
    """Refuse to overwrite anything that is not a report of this library.

    Raises:
        InvalidArgumentError: if the path is a directory, or a file that is not a report.
    """
    try:
        if not path.parent.is_dir():
            raise InvalidArgumentError(f"{path} cannot be written: there is no directory {path.parent}")
        if not os.access(path.parent, os.W_OK):
            raise InvalidArgumentError(f"{path} cannot be written: the directory {path.parent} is not writable")
        if path.is_dir():
            raise InvalidArgumentError(f"{path} is a directory: name the report's file, such as {path / 'report.html'}")
        if path.exists() and not path.is_file():
            raise InvalidArgumentError(f"{path} is not a regular file: name the report's file")
        if path.exists():
            with path.open("rb") as there:
                head = there.read(4096)
            if html.unescape(_MARK).encode() not in head:
                raise InvalidArgumentError(f"{path} exists and is not a posembed report: choose another name")
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        said = error.strerror if isinstance(error, OSError) else None
        raise WorkFailedError(f"{path} cannot be written: {(said or first_line(error)).lower()}") from None
