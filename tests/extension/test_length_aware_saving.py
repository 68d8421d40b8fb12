"""Every way of saving a model with length-aware positions writes a checkpoint that gives the same model again."""

import copy
import importlib.util
import io
import shutil
from pathlib import Path
from types import SimpleNamespace

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
TOKENIZER = SimpleNamespace(save_pretrained=lambda _: None)


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


def loaded(folder, made=transformers.BertModel):
    return load_length_aware(made.from_pretrained(folder).eval(), folder)


@torch.no_grad()
def same(one, other, **more):
    """Whether two models give the same on an input of either table."""
    for ids in (IDS[:, :9], IDS):
        found = [each(input_ids=ids, attention_mask=torch.ones_like(ids), **more)[0] for each in (one, other)]
        if not torch.equal(*found):
            return False
    return True


@pytest.mark.parametrize(
    "save",
    [
        lambda model, out: model.save_pretrained(out),
        lambda model, out: model.save_pretrained(save_directory=out, state_dict=model.state_dict()),
        lambda model, out: model.save_pretrained(out, True, model.state_dict()),
        lambda model, out: model.save_pretrained(is_main_process=True, save_directory=str(out), max_shard_size="2KB"),
        lambda model, out: copy.deepcopy(model).save_pretrained(out),
        lambda model, out: torch.compile(model, backend="eager").save_pretrained(out),
        lambda model, out: transformers.Pipeline.save_pretrained(
            transformers.pipeline("feature-extraction", model=model, tokenizer=TOKENIZER), str(out)
        ),
    ],
)
def test_libraries_save_it(save, tmp_path):
    model, out = length_aware(bert()), tmp_path / "out"
    trained(model)
    save(model, out)
    assert same(loaded(out), model)
    plain = transformers.BertModel.from_pretrained(out)
    assert torch.equal(plain.embeddings.position_embeddings.weight, only_length_aware(model)[1].table(-1))


