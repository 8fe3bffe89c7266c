"""The stock graders of the comparison: how each is set up, called and read, and the container around each run."""
