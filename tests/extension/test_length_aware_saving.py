"""A model with length-aware positions is saved whole, or not at all."""

import copy
import importlib.util
import io

import pytest
import torch
import transformers
from safetensors.torch import load_file

from posembed import extend_checkpoint, extend_model, load_length_aware, save_length_aware
from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware_saving import only_length_aware

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 50}
IDS = torch.arange(5, 45)[None]
MASK = torch.ones_like(IDS)


def bert(made=transformers.BertModel):
    torch.manual_seed(0)
    return made(transformers.BertConfig(**SMALL, max_position_embeddings=16)).eval()


def opt():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "ffn_dim": 16, "word_embed_proj_dim": 16, "max_position_embeddings": 16}
    config = transformers.OPTConfig(**sizes, num_hidden_layers=1, num_attention_heads=2, vocab_size=50)
    return transformers.OPTModel(config).eval()


def length_aware(model):
    extend_model(model, 64, method="linear", length_aware=True)
    return model


@pytest.mark.parametrize(
    "save",
    [
        lambda model, out: model.save_pretrained(out),
        lambda model, out: model.save_pretrained(save_directory=out, state_dict=model.state_dict()),
        lambda model, out: model.save_pretrained(is_main_process=True, save_directory=out),
        lambda model, out: copy.deepcopy(model).save_pretrained(out),
        lambda model, out: transformers.Pipeline.save_pretrained(
            transformers.pipeline("feature-extraction", model=model, tokenizer=object()), str(out)
        ),
    ],
)
def test_libraries_cannot_save_it(save, tmp_path):
    model, out = length_aware(bert()), tmp_path / "out"
    with pytest.raises(InvalidArgumentError, match="would write the length-aware tables as one") as refused:
        save(model, out)
    assert f"posembed.save_length_aware(model, {str(out)!r}, whole=True)" in str(refused.value)
    assert not list(out.glob("*.safetensors"))


@pytest.mark.parametrize("call", [{"repo_id": "someone/model"}, {"private": True, "repo_id": "someone/model"}])
def test_an_upload_names_a_folder_and_the_command(call):
    model = length_aware(bert())
    with pytest.raises(InvalidArgumentError) as refused:
        model.push_to_hub(**call)
    assert (
        "save_length_aware(model, 'model', whole=True), then upload that folder: hf upload someone/model model"
        in str(refused.value)
    )


def test_a_wrapper_names_the_part_that_saves(tmp_path):
    model = torch.nn.DataParallel(length_aware(bert()))
    with pytest.raises(InvalidArgumentError, match=r"DataParallel does not have: give .*, model\.module"):
        save_length_aware(model, tmp_path, whole=True)
    save_length_aware(model.module, tmp_path, whole=True)
    assert (tmp_path / "model.safetensors").is_file()


def test_inner_models_cannot_be_saved_either(tmp_path):
    model = length_aware(bert(transformers.BertForMaskedLM))
    for part in (model, model.bert):
        with pytest.raises(InvalidArgumentError, match=r"\.save_pretrained would write"):
            part.save_pretrained(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [bert, opt, lambda: bert(transformers.BertForMaskedLM)])
@torch.no_grad()
def test_the_line_that_is_named_saves_everything(make, tmp_path):
    model = length_aware(make())
    for parameter in model.parameters():
        parameter.add_(0.01)  # as after a training of all weights
    wanted = [model(input_ids=IDS[:, :size], attention_mask=MASK[:, :size])[0] for size in (9, 40)]
    with pytest.raises(InvalidArgumentError) as refused:
        model.save_pretrained(tmp_path / "new")
    line = str(refused.value).rpartition("Save the model with ")[2]
    exec(line, {"posembed": __import__("posembed"), "model": model})
    plain = type(model).from_pretrained(tmp_path / "new").eval()
    assert plain(input_ids=IDS, attention_mask=MASK)[0].shape == wanted[1].shape
    again = load_length_aware(plain, tmp_path / "new")
    found = [again(input_ids=IDS[:, :size], attention_mask=MASK[:, :size])[0] for size in (9, 40)]
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert torch.equal(model(input_ids=IDS, attention_mask=MASK)[0], wanted[1])  # the model is as it was
    with pytest.raises(InvalidArgumentError, match="would write"):
        again.save_pretrained(tmp_path / "other")


