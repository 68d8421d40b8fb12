"""The study of trained ranges: tables whose truth is known because they are trained here, and the score on them."""
