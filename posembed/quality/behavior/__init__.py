"""What a model does when its positions move: the rows of its table are exchanged, and its outputs compared."""
