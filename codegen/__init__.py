"""What is emitted: the lowered program, its passes, NumPy source, training programs and their certification.

The modules, in the order of the pipeline (import the one that is needed; this file imports none):

- ``passes`` with ``shared_products``, ``packing``, ``loop_operands``: rewritings of equations and programs, in tables
- ``lower`` with ``builder``, ``lower_nodes``, ``contract``, ``gather``, ``tiles``, ``ranges``, ``numbers``: equations
  to instructions
- ``program``: the instructions, and the validation that follows every pass
- ``emit``, ``equation_text``, ``function_source``: the program as readable NumPy source
- ``execute``, ``compile``: running it (``execute`` is the only place that compiles text)
- ``generate``, ``initialise``, ``templates``, ``certify``: training programs, certified before they are written
"""

if __name__ != "gradproof.codegen":
    raise ImportError("import this folder as gradproof.codegen: a bare 'codegen' would be a second copy of it")
