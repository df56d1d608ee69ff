"""The budgets of the house plan that no linter knows: sizes, docstrings, lazy imports, how far a service's name
spreads."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "cumulet"
MAX_MODULE = 500
MAX_FUNCTION = 60
MAX_SPREAD = 3


def main() -> int:
    """Print what is over budget; 1 where anything is."""
    faults: list[str] = []
    sizes = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        sizes.append(text.count("\n"))
        # Starter files and solutions of labs are what a learner writes, not our code.
        if "labs" in path.relative_to(SOURCE).parts[:1] and path.parent != SOURCE / "labs":
            continue
        faults += module_faults(path.relative_to(ROOT), text)
    faults += spread_faults()
    print(
        f"{len(sizes)} modules, median {statistics.median(sizes):.0f} lines, README {(ROOT / 'README.md').stat().st_size / 1000:.1f} kB"
    )
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def module_faults(path: Path, text: str) -> list[str]:
    """What is over budget in one module."""
    faults = []
    lines = text.count("\n")
    if lines > MAX_MODULE:
        faults.append(f"{path}: {lines} lines, at most {MAX_MODULE}")
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        faults.append(f"{path}: no docstring")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION:
                faults.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION}")
            if path.name != "app.py":  # it loads a service on its first use
                faults += [f"{path}:{line}: our own package imported inside {node.name}" for line in _own_imports(node)]
    return faults


def _own_imports(tree: ast.AST) -> list[int]:
    """The lines below `tree` that import our own package."""
    found: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = ["cumulet"] if node.level > 0 else [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        if any(name.split(".")[0] == "cumulet" for name in names):
            found.append(node.lineno)
    return found


def spread_faults() -> list[str]:
    """Services whose name stands in more than three files outside their folder."""
    faults = []
    services = SOURCE / "services"
    sources = {path: path.read_text() for path in SOURCE.rglob("*.py") if services not in path.parents}
    for folder in sorted(path.parent for path in services.glob("*/__init__.py")):
        pattern = re.compile(rf"services\.{folder.name}\b")
        naming = [str(path.relative_to(ROOT)) for path, text in sources.items() if pattern.search(text)]
        if len(naming) > MAX_SPREAD:
            faults.append(
                f"services/{folder.name} is named in {len(naming)} files outside its folder: {', '.join(naming)}"
            )
    return faults


if __name__ == "__main__":
    sys.exit(main())
