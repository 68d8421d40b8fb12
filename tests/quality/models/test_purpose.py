"""What a model is for: what is refused is refused by name, whoever asks."""

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.models.kinds import KINDS, kind_of, trainable_kind_of
from posembed.quality.models.multi_vector import MULTI_VECTOR
from posembed.quality.models.purpose import PURPOSES, kind_name
from posembed.quality.models.reranker import RERANKER
from posembed.quality.models.sparse import SPARSE

ST = "sentence_transformers.models."
TRANSFORMER = {"type": ST + "Transformer", "path": ""}
POOLING = {"type": ST + "Pooling", "path": "1_Pooling"}
NEW = "sentence_transformers.base.modules.transformer.Transformer"


def modules(*names):
    return [TRANSFORMER, *({"type": name, "path": name} for name in names)]


SETTINGS = "config_sentence_transformers"
MULTI = "is a multi-vector model that reads images, or that a library other than sentence-transformers wrote"
RERANKERS = [
    # As sentence-transformers 6 saves a CrossEncoder, with less and less of what says so.
    (
        "BertForSequenceClassification",
        {
            "modules": [{"type": NEW, "path": ""}],
            SETTINGS: {"model_type": "CrossEncoder"},
            "sentence_bert_config": {"transformer_task": "sequence-classification"},
        },
    ),
    ("BertModel", {"modules": [TRANSFORMER, POOLING], SETTINGS: {"model_type": "CrossEncoder"}}),
    ("BertModel", {"modules": [TRANSFORMER], "sentence_bert_config": {"transformer_task": "sequence-classification"}}),
    ("BertForSequenceClassification", {"modules": [TRANSFORMER]}),
    ("Qwen3ForCausalLM", {"modules": modules("sentence_transformers.cross_encoder.modules.logit_score.LogitScore")}),
    # As it was saved before that: one file.
    ("BertForSequenceClassification", {"config": {"id2label": {"0": "LABEL_0"}}}),
    (
        "BertForSequenceClassification",
        {"config": {"sentence_transformers": {"activation_fn": "torch.nn.Sigmoid"}, "id2label": {"0": "a", "1": "b"}}},
    ),
]  # fmt: skip
REFUSED = [
    (
        "BertModel",
        {"modules": [{"type": ST + "SparseStaticEmbedding", "path": ""}], SETTINGS: {"model_type": "SparseEncoder"}},
        "without a Transformer",
    ),
    ("BertModel", {"modules": modules("pylate.models.Dense.Dense")}, MULTI),
    ("HF_ColBERT", {}, MULTI),
    ("ColPali", {"modules": [TRANSFORMER], "sentence_bert_config": {"transformer_task": "retrieval"}}, MULTI),
    (
        "BertModel",
        {
            "modules": [TRANSFORMER],
            SETTINGS: {"model_type": "MultiVectorEncoder"},
            "sentence_bert_config": {"modality_config": {"text": {}, "image": {}}},
        },
        MULTI,
    ),
    ("BertModel", {"modules": [{"type": ST + "Router", "path": ""}]}, "is a Router of several models"),
    ("BertModel", {"modules": [{"type": ST + "Asym", "path": ""}]}, "is a Router of several models"),
    ("CLIPModel", {"modules": [{"type": ST + "CLIPModel", "path": ""}]}, "is a model of images and texts"),
    ("CLIPModel", {}, "is a model of images and texts"),
    (
        "SiglipModel",
        {"modules": [TRANSFORMER], "sentence_bert_config": {"modality_config": {"text": {}, "image": {}}}},
        "is a model of images and texts",
    ),
    ("BertModel", {"modules": [{"type": ST + "StaticEmbedding", "path": ""}]}, "without a Transformer"),
    ("BertModel", {"modules": [{"type": "custom_st.Transformer", "path": ""}, POOLING]}, "names custom_st.Transformer"),
    ("BertModel", {"modules": [TRANSFORMER, POOLING], SETTINGS: {"model_type": "NewKind"}}, "says 'NewKind'"),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "files", "sentence"), REFUSED)
def test_what_is_refused_by_name(folder, architecture, files, sentence):
    config = {"architectures": [architecture]} | files.get("config", {})
    with pytest.raises(InvalidArgumentError) as refused:
        kind_name(folder(**files | {"config": config}))
    assert sentence in str(refused.value)
    assert "supported are sentence-embedding models" in str(refused.value)


