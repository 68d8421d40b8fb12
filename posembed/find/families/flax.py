"""Names of Google's original ViT checkpoints, saved by JAX as ``.npz``: vision_transformer and big_vision.

Sources: ``vit_jax/models_vit.py`` and ``checkpoint.py`` of github.com/google-research/vision_transformer;
``big_vision/models/vit.py`` and ``models/proj/image_text`` of github.com/google-research/big_vision. Both take the rows
for a square of patches, behind one row for the class token where there is one.
"""

from __future__ import annotations

FLAX_FAMILY = "flax-vit"
# The table by its own name, or inside of the encoder as the first release had it.
FLAX_TABLE = r"(?:^|/)(?:Transformer/posembed_input/)?pos_embedding$"
# Towers of image-text models (SigLIP, LiT): only the text tower's table is a sequence.
FLAX_TEXT = r"(?:^|/)(?:txt|text)/"
FLAX_CLASS_TOKEN = "cls"
# The kernel that cuts patches, ``[height, width, channels, d_model]``.
FLAX_KERNEL = "embedding/kernel"
# A ResNet in front of the patches: the kernel no longer says how many pixels a patch has.
FLAX_STEM = r"(?:^|/)conv_root/"
# Arrays of an optimizer, saved beside the weights by big_vision and by Flax's TrainState.
FLAX_OPTIMIZER = r"(?:^|/)(?:opt|opt_state|state|param_states|mu|nu)/(?!target/)"
