"""The report of one checkpoint, opened, looked at, moved about in."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from posembed.tables.measures.similarity import cosine_matrix

pytestmark = pytest.mark.browser
WIDTHS = [390, 768, 1440]


def plots(page):
    """Number of the chart by its title."""
    titles = page.eval_on_selector_all("figure.chart .plot", "all => all.map(e => [e.id, e.ariaLabel])")
    return {label.split(". ")[0]: name for name, label in titles}


def test_every_chart_draws(kept_page, gpt2_report):
    page = kept_page(gpt2_report)
    names = plots(page)
    assert set(names) == {
        "Cosine similarity of positions",
        "Norm of each row",
        "The positions on their principal components",
        "Each row and its neighbors",
        "Similarity over distance",
        "Spectrum over positions",
        "Singular values",
    }
    for title in ("Norm of each row", "Each row and its neighbors", "Similarity over distance", "Singular values"):
        drawn = page.eval_on_selector_all(
            f"#{names[title]} .scatterlayer path.js-line", "all => all.map(e => e.getTotalLength())"
        )
        assert drawn, title
        assert min(drawn) > 150, f"{title}: a line of {drawn} pixels spans nothing"
    colors = page.evaluate(
        """async (id) => {
            const image = new Image();
            image.src = document.querySelector(`#${id} .heatmaplayer image`).getAttribute("href");
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.width, image.height];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            return new Set(new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer)).size;
        }""",
        names["Cosine similarity of positions"],
    )
    assert colors > 50


def test_the_chart_in_space_draws_when_it_is_near(open_page, gpt2_report):
    page = open_page(gpt2_report, width=390)
    plot = page.locator(f"#{plots(page)['The positions on their principal components']}")
    assert plot.locator("canvas").count() == 0
    plot.scroll_into_view_if_needed()
    plot.locator("canvas").first.wait_for()
    page.wait_for_timeout(500)
    picture = plot.screenshot()
    assert len(picture) > 8000, "a blank canvas would be a small picture"
    axes = page.evaluate(
        "JSON.parse(document.getElementById('charts').textContent).find(c => c.kind == 'space').data.axes"
    )
    assert np.ptp(axes[0]) > 0
    assert [len(each) for each in axes] == [96, 96, 96]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "light"), (1440, "light"), (768, "dark")])
def test_nothing_is_wider_than_the_window(kept_page, gpt2_report, width, scheme):
    page = kept_page(gpt2_report, width=width, scheme=scheme)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    boxes = page.eval_on_selector_all(".plot", "all => all.map(e => [e.getBoundingClientRect().right, e.clientWidth])")
    assert all(right <= width and wide > 300 for right, wide in boxes)


def test_axis_titles_are_whole_on_a_phone(kept_page, gpt2_report):
    page = kept_page(gpt2_report, width=390)
    boxes = page.evaluate(
        """[...document.querySelectorAll(".plot")].filter(plot => plot.querySelector(".ytitle")).map(plot =>
            [plot, plot.querySelector(".ytitle"), plot.querySelector(".xtitle")]
                .map(each => each.getBoundingClientRect().toJSON()))"""
    )
    assert len(boxes) >= 5
    for whole, side, below in boxes:
        assert side["top"] >= whole["top"]
        assert side["bottom"] <= whole["bottom"]
        assert below["left"] >= whole["left"]
        assert below["bottom"] <= whole["bottom"]


def test_hovering_tells_the_cosine(kept_page, gpt2_report, gpt2):
    page = kept_page(gpt2_report)
    name = plots(page)["Cosine similarity of positions"]
    page.locator(f"#{name}").scroll_into_view_if_needed()
    box = page.locator(f"#{name} .heatmaplayer image").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 10.5 / 96, box["y"] + box["height"] * 40.5 / 96)
    label = page.locator(f"#{name} .hoverlayer .hovertext")
    label.wait_for()
    cosine = cosine_matrix(load_file(gpt2 / "model.safetensors")["wpe.weight"])[40, 10]
    assert label.text_content().replace("−", "-") == f"10 and 40: {cosine:.3f}"


def test_arrow_keys_read_the_values_out(open_page, gpt2_report, gpt2):
    page = open_page(gpt2_report)
    norms = np.linalg.norm(load_file(gpt2 / "model.safetensors")["wpe.weight"].astype(float), axis=1)
    page.locator(f"#{plots(page)['Norm of each row']}").focus()
    live = page.locator("#live")
    for presses, row in ((1, 0), (1, 1), (1, 2)):
        for _ in range(presses):
            page.keyboard.press("ArrowRight")
        assert live.text_content().startswith(f"norm of the row, row of the table {row}: ")
        assert float(live.text_content().rsplit(": ", 1)[1]) == pytest.approx(norms[row], rel=1e-3)
    page.keyboard.press("End")
    assert "row of the table 95: " in live.text_content()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")

    page.locator(f"#{plots(page)['Cosine similarity of positions']}").focus()
    page.keyboard.press("ArrowRight")
    assert live.text_content() == "positions 0 and 0: cosine 1"
    page.keyboard.press("ArrowDown")
    assert live.text_content().startswith("positions 1 and 0: cosine ")
    space = page.locator(f"#{plots(page)['The positions on their principal components']}")
    space.scroll_into_view_if_needed()
    space.locator("canvas").first.wait_for()
    space.focus()
    page.keyboard.press("End")
    assert live.text_content().startswith("position 95: components ")


def test_the_theme_changes_page_and_charts(open_page, gpt2_report):
    page = open_page(gpt2_report)
    look = """() => [getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('.plot .js-line')).stroke,
        getComputedStyle(document.querySelector('.plot .xtitle')).fill]"""
    light = page.evaluate(look)
    page.get_by_role("button", name="Dark colors").click()
    page.wait_for_selector("html[data-theme=dark][data-ready=true]")
    dark = page.evaluate(look)
    assert light[0] == "rgb(255, 255, 255)"
    assert all(a != b for a, b in zip(light, dark, strict=True))
    assert page.get_by_role("button", name="Light colors").is_visible()


def test_the_reader_s_theme_comes_first(kept_page, gpt2_report):
    page = kept_page(gpt2_report, width=768, scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_every_chart_s_data_can_be_had(open_page, gpt2_report, gpt2):
    page = open_page(gpt2_report)
    table = load_file(gpt2 / "model.safetensors")["wpe.weight"]
    page.locator(f"#{plots(page)['The positions on their principal components']}").scroll_into_view_if_needed()
    files = {}
    for button in page.locator("button[data-csv]").all():
        with page.expect_download() as download:
            button.click()
        with Path(download.value.path()).open(newline="") as file:
            files[download.value.suggested_filename] = list(csv.reader(file))
    assert len(files) == 7
    norms = files["norm-of-each-row.csv"]
    assert norms[0] == ["series", "row of the table", "Euclidean norm"]
    own = [float(row[2]) for row in norms[1:] if row[0] == "norm of the row"]
    np.testing.assert_allclose(own, np.linalg.norm(table.astype(float), axis=1), rtol=1e-4)
    heat = files["cosine-similarity-of-positions.csv"]
    cells = np.array([[float(value) for value in row[1:]] for row in heat[1:]])
    np.testing.assert_allclose(cells, cosine_matrix(table), atol=1e-4)

    details = page.locator("details[data-rows]").nth(1)
    details.locator("summary").click()
    details.locator("tr").first.wait_for()
    assert details.locator("tr").count() == min(201, len(norms))


def test_a_patch_is_chosen_by_number_and_by_click(open_page, report, vit):
    page = open_page(report(vit))
    name = plots(page)["Similarity of one patch to all"]
    table = load_file(vit / "model.safetensors")["vit.embeddings.position_embeddings"][0, 1:]
    cosines = cosine_matrix(table)

    def shown():
        return np.array(page.evaluate(f"document.getElementById('{name}').data[0].z"))

    np.testing.assert_allclose(shown(), cosines[3 * 6 + 3].reshape(6, 6), atol=1e-4)
    page.get_by_role("spinbutton", name="row").fill("1")
    page.get_by_role("spinbutton", name="row").press("Enter")
    np.testing.assert_allclose(shown(), cosines[1 * 6 + 3].reshape(6, 6), atol=1e-4)
    page.locator(f"#{name}").scroll_into_view_if_needed()
    box = page.locator(f"#{name} .heatmaplayer image").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 5.5 / 6, box["y"] + box["height"] * 4.5 / 6)
    assert [page.get_by_role("spinbutton", name=each).input_value() for each in ("row", "column")] == ["4", "5"]
    np.testing.assert_allclose(shown(), cosines[4 * 6 + 5].reshape(6, 6), atol=1e-4)
    page.locator(f"#{name}").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#live").text_content().startswith("patch row 0, column 0: cosine ")


HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=1">"\'&amp;'


@pytest.mark.parametrize("width", WIDTHS)
def test_names_are_text(open_page, report, tmp_path, checkpoint, helix, width):
    key = f"{HOSTILE}</script>\u202e\n.wpe.weight"
    tensors = {key: helix(24, 8), f"{HOSTILE}.token_type_embeddings.weight": np.ones((2, 8), np.float32)}
    folder = checkpoint(tmp_path / f"a<b>&'{chr(8238)}{'long' * 50}", tensors, model_type=HOSTILE)
    page = open_page(report(folder), width=width)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert "owned" not in page.title()
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("main").text_content()
    assert page.locator("h2").nth(1).text_content().startswith(HOSTILE)
    assert "\u202e" not in page.content()


DEGENERATE = {
    "one row": np.ones((1, 4)),
    "two rows": np.array([[1.0, 2, 3], [3, 2, 1]]),
    "constant": np.full((40, 8), 0.3),
    "zeros": np.zeros((40, 8)),
    "random": np.random.default_rng(2).standard_normal((40, 8)),
    "nan": np.where(np.arange(320).reshape(40, 8) == 17, np.nan, 1.0),
    "huge": np.random.default_rng(3).standard_normal((40, 8)) * 1e30,
    "tiny": np.random.default_rng(3).standard_normal((40, 8)) * 1e-30,
}


@pytest.mark.parametrize("kind", DEGENERATE)
def test_odd_tables_open_too(open_page, report, tmp_path, checkpoint, kind):
    table = DEGENERATE[kind].astype(np.float32)
    folder = checkpoint(tmp_path / "odd", {"wpe.weight": table}, model_type="gpt2", n_positions=len(table))
    page = open_page(report(folder))
    words = page.locator("main").text_content()
    if kind == "nan":
        assert "row 2 is the first of 1 such rows" in words
        assert page.locator(".plot").count() == 0
    if kind in ("constant", "zeros"):
        assert "all rows are equal" in words or "all of them equal" in words
    for part in ("NaN", "undefined", "Infinity"):
        assert part not in words


def test_the_policy_forbids_every_request(gpt2_report):
    page = gpt2_report.read_text()
    assert "default-src 'none'" in page[:600]
    assert json.loads(page.split('id="charts">')[1].split("</script>")[0])
