"""The Trainer's callback, in real trainings of tiny models; TensorBoard's files are read back."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from transformers import Trainer, TrainerCallback, TrainingArguments

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.integrations.transformers import PositionTableCallback
from posembed.observer import Callbacks
from tests.fixtures.events import read_events

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
BERT = "position_table/bert.embeddings.position_embeddings"
WIDTH = 16


class Recorder(TrainerCallback):
    """What W&B, MLflow and the others are: callbacks that are given before the user's own."""

    def __init__(self):
        self.logs = []

    def on_log(self, args, state, control, logs=None, **_):  # noqa: ARG002
        self.logs.append((state.global_step, dict(logs)))


def bert(positions=32):
    return transformers.BertForMaskedLM(
        transformers.BertConfig(vocab_size=40, max_position_embeddings=positions, **SMALL)
    )


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=0, eos_token_id=1
    )
    return transformers.GPT2LMHeadModel(config)


def texts(lengths):
    """Inputs of some lengths, padded to one width."""
    made = []
    for length in lengths:
        ids, real = torch.randint(5, 40, (WIDTH,)), torch.arange(WIDTH) < length
        padded = ids.where(real, 1)
        made.append({"input_ids": padded, "attention_mask": real.long(), "labels": ids.where(real, -100)})
    return made


