"""Length-aware positions in real models: each text alone is the reference, in any batch, saved and loaded."""

import copy
import functools
import importlib.util

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file

from posembed import extend_checkpoint, extend_model, load_length_aware, save_length_aware
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.nn.length_aware import LengthAwareEmbedding
from tests.fixtures.caches import cache_arguments, cache_of

KEY = "embeddings.position_embeddings.weight"
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 50}


def bert(**settings):
    torch.manual_seed(0)
    return transformers.BertModel(transformers.BertConfig(**SMALL, max_position_embeddings=16, **settings)).eval()


def roberta():
    torch.manual_seed(0)
    config = transformers.RobertaConfig(**SMALL, max_position_embeddings=18, pad_token_id=1)
    return transformers.RobertaModel(config).eval()


def opt():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "ffn_dim": 16, "num_attention_heads": 2, "vocab_size": 50}
    config = transformers.OPTConfig(**sizes, word_embed_proj_dim=16, max_position_embeddings=16)
    return transformers.OPTModel(config).eval()


def biogpt():
    torch.manual_seed(0)
    config = transformers.BioGptConfig(**SMALL, max_position_embeddings=16)
    return transformers.BioGptModel(config).eval()


def bart():
    sides = {
        f"{side}_{what}": 2 for side in ("encoder", "decoder") for what in ("layers", "attention_heads", "ffn_dim")
    }
    config = transformers.BartConfig(**sides, d_model=16, vocab_size=50, max_position_embeddings=16)
    return transformers.BartModel(config)


def batch(lengths, pad=0):
    width = max(lengths)
    ids = torch.full((len(lengths), width), pad)
    mask = torch.zeros_like(ids)
    draw = torch.Generator().manual_seed(1)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(5, 50, (length,), generator=draw)
        mask[row, :length] = 1
    return ids, mask


@pytest.mark.parametrize(("make", "pad"), [(bert, 0), (roberta, 1), (opt, 1), (biogpt, 1)])
@torch.no_grad()
def test_short_inputs_keep_every_bit_and_batches_change_nothing(make, pad):
    model, original = make(), make()
    extend_model(model, 64, method="linear", length_aware=True)
    ids, mask = batch([5, 16, 17, 40], pad)
    together = model(input_ids=ids, attention_mask=mask).last_hidden_state
    for row, length in enumerate((5, 16, 17, 40)):
        alone = model(input_ids=ids[row : row + 1, :length], attention_mask=mask[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone.last_hidden_state[0], atol=2e-6, rtol=1e-5)
        if length <= 16:
            before = original(input_ids=ids[row : row + 1, :length], attention_mask=mask[row : row + 1, :length])
            assert torch.equal(alone.last_hidden_state, before.last_hidden_state)


@torch.no_grad()
def test_longer_inputs_read_the_extended_table():
    model, static = bert(), bert()
    extend_model(static, 64, method="linear")
    extend_model(model, 64, method="linear", length_aware=True)
    ids, mask = batch([40])
    wanted = static(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).last_hidden_state, wanted)
    torch.testing.assert_close(model(ids).last_hidden_state, wanted)  # no mask: all tokens are real
    torch.testing.assert_close(model(ids, mask).last_hidden_state, wanted)  # by place


def test_several_limits():
    model = bert()
    extend_model(model, [32, 64], method="tile", range=12, length_aware=True)
    module = model.embeddings.position_embeddings
    assert module.limits.tolist() == [16, 32, 64]
    assert torch.equal(module.table(2)[12:24], module.table(0)[:12])


def test_the_mask_does_not_stay():
    model = bert()
    extend_model(model, 64, method="linear", length_aware=True)
    ids, mask = batch([5, 40])
    with torch.no_grad():
        model(input_ids=ids, attention_mask=mask)
    assert model.embeddings.position_embeddings.mask is None
    with pytest.raises(IndexError):
        model(input_ids=ids[:, :3] + 1000)  # a failing call must not leave its mask behind either
    assert model.embeddings.position_embeddings.mask is None


@torch.no_grad()
def test_a_copy_is_a_model_of_its_own():
    model = bert()
    extend_model(model, 64, method="linear", length_aware=True)
    other = copy.deepcopy(model)
    other.embeddings.position_embeddings.weight.zero_()
    ids, mask = batch([5, 40])
    found = [each(input_ids=ids, attention_mask=mask).last_hidden_state for each in (model, other)]
    assert not torch.allclose(*found)
    assert other.forward.owner is other


