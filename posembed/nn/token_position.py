"""Token embedding plus position embedding, the input layer of a Transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn.checks import (
    check_ids,
    out_of_range_text,
    require_count,
    require_integers,
)
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.positions import check_lengths, check_mask, positions_from_lengths, positions_from_mask
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding, Variant
from posembed.presets import Init, preset


class TokenPositionEmbedding(nn.Module):
    """``token_embedding[token] + position_embedding[position]``, element by element, right for every input form.

    Optionally a segment (token type) embedding is added, then LayerNorm and dropout follow, as in BERT.

    Args:
        vocab_size: rows of the token table.
        max_len: usable positions of the position table.
        d_model: width of all tables.
        position: ``"learned"``, ``"sinusoidal"``, ``"none"``, or a module with the call of
            :class:`posembed.LearnedPositionalEmbedding`: ``module(n, start) -> [n, d_model]`` and
            ``module(positions) -> [..., d_model]``. If it has an integer ``usable_length``, inputs are checked
            against it; if it has a ``padding_idx``, it is called with ``padding_mask`` too.
        type_vocab_size: rows of the segment table, 0 for none.
        layer_norm_eps: epsilon of a LayerNorm after the sum, ``None`` for no LayerNorm.
        dropout: probability of dropout at the end.
        padding_idx: row of the *token* table without a gradient (and zero at first).
        reserved: rows of the position table before position 0.
        position_padding_idx: row of the *position* table that masked tokens read; without one they read position 0.
        init_std: standard deviation of the initial token and segment rows.
        position_init_std: the same for the position rows; ``init_std`` if left out.
        init: ``"normal"`` or ``"truncated_normal"``, for all tables.
        variant: variant of ``position="sinusoidal"``.
        base: base of ``position="sinusoidal"``.
        device: device of all parameters; ``"meta"`` allocates nothing.
        dtype: dtype of all parameters.

    Submodules (``None`` where absent): ``token``, ``position``, ``segment``, ``norm``, ``dropout``.

    Example:
        >>> embed = TokenPositionEmbedding(vocab_size=100, max_len=16, d_model=8)
        >>> ids = torch.tensor([[5, 7, 9]])
        >>> torch.equal(embed(ids), embed.token.weight[ids] + embed.position.weight[:3])
        True
        >>> embed(torch.zeros(1, 17, dtype=torch.long))
        Traceback (most recent call last):
          ...
        posembed.errors.PositionOutOfRangeError: position 16 has no row: the table has 16 rows, 0 of them ...
    """

    def __init__(
        self,
        vocab_size: int,
        max_len: int,
        d_model: int,
        *,
        position: str | nn.Module = "learned",
        type_vocab_size: int = 0,
        layer_norm_eps: float | None = None,
        dropout: float = 0.0,
        padding_idx: int | None = None,
        reserved: int = 0,
        position_padding_idx: int | None = None,
        init_std: float = 0.02,
        position_init_std: float | None = None,
        init: Init = "normal",
        variant: Variant = "interleaved",
        base: float = 10000.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_count("vocab_size", vocab_size, minimum=1)
        require_count("max_len", max_len, minimum=1)
        require_count("d_model", d_model, minimum=1)
        require_count("type_vocab_size", type_vocab_size)
        if padding_idx is not None:
            require_count("padding_idx", padding_idx)
            if padding_idx >= vocab_size:
                raise InvalidArgumentError(
                    f"padding_idx={padding_idx} is a row of the token table, which has {vocab_size} rows"
                )
        if not 0 <= dropout < 1:
            raise InvalidArgumentError(f"dropout={dropout} must be at least 0 and below 1")
        if layer_norm_eps is not None and not layer_norm_eps > 0:
            raise InvalidArgumentError(f"layer_norm_eps={layer_norm_eps} must be above 0, or None for no LayerNorm")
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.init_std = init_std
        self.init: Init = init
        self.token = nn.Embedding(vocab_size, d_model, padding_idx, **place)
        self.position: nn.Module | None
        if isinstance(position, nn.Module):
            if reserved or position_padding_idx is not None or position_init_std is not None:
                raise InvalidArgumentError(
                    "reserved, position_padding_idx and position_init_std belong to position='learned'; "
                    f"a module ({type(position).__name__}) brings its own"
                )
            self.position = position
        elif position == "learned":
            self.position = LearnedPositionalEmbedding(
                max_len,
                d_model,
                reserved=reserved,
                padding_idx=position_padding_idx,
                init_std=init_std if position_init_std is None else position_init_std,
                init=init,
                **place,
            )
        elif position == "sinusoidal":
            self.position = SinusoidalPositionalEmbedding(max_len, d_model, variant=variant, base=base, **place)
        elif position == "none":
            self.position = None
        else:
            raise InvalidArgumentError(f"position={position!r} must be 'learned', 'sinusoidal', 'none' or an nn.Module")
        self.segment = nn.Embedding(type_vocab_size, d_model, **place) if type_vocab_size else None
        self.norm = None if layer_norm_eps is None else nn.LayerNorm(d_model, eps=layer_norm_eps, **place)
        self.dropout = nn.Dropout(dropout) if dropout else None
        self._draw_own_tables()

    @classmethod
    def from_preset(cls, name: str, **overrides: Any) -> TokenPositionEmbedding:
        """Build the input layer of a published text model, with new weights.

        Everything is as published, dropout included (call ``.eval()`` to switch it off);
        ``overrides`` are arguments of the constructor, such as ``vocab_size``, ``dropout``, ``dtype``.

        Raises:
            InvalidArgumentError: for an unknown preset, or one of an image model.

        Example:
            >>> embed = TokenPositionEmbedding.from_preset("bert-base", vocab_size=1000)
            >>> embed.position, embed.segment.weight.shape, embed.norm.eps
            (LearnedPositionalEmbedding(512, 768), torch.Size([2, 768]), 1e-12)
        """
        p = preset(name)
        if p.text is None:
            raise InvalidArgumentError(
                f"preset {name!r} is the table of an image model, which has no tokens: "
                "use LearnedPositionalEmbedding.from_preset"
            )
        arguments: dict[str, Any] = {
            "vocab_size": p.text.vocab_size,
            "max_len": p.layout.usable_length,
            "d_model": p.d_model,
            "type_vocab_size": p.text.type_vocab_size,
            "layer_norm_eps": p.text.layer_norm_eps,
            "dropout": p.text.dropout,
            "padding_idx": p.text.padding_idx,
            "init": p.init,
        }
        if overrides.get("position", "learned") == "learned":
            arguments |= {
                "reserved": p.layout.reserved,
                "position_padding_idx": p.padding_idx,
                "position_init_std": p.init_std,
            }
        return cls(**(arguments | overrides))

    def reset_parameters(self) -> None:
        """Draw all tables again and reset the LayerNorm."""
        self._draw_own_tables()
        for module in (self.position, self.norm):
            reset: Callable[[], None] | None = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()

    def _draw_own_tables(self) -> None:
        for table in (self.token, self.segment):
            if table is None:
                continue
            if self.init == "truncated_normal":
                nn.init.trunc_normal_(table.weight, std=self.init_std, a=-2 * self.init_std, b=2 * self.init_std)
            else:
                nn.init.normal_(table.weight, std=self.init_std)
            if table.padding_idx is not None:
                with torch.no_grad():
                    table.weight[table.padding_idx].zero_()

    @property
    def d_model(self) -> int:
        """Width of the embeddings."""
        return self.token.embedding_dim

    @property
    def usable_length(self) -> int | None:
        """The longest input in tokens, or ``None`` where there is no limit."""
        return getattr(self.position, "usable_length", None)

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        start: int = 0,
        cu_seqlens: Tensor | None = None,
        max_seqlen: int | None = None,
    ) -> Tensor:
        """Embed tokens at their positions.

        Positions come from exactly one of: nothing (0, 1, 2, …), ``start``, ``position_ids``, ``attention_mask``
        (with or without ``start``), ``cu_seqlens``. Anything contradictory is refused.

        Args:
            input_ids: integers ``[batch, seq]`` or ``[seq]``; packed: ``[total]`` or ``[1, total]``.
            inputs_embeds: ``[..., d_model]`` in place of ``input_ids``.
            token_type_ids: integers of the same shape; left out, every token has type 0.
            position_ids: 0-based integers ``[batch, seq]``, ``[1, seq]`` or ``[seq]``.
            attention_mask: ``[batch, seq]`` or, with ``start``, ``[batch, start + seq]``: 1 real, 0 padding, on
                either side. Its width must not pass the usable length, whatever it holds; for wider masks with few
                real tokens give ``position_ids=positions_from_mask(mask)[:, -seq:]``.
            start: the number of tokens in the cache. With a ``[batch, seq]`` mask, counting goes on from it.
            cu_seqlens: cumulative lengths of packed sequences, ``[sequences + 1]``.
            max_seqlen: the longest packed sequence; lets the bound be checked without reading ``cu_seqlens``.

        Returns:
            ``[..., d_model]``, with the leading shape of the input.

        Raises:
            PositionOutOfRangeError: if a position has no row: before any kernel runs where that follows from
                shapes; from the values of ``position_ids`` and ``cu_seqlens`` as :mod:`posembed.nn.checks` says.
            InvalidArgumentError: for shapes or combinations that contradict each other.
            ArgumentTypeError: for ids that are not integers.
        """
        shape, own_tokens = self._check_tokens(input_ids, inputs_embeds)
        rows = self._position_rows(shape, position_ids, attention_mask, start, cu_seqlens, max_seqlen)
        rows = self._add_segment(rows, shape, token_type_ids)
        tokens = self.token(input_ids) if inputs_embeds is None else inputs_embeds
        if rows is None:
            hidden = tokens
        elif own_tokens and rows.dtype == tokens.dtype and not self.token._forward_hooks:
            hidden = tokens.add_(rows)  # nobody else has seen this tensor: no second one is allocated
        else:
            hidden = tokens + rows
        if self.norm is not None:
            hidden = self.norm(hidden)
        return hidden if self.dropout is None else self.dropout(hidden)

    def _check_tokens(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> tuple[torch.Size, bool]:
        if (input_ids is None) == (inputs_embeds is None):
            raise InvalidArgumentError(
                "exactly one of input_ids and inputs_embeds must be given, "
                + ("neither was" if input_ids is None else "both were")
            )
        if input_ids is not None:
            check_ids("input_ids", input_ids, self.token.weight.shape[0], "the token table has no other rows")
            shape = input_ids.shape
        else:
            assert inputs_embeds is not None
            if not inputs_embeds.is_floating_point():
                raise ArgumentTypeError(f"inputs_embeds has dtype {inputs_embeds.dtype}; it must be floating-point")
            if inputs_embeds.dim() < 2 or inputs_embeds.shape[-1] != self.d_model:
                raise InvalidArgumentError(
                    f"inputs_embeds has shape {list(inputs_embeds.shape)}; it must end with d_model={self.d_model}"
                )
            shape = inputs_embeds.shape[:-1]
        if len(shape) not in (1, 2):
            raise InvalidArgumentError(f"the input has shape {list(shape)}; it must be [batch, seq] or [seq]")
        return shape, input_ids is not None and type(self.token) is nn.Embedding

    def _position_rows(
        self,
        shape: torch.Size,
        position_ids: Tensor | None,
        attention_mask: Tensor | None,
        start: int,
        cu_seqlens: Tensor | None,
        max_seqlen: int | None,
    ) -> Tensor | None:
        require_count("start", start)
        given = {
            "position_ids": position_ids is not None,
            "attention_mask": attention_mask is not None,
            "cu_seqlens": cu_seqlens is not None,
        }
        named = [name for name, is_given in given.items() if is_given]
        if len(named) > 1:
            raise InvalidArgumentError(
                f"{' and '.join(named)} both say where the tokens are: give one of them "
                "(positions_from_mask and positions_from_lengths turn the others into position_ids)"
            )
        if start and (position_ids is not None or cu_seqlens is not None):
            raise InvalidArgumentError(f"start={start} and {named[0]} both say where the tokens are: give one of them")
        if max_seqlen is not None and cu_seqlens is None:
            raise InvalidArgumentError(f"max_seqlen={max_seqlen} goes with cu_seqlens, which was not given")
        if position_ids is not None:
            _check_same_shape("position_ids", position_ids, shape)
            return self._look_up(position_ids)
        if cu_seqlens is not None:
            return self._packed_rows(shape, cu_seqlens, max_seqlen)
        seq = shape[-1]
        self._check_bound(start + seq)
        if attention_mask is None:
            return None if self.position is None else self._checked(self.position(seq, start), (seq, self.d_model))
        return self._masked_rows(shape, attention_mask, start)

    def _masked_rows(self, shape: torch.Size, attention_mask: Tensor, start: int) -> Tensor | None:
        seq = shape[-1]
        check_mask(attention_mask)
        if len(shape) != 2 or attention_mask.shape[0] != shape[0] or attention_mask.shape[1] not in (seq, start + seq):
            allowed = f"[batch, seq] = {list(shape)}" + (
                f" or [batch, start + seq] = [{shape[0]}, {start + seq}]" if start and len(shape) == 2 else ""
            )
            raise InvalidArgumentError(f"attention_mask has shape {list(attention_mask.shape)}; it must be {allowed}")
        if attention_mask.shape[1] == seq:
            positions = positions_from_mask(attention_mask, start=start)
        else:
            positions = positions_from_mask(attention_mask)[:, start:]
            attention_mask = attention_mask[:, start:]
        if getattr(self.position, "padding_idx", None) is None:
            return self._look_up(positions)
        return self._look_up(positions, padding_mask=attention_mask == 0)

    def _packed_rows(self, shape: torch.Size, cu_seqlens: Tensor, max_seqlen: int | None) -> Tensor | None:
        if len(shape) == 2 and shape[0] != 1:
            raise InvalidArgumentError(f"packed input must be [total] or [1, total], got {list(shape)}")
        if max_seqlen is not None:
            require_count("max_seqlen", max_seqlen)
            self._check_bound(max_seqlen)
        check_lengths(cu_seqlens, shape[-1], max_seqlen)
        return self._look_up(positions_from_lengths(cu_seqlens, shape[-1]).view(shape))

    def _check_bound(self, length: int) -> None:
        """Raise unless positions ``0 … length − 1`` have rows. Integers only: no device is touched."""
        usable = self.usable_length
        if usable is not None and length > usable:
            rows = getattr(self.position, "rows", usable)
            raise PositionOutOfRangeError(out_of_range_text(length - 1, rows, rows - usable, usable))

    def _look_up(self, positions: Tensor, **options: Tensor) -> Tensor | None:
        if self.position is None:
            return None
        return self._checked(self.position(positions, **options), (*positions.shape, self.d_model))

    def _checked(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Refuse rows of another shape: adding them would broadcast silently."""
        if rows.shape != shape:
            raise InvalidArgumentError(
                f"position module {type(self.position).__name__} returned shape {list(rows.shape)} "
                f"where {list(shape)} was asked for"
            )
        return rows

    def _add_segment(self, rows: Tensor | None, shape: torch.Size, token_type_ids: Tensor | None) -> Tensor | None:
        if self.segment is None:
            if token_type_ids is not None:
                raise InvalidArgumentError(
                    "token_type_ids were given, but type_vocab_size is 0: there is no segment table"
                )
            return rows
        if token_type_ids is None:
            types = self.segment.weight[0]
        else:
            check_ids(
                "token_type_ids",
                token_type_ids,
                self.segment.weight.shape[0],
                "the segment table has no other rows",
            )
            _check_same_shape("token_type_ids", token_type_ids, shape)
            types = self.segment(token_type_ids)
        return types if rows is None else rows + types


def _check_same_shape(name: str, ids: Tensor, shape: torch.Size) -> None:
    """Accept the input's own shape, or one row of ids for a whole batch; never a broadcast along the sequence."""
    require_integers(name, ids)
    if ids.shape == shape or (len(shape) == 2 and ids.shape in (shape[1:], (1, shape[1]))):
        return
    raise InvalidArgumentError(
        f"{name} has shape {list(ids.shape)}, the input {list(shape)}; allowed are the input's shape or one row for "
        "the whole batch"
    )
