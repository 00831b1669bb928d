"""What is computed: hand-written NumPy networks and their independent checks. Nothing here is symbolic.

The modules, in the order in which a run meets them (import the one that is needed; this file imports none):

- ``data``, ``scaling``: the bundled digits, CSV files, splits, mini-batches; min-max and standard scaling
- ``activations``, ``losses``: one table each of values with hand-written derivatives
- ``initialise``, ``network``: initial weights; forward and backward passes of a dense network
- ``differences``: central differences, the complex step, and how far a claimed gradient is from them
- ``optimisers``, ``train``: gradient descent to Adam as pure steps; the training loop with its history
- ``lecture``: the lectures' 3-4-1 sigmoid network, as its script is written
- ball arithmetic and verification stand beside them in modules of their own
"""

if __name__ != "gradproof.numeric":
    raise ImportError("import this folder as gradproof.numeric: a bare 'numeric' would be a second copy of it")