@torch.no_grad()
def test_the_table_of_plain_loading_is_the_longest(tmp_path):
    model = length_aware(bert())
    save_length_aware(model, tmp_path, whole=True)
    _, module = only_length_aware(model)
    rows = load_file(tmp_path / "model.safetensors")["embeddings.position_embeddings.weight"]
    assert torch.equal(rows, module.table(-1))
    assert transformers.AutoConfig.from_pretrained(tmp_path).max_position_embeddings == 64


@torch.no_grad()
def test_state_dicts_and_pickles_stay_free():
    """Training uses them, and they go back into the same model without loss."""
    model, other = length_aware(bert()), length_aware(bert())
    for parameter in model.parameters():
        parameter.add_(1)
    other.load_state_dict(model.state_dict())
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    results = [each(input_ids=IDS, attention_mask=MASK)[0] for each in (model, other, read)]
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    with pytest.raises(InvalidArgumentError, match="would write"):
        read.save_pretrained("nowhere")


def test_other_models_save_as_ever(tmp_path):
    model = length_aware(bert())
    bert().save_pretrained(tmp_path / "another")  # of the same class
    model.embeddings.position_embeddings = torch.nn.Embedding(64, 16)
    model.save_pretrained(tmp_path / "plain")
    assert (
        transformers.BertModel.from_pretrained(tmp_path / "plain").embeddings.position_embeddings.weight.shape[0] == 64
    )


def test_an_earlier_patch_is_kept(tmp_path):
    model, calls = bert(), []
    model.save_pretrained = lambda *_: calls.append(1)
    length_aware(model)
    with pytest.raises(InvalidArgumentError, match="would write"):
        model.save_pretrained(tmp_path)
    save_length_aware(model, tmp_path, whole=True)
    assert calls == [1]


def test_what_cannot_be_saved_whole(tmp_path):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = bert()

        def forward(self, input_ids, attention_mask):
            return self.bert(input_ids, attention_mask)

    model = Model()
    extend_model(model.bert, 64, length_aware=True)
    with pytest.raises(InvalidArgumentError, match="needs a model with save_pretrained, which Model does not have"):
        save_length_aware(model, tmp_path, whole=True)
    with pytest.raises(InvalidArgumentError, match="BertModel has 0 length-aware"):
        save_length_aware(bert(), tmp_path, whole=True)


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="no sentence-transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("way", ["save_pretrained", "save", "push_to_hub"])
@pytest.mark.parametrize("inner", [False, True])
def test_sentence_transformers(example_checkpoints, tmp_path, way, inner, monkeypatch):
    from sentence_transformers import SentenceTransformer

    source, out = example_checkpoints / "my-embedder", tmp_path / "out"
    model = SentenceTransformer(str(source), device="cpu")
    monkeypatch.setattr(type(model), "_create_model_card", lambda *_, **__: None)
    extend_model(model[0].model if inner else model, 1024, method="linear", length_aware=True)
    texts = ["the cat sat", "the dog bit the man . " * 100]
    wanted = model.encode(texts)
    if not (inner and way == "push_to_hub"):  # which would ask the network first
        with pytest.raises(InvalidArgumentError, match="would write the length-aware tables as one"):
            getattr(model, way)(str(out))
        assert not list(out.rglob("*.safetensors"))
        assert inner or not out.exists()
    save_length_aware(model, out, whole=True)
    again = load_length_aware(SentenceTransformer(str(out), device="cpu"), out)
    assert (again.encode(texts) == wanted).all()


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="Trainer needs accelerate")
def test_trainer(tmp_path):
    model = length_aware(bert(transformers.BertForMaskedLM))
    arguments = transformers.TrainingArguments(str(tmp_path / "runs"), report_to=[], use_cpu=True)
    with pytest.raises(InvalidArgumentError, match="would write"):
        transformers.Trainer(model, arguments).save_model(str(tmp_path / "out"))
    assert not list(tmp_path.rglob("*.safetensors"))


def pair(encoder=None):
    """An encoder and a decoder in one model."""
    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, max_position_embeddings=16, is_decoder=True, add_cross_attention=True)
    return transformers.EncoderDecoderModel(
        encoder=bert() if encoder is None else encoder, decoder=transformers.BertLMHeadModel(config)
    ).eval()


