"""From a loss and a hand-written gradient to a report: what is checked, on which rung, and what is wrong.

The modules, in the order of the pipeline (import the one that is needed; this file imports none):

- ``verify``: the pipeline; ``layers`` brings objects with ``forward`` and ``backward`` to it, ``records`` dataclasses
- ``interfaces``, ``plain_runs``: how functions and inputs are handed over, and the plain float64 run that comes first
- ``proofs``: both functions traced, the derivative derived, and the two compared for all shapes and inputs
- ``places``: where else a gradient is held against its loss, by ``checking`` and ``directional`` on balls: ``sizes``
  that the code admits, ``regions`` that its comparisons make, inputs like the given ones (``domains``, ``poles``)
- ``kinks``: which values are right at a corner; ``float_check``: the last rung, for code that cannot run on balls
- ``findings``: what all places say together, with ``causes``, ``diagnose`` and the smallest ``counterexample``
- ``mends``: the line at fault, found by trying edits of the user's source
- ``report``, ``rendering``: what a person or a program reads; ``assertions`` and ``testing`` for tests
"""
