import pytest
import torch
from torch import nn

import posembed
from posembed.errors import ArgumentTypeError, StateDictError
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding
from posembed.nn.state_dict import LoadReport, load_transformers_state_dict

VOCAB, USABLE, WIDTH = 9, 6, 4
BERT = {"type_vocab_size": 2, "layer_norm_eps": 1e-12}
ROBERTA = {"type_vocab_size": 1, "layer_norm_eps": 1e-5, "reserved": 2, "position_padding_idx": 1, "padding_idx": 1}
DISTILBERT = {"layer_norm_eps": 1e-12}
OPT = {"reserved": 2, "padding_idx": 1}


def build(**arguments) -> TokenPositionEmbedding:
    return TokenPositionEmbedding(**({"vocab_size": VOCAB, "max_len": USABLE, "d_model": WIDTH} | arguments))


def bert_names(prefix="bert.embeddings.", types=2, rows=USABLE, norm=("LayerNorm.weight", "LayerNorm.bias")):
    out = {"word_embeddings.weight": torch.randn(VOCAB, WIDTH), "position_embeddings.weight": torch.randn(rows, WIDTH)}
    if types:
        out["token_type_embeddings.weight"] = torch.randn(types, WIDTH)
    out |= {name: torch.randn(WIDTH) for name in norm}
    return {prefix + name: value for name, value in out.items()}


def gpt2_names(prefix="transformer."):
    return {f"{prefix}wte.weight": torch.randn(VOCAB, WIDTH), f"{prefix}wpe.weight": torch.randn(USABLE, WIDTH)}


def opt_names(prefix="model.decoder."):
    return {
        f"{prefix}embed_tokens.weight": torch.randn(VOCAB, WIDTH),
        f"{prefix}embed_positions.weight": torch.randn(USABLE + 2, WIDTH),
    }


LEGACY = ("LayerNorm.gamma", "LayerNorm.beta")
ACCEPTED = {
    "bert": ("bert", BERT, bert_names()),
    "bert in a wrapper": ("bert", BERT, bert_names("module.model.bert.embeddings.")),
    "bert from TensorFlow": ("bert", BERT, bert_names(norm=LEGACY)),
    "bert alone": ("bert-like", BERT, bert_names("embeddings.")),
    "bert's embeddings alone": ("bert-like", BERT, bert_names("")),
    "a sentence encoder": ("bert-like", BERT, bert_names("0.auto_model.embeddings.")),
    "roberta": ("roberta", ROBERTA, bert_names("roberta.embeddings.", types=1, rows=USABLE + 2)),
    "roberta alone": ("bert-like", ROBERTA, bert_names("embeddings.", types=1, rows=USABLE + 2)),
    "roberta without a padding row": (
        "roberta",
        ROBERTA | {"position_padding_idx": None},
        bert_names("x.roberta.embeddings.", types=1, rows=USABLE + 2),
    ),
    "distilbert": ("distilbert", DISTILBERT, bert_names("distilbert.embeddings.", types=0)),
    "mpnet": (
        "mpnet",
        ROBERTA | {"type_vocab_size": 0},
        bert_names("mpnet.embeddings.", types=0, rows=USABLE + 2),
    ),
    "gpt2": ("gpt2", {}, gpt2_names()),
    "gpt2 alone": ("gpt2", {}, gpt2_names("")),
    "gpt2 in a wrapper": ("gpt2", {}, gpt2_names("_orig_mod.transformer.")),
    "opt": ("opt", OPT, opt_names()),
    "opt alone": ("opt", OPT, opt_names("decoder.")),
}


def loaded_anything(module: TokenPositionEmbedding, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(value, before[name]) for name, value in module.state_dict().items())


def assert_refused(module, state_dict, message, error=StateDictError):
    before = {name: value.clone() for name, value in module.state_dict().items() if not value.is_meta}
    with pytest.raises(error, match=message) as caught:
        load_transformers_state_dict(module, state_dict)
    assert "\n" not in str(caught.value)
    if before:
        assert not loaded_anything(module, before)


