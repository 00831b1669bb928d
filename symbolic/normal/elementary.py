r"""The elementary identities: exp, log, sigmoid, softplus, tanh, powers, and brackets lifted out of functions.

- exp(a + b) = exp(a) exp(b), exp(c log x) = x^c;
- tanh(u) = 2σ(2u) − 1, σ(−u) = 1 − σ(u), e^u σ(u) = e^u − σ(u), e^{−u} σ(u) = 1 − σ(u), (1 + e^u)^{−1} = σ(−u);
- log of a product of positives is the sum of the logs; log(1 + e^u) = softplus(u), softplus(−u) = softplus(u) − u;
- f(b x + y) = b f(x + y) + (1 − b) f(y) for a bracket b (its two values, tried).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .infinite import INFINITY
from .terms import ONE, Atom, Mono, Poly, add, constant, merge, scale, single

if TYPE_CHECKING:
    from .algebra import Algebra

_BRACKETS = ("br", "ibx", "delta")


class Elementary:
    """The elementary functions over one :class:`~.algebra.Algebra`."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self.table = algebra.table
        self._pivots: dict[tuple[int, tuple[Any, ...]], tuple[Poly, Mono]] = {}

    # -- helpers -----------------------------------------------------------------------------------------------------
    def lift(self, poly: Poly, function: Callable[[Poly], Poly]) -> Poly | None:
        """``function`` of a polynomial with a bracket in it, by the bracket's two values; None where there is none."""
        split = self._split(poly)
        if split is None:
            return None
        atom, with_it, without = split
        one, zero = function(with_it), function(without)
        return add(zero, self.algebra.multiply(single(atom), add(one, scale(zero, -1))))

    def cases(self, poly: Poly) -> tuple[Poly, Poly] | None:
        """A polynomial with a bracket in it for the bracket's two values, 1 and 0; None where there is none."""
        split = self._split(poly)
        return None if split is None else split[1:]

    def _split(self, poly: Poly) -> tuple[Atom, Poly, Poly] | None:
        found = {(a, Fraction(1)) for mono in poly for a, _ in mono if self._two_valued(a)}
        if not found:
            return None
        atom, _ = self.table.in_order(found)[0]
        without: Poly = {m: c for m, c in poly.items() if not any(a == atom for a, _ in m)}
        held: Poly = {}
        for m, c in poly.items():
            if any(a == atom for a, _ in m):
                held = add(held, {frozenset((a, e) for a, e in m if a != atom): c})
        return atom, add(without, held), without

    def _two_valued(self, atom: Atom) -> bool:
        head = atom[0]
        if head[0] == "x":
            return bool(self.algebra.facts.get(head[1], frozenset()) & {"one_hot", "boolean", "binary"})
        return head[0] in _BRACKETS or (head[0] == "fn" and head[2:] == ("zero",))

    def behind_monotone(self, poly: Poly) -> Poly | None:
        """What has the same sign: b − a for e^b − e^a, u for σ(u) − 1/2 (so for tanh u, too)."""
        if len(poly) != 2:
            return None
        (first, c), (second, d) = poly.items()
        if c != -d or any(a[0][0] != "exp" for m in poly for a, _ in m):
            return self._behind_sigmoid(poly)
        return scale(self._exponent(merge(first, frozenset((a, -e) for a, e in second))), 1 if c > 0 else -1)

    def _behind_sigmoid(self, poly: Poly) -> Poly | None:
        if ONE not in poly:
            return None
        ((mono, slope),) = ((m, c) for m, c in poly.items() if m != ONE)
        if len(mono) != 1 or slope != -2 * poly[ONE]:
            return None
        ((atom, exponent),) = mono
        if atom[0][0] != "sig" or exponent != 1:
            return None
        return scale(self.algebra.instantiate(atom[0][1], atom[1]), 1 if slope > 0 else -1)

    # -- exp ---------------------------------------------------------------------------------------------------------
    def exp(self, poly: Poly) -> Poly:
        """exp of a polynomial: a product of powers of exp of its monomials."""
        lifted = self.lift(poly, self.exp)
        if lifted is not None:
            return lifted
        return self.algebra.product([self._exp_mono(mono, coefficient) for mono, coefficient in poly.items()])

    def _exp_mono(self, mono: Mono, coefficient: Fraction) -> Poly:
        if coefficient < 0 and INFINITY in dict(mono):
            return {}
        if len(mono) == 1:
            ((atom, exponent),) = mono
            if exponent == 1 and atom[0][0] == "fn" and atom[0][2:] == ("log",):
                return self.power(self.algebra.instantiate(atom[0][1], atom[1]), coefficient)
            if exponent == 1 and atom[0][0] == "lp":
                base = add(constant(1), self.exp(self.algebra.instantiate(atom[0][1], atom[1])))
                return self.power(base, coefficient)
            if exponent == 1 and atom[0][2:3] == ("logabsdet",) and coefficient.denominator == 1:
                return self.power(self._absolute_det(atom), coefficient)
            if exponent == 1 and atom[0][0] == "lognum":
                return self._number_power(Fraction(atom[0][1]), coefficient)
        number, args = self.table.intern("exp", {mono: Fraction(1)})
        return self.algebra.monomial({(("exp", number), args): coefficient})

    def _absolute_det(self, atom: Atom) -> Poly:
        """|det A| = det A · sign det A for the atom of log |det A|; det A itself where it is not negative."""
        (kind, number, _, *rest), args = atom
        det = single(((kind, number, "det", *rest), args))
        if self.algebra.matrices.definiteness(atom) is not None:
            return det
        return self.algebra.multiply(det, single(((kind, number, "detsign", *rest), args)))

    def reduce_detsign(self, powers: dict[Atom, Fraction]) -> Poly | None:
        """sign³ = sign of a determinant, and sign² = 1 beside a power of the determinant itself."""
        for atom, exponent in powers.items():
            if atom[0][0] != "mat" or atom[0][2] != "detsign" or exponent.denominator != 1 or 0 < exponent < 2:
                continue
            (kind, number, _, *rest), args = atom
            beside = powers.get(((kind, number, "det", *rest), args), Fraction(0)) != 0
            left = exponent % 2 if beside or exponent % 2 else Fraction(2)
            if left != exponent and exponent > 0:
                changed = {a: e for a, e in powers.items() if a != atom} | ({atom: left} if left else {})
                return self.algebra.monomial(changed)
        return None

    def reduce_exp_sigmoid(self, powers: dict[Atom, Fraction]) -> Poly | None:
        """e^u σ(u) = e^u − σ(u) and e^{−u} σ(u) = 1 − σ(u), where both factors are there."""
        if not any(atom[0][0] == "exp" for atom in powers):
            return None
        for atom, exponent in powers.items():
            if atom[0][0] != "sig" or exponent < 1:
                continue
            argument = self.algebra.instantiate(atom[0][1], atom[1])
            whole = self.exp(argument)
            if len(whole) != 1:
                continue
            (mono,) = whole
            parts = dict(mono)
            if not parts:
                continue
            ratios = [powers.get(a, Fraction(0)) / e for a, e in parts.items()]
            if all(r >= 1 for r in ratios):
                rest = merge(frozenset(powers.items()), frozenset([(atom, Fraction(-1)), *((a, -e) for a, e in mono)]))
                left = self.algebra.monomial(rest)
                return self.algebra.multiply(left, add({mono: Fraction(1)}, scale(single(atom), -1)))
            if all(r <= -1 for r in ratios):
                rest = merge(frozenset(powers.items()), frozenset([(atom, Fraction(-1)), *mono]))
                return self.algebra.multiply(self.algebra.monomial(rest), add(constant(1), scale(single(atom), -1)))
        return None

    # -- sigmoid, tanh, softplus, log --------------------------------------------------------------------------------
    def sigmoid(self, poly: Poly) -> Poly:
        """σ of a polynomial."""
        if not poly:
            return constant(Fraction(1, 2))
        lifted = self.lift(poly, self.sigmoid)
        if lifted is not None:
            return lifted
        if all(map(_is_log, poly.items())):  # σ(2 log u) = u²/(1 + u²)
            rises = next(iter(poly.values())) > 0
            share = self.power(add(constant(1), self.exp(poly if rises else scale(poly, -1))), Fraction(-1))
            return add(constant(1), scale(share, -1)) if rises else share
        flip, normal = self.algebra.contents.oriented(poly)
        number, args = self.table.intern("sig", normal)
        atom = single((("sig", number), args))
        return add(constant(1), scale(atom, -1)) if flip else atom

    def tanh(self, poly: Poly) -> Poly:
        """tanh(u) = 2σ(2u) − 1."""
        return add(scale(self.sigmoid(scale(poly, 2)), 2), constant(-1))

    def softplus(self, poly: Poly) -> Poly:
        """log(1 + e^u)."""
        if not poly:
            return self.log(constant(2))
        lifted = self.lift(poly, self.softplus)
        if lifted is not None:
            return lifted
        flip, normal = self.algebra.contents.oriented(poly)
        number, args = self.table.intern("lp", normal)
        atom = single((("lp", number), args))
        # softplus(−u) = softplus(u) − u
        return add(atom, scale(normal, -1)) if flip else atom

    def log(self, poly: Poly) -> Poly:
        """log of a polynomial."""
        if not poly:
            return single((("undefined", "log 0"), ()))
        lifted = self.lift(poly, self.log)
        if lifted is not None:
            return lifted
        special = self._one_minus_sigmoid(poly)
        if special is not None:
            return self.log(special)
        of_dets = self._log_of_dets(poly)
        if of_dets is not None:
            return of_dets
        content, rest = self.algebra.contents.positive_content(poly)
        (mono, coefficient), *_ = content.items()
        total = self._log_number(coefficient)
        for atom, exponent in mono:
            total = add(total, scale(self._log_atom(atom), exponent))
        if rest == constant(1):
            return total
        pair = self._exp_pair(rest)
        if pair is not None:
            ((base, _),) = pair[0].items()
            return add(total, self._exponent(dict(base)), self.softplus(pair[1]))
        number, args = self.table.intern("fn", rest)
        return add(total, single((("fn", number, "log"), args)))

    def _log_of_dets(self, poly: Poly) -> Poly | None:
        """log(± c Π det A) = log c + Σ log |det A|: wherever the logarithm has a value."""
        if len(poly) != 1:
            return None
        ((mono, coefficient),) = poly.items()
        if not any(atom[0][0] == "mat" for atom, _ in mono):
            return None
        total = self._log_number(abs(coefficient))
        for atom, exponent in mono:
            if atom[0][0] == "mat" and atom[0][2] == "det":
                (kind, number, _, *rest), args = atom
                total = add(total, scale(single(((kind, number, "logabsdet", *rest), args)), exponent))
            elif self.algebra.signs.atom_positive(atom):
                total = add(total, scale(self._log_atom(atom), exponent))
            else:
                return None
        return total

    def _log_number(self, value: Fraction) -> Poly:
        if value == 1:
            return {}
        total: Poly = {}
        import sympy as sp

        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, power in sp.factorint(number).items():
                total = add(total, scale(single((("lognum", prime), ())), sign * power))
        return total

    def _log_atom(self, atom: Atom) -> Poly:
        kind = atom[0][0]
        if kind == "exp":
            return self.algebra.instantiate(atom[0][1], atom[1])
        if kind == "sig":
            return scale(self.softplus(scale(self.algebra.instantiate(atom[0][1], atom[1]), -1)), -1)
        if kind == "num" and isinstance(atom[0][1], int):
            return self._log_number(Fraction(atom[0][1]))
        if kind == "pow":
            return self._log_opaque(self.algebra.instantiate(atom[0][1], atom[1]))
        of_product = self.algebra.products.logarithm(atom) if kind == "prod" else None
        return self._log_opaque(single(atom)) if of_product is None else of_product

    def _log_opaque(self, poly: Poly) -> Poly:
        number, args = self.table.intern("fn", poly)
        return single((("fn", number, "log"), args))

    def _exp_pair(self, poly: Poly) -> tuple[Poly, Poly] | None:
        """``(e^a, b − a)`` where the polynomial is e^a + e^b = e^a (1 + e^{b−a}), else None; 1 is e^0."""
        if len(poly) != 2 or any(c != 1 or any(a[0][0] != "exp" for a, _ in m) for m, c in poly.items()):
            return None
        first, second = poly
        if second == ONE:
            first, second = second, first
        difference = self._exponent(merge(second, frozenset((a, -e) for a, e in first)))
        if first != ONE and self.algebra.contents.oriented(difference)[0]:
            first, difference = second, scale(difference, -1)
        return {first: Fraction(1)}, difference

    def _exponent(self, powers: dict[Atom, Fraction]) -> Poly:
        """What a product of exponentials is the exponential of."""
        total: Poly = {}
        for atom, exponent in powers.items():
            total = add(total, scale(self.algebra.instantiate(atom[0][1], atom[1]), exponent))
        return total

    def _one_minus_sigmoid(self, poly: Poly) -> Poly | None:
        """e^{−u} σ(u) where the polynomial is c(1 − σ(u)), as an unreduced product, else None."""
        if len(poly) != 2 or ONE not in poly:
            return None
        ((mono, coefficient),) = ((m, c) for m, c in poly.items() if m != ONE)
        if coefficient != -poly[ONE] or len(mono) != 1:
            return None
        ((atom, exponent),) = mono
        if atom[0][0] != "sig" or exponent != 1:
            return None
        rest = self.exp(scale(self.algebra.instantiate(atom[0][1], atom[1]), -1))
        if len(rest) != 1:
            return None
        (held,) = rest
        return {frozenset([*held, (atom, Fraction(1))]): poly[ONE]}

    # -- powers ------------------------------------------------------------------------------------------------------
    def power(self, poly: Poly, exponent: Fraction) -> Poly:
        """A polynomial to a rational power; ``x ** 0`` is 1."""
        if exponent == 0:
            return constant(1)
        if exponent.denominator == 1 and exponent > 0:
            return self.algebra.product([poly] * int(exponent))
        if not poly:
            # 1/0 may stand in a branch that a bracket switches off; elsewhere it stays, and nothing is proved with it
            return {} if exponent > 0 else single((("undefined", "1/0"), ()))
        lifted = self.lift(poly, lambda inner: self.power(inner, exponent))
        if lifted is not None:
            return lifted
        special = self._one_minus_sigmoid(poly)
        if special is not None:
            return self._mono_power(special, exponent)
        if len(poly) == 1:
            return self._mono_power(poly, exponent)
        whole = exponent.denominator == 1
        below, poly = self.algebra.contents.on_one_denominator(poly, positive_only=not whole)
        if below:
            return self.algebra.multiply(self._mono_power({below: Fraction(1)}, exponent), self.power(poly, exponent))
        content, rest = self.algebra.contents.content(poly) if whole else self.algebra.contents.positive_content(poly)
        outside = self._mono_power(content, exponent)
        if set(rest) == {ONE} or len(rest) == 1:
            return self.algebra.multiply(outside, self._mono_power(rest, exponent))
        pair = self._exp_pair(rest)
        if pair is not None and whole:
            base, argument = pair
            inverse = self.sigmoid(scale(argument, -1))
            outside = self.algebra.multiply(outside, self._mono_power(base, exponent))
            return self.algebra.multiply(outside, self.power(inverse, -exponent))
        special = self._one_minus_sigmoid(rest)
        if special is not None and whole:
            return self.algebra.multiply(outside, self._mono_power(special, exponent))
        number, args = self.table.intern("pow", rest)
        return self.algebra.multiply(outside, self.algebra.monomial({(("pow", number), args): exponent}))

    def reduce_pivot(self, powers: dict[Atom, Fraction]) -> Poly | None:
        """M · P^e = (P^{e+1} − R P^e) / c for P = c M + R and e < 0: a power of P absorbs its leading term."""
        for atom, exponent in powers.items():
            if atom[0][0] != "pow" or exponent >= 0:
                continue
            base, pivot = self._pivot(atom[0][1], atom[1])
            if not pivot or any(e < 0 or powers.get(a, Fraction(0)) < e for a, e in pivot):
                continue
            taken = frozenset((a, -e) for a, e in [*pivot, (atom, exponent)])
            rest = self.algebra.monomial(merge(frozenset(powers.items()), taken))
            others = {m: c for m, c in base.items() if m != pivot}
            raised = self.algebra.monomial({atom: exponent + 1} if exponent != -1 else {})
            replaced = add(raised, scale(self.algebra.multiply(others, single(atom, exponent)), -1))
            return self.algebra.multiply(rest, scale(replaced, 1 / base[pivot]))
        return None

    def _pivot(self, number: int, args: tuple[Any, ...]) -> tuple[Poly, Mono]:
        """The polynomial under a power, and its leading term."""
        key = (number, args)
        if key not in self._pivots:
            base = self.algebra.instantiate(number, args)
            self._pivots[key] = base, max(base, key=lambda m: (sum(abs(e) for _, e in m), str(sorted(map(str, m)))))
        return self._pivots[key]

    def _mono_power(self, poly: Poly, exponent: Fraction) -> Poly:
        (mono, coefficient), *_ = poly.items()
        whole = exponent.denominator == 1
        if not whole:
            odd = [a for a, _ in mono if not self.algebra.signs.atom_nonnegative(a)]
            if coefficient < 0 or len(odd) > 1:
                number, args = self.table.intern("pow", poly)
                return self.algebra.monomial({(("pow", number), args): exponent})
            if odd and dict(mono)[odd[0]].denominator == 1 and dict(mono)[odd[0]] % 2 == 0:
                return self._even_root(dict(mono), odd[0], coefficient, exponent)
        number_part = self._number_power(coefficient, exponent)
        return self.algebra.multiply(number_part, self.algebra.monomial({a: e * exponent for a, e in mono}))

    def _even_root(self, powers: dict[Atom, Fraction], atom: Atom, coefficient: Fraction, exponent: Fraction) -> Poly:
        """(x²)^{1/2} = |x| = x (2[x > 0] − 1)."""
        size = powers.pop(atom) * exponent
        rest = self._mono_power({frozenset(powers.items()): coefficient}, exponent)
        if size.denominator != 1:
            number, args = self.table.intern("pow", single(atom, 2))
            return self.algebra.multiply(rest, self.algebra.monomial({(("pow", number), args): size / 2}))
        result = self.algebra.multiply(rest, self.algebra.monomial({atom: size}))
        if size % 2:
            sign = add(scale(self.algebra.bracket(single(atom)), 2), constant(-1))
            result = self.algebra.multiply(result, sign)
        return result

    def _number_power(self, value: Fraction, exponent: Fraction) -> Poly:
        if exponent.denominator == 1:
            return constant(value**exponent)
        import sympy as sp

        total = constant(1)
        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, power in sp.factorint(number).items():
                root = self.algebra.monomial({(("num", prime), ()): sign * power * exponent})
                total = self.algebra.multiply(total, root)
        return total


def _is_log(term: tuple[Mono, Fraction]) -> bool:
    """Whether a term is a whole multiple of a logarithm, so that its exponential is a power."""
    mono, coefficient = term
    if len(mono) != 1 or coefficient.denominator != 1:
        return False
    (((head, _), exponent),) = mono
    return exponent == 1 and (head[0] == "lp" or (head[0] == "fn" and head[2:] == ("log",)))
