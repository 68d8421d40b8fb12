"""Libraries load checkpoints without asking whether code may run."""

import json

import pytest
import transformers
from transformers import dynamic_module_utils

from posembed.errors import InvalidArgumentError
from posembed.extension.library_code import no_questions, refusal, refuse_foreign_classes


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


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", [{"type": "own.Transformer", "path": ""}]),
        ("2_Dense/config.json", {"activation_function": "own.f"}),
        ("config_sentence_transformers.json", {"activation_fn": "own.f"}),
        ("config.json", {"sentence_transformers": {"activation_fn": "own.f"}}),
    ],
)
def test_classes_of_other_packages_need_consent(tmp_path, file, content):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=f"without Python code of its own .*{file}"):
        refuse_foreign_classes(tmp_path, trust_remote_code=False)
    refuse_foreign_classes(tmp_path, trust_remote_code=True)
    known = json.dumps(content).replace("own.T", "sentence_transformers.models.T").replace("own.f", "torch.nn.Tanh")
    (tmp_path / file).write_text(known, encoding="utf-8")
    refuse_foreign_classes(tmp_path, trust_remote_code=False)
