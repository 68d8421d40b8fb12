"""What the process that checks answers when it runs source and copy as well.

The questions are asked in this process, as in test_child.py.
"""

import json

import pytest

from posembed import extend_checkpoint
from posembed.errors import ModelCheckError
from posembed.extension.field_change import apply_changes
from tests.extension.check.test_child import SIZES, in_this_process, names

pytestmark = [pytest.mark.model_check, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("in_this_process")]

__all__ = ["in_this_process"]

RUN = SIZES | {"sam": {"image_size": 64}, "ast": {"grid": (2, 9)}}


@pytest.mark.parametrize("name", RUN)
def test_a_copy_that_runs(small_model, tmp_path, name):
    checked = extend_checkpoint(small_model(name), tmp_path / "out", **RUN[name], check="run").checked
    assert checked.outcome == "loads and runs"
    if "length" in RUN[name]:
        length = RUN[name]["length"]
        assert f", {length} tokens; the same outputs as the source up to {length // 2} tokens" in checked.reason or (
            name == "clip" and checked.reason.startswith("at 1, 16, 40 tokens; the same outputs as the source up to 16")
        )


def test_a_cropped_copy_runs_at_its_own_length(small_model, tmp_path):
    checked = extend_checkpoint(small_model("bert"), tmp_path / "out", 16, method="crop", check="run").checked
    assert checked.reason == "at 1, 16 tokens; the same outputs as the source up to 16 tokens"


@pytest.mark.parametrize(("length", "method"), [(10, "crop"), (40, "auto")])
def test_an_encoder_of_sound_runs_at_its_new_length(small_model, tmp_path, length, method):
    """Its sound has another length, and so the decoder gives other outputs for the same tokens."""
    plan = extend_checkpoint(
        small_model("whisper"),
        tmp_path / "out",
        length,
        method=method,
        tables="model.encoder.embed_positions.weight",
        check="run",
    )
    assert (plan.checked.outcome, plan.checked.reason) == (
        "loads and runs",
        f"on an input of shape [1, 8, {2 * length}]",
    )


def test_a_copy_that_loads_and_does_not_run(small_model, tmp_path, monkeypatch):
    """SAM's prompt encoder makes its own grid from fields that no shape shows."""
    source = small_model("sam")
    monkeypatch.setattr(
        "posembed.extension.write.apply_changes",
        lambda settings, changes: apply_changes(settings, [c for c in changes if c.path[0] != "prompt_encoder_config"]),
    )
    assert extend_checkpoint(source, tmp_path / "loads", image_size=64).checked.outcome == "loads"
    with pytest.raises(
        ModelCheckError, match=r"the copy does not run \(SamModel of .*: on an input of shape \[1, 3, 64, 6"
    ):
        extend_checkpoint(source, tmp_path / "out", image_size=64, check="run")
    assert names(tmp_path) == ["loads", "sam"]


def test_a_model_that_cannot_be_called_is_only_loaded(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr("posembed.extension.check.source_runs.calls", lambda *_: iter(()))
    checked = extend_checkpoint(small_model("bert"), tmp_path / "out", 64, check="run").checked
    assert checked.outcome == "loads"
    assert checked.reason == "not run, because no way to call BertForMaskedLM was found"


def test_a_processor_that_still_makes_the_old_image(small_model, tmp_path, monkeypatch):
    source = small_model("vit")
    settings = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (source / "preprocessor_config.json").write_text(json.dumps(settings))
    checked = extend_checkpoint(source, tmp_path / "new", image_size=48, check="run").checked
    assert checked.reason == "on an input of shape [1, 3, 48, 48], and on what its own processor makes"
    monkeypatch.setattr(
        "posembed.extension.write.apply_changes",
        lambda settings, changes: settings if "size" in settings else apply_changes(settings, changes),
    )
    with pytest.raises(ModelCheckError, match="on what its own processor makes: ValueError: Input image size"):
        extend_checkpoint(source, tmp_path / "out", image_size=48, check="run")