@torch.no_grad()
def test_saved_and_loaded(tmp_path):
    model = bert()
    model.save_pretrained(tmp_path / "source")
    extend_checkpoint(tmp_path / "source", tmp_path / "out", 64, method="tile", range=12)
    extend_model(model, 64, method="linear", length_aware=True)
    save_length_aware(model, tmp_path / "out")
    again = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    assert isinstance(again.embeddings.position_embeddings, torch.nn.Embedding)  # plain loading: the static table
    assert load_length_aware(again, tmp_path / "out") is again
    ids, mask = batch([9, 40])
    wanted = model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(again(input_ids=ids, attention_mask=mask).last_hidden_state, wanted)
    table = load_file(tmp_path / "source" / "model.safetensors")[KEY]
    np.testing.assert_array_equal(again.embeddings.position_embeddings.table(0).numpy(), table)


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="no sentence-transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_in_sentence_transformers(example_checkpoints, tmp_path):
    from sentence_transformers import SentenceTransformer

    source = example_checkpoints / "my-embedder"
    extend_checkpoint(source, tmp_path / "out", 1024, method="linear")
    model = transformers.AutoModel.from_pretrained(source)
    extend_model(model, 1024, method="linear", length_aware=True)
    save_length_aware(model, tmp_path / "out")
    original = SentenceTransformer(str(source), device="cpu")
    longer = load_length_aware(SentenceTransformer(str(tmp_path / "out"), device="cpu"), tmp_path / "out")
    texts = ["the cat sat", "the dog bit the man . " * 100, "a house"]
    found = longer.encode(texts)
    alone = np.concatenate([longer.encode([text]) for text in texts])
    np.testing.assert_allclose(found, alone, atol=1e-5)
    np.testing.assert_array_equal(longer.encode([texts[0]]), original.encode([texts[0]]))
    assert np.abs(found[1] - original.encode([texts[1]])[0]).max() > 1e-3  # the original cuts at 512


@torch.no_grad()
def test_an_inner_model_called_by_itself():
    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, max_position_embeddings=16)
    whole = transformers.BertForMaskedLM(config).eval()
    original = copy.deepcopy(whole)
    extend_model(whole, 64, method="linear", length_aware=True)
    ids, mask = batch([5, 40])
    found = whole.bert(ids, attention_mask=mask).last_hidden_state[0, :5]
    wanted = original.bert(ids[:1, :5], attention_mask=mask[:1, :5]).last_hidden_state[0]
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(whole(ids, attention_mask=mask).logits[0, :5], original(ids[:1, :5]).logits[0])


def test_a_mask_that_tells_no_lengths_is_refused():
    model = bert()
    extend_model(model, 64, method="linear", length_aware=True)
    ids, mask = batch([5, 40])
    with pytest.raises(InvalidArgumentError, match=r"must be \[batch, seq\], got \[2, 1, 1, 40\]"):
        model(ids, attention_mask=mask[:, None, None])


def test_an_earlier_patch_is_kept():
    model, calls = bert(), []
    old = model.forward

    @functools.wraps(old)
    def counting(*arguments, **named):
        calls.append(1)
        return old(*arguments, **named)

    model.forward = counting
    extend_model(model, 64, method="linear", length_aware=True)
    ids, mask = batch([5, 40])
    model(input_ids=ids, attention_mask=mask)
    assert calls == [1]


