"""What is derived from a master: solution and student notebook, answer key with hidden tests, Gradescope zip."""

import autograder.engine  # noqa: F401  (makes the import of nbformat quick)
