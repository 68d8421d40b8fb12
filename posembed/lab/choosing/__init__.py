"""What choosing a method by data is made of: the candidates, and how they are measured."""