def test_a_refused_model_is_as_it_was():
    class Deaf(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = transformers.BertConfig(max_position_embeddings=16, hidden_size=8)
            self.position_embeddings = torch.nn.Embedding(16, 8)

        def forward(self, x):
            return self.position_embeddings(x)

    model = Deaf()
    with pytest.raises(InvalidArgumentError, match="takes an attention_mask"):
        extend_model(model, 64, method="linear", length_aware=True)
    assert type(model.position_embeddings) is torch.nn.Embedding
    assert model.position_embeddings.weight.shape == (16, 8)
    assert model.config.max_position_embeddings == 16


def test_tables_of_another_model_are_refused(tmp_path):
    model = bert()
    extend_model(model, 64, method="linear", length_aware=True)
    save_length_aware(model, tmp_path)
    with pytest.raises(InvalidArgumentError, match="is for a table of 64 x 16"):
        load_length_aware(bert(), tmp_path)


def test_what_cannot_be_is_refused(tmp_path):
    model = bert()
    with pytest.raises(CheckpointError, match=r"has no length_aware\.safetensors"):
        load_length_aware(model, tmp_path)
    (tmp_path / "length_aware.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_length_aware(model, tmp_path)
    with pytest.raises(InvalidArgumentError, match="has 0 length-aware"):
        save_length_aware(model, tmp_path)
    with pytest.raises(InvalidArgumentError, match="several lengths need length_aware=True"):
        extend_model(model, [32, 64])
    encoder = bart().encoder
    before = {name: parameter.shape for name, parameter in encoder.named_parameters()}
    with pytest.raises(InvalidArgumentError, match="which computes row numbers itself"):
        extend_model(encoder, 32, length_aware=True)
    assert {name: parameter.shape for name, parameter in encoder.named_parameters()} == before


@pytest.mark.parametrize("make", [opt, biogpt])
@torch.no_grad()
def test_padding_on_the_left_and_decoding_with_a_cache(make):
    """As the model with the longer table alone does it, which Transformers' own class reads."""
    model, static = make(), make()
    extend_model(model, 64, method="linear", length_aware=True)
    extend_model(static, 64, method="linear")
    ids = torch.arange(5, 25)[None]
    whole = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    padded = torch.cat((torch.full((1, 7), 1), ids), dim=1)
    mask = (torch.arange(27) >= 7).long()[None]
    shifted, wanted = (each(input_ids=padded, attention_mask=mask).last_hidden_state for each in (model, static))
    assert torch.equal(shifted[:, 7:], wanted[:, 7:])
    with (model if make is biogpt else model.decoder).embed_positions.planning(20):
        first = model(input_ids=ids[:, :12], attention_mask=torch.ones(1, 12, dtype=torch.long), use_cache=True)
        rest = model(
            input_ids=ids[:, 12:], attention_mask=torch.ones_like(ids), **cache_arguments(model, cache_of(first))
        ).last_hidden_state
    torch.testing.assert_close(rest, whole[:, 12:], atol=2e-6, rtol=1e-5)


def test_the_module_is_trainable_as_the_table_was():
    model = bert()
    model.embeddings.position_embeddings.weight.requires_grad_(False)
    extend_model(model, 64, method="linear", length_aware=True)
    module = model.embeddings.position_embeddings
    assert isinstance(module, LengthAwareEmbedding)
    assert not module.weight.requires_grad
    assert model.config.max_position_embeddings == 64


@pytest.mark.parametrize(("make", "pad"), [(bert, 0), (roberta, 1), (opt, 1), (biogpt, 1)])
@torch.no_grad()
def test_the_command_writes_what_the_live_model_saves(make, pad, cli, tmp_path):
    original, live = make(), make()
    original.save_pretrained(tmp_path / "old")
    arguments = ("extend", tmp_path / "old", tmp_path / "new", "--to", 40, "--method", "linear", "--length-aware")
    code, _, told = cli(*arguments)
    assert code == 0, told
    extend_model(live, 40, method="linear", length_aware=True)
    loaded = load_length_aware(transformers.AutoModel.from_pretrained(tmp_path / "new").eval(), tmp_path / "new")
    ids, mask = batch([5, 16, 30], pad)
    wanted = live(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(loaded(input_ids=ids, attention_mask=mask).last_hidden_state, wanted)
    save_length_aware(live, tmp_path)
    one, other = (load_file(folder / "length_aware.safetensors") for folder in (tmp_path, tmp_path / "new"))
    assert {name: rows.tobytes() for name, rows in one.items()} == {name: r.tobytes() for name, r in other.items()}


@pytest.mark.parametrize(("make", "sentence"), [(bart, "for a directory with one table")])
def test_the_command_refuses_what_could_not_be_loaded(make, sentence, cli, tmp_path):
    make().save_pretrained(tmp_path / "old")
    for more in ((), ("--dry-run",)):
        code, _, told = cli("extend", tmp_path / "old", tmp_path / "new", "--to", 40, "--length-aware", *more)
        assert code == 2
        assert sentence in told.replace("\n", " ")
    assert not (tmp_path / "new").exists()
