"""The common layers as functions of arrays: symbolic ones with symbolic sizes, or NumPy's own.

Every function is written with the operations that symbolic and NumPy arrays share, so that the equation that is derived
from and the numbers that are computed come from one text. Rows are examples, ``W`` has the shape (inputs, outputs),
images are NCHW.

>>> import gradproof as gp
>>> x, W, b = gp.array("x", ("m", "n")), gp.array("W", ("n", "k")), gp.array("b", ("k",))
>>> print(gp.layers.dense(x, W, b).latex())
x W + \\mathbf{1} b^{\\top}
"""

from .attention import attention as attention
from .attention import multi_head_attention as multi_head_attention
from .attention import rotary as rotary
from .attention import rotary_angles as rotary_angles
from .basic import dense as dense
from .basic import dropout as dropout
from .basic import embedding as embedding
from .basic import residual as residual
from .norms import batch_norm as batch_norm
from .norms import batch_norm_inference as batch_norm_inference
from .norms import group_norm as group_norm
from .norms import layer_norm as layer_norm
from .norms import rms_norm as rms_norm
from .recurrent import gru as gru
from .recurrent import lstm as lstm
from .recurrent import rnn as rnn
from .transformer import transformer_block as transformer_block
from .windows import average_pool as average_pool
from .windows import conv1d as conv1d
from .windows import conv2d as conv2d
from .windows import max_pool as max_pool
