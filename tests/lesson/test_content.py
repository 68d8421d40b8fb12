"""The lesson's sections: what must be said, and that it is computed."""

import json

import numpy as np
import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.lesson.blocks import Code, Layouts, Points, Quiz, Widget, Words
from posembed.lesson.content import _swapped, build_lesson
from posembed.presets import PRESETS
from posembed.report.text_table import TextTable


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


def test_a_mask_lets_order_through():
    assert _swapped(causal=False) < 1e-6 < 1e-3 < _swapped(causal=True)


def test_half_a_result_is_one_sentence(tmp_path, measured, example_checkpoints):
    results = {name: part for name, part in measured.results.to_dict().items() if name != "environment"}
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r"is not a complete results\.json"):
        build_lesson(example_checkpoints / "my-bert", tmp_path)


@pytest.mark.parametrize("name", ["my-roberta", "my-gpt2"])
def test_other_models(example_checkpoints, name):
    text = words_of(build_lesson(example_checkpoints / name))
    assert name in text
    assert ("position 0 reads row 2" in text) == (name == "my-roberta")