@pytest.mark.parametrize("case", ACCEPTED)
def test_every_tensor_lands_at_its_place(case):
    family, arguments, state_dict = ACCEPTED[case]
    module = build(**arguments)
    addresses = {name: value.data_ptr() for name, value in module.named_parameters()}
    report = load_transformers_state_dict(module, state_dict)
    assert report.family == family
    assert set(report.loaded) == set(addresses)
    assert list(report.loaded.values()) == list(state_dict)
    assert (report.dropped, report.outside) == ((), ())
    for name, value in module.named_parameters():
        assert torch.equal(value, state_dict[report.loaded[name]])
        assert value.data_ptr() == addresses[name]
        assert value.requires_grad
        assert value.is_leaf
    swapped = {"token": "word|wte|tokens", "position": "position|wpe", "segment": "type", "norm": "LayerNorm"}
    for ours, theirs in report.loaded.items():
        assert any(word in theirs for word in swapped[ours.split(".")[0]].split("|"))


def test_it_is_public():
    assert posembed.load_transformers_state_dict is load_transformers_state_dict


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.float32])
@pytest.mark.parametrize("prefix", ["bert.embeddings.", "embeddings.", ""])
def test_old_buffers_are_dropped_and_said(dtype, prefix):
    buffers = {f"{prefix}{name}": torch.zeros(1, 512, dtype=dtype) for name in ("position_ids", "token_type_ids")}
    weights = bert_names(prefix)
    report = load_transformers_state_dict(build(**BERT), buffers | weights)
    assert report.dropped == tuple(buffers)
    assert report.outside == ()


@pytest.mark.parametrize(
    ("arguments", "state_dict", "others"),
    [
        (BERT, bert_names(), ["bert.encoder.layer.0.output.LayerNorm.weight", "bert.pooler.dense.bias", "cls.bias"]),
        (BERT, bert_names("embeddings."), ["encoder.layer.0.x", "pooler.dense.weight"]),
        ({}, gpt2_names(), ["transformer.h.0.attn.bias", "transformer.ln_f.weight", "lm_head.weight", "score.weight"]),
        ({}, gpt2_names(""), ["h.0.attn.masked_bias", "ln_f.bias", "lm_head.weight", "multiple_choice_head.summary.x"]),
        (OPT, opt_names(), ["model.decoder.layers.0.fc1.weight", "model.decoder.final_layer_norm.bias", "lm_head.x"]),
    ],
)
def test_other_parts_of_a_whole_model_are_not_read(arguments, state_dict, others):
    poison = {name: torch.full((1,), float("nan"), dtype=torch.bfloat16) for name in others}
    report = load_transformers_state_dict(build(**arguments), poison | state_dict)
    assert report.outside == tuple(others)
    assert set(report.loaded.values()) == set(state_dict)


@pytest.mark.parametrize(
    ("module_dtype", "dtype"),
    [
        (torch.float32, torch.float16),
        (torch.float32, torch.bfloat16),
        (torch.float64, torch.float32),
        (torch.float64, torch.bfloat16),
        (torch.bfloat16, torch.bfloat16),
    ],
)
def test_a_lossless_widening_is_accepted(module_dtype, dtype):
    module = build(dtype=module_dtype)
    state_dict = {name: value.to(dtype) for name, value in gpt2_names().items()}
    load_transformers_state_dict(module, state_dict)
    assert module.token.weight.dtype == module_dtype
    assert torch.equal(module.token.weight, state_dict["transformer.wte.weight"].to(module_dtype))


@pytest.mark.parametrize(
    ("module_dtype", "dtype"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float64),
        (torch.bfloat16, torch.float16),
        (torch.float16, torch.bfloat16),
        (torch.float32, torch.float8_e4m3fn),  # quantised values mean nothing without their scales
    ],
)
def test_a_lossy_dtype_is_refused(module_dtype, dtype):
    state_dict = {name: value.to(dtype) for name, value in gpt2_names().items()}
    message = (
        rf"wte.weight has dtype {dtype}, but token.weight is {module_dtype}, .* wider one .* a module of dtype "
        rf"{dtype}, then cast it with .to\({module_dtype}\)"
    )
    assert_refused(build(dtype=module_dtype), state_dict, message)


