"""Options and result of a method search."""

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.search import MethodChoice, SearchOptions, SweptCandidate


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
