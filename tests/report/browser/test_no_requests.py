"""Whatever is clicked in a page, nothing is asked of a network and nothing opens."""

import pytest

from posembed.commands.inspect import compare_checkpoints, inspect_checkpoint
from posembed.lesson.content import build_lesson
from posembed.lesson.page import lesson_page
from posembed.report.html.compare import compare_page
from posembed.report.html.evaluate import evaluate_page
from posembed.report.html.inspect import inspect_page
from posembed.report.html.inspect_two import pair_page
from posembed.report.html.plot_config import PLOT_CONFIG
from tests.report.html.test_evaluate import embedding

pytestmark = pytest.mark.browser

# Twice: a dialog or a menu that the first click opens has buttons too.
CLICK_ALL = """() => {
    let count = 0;
    for (let round = 0; round < 2; round++) {
        for (const each of document.querySelectorAll("a, button, summary, label, input, select, [onclick], .plot")) {
            each.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
            count++;
        }
    }
    return count;
}"""
TITLES = "[...document.querySelectorAll('.modebar-btn')].map(e => e.getAttribute('data-title'))"


@pytest.fixture(params=["inspect", "inspect, two", "compare", "evaluate", "lesson and quiz"])
def file(request, tmp_path, gpt2, example_checkpoints):
    make = {
        "inspect": lambda: inspect_page(inspect_checkpoint(gpt2, depth="views")),
        "inspect, two": lambda: pair_page(compare_checkpoints(gpt2, gpt2, depth="views")),
        "compare": lambda: compare_page(request.getfixturevalue("results"), {}),
        "evaluate": lambda: evaluate_page(embedding()),
        "lesson and quiz": lambda: lesson_page(build_lesson(example_checkpoints / "my-roberta")),
    }[request.param]
    path = tmp_path / "page.html"
    path.write_text(make(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def window(browser):
    """One window for every report: its scripts are compiled once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context.new_page()
    context.close()


def test_no_click_leads_to_a_request(window, file):
    page, context = window, window.context
    asked, opened, faults = [], [], []
    listeners = (
        (context, "request", lambda request: asked.append(request.url)),
        (context, "page", lambda page: opened.append(page.url)),
        (page, "pageerror", lambda error: faults.append(str(error))),
    )
    for place, event, listener in listeners:
        place.on(event, listener)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready=true]")
    for plot in page.locator(".plot, .widget").all():  # charts in space are drawn when they are near
        plot.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.plot')].every(e => e.classList.contains('js-plotly-plot'))", timeout=500_000
    )
    titles = set(page.evaluate(TITLES))
    assert not [title for title in titles if title.lower().startswith(("share", "edit", "produced", "send"))]
    assert len(titles) <= len({name for config in PLOT_CONFIG.values() for name in config["modeBarButtons"][0]})
    assert page.evaluate(CLICK_ALL) > 10
    page.evaluate("() => Promise.all(document.getAnimations().map(each => each.finished.catch(() => null)))")
    page.wait_for_timeout(300)
    assert opened == []
    assert page.url.split("#")[0] == file.as_uri()
    assert {url for url in asked if not url.startswith(("blob:", "data:"))} == {file.as_uri()}
    assert faults == []
    assert page.evaluate("window.open('https://example.org')") is None
    for place, event, listener in listeners:
        place.remove_listener(event, listener)
