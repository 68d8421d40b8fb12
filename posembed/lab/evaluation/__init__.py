"""Does a checkpoint work on long inputs? Retrieval and language modelling on held-out local text, against baselines."""
