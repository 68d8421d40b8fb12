"""Options and result of a method search."""

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.search import (
    ChoiceComparison,
    MeasuredBaseline,
    MethodChoice,
    SearchedRange,
    SearchedTexts,
    SearchOptions,
    SweptCandidate,
)


def test_options_become_json_and_come_back():
    options = SearchOptions(methods=["tile"], pool=10, length_aware=True)
    assert options.methods == ("tile",)
    assert SearchOptions.from_dict(options.to_dict()) == options
    assert SearchOptions().methods is None
    with pytest.raises(InvalidArgumentError, match="precision='fp8' must be one of auto, bf16, fp32"):
        SearchOptions(precision="fp8")


def test_a_choice_as_extend_stores_it():
    one = SweptCandidate("tile", {"range": 4}, 4, {8: 0.5, 16: 0.25}, None, 20)
    two = SweptCandidate("tile", {"range": 4}, 4, None, {8: 2.5}, 20)
    assert (one.values, two.values) == ({8: 0.5, 16: 0.25}, {8: 2.5})
    choice = MethodChoice(("why",), "accuracy", {8: 0.4}, None, (one,), "tile", {"range": 4})
    assert choice.to_dict() == {
        "why": ["why"],
        "measure": "accuracy",
        "baseline": {"8": 0.4},
        "short": None,
        "swept": [
            {"method": "tile", "options": {"range": 4}, "kept": 4, "accuracy": {"8": 0.5, "16": 0.25}, "documents": 20}
        ],
    }
    again = MethodChoice.from_dict(choice.to_dict())
    assert (again.swept, again.baseline, again.why) == (choice.swept, choice.baseline, choice.why)


def test_an_embedding_model_s_choice_comes_back_whole():
    tasks = {"title": {128: 0.5}}
    choice = MethodChoice(
        ("why",), "accuracy", {128: 0.4}, None, (SweptCandidate("tile", {}, 4, {128: 0.5}, None, 20, tasks, False),),
        accepted=True, texts=SearchedTexts("stdlib", ("train",), 3, "ab", {"Python": 3}),
        range=SearchedRange("ends", 9, 8, 10), baselines=(MeasuredBaseline("truncated", tasks, 1.0, 64.0, 1.5),),
        comparisons=(
            ChoiceComparison("tile", {}, False, "truncated", "title", "longer", (128,), 20, 0.1, -0.1, 0.3),
        ),
    )  # fmt: skip
    again = MethodChoice.from_dict(choice.to_dict())
    assert again == choice
    assert choice.to_dict()["baselines"][0]["query_ms"] == 1.5
    assert "query_ms" not in choice.untimed().to_dict()["baselines"][0]
    assert choice.untimed().texts == choice.texts


def test_own_data_are_named_by_their_options():
    options = SearchOptions(corpus="a", queries="b", qrels="c")
    assert (options.corpus, options.queries, options.qrels) == ("a", "b", "c")
