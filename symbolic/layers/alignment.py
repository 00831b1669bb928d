r"""Losses of sequences that are aligned with shorter ones, summed over all alignments by a recurrence.

>>> import gradproof as gp
>>> z, y = gp.array("z", ("T", "m", "k")), gp.array("y", ("m", "s"), integer=True)
>>> gp.losses.ctc(z, y).shape
()
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .common import log_softmax, logsumexp, scanned

LOG_ZERO = -1e30
"""The logarithm of what has no probability: its exponential is 0 in floats, and less than 10⁻²⁰⁰ in exact numbers."""


def ctc(z: Any, y: Any, blank: int = 0) -> Any:
    r"""Connectionist temporal classification: the mean over the batch of the cost of a label sequence (Graves, 2006).

    ``z`` are logits of shape (T, m, k), ``y`` labels of shape (m, s), none of them the ``blank``. A path takes a class
    at each time, and spells the labels when repetitions and then blanks are left out; the cost is

    .. math:: -\frac1m \sum_i \log \sum_{\text{paths that spell } y_i} \prod_t p_{t,i,\text{path}_t}

    Of the paths up to t, :math:`b_s` holds those that end in the blank behind s labels, and :math:`l_s` those that end
    in label s, as logarithms:

    .. math::
        b_s &\leftarrow \log p_\varnothing + \log (e^{b_s} + e^{l_{s-1}}) \\
        l_s &\leftarrow \log p_{y_s} + \log (e^{l_s} + e^{b_s} + [y_s \ne y_{s-1}] \, e^{l_{s-1}})
    """
    log_p = log_softmax(z)
    blanks = log_p[..., blank : blank + 1]
    labels = np.take_along_axis(log_p, y[None], axis=-1)
    never = 0 * blanks[0] + LOG_ZERO
    repeated = y[:, 1:] == y[:, :-1]

    def step(state: Any, log_blank: Any, log_label: Any) -> Any:
        b, l = state
        skip = np.concatenate([never, np.where(repeated, LOG_ZERO, l[:, :-1])], axis=1)
        behind = np.concatenate([never, l], axis=1)
        b_next = log_blank + logsumexp(np.stack([b, behind], axis=-1))
        l_next = log_label + logsumexp(np.stack([l, b[:, :-1], skip], axis=-1))
        return b_next, l_next

    none = 0 * y + LOG_ZERO
    b, l = scanned(step, (np.concatenate([0 * never, none], axis=1), none), [blanks, labels])
    return -np.mean(logsumexp(np.stack([b[-1][:, -1], l[-1][:, -1]], axis=-1)))