@pytest.mark.parametrize(("architecture", "files"), RERANKERS)
def test_rerankers_are_evaluated_and_no_more(folder, architecture, files):
    evaluated_and_no_more(
        folder(**files | {"config": {"architectures": [architecture]} | files.get("config", {})}), RERANKER
    )


def evaluated_and_no_more(place, kind):
    assert kind_name(place) == kind.name
    assert kind_of(place) is kind
    with pytest.raises(InvalidArgumentError) as refused:
        trainable_kind_of(place)
    assert f"is {kind.description}: it can be evaluated, but nothing here trains" in str(refused.value)


@pytest.mark.parametrize(
    ("architecture", "files"),
    [
        ("BertModel", {"modules": [TRANSFORMER, POOLING], SETTINGS: {"model_type": "SparseEncoder"}}),
        (
            "BertForMaskedLM",
            {"modules": [{"type": ST + "MLMTransformer", "path": ""}, *modules(ST + "SpladePooling")[1:]]},
        ),
        ("BertModel", {"modules": [TRANSFORMER, POOLING, *modules(ST + "SparseAutoEncoder")[1:]]}),
    ],
)
def test_sparse_encoders_are_evaluated_and_no_more(folder, architecture, files):
    evaluated_and_no_more(folder([architecture], **files), SPARSE)


@pytest.mark.parametrize(
    "files",
    [
        {"modules": [TRANSFORMER], SETTINGS: {"model_type": "MultiVectorEncoder"}},
        {"modules": [TRANSFORMER], SETTINGS: {"model_type": "ColBERT"}},
        {"modules": modules("sentence_transformers.multi_vector_encoder.modules.x.MultiVectorMask")},
    ],
)
def test_multi_vector_models_are_evaluated_and_no_more(folder, files):
    evaluated_and_no_more(folder(["BertModel"], **files), MULTI_VECTOR)


@pytest.mark.parametrize(
    ("architecture", "files", "kind"),
    [
        ("BertModel", {"modules": [TRANSFORMER, POOLING]}, "embedding"),
        ("BertModel", {"modules": [TRANSFORMER], SETTINGS: {"model_type": "SentenceTransformer"}}, "embedding"),
        ("BertForMaskedLM", {"modules": [TRANSFORMER, POOLING]}, "embedding"),
        # The head is not loaded: vectors are pooled.
        ("BertForSequenceClassification", {"modules": [TRANSFORMER, POOLING]}, "embedding"),
        ("Qwen3ForCausalLM", {"modules": [TRANSFORMER, POOLING]}, "embedding"),
        ("Qwen3ForCausalLM", {}, "causal"),
        ("BertForMaskedLM", {}, "masked"),
    ],
)  # fmt: skip
def test_what_is_supported(folder, architecture, files, kind):
    assert kind_name(folder([architecture], **files)) == kind


def test_a_router_names_its_parts(folder):
    (folder(modules=[{"type": ST + "Router", "path": "0"}]) / "0").mkdir()
    (folder() / "0" / "router_config.json").write_text(
        '{"types": {"query_0": "a.Transformer", "document_0": "a.Transformer"}, "structure": {}}'
    )
    with pytest.raises(
        InvalidArgumentError, match=r"Its parts .* \(0/query_0, 0/document_0\): extend each by its folder"
    ):
        kind_name(folder())


def test_every_purpose_has_a_word_for_it():
    assert {purpose.description for purpose in PURPOSES if purpose.kind} == {kind.description for kind in KINDS}
    assert len({purpose.description for purpose in PURPOSES}) == len(PURPOSES)
    assert all(purpose.description.startswith(("a ", "an ")) for purpose in PURPOSES)


@pytest.mark.parametrize(
    ("first", "advice"),
    [("Transformer", "Its position table can be extended without"), ("StaticEmbedding", "None of its parts has a pos")],
)
def test_a_router_whose_routes_have_no_tables(folder, first, advice):
    modules = [{"type": ST + first, "path": ""}, {"type": ST + "Router", "path": "1"}]
    with pytest.raises(InvalidArgumentError, match=rf"is a Router of several models; .*\. {advice}"):
        kind_name(folder(["BertModel"], modules=modules))
