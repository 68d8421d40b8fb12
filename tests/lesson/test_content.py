"""The lesson's sections: what must be said, and that it is computed."""

import json

import numpy as np
import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.lesson.blocks import Code, Layouts, Points, Quiz, Widget, Words
from posembed.lesson.content import _swapped, build_lesson
from posembed.lesson.scratch import run_from_scratch
from posembed.lesson.versus import beyond_words, quality_words, versus_table
from posembed.presets import PRESETS
from posembed.report.terminal.compare import TextTable
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table


def words_of(sections):
    parts = []
    for block in (block for section in sections for block in section.blocks):
        if isinstance(block, Words):
            parts.append(block.text)
        elif isinstance(block, Points):
            parts += block.items
        elif isinstance(block, TextTable):
            parts += [cell for row in block.rows for cell in row]
    return "\n".join(parts)


def test_nothing_is_left_out(sections):
    blocks = [block for section in sections for block in section.blocks]
    assert [block.kind for block in blocks if isinstance(block, Widget)] == ["sum", "sinusoid", "extend"]
    assert sum(isinstance(block, Quiz) for block in blocks) == 1
    text = words_of(sections)
    for said in (
        "393,216 numbers",  # BERT's table
        "an error: there are no rows",
        "position 512 has no row",
        "Calibrate",
        "Zhu et al. 2024",
        "Attention without a mask looks at a set",
        "The run's verdicts, each paired",
        "lower is better",
        "RoPE (Su et al. 2021",
        "ALiBi (Press et al. 2022",
        "Tutorials often state 2048 for GPT-2 and 4096 for GPT-3. The published models take 1024",
        "RoBERTa has 514 rows for 512 positions: its first token reads row 2",
    ):
        assert said in text, said


def test_published_tables_are_the_presets(sections):
    (layouts,) = (b for s in sections for b in s.blocks if isinstance(b, Layouts))
    assert [(name, layout.rows) for name, layout, _ in layouts.tables] == [
        ("bert-base", 512),
        ("gpt2", 1024),
        ("gpt3-175b", 2048),
        ("roberta-base", 514),
    ]
    assert all(source == PRESETS[name].source for name, _, source in layouts.tables)


def test_the_code_has_at_most_twenty_lines_and_runs(sections):
    (code,) = (b for s in sections for b in s.blocks if isinstance(b, Code))
    assert len(code.source.splitlines()) <= 20
    names = {}
    with torch.random.fork_rng():
        exec(code.source, names)
    loss = names["loss"].item()
    assert f"loss {loss:.4f}" in code.output
    assert loss < 0.1
    np.testing.assert_array_equal(names["position"][12:].detach(), names["before"][12:])
    assert (names["position"][:12] - names["before"][:12]).norm(dim=1).min() > 0.1


def test_rows_before_and_after_are_those_of_the_run():
    run = run_from_scratch()
    (read, start, end, moved), (unread, first, last, stayed) = run.rows
    assert (read, unread) == ("3", "15")
    assert start != end
    assert float(moved) > 0.1
    assert (first, stayed) == (last, "0.000")
    assert f"row 3 moved by {moved}" in run.output


def test_running_it_leaves_the_generator_alone():
    torch.manual_seed(5)
    wanted = torch.rand(2)
    torch.manual_seed(5)
    run_from_scratch()
    torch.testing.assert_close(torch.rand(2), wanted)


def test_the_comparison_s_numbers_are_read_from_it(measured):
    results = json.loads(json.dumps(measured.results))
    learned = next(arm for arm in results["arms"] if arm["encoding"] == "learned")
    learned["cost"]["parameters"], learned["quality"]["mean"] = 1234567, 9.876
    table = versus_table(results)
    shown = {row[0]: row[1:] for row in table.rows}
    assert shown["parameters of the positions"] == ("1,234,567", "0")
    quality = next(cells for name, cells in shown.items() if name.startswith("quality"))
    assert quality[0].startswith("9.876 ±")
    generalisation = next(cells for name, cells in shown.items() if name.startswith("generalisation"))
    assert generalisation[0] == "an error: there are no rows"
    assert float(generalisation[1].split()[0]) > 0


def test_ways_past_the_length_are_in_order(measured):
    (sentence,) = beyond_words(measured.results)
    listed = sentence.split("order of their means: ")[1].split(". Nothing")[0].split(", ")
    losses = [float(part.split(" ± ")[0].rsplit(" ", 1)[1]) for part in listed]
    assert losses == sorted(losses)
    assert {part.split(" ± ")[0].rsplit(" ", 1)[0] for part in listed} >= {
        "learned + tile",
        "learned + linear",
        "sinusoidal",
    }


def test_flexibility_measures_the_sinusoid_too(measured):
    (cells,) = (row[1:] for row in versus_table(measured.results).rows if row[0].startswith("flexibility"))
    own = explained_share(sinusoidal_table(128, 128), sinusoidal_basis(128, 16))
    assert cells[1].startswith(f"{own:.0%};")


@pytest.mark.parametrize(("low", "side"), [(-0.1, 0), (0.1, 1)])
def test_quality_stands_where_the_run_puts_it(measured, low, side):
    results = json.loads(json.dumps(measured.results))
    results["differences"] = [{"first": "learned", "second": "sinusoidal", "low": low, "verdict": "so it is"}]
    sides = quality_words(results)
    assert "so it is" in sides[side][0]
    assert sides[1 - side] == []


def test_a_mask_lets_order_through():
    assert _swapped(causal=False) < 1e-6 < 1e-3 < _swapped(causal=True)


def test_half_a_result_is_one_sentence(tmp_path, measured, example_checkpoints):
    results = {name: part for name, part in measured.results.items() if name != "environment"}
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r"is no whole results\.json"):
        build_lesson(example_checkpoints / "my-bert", tmp_path)


def test_a_run_without_longer_texts(measured):
    results = json.loads(json.dumps(measured.results))
    for arm in results["arms"]:
        arm["beyond"] = []
    assert beyond_words(results) == []
    assert not any(row[0].startswith("generalisation") for row in versus_table(results).rows)


@pytest.mark.parametrize("name", ["my-roberta", "my-gpt2"])
def test_other_models(example_checkpoints, name):
    text = words_of(build_lesson(example_checkpoints / name))
    assert name in text
    assert ("position 0 reads row 2" in text) == (name == "my-roberta")
