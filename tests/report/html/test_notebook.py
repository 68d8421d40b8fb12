from dataclasses import dataclass

from posembed.records.base import Result
from posembed.report.html.notebook import render


@dataclass(frozen=True)
class Counted(Result):
    """A result without a renderer of its own."""

    name: str
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Own(Result):
    """A result with one."""

    value: int


def test_a_result_shows_its_plain_values():
    text = Counted("<b>", (1, 2, 3))._repr_html_()
    assert text.startswith("<table><caption>Counted</caption>")
    assert "&lt;b&gt;" in text
    assert "3 entries" in text


def test_a_renderer_of_its_own():
    render.register(Own, lambda record: f"<p>{record.value}</p>")
    assert Own(7)._repr_html_() == "<p>7</p>"
