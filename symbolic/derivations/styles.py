r"""How the parts of a formula look: TeX for documents, plain Unicode text for a terminal.

The printers of the index form and of the matrix form build every formula from the few parts below, so that a new kind
of output is one more class here. Only these TeX macros are used, which amsmath and MathML converters know:
\frac \sqrt \sum \prod \left \right \operatorname \text \mathbf \bar \hat \dot \tilde \partial \odot \top \cdot \lVert
\rVert \langle \rangle \lfloor \rfloor \lceil \rceil \bmod \mid \quad \in \mathbb \times, relations, Greek letters
and ``cases``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi
psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"""
GREEK = tuple(_GREEK.split())
GREEK_TEXT = dict(zip(GREEK, "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", strict=True))
_GREEK_WORD = {letter: word for word, letter in GREEK_TEXT.items()}
_LARGE = 6
"""A power of ten with at least so many zeros is written as one."""
_SHORT = {"lam": "λ", "eps": "ε"}
_GREEK_TEX = {word: rf"\{word}" for word in GREEK} | {"lam": r"\lambda", "eps": r"\epsilon", "epsilon": r"\varepsilon"}
_WEIGHT = re.compile(r"([WUVb])((?<=W)[a-z]{1,2}|[a-z])")
"""Weights and biases as they are typed: Wxh is W with the word xh, bo is b with o."""
_ACCENTS = ("hat", "bar", "tilde", "dot")
_ACCENT_TEXT = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
_SUPERSCRIPTS = str.maketrans("0123456789-+()T/.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁽⁾ᵀᐟ·")


PLAIN = {"maximum": "max", "minimum": "min", "leaky_relu": "lrelu"}
"""Functions whose name in formulas is another one."""

WITH_PARAMETER = frozenset({"leaky_relu", "elu"})
"""Functions whose second argument stands below their name, where it is not 1."""

OF_MATRIX = {"eigval": "eig", "eigvec": "eigvec", "chol": "chol"}
"""What functions of a matrix are called in formulas."""


@dataclass(frozen=True, slots=True)
class Name:
    """A symbol in its parts: ``W_out2`` is head W, word "out", number "2"; ``accent`` is a bar, a hat, ..."""

    head: str
    word: str = ""
    number: str = ""
    accent: str = ""

    @classmethod
    def of(cls, name: str) -> Name:
        """The parts of an identifier.

        >>> Name.of("W1"), Name.of("x_hat"), Name.of("W_out")
        (Name(head='W', word='', number='1', accent=''), Name(head='x', word='', number='', accent='hat'), \
Name(head='W', word='out', number='', accent=''))
        """
        accent = ""
        head, *rest = [part for part in name.split("_") if part] or ["_"]
        weight = _WEIGHT.fullmatch(head)
        if weight:
            head, rest = weight.group(1), [weight.group(2), *rest]
        if rest and rest[-1] in _ACCENTS:
            accent = rest.pop()
        number = ""
        while rest and rest[-1].isdigit():
            number = f"{rest.pop()},{number}".rstrip(",")
        digits = re.fullmatch(r"([^\W\d]+)(\d+)", head)
        if digits:
            head = digits.group(1)
            number = f"{digits.group(2)},{number}" if number else digits.group(2)
        return cls(head, " ".join(rest), number, accent)


