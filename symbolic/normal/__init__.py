"""Normal forms of index expressions: equal expressions get equal forms, for all shapes and all inputs.

A form is a polynomial with rational coefficients in *atoms* (:mod:`.terms`). An atom is a head with index arguments,
``X[i, k]`` or ``exp#17[i, j]``, where ``#17`` names a class of polynomials up to the renaming of indices
(:mod:`.classes`). :mod:`.algebra` has the operations and the identities; :mod:`.elementary` those of exp, log
and sigmoid; :mod:`.convert` reads SymPy; :mod:`.zero` decides whether a form is zero by opening intermediates, latest
first.
"""
