"""Run the notebooks of this folder, and store in them what they show: python docs/notebooks.py.

Cells are run one after the other in a namespace of their own; lines that begin with ``!`` go to the shell. Jupyter is
not needed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from base64 import b64encode
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parent / "notebooks"


def run_notebook(path: Path, folder: Path) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells, run in a folder; raises what a cell raises."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "__main__", "_shell": _shell}
    with contextlib.chdir(folder):
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(cells, 1):
            cell["execution_count"] = number
            cell["outputs"] = run_cell("".join(cell["source"]), number, namespace)
    return notebook


def run_cell(source: str, number: int, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the code of one cell and return its outputs: what was printed, warnings, the value of the last line."""
    code = "\n".join(f"_shell({line[1:]!r})" if line.startswith("!") else line for line in source.splitlines())
    body = ast.parse(code, f"cell {number}").body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) and not source.rstrip().endswith(";") else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile(ast.Module(body, []), f"cell {number}", "exec"), namespace)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), namespace)  # noqa: S307
    outputs = [_stream("stdout", printed.getvalue())] if printed.getvalue() else []
    outputs += [_stream("stderr", f"{note.category.__name__}: {note.message}\n") for note in caught]
    return outputs if value is None else [*outputs, _result(value, number)]


def _shell(line: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-ec", line], check=True, stdout=subprocess.PIPE, env={**os.environ, "PATH": path})
    sys.stdout.write(done.stdout.decode())


def _stream(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


def _result(value: Any, number: int) -> dict[str, Any]:
    """Return a value as Jupyter stores it: text, and HTML or else a picture where it has them."""
    data: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_") and (page := value._repr_html_()):
        data["text/html"] = page.splitlines(keepends=True)
    elif hasattr(value, "_repr_png_"):
        data["image/png"] = b64encode(value._repr_png_()).decode()
    return {"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}}


def main() -> None:
    """Run every notebook and write it back with its outputs."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            notebook = run_notebook(path, Path(folder))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
