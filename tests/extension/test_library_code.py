"""Libraries load checkpoints without asking whether code may run."""

import pytest
import transformers
from transformers import dynamic_module_utils

from posembed.errors import InvalidArgumentError
from posembed.extension.library_code import no_questions, refusal


def test_a_part_of_a_model_asks_nothing(tmp_path, monkeypatch, always_yes):
    """The library builds the parts of a composite model without the argument that the whole was given."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda *_: asked.append(1) or "y")
    config = transformers.ViTConfig()
    (tmp_path / "own.py").write_text("class Other: ...")
    config.auto_map, config._name_or_path = {"AutoModelForCausalLM": "own.Own"}, str(tmp_path)
    before = dynamic_module_utils.TIME_OUT_REMOTE_CODE
    with pytest.raises(InvalidArgumentError, match="cannot be loaded without Python code"), no_questions(tmp_path):
        transformers.AutoModelForCausalLM.from_config(config)
    assert asked == []
    assert before > 0
    assert before == dynamic_module_utils.TIME_OUT_REMOTE_CODE
    with pytest.raises(AttributeError, match="Own"):  # without it the library asks, and takes the yes
        transformers.AutoModelForCausalLM.from_config(config)
    assert asked == [1]


def test_other_errors_pass():
    with pytest.raises(ValueError, match="another"), no_questions("x"):
        raise ValueError("another")


def test_the_refusal_names_the_code(tmp_path):
    (tmp_path / "modeling_own.py").write_text("")
    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "modeling_own.Own"}}')
    sentence = refusal(tmp_path)
    assert sentence.startswith(f"{tmp_path} cannot be loaded without Python code of its own (modeling_own.py, asked ")
    assert "trust_remote_code=True" in sentence
