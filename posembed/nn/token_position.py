"""Token embedding plus position embedding: the input layer of a Transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.checks import require_count, require_float_dtype
from posembed.nn.embedding_sum import add_embeddings, add_segment, add_tokens, position_rows
from posembed.nn.inputs import Bound, check_rows, check_same_shape, input_shape, resolve_positions
from posembed.nn.kernels.choose import Backend, Parts, check_backend, choose, kept_gradient
from posembed.nn.kernels.embed import embed
from posembed.nn.kernels.kept import KeptGradient
from posembed.nn.learned import LearnedPositionalEmbedding, check_init, draw_rows
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding, Variant
from posembed.presets import Init, preset


class TokenPositionEmbedding(nn.Module):
    """Add position embeddings to token embeddings, element-wise, for padded, cached and packed inputs alike.

    Optionally a segment (token type) embedding is added; LayerNorm and dropout follow, as in BERT.

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
        backend: ``"auto"`` (or ``None``) uses Triton kernels on a GPU, and compiled kernels on the CPU for large
            inputs if numba is installed, where they give what the submodules would, and the submodules otherwise.
            ``"triton"``, ``"cpu"``, ``"reference"`` (plain PyTorch) and ``"modules"`` are used or refused by an
            error, see :doc:`/concepts/fused`.
        keep_gradients: on the CPU, use the memory of the token table's gradient again at each backward pass where
            nobody holds the last one. Needs numba; changes no result, see :doc:`/concepts/fused`.

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

    backend: Backend = "auto"  # of modules that were pickled without one, too
    _kept: KeptGradient | None = None

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
        backend: Backend | None = "auto",
        keep_gradients: bool = False,
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
        check_init(init, init_std)
        require_float_dtype(dtype)
        if position != "learned" and (reserved or position_padding_idx is not None or position_init_std is not None):
            given = f"a {type(position).__name__}" if isinstance(position, nn.Module) else f"position={position!r}"
            raise InvalidArgumentError(
                f"reserved, position_padding_idx and position_init_std belong to position='learned', not to {given}"
            )
        if position != "sinusoidal" and (variant != "interleaved" or base != 10000.0):
            raise InvalidArgumentError(f"variant={variant!r} and base={base} belong to position='sinusoidal'")
        self.backend = check_backend(backend)
        self._kept = kept_gradient(keep_gradients)
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.init_std = init_std
        self.init: Init = init
        self.token = nn.Embedding(vocab_size, d_model, padding_idx, **place)
        self.position: nn.Module | None
        if isinstance(position, nn.Module):
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
        """Build the input layer of a published text model, with random weights.

        Everything is as published, dropout included (call ``.eval()`` to disable it); ``overrides`` are constructor
        arguments, such as ``vocab_size``, ``dropout``, ``dtype``.

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
        """Reinitialize all tables and the LayerNorm."""
        self._draw_own_tables()
        for module in (self.position, self.norm):
            reset: Callable[[], None] | None = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()

    def _draw_own_tables(self) -> None:
        for table in (self.token, self.segment):
            if table is not None:
                draw_rows(table.weight, self.init, self.init_std, table.padding_idx)

    @property
    def d_model(self) -> int:
        """Width of the embeddings."""
        token = self.token
        width = getattr(token, "embedding_dim", None)  # which an adapter in place of the token table has not
        return int(token.weight.shape[1] if width is None else width)

    @property
    def usable_length(self) -> int | None:
        """Longest input in tokens, or ``None`` if there is no limit."""
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
        (with or without ``start``), ``cu_seqlens``. Contradictory arguments are rejected.

        Args:
            input_ids: integers ``[batch, seq]`` or ``[seq]``; packed: ``[total]`` or ``[1, total]``.
            inputs_embeds: ``[..., d_model]``, instead of ``input_ids``.
            token_type_ids: integers of the same shape; by default every token has type 0.
            position_ids: 0-based integers ``[batch, seq]``, ``[1, seq]`` or ``[seq]``.
            attention_mask: ``[batch, seq]`` or, with ``start``, ``[batch, start + seq]``: 1 real, 0 padding, on
                either side. Its width must not exceed the usable length; for wider masks with few real tokens give
                ``position_ids=positions_from_mask(mask)[:, -seq:]``.
            start: number of tokens in the cache. With a ``[batch, seq]`` mask, counting continues from it.
            cu_seqlens: cumulative lengths of packed sequences, ``[sequences + 1]``.
            max_seqlen: length of the longest packed sequence; lets the bound be checked without reading ``cu_seqlens``.

        Returns:
            ``[..., d_model]``, with the leading shape of the input.

        Raises:
            PositionOutOfRangeError: if a position has no row: before any kernel runs where that follows from
                shapes; from the values of ``position_ids`` and ``cu_seqlens`` as :mod:`posembed.nn.checks` says.
            InvalidArgumentError: for shapes or combinations that contradict each other, and for a named ``backend``
                that cannot run here.
            ArgumentTypeError: for ids that are not integers.
        """
        position, d_model = self.position, self.d_model
        shape = input_shape(input_ids, inputs_embeds, d_model)
        given = input_ids if inputs_embeds is None else inputs_embeds
        assert given is not None
        where = resolve_positions(
            shape,
            given.device,
            Bound(getattr(position, "rows", None), getattr(position, "usable_length", None)),
            position_ids=position_ids,
            attention_mask=attention_mask,
            start=start,
            cu_seqlens=cu_seqlens,
            max_seqlen=max_seqlen,
        )
        self._check_values(input_ids, token_type_ids, shape)
        segment, norm, dropout = self.segment, self.norm, self.dropout
        parts = Parts(self.token, position, segment, norm, dropout)
        path = choose(self.backend, parts, given, where, small=self._kept is not None)
        if path != "modules":
            return embed(path, parts, given, token_type_ids, where, self._kept)
        rows = position_rows(position, shape, where, d_model)
        if segment is not None:
            rows = add_segment(rows, segment, token_type_ids, given)
        hidden = add_embeddings(rows, given) if input_ids is None else add_tokens(rows, self.token, given)
        if norm is not None:
            hidden = norm(hidden)
        return hidden if dropout is None else dropout(hidden)

    def _check_values(self, input_ids: Tensor | None, token_type_ids: Tensor | None, shape: torch.Size) -> None:
        if input_ids is not None:
            check_rows("input_ids", input_ids, self.token, "the token table has no other rows")
        if token_type_ids is None:
            return
        if self.segment is None:
            raise InvalidArgumentError("token_type_ids were given, but type_vocab_size is 0: there is no segment table")
        check_same_shape("token_type_ids", token_type_ids, shape)
        check_rows("token_type_ids", token_type_ids, self.segment, "the segment table has no other rows")
