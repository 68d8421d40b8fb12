"""Which kind of model a checkpoint is."""

from typing import get_args

import pytest

from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.kinds import KINDS, kind_of
from posembed.quality.models.masked import MASKED
from posembed.records.choices import KindName


def test_every_name_of_a_kind_has_its_object():
    assert [kind.name for kind in KINDS] == list(get_args(KindName))
    assert len({kind.description for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("architectures", "kind"),
    [
        (["GPT2LMHeadModel"], CAUSAL),
        (["OPTForCausalLM"], CAUSAL),
        (["BertForMaskedLM"], MASKED),
        (["BertModel", "RobertaForMaskedLM"], MASKED),
    ],
)
def test_language_models_are_known_by_their_architectures(folder, architectures, kind):
    assert kind_of(folder(architectures)) is kind


def test_modules_json_comes_first(folder):
    assert kind_of(folder(["BertForMaskedLM"], modules=[])) is EMBEDDING


@pytest.mark.parametrize(
    ("architectures", "sentence"),
    [
        (["ViTForImageClassification"], "holds ViTForImageClassification; supported are sentence-embedding models"),
        (["BertForSequenceClassification"], "holds BertForSequenceClassification; supported"),
        (["A", "B"], "holds A, B; supported"),
        ([], r"lists no architectures in its config\.json"),
        (None, r"lists no architectures in its config\.json"),
    ],
)
def test_other_models_are_refused(folder, architectures, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        kind_of(folder(architectures))


def test_a_folder_without_a_configuration(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"has no config\.json"):
        kind_of(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match="is not valid JSON"):
        kind_of(tmp_path)
