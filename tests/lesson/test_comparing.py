"""The later sections: what they are made of, and that their numbers are computed."""

import dataclasses

import numpy as np
import pytest
import torch

from posembed.lesson.blocks import Charts, Layouts, Points, Widget, Words
from posembed.lesson.comparing import (
    beyond_section,
    good_and_bad_section,
    models_section,
    sinusoid_section,
    versus_section,
)
from posembed.lesson.example import from_lab
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.presets import PRESETS
from posembed.report.text_table import TextTable


@pytest.fixture(scope="module")
def example(measured):
    return from_lab(measured)


def blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_the_comparison(measured):
    section = versus_section(measured)
    assert [table.title for table in blocks(section, TextTable)] == ["Side by side: counted, and measured in one run"]
    verdicts, how = blocks(section, Points)
    assert tuple(verdicts.items) == measured.results.verdict
    assert not any("past its table" in line for line in how.items)  # the table above says so
    (charts,) = blocks(section, Charts)
    assert [chart.title for chart in charts.charts] == ["Loss per position", "Beyond the training length"]
    assert any(measured.origin in block.text for block in blocks(section, Words))


def test_one_widget_each(example, measured):
    assert [w.kind for w in blocks(sinusoid_section(example), Widget)] == ["sinusoid"]
    assert [w.kind for w in blocks(beyond_section(example, measured), Widget)] == ["extend"]


def test_published_models():
    section = models_section()
    (table,) = blocks(section, TextTable)
    assert [row[0] for row in table.rows] == ["bert-base", "gpt2", "gpt3-175b", "roberta-base"]
    for row in table.rows:
        preset = PRESETS[row[0]]
        assert row[1:5] == (str(preset.rows), str(preset.layout.reserved), str(preset.layout.usable_length),
                            f"{preset.parameters:,}")  # fmt: skip
    (layouts,) = blocks(section, Layouts)
    assert [name for name, _, _ in layouts.tables] == [row[0] for row in table.rows]


def test_costs_are_those_of_the_run_and_of_bert(example, measured):
    good, bad = blocks(good_and_bad_section(example, measured), Points)
    learned = measured.results.arm("learned")
    share = learned.cost.parameters / learned.parameters
    assert (
        f"It costs parameters: {learned.cost.parameters:,} parameters here, {share:.1%} of the model" in bad.items[-4]
    )
    assert f"BERT-base's table is {512 / 30522:.1%} of its token table" in bad.items[-4]
    norms = np.linalg.norm(example.table, axis=1)
    assert f"norm {norms[0]:.2f}" in good.items[1]
    assert f"{np.median(norms[1:]):.2f}" in good.items[1]


def test_a_run_that_does_not_say_how_large_the_model_is(example, measured):
    arms = tuple(dataclasses.replace(arm, parameters=None) for arm in measured.results.arms)
    without = dataclasses.replace(measured, results=dataclasses.replace(measured.results, arms=arms))
    _, bad = blocks(good_and_bad_section(example, without), Points)
    assert "parameters here; BERT-base's table" in bad.items[-4]


def test_rows_of_a_fresh_table_are_unrelated(example, measured):
    _, bad = blocks(good_and_bad_section(example, measured), Points)
    cosine = float(bad.items[-1].split("is ")[1].split()[0].replace("−", "-"))
    torch.manual_seed(0)
    rows = LearnedPositionalEmbedding(512, 768).weight.detach()
    expected = torch.nn.functional.cosine_similarity(rows[1:], rows[:-1]).mean().item()
    assert cosine == pytest.approx(expected, abs=6e-4)
    assert abs(cosine) < 0.01


def test_without_longer_texts_nothing_is_said_of_them(example, measured):
    arms = tuple(dataclasses.replace(arm, beyond=()) for arm in measured.results.arms)
    short = dataclasses.replace(measured, results=dataclasses.replace(measured.results, arms=arms))
    told = [block.text for block in blocks(beyond_section(example, short), Words)]
    assert len(told) == len(blocks(beyond_section(example, measured), Words)) - 1