def trained(model):
    """As after a training of all weights."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))


def test_a_given_state_is_what_is_saved(tmp_path):
    model, other = length_aware(bert()), length_aware(bert())
    trained(other)
    model.save_pretrained(tmp_path, state_dict=other.state_dict())
    assert same(loaded(tmp_path), other)
    assert not same(loaded(tmp_path), model)


def test_a_state_without_the_tables_is_refused(tmp_path):
    model = length_aware(bert())
    for state in ({}, bert().state_dict()):
        with pytest.raises(
            InvalidArgumentError, match=r"state_dict has no embeddings\.\S+ of 80 x 16, which are the rows"
        ):
            model.save_pretrained(tmp_path / "out", state_dict=state)
    assert not (tmp_path / "out").exists()


def test_other_processes_write_nothing(tmp_path):
    length_aware(bert()).save_pretrained(tmp_path, is_main_process=False)
    assert not list(tmp_path.glob("*.safetensors"))


def test_an_upload_has_the_tables(monkeypatch):
    """The library saves into a folder of its own, and uploads what it finds there."""
    hub, sent = transformers.utils.hub, set()
    api = SimpleNamespace(create_repo=lambda *_, **__: SimpleNamespace(repo_id="someone/model"))
    monkeypatch.setattr(hub, "hf_api", lambda: api)
    monkeypatch.setattr(hub, "create_and_tag_model_card", lambda *_, **__: SimpleNamespace(save=lambda _: None))
    upload = lambda folder, *_, **__: sent.update(path.name for path in Path(folder).iterdir())  # noqa: E731
    model = length_aware(bert())
    model._upload_modified_files = upload
    model.push_to_hub("someone/model")
    assert {"config.json", "model.safetensors", "length_aware.safetensors"} <= sent


def test_an_upload_within_saving_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match="push_to_hub=True would upload the model before"):
        length_aware(bert()).save_pretrained(tmp_path / "out", push_to_hub=True)
    assert not (tmp_path / "out").exists()


def test_a_wrapper_names_the_part_that_saves(tmp_path):
    model = torch.nn.DataParallel(length_aware(bert()))
    with pytest.raises(InvalidArgumentError, match=r"DataParallel does not have: give .*, model\.module"):
        save_length_aware(model, tmp_path, whole=True)
    save_length_aware(model.module, tmp_path, whole=True)
    assert (tmp_path / "model.safetensors").is_file()


@pytest.mark.parametrize("made", [bert, opt, lambda: bert(transformers.BertForMaskedLM)])
def test_inner_models_and_other_classes(made, tmp_path):
    model = length_aware(made())
    trained(model)
    model.save_pretrained(tmp_path / "whole")
    again = loaded(tmp_path / "whole", type(model))
    assert same(again, model)
    again.save_pretrained(tmp_path / "again")
    assert same(loaded(tmp_path / "again", type(model)), model)
    if hasattr(model, "bert"):
        model.bert.save_pretrained(tmp_path / "part")
        assert same(loaded(tmp_path / "part"), model.bert)


def test_the_tables_alone_are_no_state_of_the_model(tmp_path):
    """A Trainer that goes on from a folder reads its model.safetensors alone, which has one table."""
    model = length_aware(bert())
    model.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match=r"position_embeddings.weight is the longest table alone.*load_length_aware"):
        model.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=False)


@torch.no_grad()
def test_the_table_of_plain_loading_is_the_longest(tmp_path):
    model = length_aware(bert())
    save_length_aware(model, tmp_path, whole=True)
    _, module = only_length_aware(model)
    rows = load_file(tmp_path / "model.safetensors")["embeddings.position_embeddings.weight"]
    assert torch.equal(rows, module.table(-1))
    assert transformers.AutoConfig.from_pretrained(tmp_path).max_position_embeddings == 64


@torch.no_grad()
def test_state_dicts_and_pickles_stay_free(tmp_path):
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
    read.save_pretrained(tmp_path)
    assert same(loaded(tmp_path), model)


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
    model.save_pretrained = lambda *_: calls.append(type(model.embeddings.position_embeddings))
    length_aware(model)
    model.save_pretrained(tmp_path)
    save_length_aware(model, tmp_path, whole=True)
    assert calls == [torch.nn.Embedding] * 2
    assert (tmp_path / "length_aware.safetensors").is_file()


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
    if way == "push_to_hub":
        sent = lambda _, folder_path, **__: shutil.copytree(folder_path, out)  # noqa: E731
        api = SimpleNamespace(create_repo=lambda **_: SimpleNamespace(repo_id="x/y"), upload_folder=sent)
        api.upload_folder = lambda folder_path, **_: (
            shutil.copytree(folder_path, out),
            SimpleNamespace(commit_url=""),
        )[1]
        monkeypatch.setattr("sentence_transformers.base.model.HfApi", lambda **_: api)
        model.push_to_hub("x/y", replace_model_card=True)
    else:
        getattr(model, way)(str(out))
    assert save_length_aware(model, tmp_path / "whole", whole=True) == tmp_path / "whole" / "length_aware.safetensors"
    for folder in (out, tmp_path / "whole"):
        again = load_length_aware(SentenceTransformer(str(folder), device="cpu"), folder)
        assert (again.encode(texts) == wanted).all()


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="Trainer needs accelerate")
def test_trainer(tmp_path):
    model = length_aware(bert(transformers.BertForMaskedLM))
    rows = [{"input_ids": IDS[0, :size], "labels": IDS[0, :size]} for size in (9, 40)]
    arguments = transformers.TrainingArguments(
        str(tmp_path / "runs"), report_to=[], use_cpu=True, max_steps=2, save_steps=1, per_device_train_batch_size=1,
        disable_tqdm=True,
    )  # fmt: skip
    trainer = transformers.Trainer(model, arguments, train_dataset=rows)
    trainer.train()
    trainer.save_model(str(tmp_path / "out"))
    for folder in (tmp_path / "out", tmp_path / "runs" / "checkpoint-2"):
        assert same(loaded(folder, type(model)), model.eval())


def pair(encoder=None):
    """An encoder and a decoder in one model."""
    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, max_position_embeddings=16, is_decoder=True, add_cross_attention=True)
    return transformers.EncoderDecoderModel(
        encoder=bert() if encoder is None else encoder, decoder=transformers.BertLMHeadModel(config)
    ).eval()


def test_a_model_that_it_becomes_a_part_of(tmp_path):
    """The whole is made after the part: its class asks what is inside."""
    whole = pair(length_aware(bert()))
    whole.save_pretrained(tmp_path / "out")
    assert same(loaded(tmp_path / "out", transformers.EncoderDecoderModel), whole, decoder_input_ids=IDS[:, :4])
    pair().save_pretrained(tmp_path / "plain")  # one without is saved as ever
    assert [path.name for path in (tmp_path / "plain").glob("*.safetensors")] == ["model.safetensors"]
    extend_model(whole.decoder, 64, tables="bert.embeddings.position_embeddings.weight", length_aware=True)
    with pytest.raises(InvalidArgumentError, match="EncoderDecoderModel has 2 length-aware position embeddings"):
        whole.save_pretrained(tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_an_encoder_and_a_decoder_are_saved_whole(tmp_path):
    whole = pair(length_aware(bert()))
    save_length_aware(whole, tmp_path, whole=True)
    again = load_length_aware(transformers.EncoderDecoderModel.from_pretrained(tmp_path).eval(), tmp_path)
    for ids in (IDS[:, :10], IDS):
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids[:, :4]}
        assert torch.equal(whole(**inputs).logits, again(**inputs).logits)
    short, padding = IDS[:, :10], torch.zeros_like(IDS[:, 10:])  # beside a longer one in a batch
    inputs = {"input_ids": IDS, "attention_mask": torch.cat([torch.ones_like(short), padding], 1)}
    alone = {"input_ids": short, "attention_mask": torch.ones_like(short)}
    logits = [again(**each, decoder_input_ids=IDS[:, :4]).logits for each in (inputs, alone)]
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
