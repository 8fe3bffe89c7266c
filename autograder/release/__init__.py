"""What is made from a master: both notebooks, grading bundle, Gradescope zip, nbgrader course."""

import autograder.engine  # noqa: F401  (makes the import of nbformat fast)
