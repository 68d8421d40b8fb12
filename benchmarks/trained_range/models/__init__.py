"""The study of trained ranges with the models at hand: small models of Transformers whose truth is known."""
