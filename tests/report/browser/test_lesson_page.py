"""The lesson in a browser: moved, answered, read on a phone; its arithmetic is held to the library's."""

import numpy as np
import pytest

from posembed.lesson.content import build_lesson
from posembed.lesson.example import load_example
from posembed.lesson.measured import load_measured
from posembed.lesson.page import lesson_page
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding
from posembed.report.html.page import write_page
from posembed.tables.extend import extend_table
from posembed.tables.similarity import cosine_matrix

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lesson(tmp_path_factory, example_checkpoints):
    folder = example_checkpoints / "my-roberta"
    return write_page(tmp_path_factory.mktemp("lesson") / "lesson.html", lesson_page(build_lesson(folder)))


@pytest.fixture(scope="module")
def example(example_checkpoints):
    return load_example(example_checkpoints / "my-roberta", load_measured())


def widget(page, kind):
    box = page.locator(f".widget[data-kind={kind}]")
    box.scroll_into_view_if_needed()
    page.wait_for_selector(f".widget[data-kind={kind}][data-drawn=true]")
    return box


def shown(box):
    return box.evaluate("box => box.shown")


def test_the_sentence_is_moved(open_page, lesson, example):
    page = open_page(lesson)
    box = widget(page, "sum")
    box.get_by_role("button", name="man", exact=True).click()
    slider = box.get_by_role("slider")
    slider.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    place = example.tokens.index("man")
    said = box.locator(".said").text_content()
    assert f"stands at position {7 + place}: row {2 + 7 + place} of the position table" in said
    wanted = example.token_rows + example.table[7 : 7 + len(example.ids)]
    np.testing.assert_allclose(shown(box)["sum"], wanted[place], atol=1e-3 * np.abs(wanted).max())
    unit = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    similarity = [list(row) if isinstance(row, list) else list(row.values()) for row in shown(box)["similarity"]]
    np.testing.assert_allclose(similarity, unit @ unit.T, atol=1e-3)
    first = box.locator(".numbers tr").nth(3).locator("td").first.text_content()
    assert float(first.replace("−", "-")) == pytest.approx(wanted[place][0], abs=6e-4)
    assert box.locator(".heatmaplayer image").count() == 2


@pytest.mark.parametrize("variant", ["interleaved", "half", "fairseq"])
def test_the_sinusoid_is_chosen(open_page, lesson, variant):
    page = open_page(lesson)
    box = widget(page, "sinusoid")
    before = box.locator(".heatmaplayer image").first.get_attribute("href")
    box.get_by_label("Encoding").select_option(variant)
    box.get_by_label("Width d_model").select_option("16")
    box.get_by_role("slider").fill("40")
    rows = SinusoidalPositionalEmbedding(40, 16, variant=variant)(40).numpy()
    np.testing.assert_allclose(shown(box)["rows"], rows, atol=1e-4)
    np.testing.assert_allclose(shown(box)["similarity"], cosine_matrix(rows), atol=1e-3)
    assert "40 × 16 = 640 numbers, 2,560 bytes in float32; trainable: 0" in box.locator(".said").text_content()
    assert box.locator(".heatmaplayer image").first.get_attribute("href") != before


def test_the_learned_table_stands_beside(open_page, lesson, example):
    page = open_page(lesson)
    box = widget(page, "sinusoid")
    box.get_by_label("Encoding").select_option("learned")
    box.get_by_role("slider").fill("30")
    assert box.get_by_label("Width d_model").is_disabled()
    np.testing.assert_allclose(shown(box)["rows"], example.table[:30], atol=1e-4 * np.abs(example.table).max())
    assert "trainable: 960" in box.locator(".said").text_content()


@pytest.mark.parametrize("method", ["linear", "cubic", "tile", "hierarchical", "stretch", "mean"])
def test_the_table_is_made_longer(open_page, lesson, example, method):
    page = open_page(lesson)
    box = widget(page, "extend")
    box.get_by_label("Method").select_option(method)
    box.get_by_label("From 32 rows to").select_option("96")
    options = {"keep": 8} if method == "stretch" else {}
    wanted = extend_table(example.table[:32].astype(float), 96, method=method, **options)
    np.testing.assert_allclose(shown(box)["rows"], wanted, atol=2e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(shown(box)["similarity"], cosine_matrix(wanted), atol=5e-3)
    assert box.locator(".said").text_content().startswith(f"{method}: new row t is")


def test_the_quiz_by_mouse(open_page, lesson):
    page = open_page(lesson)
    questions = page.locator("#quiz fieldset")
    assert questions.count() == 8
    assert page.locator(".proof:visible").count() == 0
    for number, letter in enumerate("BBBABBCB"):
        questions.nth(number).locator(f"button[data-letter={letter}]").click()
    assert page.locator("#score").text_content() == "Score: 7 of 8, 8 answered."
    wrong = questions.nth(3)
    assert wrong.locator(".outcome").text_content() == "A – no: B is right"
    assert "IndexError" in wrong.locator(".proof").text_content()
    assert "393,216" in questions.nth(6).locator(".proof").text_content()
    assert page.locator(".proof:visible").count() == 8
    assert wrong.locator("button").first.is_disabled()
    page.get_by_role("button", name="Start again").click()
    assert page.locator("#score").text_content() == "Score: 0 of 8, 0 answered."
    assert page.locator(".proof:visible").count() == 0


def test_the_quiz_by_keyboard(open_page, lesson):
    page = open_page(lesson)
    page.locator("#quiz button").first.focus()
    for key in ("b", "2", "B"):  # the focus goes on to the next question by itself
        page.keyboard.press(key)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    for key in ("x", "b", "b", "c", "Tab", "b"):
        page.keyboard.press(key)
    assert page.locator("#score").text_content() == "Score: 8 of 8, 8 answered."
    assert page.evaluate("document.activeElement.id") == "again"


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window(open_page, lesson, width, scheme):
    page = open_page(lesson, width=width, scheme=scheme)
    for kind in ("sum", "sinusoid", "extend"):
        widget(page, kind)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_the_theme_reaches_the_moving_parts(open_page, lesson):
    page = open_page(lesson)
    box = widget(page, "sinusoid")
    colour = "() => getComputedStyle(document.querySelector('.widget[data-kind=sinusoid] .xtitle')).fill"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Dark colours").click()
    page.wait_for_function(f"before => ({colour})() !== before", arg=light)
    assert box.locator(".heatmaplayer image").count() == 2


def test_contents_lead_to_every_section(open_page, lesson):
    page = open_page(lesson)
    links = page.locator("nav a").all()
    assert len(links) == 9
    for link in links:
        assert page.locator(link.get_attribute("href")).count() == 1


def test_without_the_pointer_controls_are_named(open_page, lesson):
    page = open_page(lesson)
    for kind in ("sum", "sinusoid", "extend"):
        widget(page, kind)
    unnamed = page.evaluate(
        """[...document.querySelectorAll('main :is(button, select, input)')].filter(e => !e.textContent.trim() &&
            !e.ariaLabel && !e.closest('.js-plotly-plot') &&
            !(e.labels && e.labels.length && e.labels[0].textContent.trim())).length"""
    )
    assert unnamed == 0
