"""Attributes in which the modules of a loaded model store the size of their position table.

The names under which Transformers saves embeddings are in :mod:`posembed.nn.state_dict_names`: ``nn`` may not import
``find``.
"""

from __future__ import annotations

ROW_ATTRIBUTES = (
    "num_embeddings",
    "num_positions",
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",
    "max_source_positions",
    "max_seq_len",
    "max_len",
    "num_position_embeddings",
    "position_embedding_size",
)
PATCH_ATTRIBUTES = ("num_patches", "num_image_patches", "seq_length")
SIDE_ATTRIBUTES = (
    "num_patches_per_side",
    "num_grid_per_side",
    "grid_size",
    "patch_shape",
    "patch_grid",
    "num_patches_one_direction",
    "image_embedding_size",
)
PIXEL_ATTRIBUTES = ("image_size", "img_size", "input_size", "input_image_size")