def trained(model, data, folder, *, resume=None, callback=None, **arguments):
    """Train on data in their order; return the trainer, what was warned of, and what a logging callback was given."""
    said, recorder = [], Recorder()
    settings = {"per_device_train_batch_size": 2, "num_train_epochs": 1, "logging_steps": 2, "report_to": "none"}
    settings |= {"save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "train_sampling_strategy": "sequential"}
    trainer = Trainer(model, TrainingArguments(folder, **settings | arguments), train_dataset=data,
                      callbacks=[recorder])  # fmt: skip
    made = PositionTableCallback(trainer, observer=Callbacks(message=said.append), **callback or {})
    trainer.add_callback(made)
    trainer.train(resume_from_checkpoint=resume)
    return SimpleNamespace(trainer=trainer, said=said, logs=recorder.logs, state=trainer.state)


def measured(run, name):
    """The logged values of a measure, by step."""
    return [(step, logs[name]) for step, logs in run.logs if name in logs]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A BERT of 32 positions on four batches of texts of 8, 8, 10 and 6 tokens, logged to TensorBoard."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    model = bert()
    with torch.no_grad():  # so that the table shows where training ended
        model.bert.embeddings.position_embeddings.weight[10:] = 0
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TENSORBOARD_LOGGING_DIR", str(folder / "logs"))
        result = trained(model, texts([8, 8, 8, 8, 10, 9, 6, 6]), folder / "out", report_to="tensorboard")
    result.events = read_events(folder / "logs")
    return result


def test_scalars_reach_every_logging_callback(run):
    assert measured(run, f"{BERT}/coverage") == [(2, 8 / 32), (4, 10 / 32)]
    assert measured(run, f"{BERT}/frequency_max") == [(2, 1.0), (4, 1.0)]
    assert measured(run, f"{BERT}/last_trained_position") == [(2, 7.0), (4, 9.0)]
    weight = run.trainer.model.bert.embeddings.position_embeddings.weight.detach()
    assert measured(run, f"{BERT}/norm_trained_max")[-1][1] == pytest.approx(float(weight[:10].norm(dim=1).max()))
    assert any(f"{BERT}/coverage" in entry for entry in run.state.log_history)


def test_tensorboard_holds_the_same_values_beside_the_loss(run):
    tags = run.events.Tags()
    assert "train/loss" in tags["scalars"]
    for name in ("coverage", "frequency_median", "norm_trained_min", "norm_untrained_max"):
        stored = [(event.step, event.value) for event in run.events.Scalars(f"train/{BERT}/{name}")]
        assert np.allclose(stored, measured(run, f"{BERT}/{name}")), name


def test_tensorboard_draws_norms_and_frequencies(run):
    norms = run.events.Histograms(f"train/{BERT}/norms")
    assert [(event.step, event.histogram_value.num) for event in norms] == [(2, 8.0), (4, 10.0)]
    frequencies = run.events.Histograms(f"train/{BERT}/frequency")
    assert [event.histogram_value.num for event in frequencies] == [32.0, 32.0]
    assert frequencies[-1].histogram_value.sum == pytest.approx((6 * 4 + 2 * 3 + 2 * 1) / 4)


def test_the_trained_range_is_logged_at_the_end_once(run):
    assert measured(run, f"{BERT}/trained_range") == [(4, 10.0)]
    last = run.logs[-1][1]
    assert set(last) == {f"{BERT}/trained_range", "epoch"}  # nothing else is logged twice at one step


def test_untrained_positions_are_warned_of_once(run):
    assert len(run.said) == 1
    assert run.said[0].startswith(
        "bert.embeddings.position_embeddings.weight: positions 10 to 31 of 32 had no gradient in 4 steps. Inputs "
        "longer than 10 tokens read these untrained rows"
    )


def test_micro_batches_are_counted_together(tmp_path):
    found = trained(bert(), texts([4, 4, 12, 12, 6, 6, 6, 6]), tmp_path, gradient_accumulation_steps=2, logging_steps=1)
    name = f"{BERT}/frequency_max"
    assert measured(found, f"{BERT}/coverage") == [(1, 12 / 32), (2, 12 / 32)]
    assert measured(found, name) == [(1, 1.0), (2, 1.0)]
    assert "in 2 steps" in found.said[0]


def test_a_causal_model_on_full_inputs(tmp_path):
    found = trained(gpt2(), texts([16] * 4), tmp_path)
    assert measured(found, "position_table/transformer.wpe/last_trained_position") == [(2, 14.0)]
    assert "positions 15 to 31 of 32" in found.said[0]


def test_robertas_positions_begin_behind_its_reserved_rows(tmp_path):
    config = transformers.RobertaConfig(vocab_size=40, max_position_embeddings=26, pad_token_id=1, **SMALL)
    found = trained(transformers.RobertaForMaskedLM(config), texts([7, 7]), tmp_path, logging_steps=1)
    name = "position_table/roberta.embeddings.position_embeddings"
    assert measured(found, f"{name}/coverage") == [(1, 7 / 24)]
    assert "positions 7 to 23 of 24" in found.said[0]


def test_an_image_model_has_patches(tmp_path):
    config = transformers.ViTConfig(image_size=32, patch_size=8, **SMALL)
    images = [{"pixel_values": torch.randn(3, 32, 32), "labels": number % 2} for number in range(4)]
    found = trained(transformers.ViTForImageClassification(config), images, tmp_path)
    assert measured(found, "position_table/vit.embeddings.position_embeddings/coverage") == [(2, 1.0)]
    assert found.said == []


def test_a_model_without_a_table_is_trained_all_the_same(tmp_path):
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=40, **SMALL))
    found = trained(model, texts([8] * 4), tmp_path)
    assert found.said == [
        "LlamaForCausalLM has no learned position table, so there is nothing to monitor: its positions may be rotary, "
        "relative, sinusoidal or none"
    ]
    assert found.state.global_step == 2
    assert not any("position_table" in name for _, logs in found.logs for name in logs)


def test_a_frozen_table_is_named(tmp_path):
    model = bert()
    model.bert.embeddings.position_embeddings.requires_grad_(False)
    found = trained(model, texts([8] * 4), tmp_path)
    name = "bert.embeddings.position_embeddings.weight"
    assert found.said == [f"{name} is frozen (requires_grad=False): no position of it is trained"]
    assert not any("position_table" in name for _, logs in found.logs for name in logs)


