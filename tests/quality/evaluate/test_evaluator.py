"""What all evaluators share."""

from types import SimpleNamespace

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.evaluate.evaluator import Evaluator, require_same_vocabulary
from posembed.quality.evaluate.language import LanguageEvaluator
from posembed.records.evaluate import EvaluateOptions


def model(**vocabulary):
    return SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: vocabulary))


def test_the_original_must_have_the_same_vocabulary_and_width():
    require_same_vocabulary(model(a=1), model(a=1))
    for other, same_width in ((model(a=2), True), (model(a=1), False)):
        with pytest.raises(InvalidArgumentError, match="`original` has another tokenizer or width"):
            require_same_vocabulary(model(a=1), other, same_width=same_width)


def test_the_setup_repeats_the_options():
    options = EvaluateOptions(data="texts", lengths=(64, 128), documents=9, seed=4, precision="bf16")
    setup = LanguageEvaluator().common_setup(options, (256, 128))
    assert setup.to_dict() == {
        "data": "texts", "lengths": [64, 128], "documents": 9, "seed": 4, "precision": "bf16", "usable_length": 256,
        "original_usable_length": 128, "split": "test",
    }  # fmt: skip


def test_an_evaluator_must_be_whole():
    assert Evaluator.__abstractmethods__ == {"default_lengths", "check", "setup", "measure", "verdict"}
