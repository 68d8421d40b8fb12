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
from posembed.tables.measures.similarity import cosine_matrix

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


def cosines(rows):
    """Of the rows as they are, not centered."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def in_window(page, *locators):
    boxes = [locator.bounding_box() for locator in locators]
    height = page.viewport_size["height"]
    return all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes)


def begun_again(page):
    """The page with no question answered, at its top, with nothing focused."""
    page.locator("#again").click()
    page.evaluate("document.activeElement.blur(); window.scrollTo({ top: 0, behavior: 'instant' })")
    return page


def test_the_sentence_is_moved(kept_page, lesson, example):
    page = kept_page(lesson)
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
    exact = example.token_rows.astype(float) + example.table[7 : 7 + len(example.ids)]
    written = box.locator(".numbers tr").nth(3).locator("td").all_text_contents()
    assert written == [f"{value:.4f}".replace("-", "−") for value in exact[place][:6]] + ["…"]
    assert box.get_by_text("the sum is taken before rounding").is_visible()
    assert box.locator(".heatmaplayer image").count() == 2


@pytest.mark.parametrize("variant", ["interleaved", "half", "fairseq"])
def test_the_sinusoid_is_chosen(kept_page, lesson, variant):
    page = kept_page(lesson)
    box = widget(page, "sinusoid")
    before = box.locator(".heatmaplayer image").first.get_attribute("href")
    box.get_by_label("Encoding").select_option(variant)
    box.get_by_label("Width d_model").select_option("16")
    box.get_by_role("slider").fill("40")
    rows = SinusoidalPositionalEmbedding(40, 16, variant=variant)(40).numpy()
    np.testing.assert_allclose(shown(box)["rows"], rows, atol=1e-4)
    np.testing.assert_allclose(shown(box)["similarity"], cosines(rows), atol=1e-3)
    assert "40 × 16 = 640 numbers, 2,560 bytes in float32; trainable: 0" in box.locator(".said").text_content()
    assert box.locator(".heatmaplayer image").first.get_attribute("href") != before


@pytest.mark.parametrize("variant", ["interleaved", "half", "fairseq"])
def test_a_sinusoid_s_cosines_depend_on_the_distance_alone(kept_page, lesson, variant):
    page = kept_page(lesson)
    box = widget(page, "sinusoid")
    assert box.get_by_role("slider").get_attribute("min") == "8"
    box.get_by_label("Encoding").select_option(variant)
    pairs = {}
    for length in (8, 60):
        box.get_by_role("slider").fill(str(length))
        pairs[length] = np.array(shown(box)["similarity"])
        assert max(np.ptp(np.diagonal(pairs[length], k)) for k in range(length)) < 1e-3
    np.testing.assert_allclose(pairs[60][:8, :8], pairs[8], atol=1e-9)  # whatever else is shown
    box.get_by_label("Encoding").select_option("learned")
    before = np.array(shown(box)["similarity"])
    box.get_by_role("slider").fill("20")
    np.testing.assert_allclose(shown(box)["similarity"], before[:20, :20], atol=1e-9)


def test_the_learned_table_stands_beside(kept_page, lesson, example):
    page = kept_page(lesson)
    box = widget(page, "sinusoid")
    box.get_by_label("Encoding").select_option("learned")
    box.get_by_role("slider").fill("30")
    width = box.get_by_label("Width d_model")
    assert width.is_disabled()
    assert width.evaluate("select => select.selectedOptions[0].textContent") == str(example.table.shape[1])
    np.testing.assert_allclose(shown(box)["rows"], example.table[:30], atol=1e-4 * np.abs(example.table).max())
    np.testing.assert_allclose(shown(box)["similarity"], cosines(example.table[:30]), atol=1e-3)
    assert "trainable: 960" in box.locator(".said").text_content()


def test_the_width_is_as_it_was_after_the_learned_table(kept_page, lesson):
    page = kept_page(lesson)
    box = widget(page, "sinusoid")
    encoding, width = box.get_by_label("Encoding"), box.get_by_label("Width d_model")
    encoding.select_option("half")
    width.select_option("16")
    encoding.select_option("learned")
    encoding.select_option("half")
    assert width.input_value() == "16"
    assert width.is_enabled()
    assert len(shown(box)["rows"][0]) == 16


@pytest.mark.parametrize("method", ["linear", "cubic", "tile", "hierarchical", "stretch", "mean"])
def test_the_table_is_made_longer(kept_page, lesson, example, method):
    page = kept_page(lesson)
    box = widget(page, "extend")
    box.get_by_label("Method").select_option(method)
    box.get_by_label("From 32 rows to").select_option("96")
    options = {"keep": 8} if method == "stretch" else {}
    wanted = extend_table(example.table[:32].astype(float), 96, method=method, **options)
    np.testing.assert_allclose(shown(box)["rows"], wanted, atol=2e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(shown(box)["similarity"], cosine_matrix(wanted), atol=5e-3)
    said = box.locator(".said").text_content()
    name = "mean (a control)" if method == "mean" else method
    assert said.startswith(f"{name} – {'the new table: P' if method in ('stretch', 'mean') else 'new row t is'}")
    assert ("Options: keep=8, range=32, kernel=linear." in said) == (method == "stretch")
    assert "cosine" not in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_old_table_s_end_is_marked_within_the_maps(kept_page, lesson, width, scheme):
    page = kept_page(lesson, width=width, scheme=scheme)
    box = widget(page, "extend")
    box.get_by_label("From 32 rows to").select_option("96")
    found = box.evaluate(
        """box => [...box.querySelectorAll(".js-plotly-plot")].map(plot => ({
            map: plot.querySelector(".heatmaplayer image").getBoundingClientRect().toJSON(),
            marks: [...plot.querySelectorAll(".shapelayer path")].map(path => ({
                color: path.style.stroke, where: path.getBoundingClientRect().toJSON() })) }))"""
    )
    assert [len(each["marks"]) for each in found] == [1, 2]
    for each in found:
        area = each["map"]
        for mark in each["marks"]:
            where = mark["where"]
            assert where["left"] >= area["left"] - 2
            assert where["right"] <= area["right"] + 2
            assert where["top"] >= area["top"] - 2
            assert where["bottom"] <= area["bottom"] + 2
            across, down = where["width"] / area["width"], where["height"] / area["height"]
            assert max(across, down) == pytest.approx(1, abs=0.02)
            if across > down:
                assert (where["top"] + where["bottom"]) / 2 == pytest.approx(
                    area["top"] + area["height"] * 32 / 96, abs=1.5
                )
            assert mark["color"] == "rgb(26, 29, 33)"


def test_the_quiz_by_mouse(kept_page, lesson):
    page = begun_again(kept_page(lesson))
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
    questions = page.locator("#quiz fieldset")
    for number, key in enumerate(("b", "2", "B")):  # the focus goes on to the next question by itself
        page.keyboard.press(key)
        # What was answered and what comes next are both to be read.
        answered, following = questions.nth(number), questions.nth(number + 1)
        assert in_window(page, answered.locator(".outcome"), answered.locator(".proof"), following)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    for key in ("x", "b", "b", "c", "Tab", "b"):
        page.keyboard.press(key)
    assert page.locator("#score").text_content() == "Score: 8 of 8, 8 answered."
    assert page.evaluate("document.activeElement.id") == "again"
    assert in_window(page, questions.last.locator(".proof"), page.locator("#score"), page.locator("#again"))


@pytest.mark.parametrize("key", ["b", "Enter"])
def test_a_held_key_answers_once(kept_page, lesson, key):
    page = begun_again(kept_page(lesson))
    page.locator("#quiz button").first.focus()
    for _ in range(4):  # from the second on, the browser says that it is repeated
        page.keyboard.down(key)
    page.keyboard.up(key)
    assert page.locator("#score").text_content().endswith(", 1 answered.")
    page.locator("#quiz fieldset").last.locator("button").first.focus()
    for _ in range(4):
        page.keyboard.down(key)
    page.keyboard.up(key)
    assert page.locator("#score").text_content().endswith(", 2 answered.")  # nor is it begun again


def test_letters_answer_what_is_seen_where_nothing_is_focused(kept_page, lesson):
    page = begun_again(kept_page(lesson))
    questions = page.locator("#quiz fieldset")
    page.keyboard.press("b")  # the quiz is far below
    assert page.locator("#score").text_content() == "Score: 0 of 8, 0 answered."
    questions.nth(2).evaluate("field => field.scrollIntoView({ block: 'start' })")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("2")
    assert questions.nth(2).get_attribute("data-given") == "B"
    assert page.locator("#score").text_content() == "Score: 1 of 8, 1 answered."
    assert in_window(page, questions.nth(2).locator(".proof"), questions.nth(3))


def test_letters_belong_to_the_list_or_slider_that_has_the_focus(kept_page, lesson):
    page = begun_again(kept_page(lesson))
    for place in ("select", "input", "button"):
        page.locator(f".widget {place}").first.evaluate("element => element.focus({ preventScroll: true })")
        page.locator("#quiz").evaluate("quiz => quiz.scrollIntoView({ block: 'start' })")
        for key in ("b", "1", "C"):
            page.keyboard.press(key)
    assert page.locator("#score").text_content() == "Score: 0 of 8, 0 answered."


@pytest.mark.parametrize("key", ["b", "Enter"])
def test_a_question_out_of_sight_is_shown_before_it_is_answered(kept_page, lesson, key):
    page = begun_again(kept_page(lesson))
    button = page.locator("#quiz button").first
    button.focus()
    page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
    page.keyboard.press(key)
    assert page.locator("#score").text_content() == "Score: 0 of 8, 0 answered."
    assert in_window(page, button)
    page.keyboard.press(key)
    assert page.locator("#score").text_content().endswith(", 1 answered.")


def test_print_shows_the_choices_and_keeps_the_answers(open_page, lesson):
    page = open_page(lesson)
    page.locator("#quiz fieldset").first.locator("button[data-letter=B]").click()
    page.emulate_media(media="print")
    assert page.locator(".proof:visible").count() == 1
    assert page.locator("#quiz button:visible").count() == 32


def test_without_a_script_the_page_says_so(browser, lesson):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(lesson.as_uri())
    note = page.locator("noscript p")
    assert note.is_visible()
    assert note.text_content().startswith("The interactive parts and the answers of the quiz need JavaScript")
    assert page.get_by_text("As a table", exact=True).count() == 3
    context.close()


def test_with_a_script_it_does_not(kept_page, lesson):
    assert kept_page(lesson).locator("noscript p").count() == 0


def test_no_number_is_broken_on_a_phone(open_page, lesson):
    page = open_page(lesson, width=390)
    for kind in ("sum", "sinusoid", "extend"):
        widget(page, kind)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.wait_for_selector("details[data-rows] td")
    broken = page.evaluate(
        r"""() => {
            const found = [], range = document.createRange();
            for (const cell of document.querySelectorAll("td, th")) {
                const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
                while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(/\S+/g)) {
                    if (word[0].length > 22) continue;  // a source's path
                    for (const number of word[0].matchAll(/(?<!\w)[−-]?[\d.,]*\d/g)) {
                        range.setStart(walk.currentNode, word.index + number.index);
                        range.setEnd(walk.currentNode, word.index + number.index + number[0].length);
                        const lines = new Set([...range.getClientRects()].map(box => box.top));
                        if (lines.size > 1) found.push(number[0]);
                    }
                }
            }
            return found;
        }"""
    )
    assert broken == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_legends_keep_off_the_axis_titles(kept_page, lesson, width):
    page = kept_page(lesson, width=width)
    boxes = page.evaluate(
        """[...document.querySelectorAll(".plot")].filter(plot => plot.querySelector(".legend")).map(plot =>
            [plot, plot.querySelector(".xtitle"), plot.querySelector(".legend"), plot.querySelector(".ytitle")]
                .map(each => each.getBoundingClientRect().toJSON()))"""
    )
    assert len(boxes) == 2
    for whole, title, legend, side in boxes:
        assert legend["top"] >= title["bottom"] + 2
        assert legend["bottom"] <= whole["bottom"] + 1
        assert side["top"] >= whole["top"] - 1
    assert page.eval_on_selector_all(".legend .scrollbar", "all => all.map(e => e.getBoundingClientRect().height)") == [
        0,
        0,
    ]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "light"), (1440, "light"), (390, "dark")])
def test_it_fits_every_window(kept_page, lesson, width, scheme):
    page = kept_page(lesson, width=width, scheme=scheme)
    for kind in ("sum", "sinusoid", "extend"):
        widget(page, kind)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_the_theme_reaches_the_moving_parts(open_page, lesson):
    page = open_page(lesson)
    box = widget(page, "sinusoid")
    color = "() => getComputedStyle(document.querySelector('.widget[data-kind=sinusoid] .xtitle')).fill"
    light = page.evaluate(color)
    page.get_by_role("button", name="Dark colors").click()
    page.wait_for_function(f"before => ({color})() !== before", arg=light)
    assert box.locator(".heatmaplayer image").count() == 2


def test_contents_lead_to_every_section(kept_page, lesson):
    page = kept_page(lesson)
    links = page.locator("nav a").all()
    assert len(links) == 9
    for link in links:
        assert page.locator(link.get_attribute("href")).count() == 1


def test_without_the_pointer_controls_are_named(kept_page, lesson):
    page = kept_page(lesson)
    for kind in ("sum", "sinusoid", "extend"):
        widget(page, kind)
    unnamed = page.evaluate(
        """[...document.querySelectorAll('main :is(button, select, input)')].filter(e => !e.textContent.trim() &&
            !e.ariaLabel && !e.closest('.js-plotly-plot') &&
            !(e.labels && e.labels.length && e.labels[0].textContent.trim())).length"""
    )
    assert unnamed == 0
