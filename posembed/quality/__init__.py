"""How good a real model is on long inputs, and how its table is made better."""