def test_the_warning_does_not_wait_for_a_long_epoch(tmp_path):
    found = trained(bert(), texts([8] * 8), tmp_path, callback={"warn_after": 2})
    (said,) = found.said
    assert "had no gradient in 2 steps" in said


def test_fewer_logs_on_request(tmp_path):
    settings = {"every": 2, "range_every": 2}
    found = trained(bert(), texts([8] * 16), tmp_path, logging_steps=1, callback=settings)
    assert [step for step, _ in measured(found, f"{BERT}/coverage")] == [2, 4, 6, 8]


@pytest.mark.parametrize("restored", [False, True])
def test_resumed_training_goes_on_counting(tmp_path, restored):
    data, more = texts([8, 8, 12, 12, 4, 4, 4, 4]), {"logging_steps": 1, "save_strategy": "steps", "save_steps": 2}
    torch.manual_seed(0)
    whole = trained(bert(), data, tmp_path / "out", **more)
    kept = json.loads((tmp_path / "out" / "checkpoint-2" / "trainer_state.json").read_text())
    assert kept["stateful_callbacks"]["PositionTableCounts"]["attributes"]["counts"]
    resumed = trained(bert(), data, tmp_path / "out", resume=tmp_path / "out" / "checkpoint-2",
                      restore_callback_states_from_checkpoint=restored, **more)  # fmt: skip
    for name in ("coverage", "frequency_median", "frequency_max", "norm_trained_median"):
        expected = [pair for pair in measured(whole, f"{BERT}/{name}") if pair[0] > 2]
        assert len(expected) == 2
        assert np.allclose(measured(resumed, f"{BERT}/{name}"), expected), name
    assert resumed.said == whole.said
    again = json.loads((tmp_path / "out" / "checkpoint-4" / "trainer_state.json").read_text())
    counts = again["stateful_callbacks"]["PositionTableCounts"]["attributes"]["counts"]
    assert counts["bert.embeddings.position_embeddings.weight"]["counts"][:13] == [4] * 4 + [2] * 4 + [1] * 4 + [0]


def test_a_checkpoint_without_counts_can_be_resumed_and_saved(tmp_path):
    data, more = texts([8] * 8), {"save_strategy": "steps", "save_steps": 2}
    settings = {"per_device_train_batch_size": 2, "num_train_epochs": 1, "report_to": "none", "use_cpu": True}
    Trainer(bert(), TrainingArguments(tmp_path, max_steps=2, **settings | more), train_dataset=data).train()
    found = trained(bert(), data, tmp_path, resume=tmp_path / "checkpoint-2", **more)
    assert found.said[0] == (
        "training resumes at step 2, but its checkpoint holds no counts: positions are counted from here on"
    )
    assert "had no gradient in 2 steps" in found.said[1]
    assert (tmp_path / "checkpoint-4").is_dir()


def test_the_numbers_of_the_training_stay_the_same(tmp_path):
    losses = []
    for watched in (True, False):
        torch.manual_seed(0)
        model, data = bert(), texts([8] * 8)
        if watched:
            run = trained(model, data, tmp_path, logging_steps=1)
        else:
            arguments = run.trainer.args
            plain = Trainer(model, arguments, train_dataset=data)
            plain.train()
            run = SimpleNamespace(state=plain.state)
        losses.append([entry["loss"] for entry in run.state.log_history if "loss" in entry])
    assert len(losses[0]) == 4
    assert np.array_equal(*losses)


@pytest.mark.parametrize("given", [None, "trainer"])
def test_without_its_trainer_it_says_what_to_do(given):
    with pytest.raises(
        ArgumentTypeError, match=r"call trainer\.add_callback\(PositionTableCallback\(trainer\)\) after"
    ):
        PositionTableCallback(given)


@pytest.mark.parametrize("name", ["every", "range_every", "warn_after"])
def test_intervals_are_at_least_one(run, name):
    with pytest.raises(InvalidArgumentError, match=f"{name}=0 must be at least 1"):
        PositionTableCallback(run.trainer, **{name: 0})
