"""A plain loop: what is counted, what is logged, what is warned of."""

from functools import partial

import numpy as np
import pytest
import torch
import transformers
from torch import nn
from torch.distributed.fsdp import fully_shard

import posembed
from posembed.errors import InvalidArgumentError
from posembed.integrations.table_monitor import TableMonitor

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
BERT = "bert.embeddings.position_embeddings"


def bert(positions=32):
    return transformers.BertForMaskedLM(
        transformers.BertConfig(vocab_size=40, max_position_embeddings=positions, **SMALL)
    )


def bart():
    sizes = {
        f"{side}_{what}": 2 for side in ("encoder", "decoder") for what in ("layers", "attention_heads", "ffn_dim")
    }
    return transformers.BartForConditionalGeneration(
        transformers.BartConfig(
            vocab_size=40, d_model=16, max_position_embeddings=24, bos_token_id=0, eos_token_id=2,
            forced_eos_token_id=2, **sizes
        )
    )  # fmt: skip


def tokens(length, batch=2):
    return torch.randint(5, 40, (batch, length))


def train(model, monitor, lengths):
    for length in lengths:
        ids = tokens(length)
        model(input_ids=ids, labels=ids).loss.backward()
        monitor.step()
        model.zero_grad()


def test_the_loop_of_the_documentation():
    model = bert()
    monitor = TableMonitor(model)
    train(model, monitor, [4, 8, 6])
    scalars = monitor.scalars()
    norms = model.bert.embeddings.position_embeddings.weight.detach().norm(dim=1).numpy()
    expected = {
        "coverage": 8 / 32,
        "last_trained_position": 7,
        "frequency_min": 0.0,
        "frequency_median": 0.0,
        "frequency_max": 1.0,
        "norm_trained_min": norms[:8].min(),
        "norm_trained_median": np.median(norms[:8]),
        "norm_trained_max": norms[:8].max(),
        "norm_untrained_min": norms[8:].min(),
        "norm_untrained_median": np.median(norms[8:]),
        "norm_untrained_max": norms[8:].max(),
    }
    assert scalars == pytest.approx({f"position_table/{BERT}/{name}": value for name, value in expected.items()})
    assert all(type(value) is float for value in scalars.values())
    assert monitor.warnings() == [
        f"{BERT}.weight: positions 8 to 31 of 32 had no gradient in 3 steps. Inputs longer than 8 tokens read these "
        "untrained rows: train on longer inputs, or limit the tokenizer to 8 tokens (model_max_length). To extend the "
        "table, start from its trained rows alone (posembed extend --range 8)"
    ]


def test_histograms_hold_every_position_and_the_trained_norms():
    model = bert()
    monitor = TableMonitor(model)
    assert monitor.histograms() == {}
    train(model, monitor, [2, 4])
    found = monitor.histograms()
    assert found[f"position_table/{BERT}/frequency"].tolist() == [1.0] * 2 + [0.5] * 2 + [0.0] * 28
    assert len(found[f"position_table/{BERT}/norms"]) == 4


def test_padding_that_attention_ignores_is_not_reached():
    model = bert()
    monitor = TableMonitor(model)
    ids, mask = tokens(10), torch.ones(2, 10, dtype=torch.int64)
    mask[:, 6:] = 0
    model(input_ids=ids, attention_mask=mask, labels=ids.where(mask == 1, -100)).loss.backward()
    monitor.step()
    assert monitor.tables[0].counts().tolist() == [1] * 6 + [0] * 26


def test_scaled_gradients_count_alike():
    model = bert()
    monitor = TableMonitor(model)
    ids = tokens(6)
    (model(input_ids=ids, labels=ids).loss * 2.0**16).backward()
    monitor.step()
    assert monitor.tables[0].counts().tolist() == [1] * 6 + [0] * 26


def test_an_encoder_and_a_decoder_have_a_table_each():
    model = bart()
    monitor = TableMonitor(model)
    source, target = tokens(9), tokens(5)
    model(input_ids=source, labels=target).loss.backward()
    monitor.step()
    scalars = monitor.scalars()
    assert scalars["position_table/model.encoder.embed_positions/last_trained_position"] == 8
    assert scalars["position_table/model.decoder.embed_positions/last_trained_position"] == 4
    assert [sentence.split(" of ")[0] for sentence in monitor.warnings()] == [
        "model.encoder.embed_positions.weight: positions 9 to 23",
        "model.decoder.embed_positions.weight: positions 5 to 23",
    ]


def test_a_parameter_that_two_modules_share_is_one_table():
    model = nn.ModuleDict({name: posembed.LearnedPositionalEmbedding(8, 4) for name in ("one", "two")})
    model["two"].weight = model["one"].weight
    assert [table.name for table in TableMonitor(model).tables] == ["one.weight"]


def test_the_last_position_of_a_causal_model_is_normal():
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=16, bos_token_id=0,
                                eos_token_id=1)
    )  # fmt: skip
    monitor = TableMonitor(model)
    train(model, monitor, [16])
    assert monitor.tables[0].counts().tolist() == [1] * 15 + [0]
    (sentence,) = monitor.warnings()
    assert sentence.startswith("transformer.wpe.weight: position 15 of 16 had no gradient in 1 step. For a causal")


