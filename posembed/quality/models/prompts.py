"""The prompts of an embedding model: text that stands before every query, and before every document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posembed.errors import CheckpointError
from posembed.quality.models.model_files import ModelFiles
from posembed.tokenizing import special_tokens

# Names under which published models store their prompts, in the order in which they are looked for: those of
# sentence-transformers' encode_query and encode_document, then those of nomic-embed, stella and E5's instructions.
_QUERY = ("query", "search_query", "s2p_query", "web_search_query")
_DOCUMENT = ("document", "passage", "corpus", "search_document")
# Tokens from which the beginning of a text is tokenized again behind its prompt: more are tried where a word is cut.
_BEGINNINGS = (8, 16, 32)
# Tokens by which a text's first word may grow where a space stands before it, in the tokenizers that mark spaces in
# their tokens; a word that grows by more is joined as it is.
_GROWTH = 2


@dataclass(frozen=True)
class Prompts:
    """Text before queries and documents.

    Attributes:
        query: empty for none.
        document: empty for none.
    """

    query: str = ""
    document: str = ""

    def __str__(self) -> str:
        """Return both as the end of a sentence.

        Example:
            >>> str(Prompts("query: "))
            "'query: ' before queries, none before documents"
        """
        words = [
            f"{text!r} before {side}" if text else f"none before {side}"
            for text, side in ((self.query, "queries"), (self.document, "documents"))
        ]
        return ", ".join(words)

    def __bool__(self) -> bool:
        return bool(self.query or self.document)


NO_PROMPTS = Prompts()


def read_prompts(files: ModelFiles) -> Prompts:
    """Return the prompts that ``config_sentence_transformers.json`` stores.

    A prompt with a name of its side is used, such as ``"query"`` or ``"search_query"``. Where none of these has a text,
    an empty one means none, as in ``encode_query``; where there is no such name at all, the default prompt is used, as
    ``encode`` does.

    Raises:
        CheckpointError: if they are not text by name, or the default is none of them.
    """
    stored = files.settings.get("prompts")
    prompts: Mapping[str, Any] = {} if stored is None else stored
    file = files.folder / "config_sentence_transformers.json"
    if not isinstance(prompts, Mapping) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise CheckpointError(f"{file}: 'prompts' must be an object with a text for each name")
    name = files.settings.get("default_prompt_name")
    if name is not None and (not isinstance(name, str) or name not in prompts):
        raise CheckpointError(f"{file}: the default prompt {name!r} is none of its prompts ({', '.join(prompts)})")
    default = "" if name is None else prompts[name] or ""
    return Prompts(_prompt(_QUERY, prompts, default), _prompt(_DOCUMENT, prompts, default))


def _prompt(names: Sequence[str], prompts: Mapping[str, str | None], default: str) -> str:
    known = [prompts[name] or "" for name in names if name in prompts]
    return next(filter(None, known), "" if known else default)


class PromptTokens:
    """A prompt in tokens, to be put before texts in tokens.

    Args:
        text: the prompt; empty for none.
        tokenizer: of the `tokenizers` package, without truncation and padding.

    Attributes:
        ids: its tokens before a word.
        size: tokens that a text is longer by, at most, behind the prompt.
        reach: leading tokens of an input that belong to it, as sentence-transformers counts them: the special ones
            before it too, and those of the prompt as it is tokenized alone. 0 for no prompt.
    """

    def __init__(self, text: str, tokenizer: Any) -> None:
        self.text, self.tokenizer = text, tokenizer
        self.ids: list[int] = []
        self.size = self.reach = 0
        if text:
            whole, word = self._encode(f"{text}a"), self._encode("a")
            alone = self._encode(text)
            ends_alike = whole[len(whole) - len(word) :] == word
            self.ids = whole[: len(whole) - len(word)] if ends_alike else alone
            marks_spaces = self._encode(" a") != word
            self.size = len(self.ids) + (_GROWTH if marks_spaces or not ends_alike else 0)
            prefix, suffix = special_tokens(tokenizer)
            self.reach = len(prefix) + len(alone) + max(len(suffix) - 1, 0)

    def before(self, ids: Sequence[int]) -> list[int]:
        """Return a text's tokens behind the prompt's, as if both had been tokenized together.

        Where a text begins, many tokenizers mark that no space stands before it; behind a prompt one does. So its
        beginning is tokenized again. Where it cannot be, because a chunk begins within a word, the tokens are joined as
        they are. The result is longer than the text by ``size`` at most.

        Args:
            ids: token ids without special tokens.
        """
        if not self.text:
            return list(ids)
        for size in _BEGINNINGS:
            beginning = list(ids[:size])
            text = self.tokenizer.decode(beginning, skip_special_tokens=False)
            if self._encode(text) != beginning:
                continue  # a word is cut
            joint = self._encode(self.text + (text.removeprefix(" ") if self.text[-1].isspace() else text))
            if len(joint) <= self.size + len(beginning):
                return [*joint, *ids[size:]]
            break
        return [*self.ids, *ids]

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids
