"""Embedding models as sentence-transformers itself loads and runs them: every pooling, Dense and other modules."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError, first_line, require_package
from posembed.extension.length_aware import load_stored_tables
from posembed.extension.library_code import load_sentence_model, no_questions, refuse_foreign_classes
from posembed.quality.models.head import States

TOKENS, SENTENCE = "token_embeddings", "sentence_embedding"
STATES, LAYERS = "last_hidden_state", "hidden_states"
_ACTIVE = "max_active_dims"
# Poolings of which a part of a text has its own: a first or last token has learned to stand for the whole.
_OF_PARTS = ("mean", "max", "mean_sqrt_len_tokens", "weightedmean")


def has_library() -> bool:
    """Return whether sentence-transformers is installed."""
    try:
        require_library("loading an embedding model by its own library")
    except MissingExtraError:
        return False
    return True


def require_library(purpose: str) -> None:
    """Import sentence-transformers, without what it warns of, or refuse what needs it.

    Args:
        purpose: what needs it, as the beginning of a sentence.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        require_package("sentence_transformers", "quality", purpose, package="sentence-transformers")


class LibraryHead:
    """The modules that follow a model's Transformer.

    Args:
        folder: the checkpoint's directory, for messages.
        modules: of sentence-transformers, in their order.
        path: the model's output that they read, and what in it.
        name: under which they read it, such as ``"token_embeddings"``.
        size: leading dimensions of a vector that are kept; ``None`` for all.
        active: largest weights of a vector that are kept, the others become 0; ``None`` for all.
    """

    def __init__(
        self,
        folder: Path,
        modules: Sequence[nn.Module],
        path: Sequence[str | int] = (STATES,),
        name: str = TOKENS,
        size: int | None = None,
        active: int | None = None,
    ) -> None:
        self.folder, self.path, self.output = folder, tuple(path), name
        self.size, self.active = size, active
        self.modules = [module.eval().float().requires_grad_(False) for module in modules]
        self._poolings = [module for module in self.modules if type(module).__name__ == "Pooling"]

    @property
    def name(self) -> str:
        """Poolings by their names; every other module with a fingerprint of its settings and weights."""
        words = [] if self.path == (STATES,) else [".".join(map(str, self.path))]
        names = [type(module).__name__ for module in self.modules]
        last = len(names) - (names[-1:] == ["Normalize"])  # vectors are made unit vectors anyway
        words += [_words(module) for module in self.modules[:last] if type(module).__name__ != "Dropout"]
        words += [] if self.size is None else [f"first {self.size} dimensions"]
        return ", ".join([*words, *([] if self.active is None else [f"largest {self.active} weights"])])

    @property
    def has_late_chunks(self) -> bool:
        """Whether states are pooled at once, and by what a part of a text has too."""
        if self.output != TOKENS or self.path != (STATES,) or self.modules[:1] != self._poolings:
            return False
        return all(mode in _OF_PARTS for mode in _modes(self._poolings[0]))

    @property
    def without_prompt(self) -> bool:
        """Whether a pooling leaves the prompt out."""
        return any(not getattr(module, "include_prompt", True) for module in self._poolings)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Ask for all layers where an output of theirs is read."""
        return {"output_hidden_states": True} if LAYERS in self.path else {}

    def read(self, output: Any) -> tuple[Tensor, Mapping[str, Any]]:
        """Return the states, and those of all layers where the model gives them."""
        states: Any = output
        for key in self.path:
            states = getattr(states, key) if isinstance(key, str) else states[key]
        layers = getattr(output, LAYERS, None)
        return states, {} if layers is None else {"all_layer_embeddings": [layer.float() for layer in layers]}

    def vectors(self, states: States) -> Tensor:
        """Return what the modules make of the states.

        Raises:
            InvalidArgumentError: if they make no vector of a text.
        """
        features: dict[str, Any] = {
            self.output: states.tokens,
            "input_ids": states.ids,
            "attention_mask": states.mask,
            "modality": "text",
            **states.more,
        }
        if states.prompt:
            features["prompt_length"] = states.prompt
        for module in self.modules:
            takes_active = self.active is not None and _ACTIVE in getattr(module, "forward_kwargs", ())
            features = module(features, **({_ACTIVE: self.active} if takes_active else {}))
        vectors = features.get(SENTENCE)
        if vectors is None:
            names = ", ".join(["Transformer", *(type(module).__name__ for module in self.modules)])
            raise InvalidArgumentError(
                f"{self.folder}: its modules ({names}) make no vector of a text: add a Pooling to modules.json"
            )
        result: Tensor = vectors if self.size is None else vectors[..., : self.size]
        return result if self.active is None else _largest(result, self.active)


def load_modules(
    folder: Path, *, device: str = "cpu", trust_remote_code: bool = False, loader: str = "SentenceTransformer"
) -> tuple[Any, Any, LibraryHead]:
    """Load a checkpoint by sentence-transformers, in float32, with its length-aware tables if it has some.

    Args:
        folder: a directory with ``modules.json``.
        device: where they run, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.
        loader: name of the library's class.

    Returns:
        The Transformers model, its tokenizer of the `tokenizers` package without limits, and the other modules.

    Raises:
        InvalidArgumentError: for a model that does not read text by itself, or needs code of its own.
        CheckpointError: for files that cannot be loaded.
    """
    whole = load_whole(loader, folder, trust_remote_code=trust_remote_code)
    first, *modules = whole
    model = getattr(first, "auto_model", None)
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(
            f"{folder} begins with the module {type(first).__name__}, which has no Transformer: there is no position "
            "table that texts read"
        )
    model = model.eval().float()
    load_stored_tables(model, folder)
    whole.to(device)
    kept = {"size": getattr(whole, "truncate_dim", None), "active": getattr(whole, _ACTIVE, None)}
    head = LibraryHead(folder, modules, _output(folder, first), _place(first), **kept)
    return model, unlimited(folder, first), head


def load_whole(loader: str, folder: Path, *, trust_remote_code: bool) -> Any:
    """Return what a class of sentence-transformers makes of a folder, in float32 on the CPU; nothing is downloaded.

    Args:
        loader: name of the class.
        folder: a directory of its files.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        InvalidArgumentError: for a model that needs code of its own.
        CheckpointError: for files that cannot be loaded.
    """
    refuse_foreign_classes(folder, trust_remote_code=trust_remote_code)
    try:
        with warnings.catch_warnings(), no_questions(folder):
            warnings.simplefilter("ignore")
            return load_sentence_model(
                loader,
                folder,
                device="cpu",
                trust_remote_code=trust_remote_code,
                local_files_only=True,
                model_kwargs={"dtype": torch.float32},
            )
    except InvalidArgumentError:
        raise
    except Exception as error:  # the library raises whatever a broken file leads to
        raise CheckpointError(f"{folder} cannot be loaded: {first_line(error)}") from None


def _output(folder: Path, transformer: Any) -> tuple[str | int, ...]:
    """Return which output for texts is read."""
    how = getattr(transformer, "modality_config", {"text": {}}).get("text")
    method = None if how is None else how.get("method", "forward")
    if how is None or method != "forward":
        raise InvalidArgumentError(
            f"{folder} reads {'no text' if how is None else f'text by its method {method}'}; supported are models that "
            "are called with token ids"
        )
    named = how.get("method_output_name", STATES)
    return tuple(named) if isinstance(named, list | tuple) else (named,)


def _place(transformer: Any) -> str:
    return str(getattr(transformer, "module_output_name", TOKENS))


def unlimited(folder: Path, transformer: Any) -> Any:
    """Return a copy of a Transformer module's tokenizer that neither cuts nor pads.

    Raises:
        InvalidArgumentError: if the package `tokenizers` cannot run it.
    """
    backend = getattr(getattr(transformer, "tokenizer", None), "backend_tokenizer", None)
    if backend is None:
        raise InvalidArgumentError(
            f"{folder} has no tokenizer that the package tokenizers can run, which is required to tokenize texts"
        )
    tokenizer = copy.deepcopy(backend)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _largest(vectors: Tensor, count: int) -> Tensor:
    """Return vectors without all but their largest weights, by absolute value."""
    places = vectors.abs().topk(min(count, vectors.shape[-1]), dim=-1).indices
    return torch.zeros_like(vectors).scatter(-1, places, vectors.gather(-1, places))


def _modes(pooling: Any) -> tuple[str, ...]:
    named = getattr(pooling, "pooling_mode", None)
    if named is None:  # before version 6 a pooling had its names in one string
        return tuple(pooling.get_pooling_mode_str().split("+"))
    return (named,) if isinstance(named, str) else tuple(named)


def _words(module: nn.Module) -> str:
    if type(module).__name__ == "Pooling":
        left_out = "" if getattr(module, "include_prompt", True) else " without the prompt"
        return f"{' + '.join(_modes(module))}{left_out}"
    digest = hashlib.sha256(repr(module).encode())
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {list(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return f"{type(module).__name__} {digest.hexdigest()[:16]}"
