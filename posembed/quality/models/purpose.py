"""What a model is for, decided by its files: which kinds are evaluated and trained, and which are refused by name.

No torch is needed here, so that the command line can ask as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from posembed.checkpoint.own_code import is_known_module
from posembed.errors import InvalidArgumentError
from posembed.quality.models.model_files import ROUTES, ModelFiles
from posembed.records.choices import KindName

SUPPORTED = "supported are sentence-embedding models (with modules.json), causal and masked language models"
_ITS_TABLE = "its position table can be extended without `data`"
# Modules of sentence-transformers whose class alone says what a model is.
_SPARSE = ("MLMTransformer", "SpladePooling", "SparseAutoEncoder", "SparseStaticEmbedding", "CSRSparsity", "IDF")
_MULTI_VECTOR = ("MultiVectorMask", "TokenPooling")
_TRANSFORMERS = ("Transformer", "MLMTransformer")
_NO_TRANSFORMER = ("StaticEmbedding", "WordEmbeddings", "BoW", "SparseStaticEmbedding", "IDF")
_NOT_TEXT = ("image", "audio", "video")
_IMAGE_AND_TEXT = ("CLIPModel", "SiglipModel", "Siglip2Model", "ChineseCLIPModel", "AltCLIPModel", "BlipModel")


@dataclass(frozen=True)
class Purpose:
    """What a model is for.

    Attributes:
        description: in words, with the article.
        recognizes: whether a model's files say so.
        kind: the kind that evaluates, searches and calibrates; ``None`` where none does.
        advice: what else can be done, where none does.
    """

    description: str
    recognizes: Callable[[ModelFiles], bool]
    kind: KindName | None = None
    advice: Callable[[ModelFiles], str] = lambda _: _ITS_TABLE

    def refusal(self, files: ModelFiles) -> str:
        """Return why a model of this purpose is not evaluated, and what to do."""
        return f"{files.folder} is {self.description}; {SUPPORTED}. {_sentence(self.advice(files))}"


def purpose_of(files: ModelFiles) -> Purpose | None:
    """Return what a model is for, or ``None`` where its files do not say."""
    return next((purpose for purpose in PURPOSES if purpose.recognizes(files)), None)


def kind_name(path: str | os.PathLike[str]) -> KindName:
    """Return the kind of model that a checkpoint is, by name.

    Raises:
        InvalidArgumentError: if it is of no kind that can be evaluated, naming what it is.
        CheckpointError: for a configuration that cannot be read.
    """
    files = ModelFiles.read(path)
    purpose = purpose_of(files)
    if purpose is None:
        listed = ", ".join(files.architectures)
        what = f"holds {listed}" if listed else "lists no architectures in its config.json"
        raise InvalidArgumentError(f"{files.folder} {what}; {SUPPORTED}")
    if purpose.kind is None:
        raise InvalidArgumentError(purpose.refusal(files))
    return purpose.kind


def _is_reranker(files: ModelFiles) -> bool:
    if files.model_type is not None:
        return files.model_type == "CrossEncoder"
    if "LogitScore" in files.module_names or files.task == "sequence-classification":
        return True
    if "Pooling" in files.module_names or not files.ends_with("ForSequenceClassification"):
        return False  # with a pooling the head is not even loaded
    # CrossEncoder left its mark in config.json before it had files of its own; one output is a score, not a class.
    return files.modules is not None or "sentence_transformers" in files.config or files.labels == 1


def _is_sparse(files: ModelFiles) -> bool:
    named = files.model_type == "SparseEncoder" or _has_module(files, _SPARSE)
    return named and _has_module(files, _TRANSFORMERS)


def _is_multi_vector(files: ModelFiles) -> bool:
    from_pylate = any(name.startswith("pylate.") for name in files.modules or ())
    named = files.model_type in ("MultiVectorEncoder", "ColBERT") or "HF_ColBERT" in files.architectures
    return named or from_pylate or files.task == "retrieval" or _has_module(files, _MULTI_VECTOR)


def _is_multi_vector_of_texts(files: ModelFiles) -> bool:
    by_library = files.modules is not None and all(map(is_known_module, files.modules))
    return by_library and files.task != "retrieval" and not _reads_more(files) and _has_module(files, _TRANSFORMERS)


def _is_router(files: ModelFiles) -> bool:
    return _has_module(files, ROUTES)


def _is_image_and_text(files: ModelFiles) -> bool:
    if files.modules is None:
        return any(name in _IMAGE_AND_TEXT for name in files.architectures)
    return (
        _reads_more(files)
        or _has_module(files, ("CLIPModel",))
        or any(n in _IMAGE_AND_TEXT for n in files.architectures)
    )


def _reads_more(files: ModelFiles) -> bool:
    return any(each in name for name in files.modalities for each in _NOT_TEXT)


def _has_foreign_modules(files: ModelFiles) -> bool:
    return any(not is_known_module(name) for name in files.modules or ())


def _is_of_another_class(files: ModelFiles) -> bool:
    return files.model_type not in (None, "SentenceTransformer")


def _has_module(files: ModelFiles, names: tuple[str, ...]) -> bool:
    return any(name in names for name in files.module_names)


def _its_parts(files: ModelFiles) -> str:
    if not files.parts:  # all routes read the states of one Transformer, or none reads a table
        return _ITS_TABLE if "Transformer" in files.module_names else "none of its parts has a position table"
    return f"its parts are models of their own ({', '.join(files.parts)}): extend each by its folder"


def _its_class(files: ModelFiles) -> str:
    return f"config_sentence_transformers.json says {files.model_type!r}; {_ITS_TABLE}"


def _its_modules(files: ModelFiles) -> str:
    foreign = ", ".join(name or "no name" for name in files.modules or () if not is_known_module(name))
    return f"modules.json names {foreign}, which posembed does not run; {_ITS_TABLE}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# In the order in which they are tried: the folder of a sentence-embedding model may well name a masked model.
PURPOSES: tuple[Purpose, ...] = (
    Purpose("a Router of several models", _is_router, advice=_its_parts),
    Purpose(
        "a reranker (a CrossEncoder), which scores pairs of texts and gives no vectors", _is_reranker, kind="reranker"
    ),
    Purpose("a sparse encoder (SparseEncoder, SPLADE), whose vectors weigh a vocabulary", _is_sparse, kind="sparse"),
    Purpose(
        "a multi-vector model that reads images, or that a library other than sentence-transformers wrote",
        lambda files: _is_multi_vector(files) and not _is_multi_vector_of_texts(files),
    ),
    Purpose(
        "a multi-vector model (ColBERT), which gives one vector per token", _is_multi_vector, kind="multi-vector"
    ),
    Purpose("a model of images and texts, such as CLIP", _is_image_and_text),
    Purpose(
        "an embedding model without a Transformer",
        lambda files: _has_module(files, _NO_TRANSFORMER),
        advice=lambda _: "it has no position table",
    ),
    Purpose("a model with modules of its own", _has_foreign_modules, advice=_its_modules),
    Purpose("a sentence-transformers model of another class", _is_of_another_class, advice=_its_class),
    Purpose("a sentence-embedding model", lambda files: files.modules is not None, kind="embedding"),
    Purpose(
        "a causal language model", lambda files: files.ends_with("ForCausalLM", "LMHeadModel"), kind="causal"
    ),
    Purpose("a masked language model", lambda files: files.ends_with("ForMaskedLM"), kind="masked"),
)  # fmt: skip
