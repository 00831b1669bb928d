"""Running text that this package has generated: the only place that compiles text.

The text is written by :mod:`gradproof.codegen.emit` or by this package's own templates, from instructions whose names
are checked identifiers and whose numbers are exact SymPy numbers: nothing in it comes from outside unread. Each text is
registered in ``linecache``, so that it can be stepped through in a debugger and shows in tracebacks.
"""

from __future__ import annotations

import hashlib
import linecache
import types


def load(source: str, name: str) -> types.ModuleType:
    """The module that the generated ``source`` defines, under a file name that shows in tracebacks."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    filename = f"<gradproof generated {name} {digest}>"
    module = types.ModuleType(f"gradproof_generated_{name}")
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), module.__dict__)
    return module
