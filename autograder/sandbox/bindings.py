"""Which names the statements of a notebook bind and use. Nothing is run; text in, names out.

This decides which statements of a skipped cell an answer needs, and which later cell gives another value to a name that
an answer uses. It sees what the text shows: ``globals()["x"] = 1`` and ``exec`` are not seen.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

EVERYTHING = "*"  # bound by ``from module import *``
BUILTINS = frozenset(dir(builtins))
CONSTANT_PARTS = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Load, ast.UnaryOp, ast.USub)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where a statement holds others
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell.

    ``binds`` are the names that it gives a value, also those whose attribute or item it sets; ``uses`` the names that it,
    or a function that it defines, looks up in the notebook. ``imports`` are the names that it imports, each with what it
    is. ``defines``: it is a function, class or import. ``only_defines``: running it does nothing but define something.
    """

    binds: frozenset[str]
    uses: frozenset[str]
    imports: frozenset[tuple[str, str]] = frozenset()
    defines: bool = False
    only_defines: bool = False


Cells = Mapping[int, Sequence[Statement]]


def only_defines(node: ast.stmt) -> bool:
    """Whether a statement only defines something (a function, a class, an import or a constant) or is only text."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return all(isinstance(part, CONSTANT_PARTS) for part in ast.walk(node.value))
    return isinstance(node, DEFINITIONS)


def statements(source: str, tree: ast.Module) -> tuple[Statement, ...]:
    """The statements of a cell, whose syntax tree is ``tree``, in order."""
    inner = _names_used_inside(source)
    return tuple(_statement(node, inner) for node in tree.body)


def definitions(tree: ast.Module) -> Iterator[tuple[Definition, str]]:
    """All functions and classes of a cell, each with the name of the outermost one that it is in ('': none)."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, outer = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node, outer
            outer = outer or node.name
        waiting += [(child, outer) for block in BLOCKS for child in getattr(node, block, ())]


def nested(tree: ast.Module) -> tuple[tuple[str, str], ...]:
    """The names of the functions and classes of a cell that are inside others, each with that of the outermost one."""
    return tuple((node.name, outer) for node, outer in definitions(tree) if outer)


def needed(cells: Cells, names: Iterable[str]) -> set[str]:
    """``names``, and all names that the statements which bind them use, and so on."""
    binders: dict[str, list[Statement]] = {}
    for statement in (statement for cell in cells.values() for statement in cell):
        for name in statement.binds:
            binders.setdefault(name, []).append(statement)
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [used for statement in binders.get(name, ()) for used in statement.uses]
    return found


def rebound(cells: Cells, names: Collection[str]) -> dict[str, dict[int, list[str]]]:
    """For each of ``names``, the cells after its own one that bind a name again which it uses, and these names.

    Its own cell is the last that defines it (or the last that binds it, if none is a function, class or import). A name
    counts if it had a value before: from a cell up to its own, or as a builtin. The same import again changes nothing.
    """
    found = {}
    for name in names:
        binders = [(index, s) for index, cell in cells.items() for s in cell if name in s.binds]
        if not binders:
            continue
        own, definition = ([pair for pair in binders if pair[1].defines] or binders)[-1]
        used = needed(cells, definition.uses) | {name}
        before = [s for index, cell in cells.items() if index <= own for s in cell]
        known = used & BUILTINS.union(*(s.binds for s in before)) | {EVERYTHING}
        imported = {pair for s in before for pair in s.imports}
        later = {index: _bound_anew(cell, known, imported) for index, cell in cells.items() if index > own}
        if later := {index: bound for index, bound in later.items() if bound}:
            found[name] = later
    return found


def _bound_anew(cell: Sequence[Statement], known: Collection[str], imported: Collection[tuple[str, str]]) -> list[str]:
    """The names of ``known`` that a cell binds, but for the same imports again."""
    bound: set[str] = set()
    for statement in cell:
        if again := statement.binds & known:
            bound |= again - dict(statement.imports & imported).keys()
    return sorted(bound)


def _names_used_inside(source: str) -> dict[str, set[str]]:
    """The global names that each function and class at the top level of a cell looks up in its body."""
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, set[str]] = {}
    for table in top.get_children():
        names, waiting = found.setdefault(table.get_name(), set()), [table]
        while waiting:
            table = waiting.pop()
            names |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
            waiting += table.get_children()
    return found


def _statement(node: ast.stmt, inner: Mapping[str, set[str]]) -> Statement:
    binds, uses, imports, hidden = set(), set(), set(), set()
    for part in _outside_functions(node):
        match part:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                binds.add(part.name)
                uses |= inner.get(part.name, set())
            case ast.Lambda():
                uses |= _loaded(part.body) - {a.arg for a in ast.walk(part.args) if isinstance(a, ast.arg)}
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                hidden |= _own_names(part)
            case ast.Name(ctx=ast.Load()) if id(part) not in hidden:
                uses.add(part.id)
            case ast.Name() if id(part) not in hidden:
                binds.add(part.id)
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                binds |= _root(part)
            case ast.Import():
                imports |= {_imported(alias) for alias in part.names}
            case ast.ImportFrom():
                source = "." * part.level + (part.module or "")
                imports |= {(alias.asname or alias.name, f"{source}:{alias.name}") for alias in part.names}
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                binds.add(name)
            case ast.MatchMapping(rest=str(name)):
                binds.add(name)
    return Statement(
        frozenset(binds | dict(imports).keys()),
        frozenset(uses),
        frozenset(imports),
        isinstance(node, DEFINITIONS),
        only_defines(node),
    )


def _outside_functions(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that run with it: all but the bodies of functions, classes and lambdas."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, FUNCTIONS):
            notes = [a.annotation for a in ast.walk(part.args) if isinstance(a, ast.arg)]
            kept = [*part.decorator_list, *part.args.defaults, *part.args.kw_defaults, *notes, part.returns]
        elif isinstance(part, ast.ClassDef):
            kept = [*part.decorator_list, *part.bases, *part.keywords]
        elif isinstance(part, ast.Lambda):
            kept = [*part.args.defaults, *part.args.kw_defaults]
        else:
            kept = list(ast.iter_child_nodes(part))
        waiting += [child for child in kept if child is not None]


def _own_names(comprehension: ast.expr) -> set[int]:
    """The places where a comprehension binds and uses its own variables, by ``id``. It begins in the scope around it."""
    names = [node for node in ast.walk(comprehension) if isinstance(node, ast.Name)]
    targets = {n.id for loop in comprehension.generators for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    outside = {id(node) for node in ast.walk(comprehension.generators[0].iter)}
    return {id(name) for name in names if name.id in targets and id(name) not in outside}


def _loaded(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _imported(alias: ast.alias) -> tuple[str, str]:
    """The name that ``import a.b as c`` binds, and to which module: without ``as`` it is the package."""
    package = alias.name.partition(".")[0]
    return (alias.asname, alias.name) if alias.asname else (package, package)


def _root(node: ast.expr) -> set[str]:
    """``F`` of ``F.normalize``, ``config`` of ``config["tau"].x``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()
