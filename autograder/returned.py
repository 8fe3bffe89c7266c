"""Tells a test by hand that cannot use what a student's function returned from a function that raised."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from types import FrameType, FunctionType
from typing import get_origin

from autograder.arrays import described


class Unusable(TypeError):
    """A test by hand cannot use what was returned to it; the text is a sentence for the student."""


def called(test: Callable, given: Mapping[str, object], own: Callable[[FrameType], bool]) -> None:
    """Call a test by hand with the names of a notebook; ``own`` tells the frames of the notebook's code.

    Raises:
        Unusable: the test raised something else than an AssertionError, and no code of the notebook did.
        Exception: what that code raised, or the test's AssertionError.
    """
    returned: list[tuple[Callable, object]] = []
    classes = [name for name, value in given.items() if isinstance(value, type)]
    try:
        test(**{name: _watched(value, returned) for name, value in given.items()})
    except (AssertionError, MemoryError):
        raise
    except Exception as error:
        kit = type(error).__module__.partition(".")[0] == __name__.partition(".")[0]
        if kit or any(own(frame) for frame in _frames(error)) or not (returned or classes):
            raise
        what = _what(*returned[-1]) if returned else f"The check cannot use what {' or '.join(classes)} gives"
        raise Unusable(f"{what} ({type(error).__name__}: {error})") from error


def _frames(error: BaseException) -> Iterator[FrameType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _watched(function: object, returned: list[tuple[Callable, object]]) -> object:
    """A function that notes what it returned; anything else as it is."""
    if not isinstance(function, FunctionType):
        return function

    @wraps(function)
    def watched(*arguments: object, **named: object) -> object:
        returned.clear()  # what raises now is this call
        result = function(*arguments, **named)
        returned.append((function, result))
        return result

    return watched


def _what(function: Callable, result: object) -> str:
    promised = function.__annotations__.get("return")
    kind = get_origin(promised) or promised
    fits = promised is None or isinstance(kind, type) and isinstance(result, kind)
    name = promised if isinstance(promised, str) else inspect.formatannotation(promised)
    expected = "" if fits else f", expected {name}"
    return f"What {function.__name__} returns is {described(result)}{expected}; the check cannot use it"
