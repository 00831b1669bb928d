"""gradproof: derive a gradient, prove it, ship it.

The public names are loaded on first use, so that ``import gradproof`` alone costs next to nothing: neither SymPy nor
NumPy is imported before a name that needs it is asked for.

>>> import gradproof as gp
>>> gp.Verdict("proved").name
'proved'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # What a type checker or an editor reads instead of the table below; a test holds the two equal.
    from gradproof.codegen.compile import compile as compile
    from gradproof.errors import CertificationError as CertificationError
    from gradproof.errors import GradproofError as GradproofError
    from gradproof.errors import ShapeError as ShapeError
    from gradproof.errors import UnsupportedError as UnsupportedError
    from gradproof.errors import UsageError as UsageError
    from gradproof.numeric.adapters.jax import verify_custom_vjp as verify_custom_vjp
    from gradproof.numeric.adapters.torch import verify_torch_function as verify_torch_function
    from gradproof.numeric.audit.audit import audit as audit
    from gradproof.numeric.audit.report import AuditReport as AuditReport
    from gradproof.numeric.verification.assertions import assert_gradient as assert_gradient
    from gradproof.numeric.verification.layers.verify import verify_layer as verify_layer
    from gradproof.numeric.verification.report import Finding as Finding
    from gradproof.numeric.verification.report import Report as Report
    from gradproof.numeric.verification.verify import verify as verify
    from gradproof.numeric.verification.verify import verify_backward as verify_backward
    from gradproof.symbolic import layers as layers
    from gradproof.symbolic.arrays.activations import elu as elu
    from gradproof.symbolic.arrays.activations import erf as erf
    from gradproof.symbolic.arrays.activations import gelu as gelu
    from gradproof.symbolic.arrays.activations import gelu_tanh as gelu_tanh
    from gradproof.symbolic.arrays.activations import leaky_relu as leaky_relu
    from gradproof.symbolic.arrays.activations import log_softmax as log_softmax
    from gradproof.symbolic.arrays.activations import logsumexp as logsumexp
    from gradproof.symbolic.arrays.activations import relu as relu
    from gradproof.symbolic.arrays.activations import selu as selu
    from gradproof.symbolic.arrays.activations import sigmoid as sigmoid
    from gradproof.symbolic.arrays.activations import silu as silu
    from gradproof.symbolic.arrays.activations import softmax as softmax
    from gradproof.symbolic.arrays.activations import softplus as softplus
    from gradproof.symbolic.arrays.array import Array as Array
    from gradproof.symbolic.arrays.array import array as array
    from gradproof.symbolic.arrays.linear_algebra import expm as expm
    from gradproof.symbolic.arrays.linear_algebra import expm_frechet as expm_frechet
    from gradproof.symbolic.calculus.differentiate import grad as grad
    from gradproof.symbolic.calculus.differentiate import hessian as hessian
    from gradproof.symbolic.calculus.differentiate import hvp as hvp
    from gradproof.symbolic.calculus.differentiate import jacobian as jacobian
    from gradproof.symbolic.calculus.differentiate import jvp as jvp
    from gradproof.symbolic.calculus.differentiate import vjp as vjp
    from gradproof.symbolic.calculus.gauss_newton import ggn as ggn
    from gradproof.symbolic.calculus.gauss_newton import gnvp as gnvp
    from gradproof.symbolic.calculus.implicit import implicit as implicit
    from gradproof.symbolic.derivations.derivation import Derivation as Derivation
    from gradproof.symbolic.derivations.derivation import derive as derive
    from gradproof.symbolic.equations.dims import dims as dims
    from gradproof.symbolic.expectations.expectation import expectation as expectation
    from gradproof.symbolic.layers import losses as losses
    from gradproof.symbolic.networks.layers import Dense as Dense
    from gradproof.symbolic.networks.network import Network as Network
    from gradproof.symbolic.prove import equal as equal
    from gradproof.symbolic.recurrences.scan import scan as scan
    from gradproof.symbolic.tracing.symbolic_numpy import numpy as numpy
    from gradproof.symbolic.tracing.trace import trace as trace
    from gradproof.verdicts import Verdict as Verdict

__version__ = "0.1.0"

_FACE: Final[dict[str, str]] = {
    "dims": "gradproof.symbolic.equations.dims:dims",
    "array": "gradproof.symbolic.arrays.array:array",
    "Array": "gradproof.symbolic.arrays.array:Array",
    "grad": "gradproof.symbolic.calculus.differentiate:grad",
    "jacobian": "gradproof.symbolic.calculus.differentiate:jacobian",
    "hessian": "gradproof.symbolic.calculus.differentiate:hessian",
    "vjp": "gradproof.symbolic.calculus.differentiate:vjp",
    "jvp": "gradproof.symbolic.calculus.differentiate:jvp",
    "hvp": "gradproof.symbolic.calculus.differentiate:hvp",
    "ggn": "gradproof.symbolic.calculus.gauss_newton:ggn",
    "gnvp": "gradproof.symbolic.calculus.gauss_newton:gnvp",
    "implicit": "gradproof.symbolic.calculus.implicit:implicit",
    "expectation": "gradproof.symbolic.expectations.expectation:expectation",
    "sigmoid": "gradproof.symbolic.arrays.activations:sigmoid",
    "relu": "gradproof.symbolic.arrays.activations:relu",
    "leaky_relu": "gradproof.symbolic.arrays.activations:leaky_relu",
    "elu": "gradproof.symbolic.arrays.activations:elu",
    "selu": "gradproof.symbolic.arrays.activations:selu",
    "softplus": "gradproof.symbolic.arrays.activations:softplus",
    "silu": "gradproof.symbolic.arrays.activations:silu",
    "gelu": "gradproof.symbolic.arrays.activations:gelu",
    "gelu_tanh": "gradproof.symbolic.arrays.activations:gelu_tanh",
    "erf": "gradproof.symbolic.arrays.activations:erf",
    "softmax": "gradproof.symbolic.arrays.activations:softmax",
    "log_softmax": "gradproof.symbolic.arrays.activations:log_softmax",
    "logsumexp": "gradproof.symbolic.arrays.activations:logsumexp",
    "expm": "gradproof.symbolic.arrays.linear_algebra:expm",
    "expm_frechet": "gradproof.symbolic.arrays.linear_algebra:expm_frechet",
    "equal": "gradproof.symbolic.prove:equal",
    "scan": "gradproof.symbolic.recurrences.scan:scan",
    "trace": "gradproof.symbolic.tracing.trace:trace",
    "numpy": "gradproof.symbolic.tracing.symbolic_numpy:numpy",
    "derive": "gradproof.symbolic.derivations.derivation:derive",
    "Derivation": "gradproof.symbolic.derivations.derivation:Derivation",
    "compile": "gradproof.codegen.compile:compile",
    "layers": "gradproof.symbolic:layers",
    "losses": "gradproof.symbolic.layers:losses",
    "Network": "gradproof.symbolic.networks.network:Network",
    "Dense": "gradproof.symbolic.networks.layers:Dense",
    "verify": "gradproof.numeric.verification.verify:verify",
    "verify_backward": "gradproof.numeric.verification.verify:verify_backward",
    "verify_layer": "gradproof.numeric.verification.layers.verify:verify_layer",
    "assert_gradient": "gradproof.numeric.verification.assertions:assert_gradient",
    "verify_custom_vjp": "gradproof.numeric.adapters.jax:verify_custom_vjp",
    "verify_torch_function": "gradproof.numeric.adapters.torch:verify_torch_function",
    "audit": "gradproof.numeric.audit.audit:audit",
    "AuditReport": "gradproof.numeric.audit.report:AuditReport",
    "Report": "gradproof.numeric.verification.report:Report",
    "Finding": "gradproof.numeric.verification.report:Finding",
    "Verdict": "gradproof.verdicts:Verdict",
    "GradproofError": "gradproof.errors:GradproofError",
    "UsageError": "gradproof.errors:UsageError",
    "ShapeError": "gradproof.errors:ShapeError",
    "UnsupportedError": "gradproof.errors:UnsupportedError",
    "CertificationError": "gradproof.errors:CertificationError",
}
"""Each public name and where it lives, as "module:attribute"."""


def _load(name: str) -> object:
    """Load a public name on first use, and keep it.

    Raises AttributeError for a name that is not public, and ImportError (never AttributeError, which ``hasattr`` and
    ``from gradproof import …`` would swallow) for one whose module is broken.
    """
    if name not in _FACE:
        hint = "" if name.startswith("_") else f"; the public names are {', '.join(_FACE)}"
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}", name=name, obj=__name__)
    module, _, attribute = _FACE[name].partition(":")
    try:
        # as "from module import attribute" does it: a module inside a package is imported
        value: object = getattr(__import__(module, fromlist=[attribute]), attribute)
    except AttributeError as error:
        raise ImportError(f"gradproof.{name} cannot be loaded from {module}: {error}", name=module) from error
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker that saw it would accept any name at all
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE})
