"""Every page that is written: the same short list of chart buttons, and nothing in it that asks a network."""

import json
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from posembed.commands.inspect import compare_checkpoints, inspect_checkpoint
from posembed.lesson.content import build_lesson
from posembed.lesson.page import lesson_page
from posembed.report.html.compare import compare_page
from posembed.report.html.evaluate import evaluate_page
from posembed.report.html.inspect import inspect_page
from posembed.report.html.inspect_two import pair_page
from posembed.report.html.page import Page, require_plotly
from posembed.report.html.plot_config import PLOT_CONFIG
from tests.report.html.test_evaluate import embedding

# Each acts within the page: it moves the view, or saves an image that the browser itself draws.
HARMLESS = {
    "toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d",
    "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraDefault3d",
}  # fmt: skip
LOADING = {"href", "src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "cite", "manifest"}


@pytest.fixture(scope="session")
def pages(example_checkpoints):
    """Every kind of page, but for that of a comparison, whose results are a fixture of each test."""
    one, other = example_checkpoints / "my-bert", example_checkpoints / "my-roberta"
    return {
        "inspect": inspect_page(inspect_checkpoint(one, depth="views")),
        "inspect, two": pair_page(compare_checkpoints(one, other, depth="views")),
        "evaluate": evaluate_page(embedding()),
        "lesson and quiz": lesson_page(build_lesson(other)),
    }


@pytest.fixture(params=["inspect", "inspect, two", "evaluate", "compare", "lesson and quiz"])
def page(request, pages, results):
    return compare_page(results, {}) if request.param == "compare" else pages[request.param]


class Attributes(HTMLParser):
    """Every attribute that a browser loads or goes to, and every tag."""

    def __init__(self, page):
        super().__init__()
        self.loaded, self.tags = [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.loaded += [value for name, value in attrs if name in LOADING or "url(" in (value or "")]


def test_only_harmless_buttons_are_allowed():
    assert set(PLOT_CONFIG) == {"flat", "space", "plain"}
    for config in PLOT_CONFIG.values():
        assert config["displaylogo"] is False
        assert config["showSendToCloud"] is False
        assert config["plotlyServerURL"] == ""
        (group,) = config["modeBarButtons"]  # without a list, plotly.js would choose by itself
        assert group
        assert set(group) <= HARMLESS
        assert not {"modeBarButtonsToAdd", "editable"} & set(config)


def test_the_plotting_library_knows_the_buttons():
    library = require_plotly().read_text(encoding="utf-8")
    for config in PLOT_CONFIG.values():
        for name in config["modeBarButtons"][0]:
            assert f'name:"{name}"' in library


def test_every_page_carries_this_one_list(page):
    (found,) = re.findall(r'<script type="application/json" id="plot-config">(.*?)</script>', page, re.DOTALL)
    assert json.loads(found) == PLOT_CONFIG
    own = page.replace(require_plotly().read_text(encoding="utf-8"), "").replace(found, "")
    for name in ("modeBar", "displaylogo", "displayModeBar", "showSendToCloud", "plotlyServerURL", "showLink"):
        assert name not in own
    assert re.findall(r"Plotly\.(?!react\(|Fx\.)\w+", own) == []  # drawn by react alone, with a config as its last
    for drawn in re.findall(r"Plotly\.react\((.*?)\);", own):
        assert drawn.endswith(", config")


def test_no_attribute_of_a_page_leads_out_of_it(page):
    attributes = Attributes(page)
    assert attributes.loaded
    assert all(value.startswith("#") for value in attributes.loaded)
    assert not attributes.tags & {
        "iframe",
        "img",
        "link",
        "object",
        "embed",
        "form",
        "base",
        "audio",
        "video",
        "source",
    }


def test_no_script_of_ours_asks_a_network():
    scripts = [
        (resources.files(package) / "assets" / name).read_text(encoding="utf-8")
        for package, name in (("posembed.report.html", "report.js"), ("posembed.lesson", "lesson.js"))
    ]
    for script in scripts:
        assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(|https?:", script)


def test_a_style_loads_nothing():
    for package, name in (("posembed.report.html", "report.css"), ("posembed.lesson", "lesson.css")):
        style = (resources.files(package) / "assets" / name).read_text(encoding="utf-8")
        assert "@import" not in style
        assert "url(" not in style


def test_the_footer_s_promise_is_kept_by_the_policy():
    text = Page("p").to_html()
    assert "loads nothing from the network" in text
    assert "default-src 'none'" in text
    assert "form-action 'none'" in text