def replaced(state_dict, **changes):
    """A copy in which each key that ends with a changed name has the new value, or is gone for ``None``."""
    out = dict(state_dict)
    for ending, value in changes.items():
        (key,) = [key for key in out if ending in key]
        if value is None:
            del out[key]
        else:
            out[key] = value
    return out


B, G, D = bert_names(), gpt2_names(), opt_names()
R = bert_names("roberta.embeddings.", types=1, rows=USABLE + 2)
REFUSED = {
    "nothing known": ({}, {"a.weight": torch.zeros(1)}, r"no token table .* 1 keys \('a.weight'\); known are bert.emb"),
    "empty": ({}, {}, "no token table under a known name among its 0 keys"),
    "similar names": ({}, {"transformer.wtf.weight": B}, "no token table"),
    "a name that only ends alike": ({}, {"xwte.weight": torch.zeros(9, 4)}, "no token table"),
    "two models": ({}, G | gpt2_names("other."), r"embeddings in 2 places \('other.', 'transformer.'\): pass the ent"),
    "an encoder and a decoder": (BERT, B | {"decoder." + k: v for k, v in G.items()}, "embeddings in 2 places"),
    "no tokens": (BERT, replaced(B, word=None), "lacks bert.embeddings.word_embeddings.weight, which token.weight is"),
    "no positions": ({}, replaced(G, wpe=None), "lacks transformer.wpe.weight, .* with position='none'"),
    "no segments": (BERT, replaced(B, token_type=None), "lacks .*token_type_embeddings.weight, .*type_vocab_size=0"),
    "no norm": (BERT, replaced(B, bias=None), "lacks bert.embeddings.LayerNorm.bias or bert.embeddings.LayerNorm.beta"),
    "segments that GPT-2 has not": ({"type_vocab_size": 2}, G, "segment.weight, which gpt2 .* with type_vocab_size=0"),
    "a norm that OPT has not": (OPT | {"layer_norm_eps": 1e-5}, D, "norm.weight, which opt .* layer_norm_eps=None"),
    "segments without a place": (DISTILBERT, B, "token_type.* cannot be loaded: .* its type_vocab_size"),
    "a norm without a place": ({"type_vocab_size": 2}, B, "Norm.weight cannot be loaded: .* with a layer_norm_eps"),
    "an unknown key": (BERT, B | {"bert.embeddings.x_position_embeddings.weight": B}, "x_position_.* does not belong"),
    "an unknown key of GPT-2": ({}, G | {"transformer.emb_norm.weight": torch.zeros(4)}, "emb_norm.* does not belong"),
    "an unknown key of OPT": (OPT, D | {"model.decoder.layernorm_embedding.bias": D}, "embedding.bias does not belong"),
    "projected tokens": (OPT, D | {"model.decoder.project_in.weight": D}, "project_in.weight .* projects the tokens"),
    "two norms": (BERT, B | {"bert.embeddings.LayerNorm.gamma": torch.ones(4)}, "gamma and .* are both norm.weight"),
    "more rows": ({}, replaced(G, wpe=torch.zeros(8, 4)), r"shape \[8, 4\], but position.weight has \[6, 4\]: "
                  r"build the module with max_len=8, .*posembed extend. to lengthen it, truncation .* to shorten"),
    "fewer rows": (OPT, replaced(D, pos=torch.zeros(6, 4)), r"\[6, 4\], but .* \[8, 4\]: .* max_len=4 .*without the 2"),
    "another width": ({}, replaced(G, wpe=torch.zeros(6, 5)), r"\[6, 5\], but .* \[6, 4\]: build .* with the d_model"),
    "another vocabulary": ({}, replaced(G, wte=torch.zeros(11, 4)), r"\[11, 4\], but token.weight .* vocab_size=11$"),
    "another number of segments": (BERT, replaced(B, token_type=torch.zeros(1, 4)), r"\[1, 4\].* type_vocab_size=1$"),
    "a norm of another width": (BERT, replaced(B, bias=torch.zeros(3)), r"\[3\], but norm.bias has \[4\]: .* d_model"),
    "a scalar": ({}, replaced(G, wpe=torch.tensor(1.0)), r"shape \[\], but position.weight has \[6, 4\]"),
    "whole numbers": ({}, replaced(G, wte=torch.zeros(9, 4).long()), "dtype torch.int64, .* dequantize it first"),
    "no tensor": ({}, replaced(G, wte=[[0.0]]), "wte.weight is list, but must be a dense tensor"),
    "no values": ({}, replaced(G, wte=torch.zeros(9, 4, device="meta")), "tensor on meta, but must be a dense tensor"),
    "sparse": ({}, replaced(G, wte=torch.zeros(9, 4).to_sparse()), "torch.sparse_coo tensor on cpu, but must be a d"),
    "a module without values": ({"device": "meta"}, G, "token.weight is on the meta device, .* call module.to_empty"),
    "RoBERTa without reserved rows": ({"type_vocab_size": 1, "layer_norm_eps": 1e-5, "max_len": 8}, R,
                                      "reserved is 0, but roberta tables have padding_idx .*=1 reserved .* reserved=2"),
    "RoBERTa with another pad": (ROBERTA | {"position_padding_idx": 0}, R, "padding_idx=0 reserved .* reserved=1"),
    "BERT with reserved rows": (BERT | {"reserved": 2, "max_len": 4}, B, "reserved is 2, but bert tables have 0 "),
    "OPT without reserved rows": ({"max_len": 8}, D, "reserved is 0, but opt tables have 2 reserved .*reserved=2"),
    "sinusoids": ({"position": "sinusoidal"}, G, "module.position is SinusoidalPos.*, .* position='learned'"),
    "no positions in the module": ({"position": "none"}, G, "module.position is NoneType, and gpt2 weights hold"),
    "a module of one's own": ({"position": nn.Embedding(6, 4)}, G, "module.position is Embedding, and gpt2"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_is_copied(case):
    arguments, state_dict, message = REFUSED[case]
    assert_refused(build(**arguments), state_dict, message)


def test_a_wrong_tensor_at_the_end_leaves_the_first_ones_uncopied():
    state_dict = bert_names()
    last = list(state_dict)[-1]
    assert_refused(build(**BERT), state_dict | {last: torch.zeros(5)}, "LayerNorm.bias has shape")


@pytest.mark.parametrize(
    ("module", "state_dict", "message"),
    [
        (
            LearnedPositionalEmbedding(6, 4),
            G,
            "module must be a TokenPositionEmbedding, got LearnedPositionalEmbedding",
        ),
        (build(), [("wte.weight", 1)], "state_dict must map names to tensors, got list"),
        (build(), {1: torch.zeros(1)}, "state_dict must map names to tensors, got dict"),
    ],
)
def test_wrong_types(module, state_dict, message):
    assert_refused(module, state_dict, message, ArgumentTypeError)


def test_a_state_dict_error_is_a_runtime_error():
    # as load_state_dict of PyTorch raises
    with pytest.raises(RuntimeError):
        load_transformers_state_dict(build(), {})


def test_the_report_is_a_value():
    report = load_transformers_state_dict(build(), G)
    assert report == LoadReport(
        "gpt2", {"token.weight": "transformer.wte.weight", "position.weight": "transformer.wpe.weight"}, (), ()
    )
    with pytest.raises(AttributeError):
        report.family = "bert"


def test_frozen_and_tied_tables_stay_so():
    module = build()
    module.token.weight.requires_grad_(False)
    head = nn.Linear(WIDTH, VOCAB, bias=False)
    head.weight = module.token.weight
    load_transformers_state_dict(module, G)
    assert not module.token.weight.requires_grad
    assert torch.equal(head.weight, G["transformer.wte.weight"])


def test_a_module_of_inference_mode_cannot_be_loaded_into():
    with torch.inference_mode():
        module = build()
    with pytest.raises(StateDictError, match=r"token.weight was made inside torch.inference_mode.*: build the module"):
        load_transformers_state_dict(module, gpt2_names())
    with torch.inference_mode():
        load_transformers_state_dict(module, gpt2_names())