def test_a_model_that_it_becomes_a_part_of_cannot_be_saved_either(tmp_path):
    """The whole is made after the part: what was refused on the part's own modules would be written from above."""
    whole = pair(length_aware(bert()))
    for save in (whole.save_pretrained, whole.push_to_hub):
        with pytest.raises(
            InvalidArgumentError, match=r"EncoderDecoderModel.* would write the length-aware tables as one"
        ):
            save(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    pair().save_pretrained(tmp_path / "plain")  # one without is saved as ever
    assert (tmp_path / "plain" / "model.safetensors").is_file()


def test_an_encoder_and_a_decoder_are_saved_whole(tmp_path):
    whole = pair(length_aware(bert()))
    save_length_aware(whole, tmp_path, whole=True)
    loaded = load_length_aware(transformers.EncoderDecoderModel.from_pretrained(tmp_path).eval(), tmp_path)
    for ids in (IDS[:, :10], IDS):
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids[:, :4]}
        assert torch.equal(whole(**inputs).logits, loaded(**inputs).logits)
    short, padding = IDS[:, :10], torch.zeros_like(IDS[:, 10:])  # beside a longer one in a batch
    inputs = {"input_ids": IDS, "attention_mask": torch.cat([torch.ones_like(short), padding], 1)}
    alone = {"input_ids": short, "attention_mask": torch.ones_like(short)}
    logits = [loaded(**each, decoder_input_ids=IDS[:, :4]).logits for each in (inputs, alone)]
    torch.testing.assert_close(*logits)


def test_the_tables_of_one_part_are_not_guessed_into_a_pair(tmp_path):
    save_length_aware(length_aware(bert()), tmp_path, whole=True)
    whole = pair(transformers.BertModel.from_pretrained(tmp_path))
    with pytest.raises(InvalidArgumentError, match=r"2 parameters of EncoderDecoderModel match .*: give the part that"):
        load_length_aware(whole, tmp_path)
    load_length_aware(whole.encoder, tmp_path)
    assert only_length_aware(whole)[0] == "encoder.embeddings.position_embeddings"


def test_tables_are_saved_only_beside_a_table_that_they_fit(tmp_path):
    bert(transformers.BertForMaskedLM).save_pretrained(tmp_path / "short")
    model = length_aware(bert())
    with pytest.raises(InvalidArgumentError, match=r"has 16 rows, .* table has 64: extend that checkpoint to 64 posi"):
        save_length_aware(model, tmp_path / "short")
    assert not (tmp_path / "short" / "length_aware.safetensors").exists()
    extend_checkpoint(tmp_path / "short", tmp_path / "long", 64, check="off")
    save_length_aware(model, tmp_path / "long")  # the file has one more name before the parameter's


@pytest.mark.parametrize("whole", [False, True])
def test_a_file_is_no_directory(whole, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidArgumentError, match="is a file: give a directory"):
        save_length_aware(length_aware(bert()), tmp_path / "file", whole=whole)
    assert (tmp_path / "file").read_text() == "mine"


def test_length_aware_positions_are_put_in_once(tmp_path):
    model = length_aware(bert())
    save_length_aware(model, tmp_path, whole=True)
    again = load_length_aware(transformers.AutoModel.from_pretrained(tmp_path), tmp_path)
    already = "embeddings.position_embeddings of BertModel has length-aware positions already, .* 16 and 64 tokens"
    for call in (
        lambda: load_length_aware(again, tmp_path),
        lambda: extend_model(again, 128),
        lambda: extend_model(again, 128, length_aware=True),
        lambda: extend_model(again, 128, tables="embeddings.position_embeddings.weight"),
    ):
        with pytest.raises(InvalidArgumentError, match=already):
            call()


def test_the_other_part_of_a_pair_can_still_be_extended():
    config = {**SMALL, "max_position_embeddings": 16, "is_decoder": True, "add_cross_attention": True}
    pair = transformers.EncoderDecoderModel(
        encoder=length_aware(bert()), decoder=transformers.BertLMHeadModel(transformers.BertConfig(**config))
    )
    (change,) = extend_model(pair, 32, tables="decoder.bert.embeddings.position_embeddings.weight")
    assert change.usable_length == 32