def test_patches_of_an_image_are_positions_without_the_class_token():
    model = transformers.ViTForImageClassification(transformers.ViTConfig(image_size=32, patch_size=8, **SMALL))
    monitor = TableMonitor(model)
    model(pixel_values=torch.randn(2, 3, 32, 32), labels=torch.tensor([0, 1])).loss.backward()
    monitor.step()
    assert monitor.scalars(trained_range=True)["position_table/vit.embeddings.position_embeddings/coverage"] == 1.0
    assert len(monitor.tables[0].counts()) == 16
    assert monitor.warnings() == []
    model.zero_grad()
    patches = TableMonitor(model)
    model.vit.embeddings.position_embeddings[0, :4].sum().backward()  # the class token and three patches
    patches.step()
    assert patches.warnings() == [
        "vit.embeddings.position_embeddings: positions 3 to 15 of 16 had no gradient in 1 step. These are patches of "
        "the image grid that the loss does not depend on"
    ]


@pytest.mark.parametrize("wrapped", [nn.DataParallel, partial(torch.compile, backend="eager")])
def test_names_are_those_of_the_model_inside(wrapped):
    monitor = TableMonitor(wrapped(bert()))
    assert [table.name for table in monitor.tables] == [f"{BERT}.weight"]


@pytest.fixture
def process_group(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")
@pytest.mark.parametrize("distributed", [nn.parallel.DistributedDataParallel, fully_shard])
def test_tables_that_processes_share_are_counted_whole(distributed):
    """In one process: parameters, gradients and names are those of such a model."""
    model = posembed.LearnedPositionalEmbedding(8, 16)
    norms = model.weight.detach().norm(dim=1).numpy()
    shared = distributed(model)
    monitor = TableMonitor(shared)
    shared(3).sum().backward()
    monitor.step()
    assert monitor.tables[0].name == "weight"
    assert monitor.tables[0].counts().tolist() == [1] * 3 + [0] * 5
    assert np.allclose(monitor.tables[0].norms().trained, norms[:3])
    assert monitor.tables[0].trained_range() is None  # so few rows show nothing


def test_gaps_are_named():
    module = posembed.LearnedPositionalEmbedding(12, 4)
    monitor = TableMonitor(module)
    module(torch.tensor([[1, 3, 4, 6, 8, 10]])).sum().backward()
    monitor.step()
    assert monitor.warnings() == [
        "weight: positions 0, 2, 5, … (6 in all) of 12 had no gradient in 1 step. Inputs that use these positions read "
        "untrained rows: train on inputs that cover them"
    ]


def test_gradients_of_zero_train_nothing():
    module = posembed.LearnedPositionalEmbedding(12, 4)
    monitor = TableMonitor(module)
    module.weight.grad = torch.zeros_like(module.weight)
    monitor.step()
    assert monitor.warnings() == ["weight: every gradient was zero or not finite in 1 step, so no position was trained"]
    assert monitor.scalars()["position_table/weight/coverage"] == 0.0
    assert "position_table/weight/last_trained_position" not in monitor.scalars()


def test_a_frozen_table_is_named_and_not_logged():
    model = bert()
    model.bert.embeddings.position_embeddings.requires_grad_(False)
    monitor = TableMonitor(model)
    train(model, monitor, [4])
    assert monitor.warnings() == [f"{BERT}.weight is frozen (requires_grad=False): no position of it is trained"]
    assert monitor.scalars() == {}


def test_counting_after_zeroing_is_noticed():
    model = bert()
    monitor = TableMonitor(model)
    ids = tokens(4)
    model(input_ids=ids, labels=ids).loss.backward()
    model.zero_grad()
    monitor.step()
    (sentence,) = monitor.warnings()
    assert sentence.startswith(
        f"{BERT}.weight has had no gradient in .grad, so nothing could be counted. The gradients may"
    )


@pytest.mark.parametrize(
    "model",
    [nn.Linear(2, 2), transformers.LlamaModel(transformers.LlamaConfig(vocab_size=40, **SMALL))],
    ids=["linear", "rotary"],
)
def test_a_model_without_a_table_is_refused(model):
    with pytest.raises(
        InvalidArgumentError, match=r"^\w+ has no learned position table, so there is nothing to monitor"
    ):
        TableMonitor(model)


def test_length_aware_positions_are_refused():
    model = bert()
    posembed.extend_model(model, 64, length_aware=True)
    with pytest.raises(InvalidArgumentError, match="BertForMaskedLM has length-aware positions"):
        TableMonitor(model)


def test_the_trained_range_is_logged_on_request():
    model = bert()
    with torch.no_grad():
        model.bert.embeddings.position_embeddings.weight[20:] = 0
    monitor = TableMonitor(model)
    train(model, monitor, [20])
    name = f"position_table/{BERT}/trained_range"
    assert monitor.scalars(trained_range=True)[name] == 20
    assert name not in monitor.scalars()


def test_counts_go_on_from_a_state():
    model = bert()
    first, second = TableMonitor(model), TableMonitor(model)
    train(model, first, [8, 8])
    second.load_state_dict(first.state_dict())
    train(model, second, [4])
    assert second.tables[0].counts().tolist() == [3] * 4 + [2] * 4 + [0] * 24
    assert second.steps == 3
