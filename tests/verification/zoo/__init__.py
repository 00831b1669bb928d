"""Losses and hand-written gradients in plain NumPy, right and wrong ones, as people write them.

Each file is one model. Above its first ``# form:`` line stands the loss; each form is a gradient that is right and
written in another way (``loss_NAME`` beside it if the loss is rewritten too); ``# inputs`` makes inputs from a
generator (``normal``, ``wide`` in magnitude, and ``kink`` on corners and ties); ``# edits`` lists what is planted.
``MUTANTS`` are (form, kind, old text, new text[, inputs at which it is wrong]): the first occurrence of the old text in
the form is replaced. A mutant with inputs of its own is wrong in a region that the normal inputs do not enter.
``HARMLESS`` edits leave the gradient right.
"""

MODELS = (
    "linear", "logistic", "softmax", "mlp", "deep", "batchnorm", "layernorm", "rnn", "lstm", "attention", "conv",
    "maxpool", "hinge", "huber", "elastic", "gelu", "gelu_erf", "residual", "embedding", "dropout", "cosine",
)  # fmt: skip
