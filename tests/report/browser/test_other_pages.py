"""The reports of two checkpoints and of a comparison."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from posembed.report.html.compare import compare_page
from posembed.report.html.evaluate import evaluate_page
from posembed.report.html.page import write_page
from posembed.tables.extend import extend_table
from tests.report.html.test_evaluate import embedding

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_before_and_after_an_extension(open_page, report, gpt2, tmp_path, checkpoint, width):
    table = load_file(gpt2 / "model.safetensors")["wpe.weight"]
    longer = extend_table(table, 160, method="tile")
    other = checkpoint(tmp_path / "longer", {"wpe.weight": longer}, model_type="gpt2", n_positions=160, n_embd=32)
    page = open_page(report(gpt2, other), width=width)
    words = page.locator("main").text_content()
    assert "96 of 96 common positions have equal rows; the largest absolute difference is 0." in words
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.locator(".heatmaplayer image").count() == 2
    lines = page.evaluate("[...document.querySelectorAll('.plot')].map(e => e.data.map(t => t.x ? t.x.length : 0))")
    assert [96, 160] in lines  # norms over each other


def test_two_widths(open_page, report, gpt2, tmp_path, checkpoint, helix):
    other = checkpoint(tmp_path / "wide", {"wpe.weight": helix(96, 48)}, model_type="gpt2", n_positions=96, n_embd=48)
    page = open_page(report(gpt2, other))
    assert "widths 32 and 48: only the similarity structure is compared (CKA)" in page.locator("main").text_content()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_comparison(open_page, tmp_path, results, helix, width):
    table = helix(32, 16)
    trained = {"learned, seed 0": table}
    page = open_page(write_page(tmp_path / "report.html", compare_page(results, trained)), width=width)
    first = page.locator("main section").first
    assert first.locator("h2").text_content() == "Verdict"
    assert results.verdict[0] in first.text_content()
    drawn = page.evaluate("[...document.querySelectorAll('.plot')].map(e => (e.data || []).length)")
    assert min(drawn[:3]) > 0
    bands = page.evaluate("document.getElementById('chart-0').data.filter(t => t.fill === 'toself').length")
    assert bands == sum(arm.per_position is not None for arm in results.arms)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert np.isfinite(float(page.evaluate("document.getElementById('chart-0').data[1].y[0]")))


@pytest.mark.parametrize("width", [390, 1440])
def test_an_evaluation(open_page, tmp_path, width):
    page = open_page(write_page(tmp_path / "report.html", evaluate_page(embedding())), width=width)
    assert page.locator("main section").first.locator("h2").text_content() == "Verdict"
    drawn = page.evaluate("[...document.querySelectorAll('.plot')].map(e => (e.data || []).length)")
    assert len(drawn) == 2
    assert min(drawn) > 0
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
