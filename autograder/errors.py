"""The error that a person reads: one sentence that says what happened, where, and what to do next."""


class KitError(Exception):
    """Base of every expected failure. The command line prints its sentence and ends with status 2."""
