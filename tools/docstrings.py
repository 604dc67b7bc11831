"""Says which public modules, classes and functions have no docstring; the house asks for all of them.

    python -m tools.docstrings [FOLDER …]      exit 1 and one line a gap

Public is what has no leading underscore on the way to it and is not nested in a function. Asked of nobody: `__init__`
and other dunders (their class speaks for them), `@overload` and `@override` (the first signature does), property
setters, and an empty `__init__.py`. Generated code and tests are not read; a test's name is its sentence.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("shared", "services", "cli", "infra", "tools")
_EXCUSING: Final = frozenset({"overload", "override", "setter", "deleter"})

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def gaps(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything public in `source` that has no docstring. Raises SyntaxError."""
    tree = ast.parse(source)
    if tree.body and ast.get_docstring(tree) is None:
        yield 1, "the module"
    yield from _gaps_within(tree, "")


def report(root: Path, folders: list[str]) -> list[str]:
    """Return `path:line: name …` for every gap in the Python files of `folders` under `root`, in order."""
    return [
        f"{path.relative_to(root)}:{line}: {name} has no docstring"
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        if "node_modules" not in path.parts
        for line, name in gaps(path.read_text(encoding="utf-8"))
    ]


def main(arguments: list[str]) -> int:
    """Print every gap and return the exit code: 0 when there is none, else 1."""
    found = report(Path.cwd() if arguments else ROOT, arguments or list(FOLDERS))
    for line in found:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"docstrings: {len(found)} missing\n")
    return 1 if found else 0


def _gaps_within(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[int, str]]:
    for node in parent.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None and not _is_excused(node):
                yield node.lineno, f"{prefix}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from _gaps_within(node, f"{prefix}{node.name}.")


def _is_excused(node: Definition) -> bool:
    return any(_last_name(decorator) in _EXCUSING for decorator in node.decorator_list)


def _last_name(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
