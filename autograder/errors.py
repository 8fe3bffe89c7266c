"""The error that a person reads: one sentence that says what happened, where, and what to do next."""


class KitError(Exception):
    """Base of every expected failure. The command line prints its sentence and ends with status 2."""


class MachineError(KitError):
    """The machine that grades failed, not the submission: nothing is recorded, and the next run grades it."""


class Unread(KitError):
    """The sandbox could not read the tensors of a file; the text is a sentence for the student.

    ``late``: the time of the submission ran out, and nothing is known about the file.
    """

    def __init__(self, sentence: str, late: bool = False) -> None:
        super().__init__(sentence)
        self.late = late


class CheckpointError(KitError):
    """The tensors do not form the network; the text is a sentence for the student."""
