"""What is derived from a master: solution and student notebook, answer key with hidden tests, Gradescope zip."""
