"""Fuzzers of everything that reads what a submission wrote: frames, notebooks, zip files, checkpoints, folders, names.

Each runs for at most 15 seconds in the suite; ``KIT_FUZZ_SECONDS=600 pytest tests/fuzz`` lets each run for ten minutes. A
failure ends with Hypothesis' smallest example.
"""
