"""What is true: equations, their calculus, proofs, derivations. SymPy does the scalar calculus.

The folders, in the order in which a question passes through them (import what is needed; this file imports nothing):

- ``formulas``, ``tracing``, ``networks``: from formula text, a NumPy function, or layers and TOML files ...
- ``arrays``: ... to symbolic arrays, NumPy's face on
- ``equations``: index equations: dimensions, definitions, systems, the table of functions, fusion
- ``calculus``: adjoint and tangent equations; grad, jacobian, hessian, vjp, jvp, hvp
- ``recurrences``: ``scan``, a recurrence over a symbolic length from the function of one step
- ``layers``: layers of networks as functions of symbolic arrays
- ``normal`` and ``prove``: normal forms; ``equal``
- ``derivations``: steps and their checks, index and matrix form, LaTeX, HTML, Markdown, text
"""

if __name__ != "gradproof.symbolic":
    raise ImportError("import this folder as gradproof.symbolic: a bare 'symbolic' would be a second copy of it")
