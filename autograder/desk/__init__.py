"""What runs at a student's desk: the public checks of a notebook, in its own kernel. See ``autograder.release.travel``."""
