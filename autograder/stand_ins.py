"""Puts another function in the place of one that a student has defined, while a probe runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps

_NOTHING = object()


@contextmanager
def standing_in(stand_ins: Mapping[str, Callable], namespaces: Iterable[dict[str, object]]) -> Iterator[None]:
    """Replace names in namespaces: whoever looks one up finds its stand-in, which takes the arguments as the own one does.

    Args:
        stand_ins: name -> function.
        namespaces: where functions look their global names up.
    """
    before = [(names, name, names.get(name, _NOTHING)) for names in namespaces for name in stand_ins]
    for names, name, own in before:
        names[name] = called_like(own, stand_ins[name])
    try:
        yield
    finally:
        for names, name, own in before:
            if own is _NOTHING:
                names.pop(name, None)
            else:
                names[name] = own


def called_like(own: object, stand_in: Callable) -> Callable:
    """``stand_in``, called with the arguments of ``own``, which may have the same parameters in another order."""
    try:
        signature = inspect.signature(own)
    except (TypeError, ValueError):
        return stand_in
    wanted = list(inspect.signature(stand_in).parameters)
    if not set(wanted) <= set(signature.parameters):
        return stand_in

    @wraps(stand_in)
    def called(*arguments: object, **named: object) -> object:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        return stand_in(**{name: bound.arguments[name] for name in wanted})

    return called


def globals_of(functions: Iterable[object]) -> list[dict[str, object]]:
    """The global names of functions, each namespace once. Nothing for what has none."""
    found = [getattr(inspect.unwrap(f), "__globals__", None) for f in functions if callable(f)]
    return list({id(names): names for names in found if names is not None}.values())
