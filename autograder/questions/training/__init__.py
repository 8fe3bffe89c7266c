"""Questions about one epoch of training.

A question hands a small model, a loader, an optimiser, a scheduler and a loss to the student's function. Its author writes
in ``probes.py`` which (a ``Loop``), in ``question.py`` takes cases and tests from here, and in ``mistakes.py`` applies the
edits from here to its own correct loop.
"""