class Tex:
    """Formulas in TeX."""

    name = "tex"
    one = r"\mathbf{1}"
    top = r"\top"
    hadamard = r" \odot "
    kronecker = r" \otimes "
    divided = r" \oslash "
    times = " "
    dot = r" \cdot "
    equals = " = "
    minus = " - "
    pi = r"\pi"
    comma = ", "
    divides = r" \mid "
    apart = r", \quad "
    both, either = r" \text{ and } ", r" \text{ or } "

    def letter(self, head: str) -> str:
        word = _GREEK_WORD.get(head, head)
        if word in _GREEK_TEX:
            return _GREEK_TEX[word]
        if not head.isascii():
            return rf"\text{{{_escape(head)}}}"  # accented letters are no commands of mathematics
        return head if len(head) == 1 else rf"\operatorname{{{_escape(head)}}}"

    def symbol(self, name: Name, subscripts: Sequence[str] = (), number_below: bool = False) -> str:
        """A symbol with its number above in parentheses (or below), its word and its indices below."""
        base = self.letter(name.head)
        for accent in reversed(name.accent.split()):
            base = rf"\{accent}{{{base}}}"
        below = [rf"\text{{{_escape(name.word)}}}"] if name.word else []
        if name.number and number_below:
            below.append(name.number)
        if subscripts:
            below.append(self.joined(subscripts))
        above = rf"^{{({name.number})}}" if name.number and not number_below else ""
        return base + above + (f"_{{{', '.join(below)}}}" if below else "")

    def number(self, value: sp.Rational) -> str:
        round_ = _round(value)
        if round_ is not None:
            return rf"{round_[0]}10^{{{round_[1]}}}"
        return str(value.p) if value.q == 1 else self.frac(str(value.p), str(value.q))

    def frac(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def direct(self, derivative: str) -> str:
        return rf"\left[{derivative}\right]_{{\text{{direct}}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def elementwise_power(self, base: str, exponent: str) -> str:
        return rf"{base}^{{\odot {self.paren(exponent) if ' ' in exponent else exponent}}}"

    def transpose(self, base: str) -> str:
        return rf"{base}^{{\top}}"

    def of_matrix(self, function: str, inner: str, transposed: bool = False) -> str:
        """An inverse, a determinant or another function of the matrix whose formula is ``inner``."""
        if function == "expm":
            return f"e^{{{inner}}}"
        if function == "inv":
            return f"{inner}^{{-\\top}}" if transposed else f"{inner}^{{-1}}"
        whole = rf"\det {inner if inner.startswith(self.paren('')[:5]) else self.paren(inner)}"
        if function == "logabsdet":
            return rf"\log \left|{whole}\right|"
        if function == "detsign":
            return rf"\operatorname{{sign}} {whole}"
        return whole if function == "det" else self.call(OF_MATRIX.get(function, function), inner)

    def sqrt(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def paren(self, inner: str) -> str:
        return rf"\left({inner}\right)"

    def bracket(self, inner: str) -> str:
        return rf"\left[{inner}\right]"

    def absolute(self, inner: str) -> str:
        return rf"\left|{inner}\right|"

    def floor(self, inner: str) -> str:
        return rf"\left\lfloor {inner} \right\rfloor"

    def ceiling(self, inner: str) -> str:
        return rf"\left\lceil {inner} \right\rceil"

    def mod(self, left: str, right: str) -> str:
        return rf"{left} \bmod {right}"

    def norm(self, inner: str, frobenius: bool, exponent: str = "2") -> str:
        above = "" if exponent == "1" else f"^{{{exponent}}}"
        return rf"\lVert {inner} \rVert{'_F' if frobenius else ''}{above}"

    def inner(self, left: str, right: str) -> str:
        return rf"\langle {left}, {right} \rangle_F"

    def exp(self, inner: str) -> str:
        return f"e^{{{inner}}}"

    def call(self, name: str, *arguments: str) -> str:
        if name == "floor":
            return self.floor(*arguments)
        if name in WITH_PARAMETER and len(arguments) == 2:
            value, parameter = arguments
            return self.call(name, value) if parameter == "1" else self.over(PLAIN.get(name, name), parameter, value)
        known = {"log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "arctan", "max", "min", "exp"}
        if name in ("sigmoid", "sigma"):
            head = r"\sigma"
        elif name == "Φ":
            head = r"\Phi"
        else:
            name = PLAIN.get(name, name)
            head = rf"\{name}" if name in known else rf"\operatorname{{{_escape(name)}}}"
        return rf"{head}\left({', '.join(arguments)}\right)"

    def over(self, name: str, under: str, body: str) -> str:
        """A reduction such as max over an index."""
        return rf"\operatorname{{{_escape(name)}}}_{{{under}}}\left({body}\right)"

    def sum(self, body: str, under: str, above: str = "") -> str:
        return rf"\sum_{{{under}}}{f'^{{{above}}}' if above else ''} {body}"

    def product(self, body: str, under: str, above: str = "") -> str:
        return rf"\prod_{{{under}}}{f'^{{{above}}}' if above else ''} {body}"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        lines = [f"{v} & " + (rf"\text{{if }} {c}" if c else r"\text{otherwise}") for v, c in rows]
        return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"

    def unit(self, place: str) -> str:
        """The unit vector with 1 at a place."""
        return rf"\mathbf{{e}}_{{{place}}}"

    def relation(self, operator: str) -> str:
        return {">=": r" \ge ", "<=": r" \le ", "!=": r" \ne ", "==": " = "}.get(operator, f" {operator} ")

    def delta(self, left: str, right: str) -> str:
        plain = all(re.fullmatch(r"[A-Za-z]'*", s) for s in (left, right))
        return rf"\delta_{{{left}{'' if plain else ', '}{right}}}"

    def entry(self, array: str, subscripts: Sequence[str]) -> str:
        """An entry of an array that is written out."""
        return f"{array}_{{{self.joined(subscripts)}}}" if subscripts else array

    def joined(self, subscripts: Sequence[str]) -> str:
        """Indices side by side where each is a letter, else with commas."""
        plain = all(re.fullmatch(r"[A-Za-z]'*|\\[a-z]+", s) for s in subscripts)
        return ("" if plain else ", ").join(subscripts)

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        return r"\begin{pmatrix} " + r" \\ ".join(" & ".join(row) for row in rows) + r" \end{pmatrix}"

    def exponential(self, rows: Sequence[Sequence[str]]) -> str:
        """The exponential of a block matrix."""
        return self.bracket(rf"\exp {self.matrix(rows)}")


class Text:
    """Formulas in one line of Unicode text."""

    name = "text"
    one = "𝟏"
    top = "ᵀ"
    hadamard = " ⊙ "
    kronecker = " ⊗ "
    divided = " ⊘ "
    times = " "
    dot = "·"
    equals = " = "
    minus = " − "
    pi = "π"
    comma = ","
    divides = " | "
    apart = ", "
    both, either = " and ", " or "

    def letter(self, head: str) -> str:
        return _SHORT.get(head) or GREEK_TEXT.get(head, head)

    def symbol(self, name: Name, subscripts: Sequence[str] = (), number_below: bool = False) -> str:
        base = self.letter(name.head)
        for accent in reversed(name.accent.split()):
            base = base + _ACCENT_TEXT[accent] if len(name.head) == 1 else f"{base}_{accent}"
        base = unicodedata.normalize("NFC", base)
        base += f"_{name.word.replace(' ', '_')}" if name.word else ""
        base += name.number.replace(",", "_") if name.number else ""
        return base + (f"[{','.join(subscripts)}]" if subscripts else "")

    def number(self, value: sp.Rational) -> str:
        round_ = _round(value)
        return str(value) if round_ is None else round_[0] + self.power("10", str(round_[1]))

    def frac(self, above: str, below: str) -> str:
        return f"{_tight(above)}/{_tight(below)}"

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def direct(self, derivative: str) -> str:
        return f"[{derivative}]_direct"

    def power(self, base: str, exponent: str) -> str:
        if re.fullmatch(r"-?\d+", exponent):
            return base + exponent.translate(_SUPERSCRIPTS)
        return f"{base}^{_tight(exponent)}"

    def elementwise_power(self, base: str, exponent: str) -> str:
        return f"{base}^⊙{_tight(exponent)}"

    def transpose(self, base: str) -> str:
        return f"{base}ᵀ"

    def of_matrix(self, function: str, inner: str, transposed: bool = False) -> str:
        if function == "inv":
            return f"{inner}⁻ᵀ" if transposed else f"{inner}⁻¹"
        whole = f"det{inner}" if inner.startswith("(") else f"det({inner})"
        named = {"det": whole, "logabsdet": f"log |{whole}|", "detsign": f"sign {whole}"}
        return named.get(function, self.call(OF_MATRIX.get(function, function), inner))

    def sqrt(self, inner: str) -> str:
        return f"√({inner})"

    def paren(self, inner: str) -> str:
        return f"({inner})"

    def bracket(self, inner: str) -> str:
        return f"[{inner}]"

    def absolute(self, inner: str) -> str:
        return f"|{inner}|"

    def floor(self, inner: str) -> str:
        return f"⌊{inner}⌋"

    def ceiling(self, inner: str) -> str:
        return f"⌈{inner}⌉"

    def mod(self, left: str, right: str) -> str:
        return f"{left} mod {right}"

    def norm(self, inner: str, frobenius: bool, exponent: str = "2") -> str:
        return f"‖{inner}‖" if exponent == "1" else self.power(f"‖{inner}‖", exponent)

    def inner(self, left: str, right: str) -> str:
        return f"⟨{left}, {right}⟩"

    def exp(self, inner: str) -> str:
        return f"exp({inner})"

    def call(self, name: str, *arguments: str) -> str:
        if name in WITH_PARAMETER and len(arguments) == 2:
            value, parameter = arguments
            return self.call(name, value) if parameter == "1" else self.over(PLAIN.get(name, name), parameter, value)
        head = "σ" if name in ("sigmoid", "sigma") else PLAIN.get(name, name)
        return self.floor(*arguments) if name == "floor" else f"{head}({', '.join(arguments)})"

    def over(self, name: str, under: str, body: str) -> str:
        return f"{name}_{under}({body})"

    def sum(self, body: str, under: str, above: str = "") -> str:
        return f"Σ_{under}{f'..{above}' if above else ''} {body}"

    def product(self, body: str, under: str, above: str = "") -> str:
        return f"Π_{under}{f'..{above}' if above else ''} {body}"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        return "{" + "; ".join(f"{v} if {c}" if c else f"{v} otherwise" for v, c in rows) + "}"

    def unit(self, place: str) -> str:
        return f"𝐞_{_tight(place)}"

    def relation(self, operator: str) -> str:
        return {">=": " ≥ ", "<=": " ≤ ", "!=": " ≠ ", "==": " = "}.get(operator, f" {operator} ")

    def delta(self, left: str, right: str) -> str:
        return f"δ[{left},{right}]"

    def entry(self, array: str, subscripts: Sequence[str]) -> str:
        return f"{array}[{','.join(subscripts)}]" if subscripts else array

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        return "[" + "; ".join(", ".join(row) for row in rows) + "]"

    def exponential(self, rows: Sequence[Sequence[str]]) -> str:
        return self.bracket(f"exp {self.matrix(rows)}")


def bidiagonal(matrix: str, directions: Sequence[str]) -> list[list[str]]:
    """The blocks of the matrix with ``matrix`` on its diagonal and the directions beside it."""
    size = len(directions) + 1
    blocks = {(s, s): matrix for s in range(size)} | {(s, s + 1): text for s, text in enumerate(directions)}
    return [[blocks.get((p, q), "0") for q in range(size)] for p in range(size)]


Style = Tex | Text
TEX, TEXT = Tex(), Text()


def _round(value: sp.Rational) -> tuple[str, int] | None:
    """The sign and the exponent of a large or a small power of ten."""
    if value.q >= 10**4 and abs(value.p) == 1 and value.q == 10 ** (len(str(value.q)) - 1):
        return ("-" if value < 0 else ""), 1 - len(str(value.q))
    zeros = len(str(abs(value.p))) - 1
    if value.q != 1 or zeros < _LARGE or abs(value.p) != 10**zeros:
        return None
    return ("-" if value < 0 else ""), zeros


def _escape(word: str) -> str:
    return re.sub(r"([_#%&$])", r"\\\1", word)


def _tight(text: str) -> str:
    return (
        text
        if re.fullmatch(r"[\w.\u0300-\u036f]+(\[[^\[\]]*\])?", text) or re.fullmatch(r"\([^()]*\)", text)
        else f"({text})"
    )
