"""Hand-written forward and backward passes of the common layers, in plain NumPy: the independent check of derived ones.

``layer(...)`` returns the output and what the backward pass needs; ``layer_backward(d, cache)`` takes the gradient by
the output and returns those by the inputs. ``loss(...)`` and ``loss_backward(cache)`` likewise, for a loss.
"""
