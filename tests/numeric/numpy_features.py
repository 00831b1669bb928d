"""Expressions in NumPy and ``math``, one a line: ``x`` is an array of 3 by 4, ``K`` and ``I`` are labels."""

FEATURES = """
# cumsum
np.cumsum(x, axis=1)
# cumsum neg
np.cumsum(x, axis=-1)
x.cumsum()
x.cumsum(0)
np.cumsum(x, -2)
# cumprod
np.cumprod(x, axis=1)
x.cumprod()
x.cumprod(axis=0)
# prod
np.prod(x)
x.prod(axis=0)
np.prod(x, axis=1, keepdims=True)
# diff
np.diff(x)
np.diff(x, n=2, axis=1)
np.diff(x, prepend=0.0, axis=1)
np.ediff1d(x[0])
# roll
np.roll(x, 1)
np.roll(x, (1, 2), axis=(0, 1))
np.rollaxis(x, 1)
np.flip(x)
np.flipud(x)
np.fliplr(x)
np.rot90(x)
# pad
np.pad(x, ((1, 0), (0, 2)))
np.pad(x, 1, mode='edge')
np.pad(x, 1, 'reflect')
np.pad(x, 1, 'constant', constant_values=0.5)
np.pad(x, 1, 'wrap')
# stack
np.stack([x, x], axis=-1)
np.dstack([x, x])
np.column_stack([x[:, 0], x[:, 1]])
np.vstack((x, x))
np.hstack((x, np.ones((3, 1))))
np.block([[x, x], [x, x]])
# concat
np.concatenate((x, np.zeros((1, 4))), axis=0)
np.concatenate([x.ravel(), [1.0, 2.0]])
np.append(x, 1.0)
np.append(x, x, axis=0)
np.r_[x[0], x[1]]
np.c_[x[0], x[1]]
np.r_[0.5, x[0]]
np.c_[np.ones(3), x]
# split
np.split(x, 2, axis=1)
np.array_split(x, 3, axis=1)
np.hsplit(x, 2)
np.vsplit(x, 3)
np.split(x, [1, 3], axis=1)
# insert
np.insert(x, 1, 0.5, axis=1)
np.insert(x[0], 0, 1.0)
np.delete(x, 1, axis=0)
np.delete(x[0], [0, 2])
# take
np.take(x, [0, 2], axis=1)
x.take([1, 5])
np.take_along_axis(x, K[:, None], axis=1)
np.compress([True, False, True], x, axis=0)
# choose
np.choose([0, 1, 2, 0], x)
np.select([x > 0.5, x < -0.5], [x, -x], 0.1)
np.select([x > 0], [x])
np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t * 2])
# searchsorted
np.searchsorted(np.sort(x[0]), x[1])
np.digitize(x, np.array([-1.0, 0.0, 1.0]))
# sort
np.sort(x, axis=1)
np.sort(x, axis=None)
np.argsort(x, axis=0)
x.argsort()
np.sort(x)[:, ::-1]
np.partition(x, 1, axis=1)[:, 0]
np.argpartition(x, 2, axis=1)[:, 2]
np.lexsort((x[0], x[1]))
# median
np.median(x)
np.median(x, axis=1)
np.percentile(x, 30)
np.quantile(x, 0.25, axis=0)
np.percentile(x, [10, 50])
# unique
np.unique(K)
np.unique(K, return_counts=True)
np.unique(I, return_inverse=True)[1].ravel()
np.bincount(K, minlength=5)
np.unique(x[0])
# bincount weights
np.bincount(K, weights=x[:, 0], minlength=5)
np.histogram(x, bins=[-3.0, 0.0, 3.0])[0]
# accumulate
np.add.accumulate(x, axis=1)
np.maximum.accumulate(x, axis=1)
np.multiply.reduce(x)
np.add.reduceat(x[0], [0, 2])
np.logical_or.reduce(x > 0)
np.maximum.reduce(x, axis=1)
np.add.reduce(x, axis=(0, 1))
np.minimum.reduce(x)
np.logaddexp.reduce(x, axis=1)
np.logaddexp.reduce(x, axis=(0, 1), keepdims=True)
np.logaddexp.accumulate(x, axis=1)
# ufunc outer
np.multiply.outer(x[0], x[1])
np.subtract.outer(x[0], x[0])
np.add.outer(x[0], np.array([1.0, 2.0]))
np.maximum.outer(x[0], x[1])
np.greater.outer(x[0], x[1])
# linalg
np.linalg.norm(x)
np.linalg.norm(x, 'fro')
np.linalg.norm(x, axis=0, keepdims=True)
np.linalg.norm(x, ord=2, axis=1)
np.linalg.norm(x[0], 1)
np.linalg.norm(x[0], np.inf)
np.linalg.norm(x[0], 3)
np.linalg.norm(x, np.inf, axis=1)
np.linalg.norm(x, 1)
np.linalg.norm(x, np.inf)
np.linalg.norm(x[0], -np.inf)
np.linalg.norm(x[0], 0)
np.linalg.slogdet(x @ x.T)
np.linalg.cholesky(x @ x.T)
np.linalg.matrix_power(x @ x.T, 3)
np.linalg.multi_dot([x, x.T, x])
np.linalg.inv(x @ x.T)
np.linalg.pinv(x)
np.linalg.lstsq(x.T, np.ones(4), rcond=None)[0]
np.linalg.pinv(x.T)
np.linalg.solve(x @ x.T, np.ones(3))
np.linalg.solve(np.stack([x @ x.T] * 2), np.stack([x, x]))
# windows
np.lib.stride_tricks.sliding_window_view(x, 2, axis=1)
np.lib.stride_tricks.sliding_window_view(x, (2, 2))
np.lib.stride_tricks.as_strided(x, (3, 3, 2), (x.strides[0], x.strides[1], x.strides[1]))
# nditer
[v * 2 for v in x.flat]
[i for i, v in np.ndenumerate(x) if v > 0]
sum((v for v in x.ravel()))
[x[i] for i in np.ndindex(*x.shape)]
[float(v) for v in np.nditer(x)]
# ix
x[np.ix_([0, 2], [1, 3])]
x[[0, 1], [1, 2]]
x[..., None]
x[:, -1:]
x[np.newaxis]
x[::2, ::-1]
x[K > 1]
x[x.sum(axis=1) > 0]
x[:, [True, False, True, False]]
# fromfunction
np.fromfunction(lambda i, j: i + j, (2, 3)) * x[0, 0]
np.fromiter((v * 2 for v in [1.0, 2.0]), dtype=float) * x[0, 0]
# along
np.apply_along_axis(np.sum, 1, x)
np.apply_along_axis(lambda r: r / r.sum(), 1, x)
np.apply_along_axis(lambda r: r * 2, 0, x)
np.apply_over_axes(np.sum, x, [0, 1])
# vectorize
np.vectorize(lambda t: t * 2 if t > 0 else t)(x)
np.vectorize(math.exp)(x)
np.vectorize(lambda a, b: a * b)(x, 2.0)
np.vectorize(lambda r: r.sum(), signature='(n)->()')(x)
# frompyfunc
np.frompyfunc(lambda t: t * t, 1, 1)(x).astype(float)
# nan
np.nanmean(x)
np.nansum(x, axis=0)
np.nanmax(x)
np.nanstd(x)
np.nan_to_num(x)
np.nanvar(x, axis=1)
np.nanmin(x, axis=0)
np.isnan(x).any()
# stats
np.ptp(x)
np.average(x, axis=0)
np.average(x, axis=1, weights=[1.0, 2.0, 3.0, 4.0])
np.average(x, weights=np.abs(x))
np.cov(x)
np.corrcoef(x)
np.var(x, ddof=1)
np.std(x, axis=1, keepdims=True)
np.mean(x, axis=(0, 1))
np.cov(x, rowvar=False, bias=True)
# cross
np.cross(x[0, :3], x[1, :3])
np.kron(x[0], x[1])
np.kron(np.eye(2), x)
np.vdot(x[0], x[1])
np.inner(x[0], x[1])
np.outer(x, x)
np.convolve(x[0], [1.0, 0.5])
np.convolve(x[0], x[1, :2], 'valid')
np.correlate(x[0], x[1, :2], 'valid')
np.convolve(x[0], x[1], 'same')
np.correlate(x[0], x[1], 'full')
# tri
np.triu(x)
np.tril(x, -1)
np.triu(np.ones((3, 3))) @ x
np.tri(3) @ x
x[np.triu_indices(3)]
x[np.tril_indices(3, -1)]
np.diagonal(x)
np.diag(x[0])
np.diag(x, 1)
np.diagflat(x[0])
np.trace(x)
# meshgrid
np.meshgrid(x[0], x[1])
np.broadcast_to(x[0], (2, 4))
np.broadcast_arrays(x, x[0])
np.mgrid[0:2, 0:3] * x[0, 0]
np.ogrid[0:3] * x[:, 0]
# where
np.where(x > 0)
np.nonzero(x > 0)
np.argwhere(x > 0)
np.flatnonzero(x > 0)
np.count_nonzero(x > 0)
np.where(x > 0, 1, 0)
np.where(x > 0, x, 0)
np.where(x > 0, 1.0, 0.1)
np.where([True, False, True, True], x, 0.3)
# arg
np.argmax(x)
np.argmax(x, axis=1)
x.argmin(axis=0)
np.unravel_index(np.argmax(x), x.shape)
np.max(x, axis=1, keepdims=True)
np.amax(x)
np.amin(x, 0)
x.max(axis=(0, 1))
np.max(x, initial=3.0)
np.argmax(x, axis=1, keepdims=True)
np.max(x, axis=1, where=x < 1, initial=-9.0)
# item
x[0, 0].item()
x.item(0, 1)
x.item(3)
x.tolist()
x[0].tolist()
list(x[0])
tuple(x[0])
[*x[0]]
# flatset
x.flatten()
x.ravel('F')
x.reshape(-1, 2)
x.reshape((4, 3), order='F')
x.T.reshape(-1)
x.swapaxes(0, 1)
np.moveaxis(x[None], 0, -1)
np.squeeze(x[None])
np.expand_dims(x, (0, 2))
x.transpose(1, 0)
np.atleast_2d(x[0])
np.atleast_1d(x[0, 0])
x.reshape(2, -1)
np.reshape(x, (2, 6))
x.squeeze()
x.view()
np.ravel(x)
np.atleast_3d(x)
np.resize(x, (2, 2))
# repeat
np.repeat(x, [1, 2, 1], axis=0)
np.repeat(x[0, 0], 3)
x.repeat(2, 0)
np.tile(x[0], 2)
np.tile(x, (1, 2))
# elementwise
np.exp(x)
np.expm1(x)
np.log1p(np.abs(x))
np.sqrt(np.abs(x))
np.square(x)
np.power(x, 3)
np.power(2, x)
x ** 3
np.reciprocal(x)
np.negative(x)
np.positive(x)
np.sign(x)
np.fabs(x)
np.cbrt(x)
np.sinc(x)
np.arctan2(x, 1.5)
np.hypot(x, 2)
np.logaddexp(x, 0)
np.logaddexp2(x, 0)
np.exp2(x)
np.log2(np.abs(x))
np.deg2rad(x)
np.float_power(np.abs(x), 1.5)
np.heaviside(x, 0.5)
np.copysign(1.0, x)
np.floor(x)
np.ceil(x)
np.trunc(x)
np.rint(x)
np.round(x, 2)
np.fix(x)
np.mod(x, 1.0)
x % 0.7
x // 0.7
np.fmod(x, 0.7)
np.remainder(x, 2)
divmod(x, 0.7)
np.divmod(x, 0.7)
np.modf(x)
np.around(x, 1)
np.maximum(x, 0)
np.fmax(x, 0)
np.clip(x, None, 1)
x.clip(min=0)
x.clip(-1, 1)
np.interp(x[0], [-2.0, 0.0, 2.0], [0.0, 1.0, 4.0])
np.i0(x)
np.degrees(x)
np.radians(x)
np.abs(x)
abs(x)
x.round(1)
# bools
(x > 0) & (x < 1)
(x > 0) | (x < -1)
~(x > 0)
(x > 0) ^ (x < 1)
np.logical_and(x > 0, x < 1)
np.logical_not(x > 0)
(x > 0).sum(axis=0)
(x > 0) + (x < 1)
(x > 0) * 1
(x > 0) * 1.0
(x > 0) * (x < 1)
1 - (x > 0)
1.0 - (x > 0)
(x > 0) / 2
(x > 0).astype(int) / 3
(x > 0).mean(axis=0)
(x > 0) @ x.T
(x > 0).T @ x
(x > 0).astype(int) @ x.T
np.dot(x > 0, x.T)
(x > 0).dot(x.T)
-(x > 0).astype(int)
np.sum(x > 0, axis=1, keepdims=True)
(x > 0).any()
(x > 0).all(axis=1)
np.any(x > 2)
np.all(x > -5)
(x > 0).astype(bool)
(x > 0).astype('float32')
(x > 0) ** 2
(x > 0).reshape(-1)
(x > 0).T
np.where(x > 0)[0]
(x > 0).nonzero()[0]
(x > 0).cumsum(axis=0)
np.mean(x > 0)
np.average(x > 0)
(x > 0).std()
(x > 0).var()
np.count_nonzero(x)
(x > 0).max(axis=1)
np.einsum('ij,ij->i', x > 0, x)
np.tensordot(x > 0, x, 2)
(x > 0).astype(float) - x
(x > 0) - 0.5
# masknum
np.sum((x > 0) / 3)
np.where(x > 0, 1, -1) / 3
np.sign(x) * 0.1
np.equal(x, x.max(axis=1, keepdims=True))
x == x.max()
np.isclose(x, x)
np.allclose(x, x)
np.array_equal(x, x)
np.isfinite(x)
np.isinf(x)
np.signbit(x)
np.greater_equal(x, 0).astype(np.float64)
np.not_equal(x, 0) * 0.5
np.less(x, 0).mean()
# einsums
np.einsum('ij->j', x)
np.einsum('ij->', x)
np.einsum('ij,jk', x, x.T)
np.einsum('i,j->ij', x[0], x[1])
np.einsum('...i->...', x)
np.einsum('ij,ik->ijk', x, x)
np.einsum('ij,kj,kl->il', x, x, x, optimize=True)
np.einsum('ii', x[:, :3])
np.einsum('ij->ji', x)
np.einsum('ij, j -> i', x, x[0])
np.einsum('bi,bj->bij', x, x)
np.einsum('ij,ij->i', x, x)
np.einsum(x, [0, 1], x, [2, 1], [0, 2])
np.einsum('i,i', x[0], x[0])
np.einsum(',ij->ij', x[0, 0], x)
# contract
np.tensordot(x, x, axes=([0, 1], [0, 1]))
np.tensordot(x, x, axes=2)
np.tensordot(x, x.T, axes=[1, 0])
np.tensordot(x, x, 0)
np.matmul(x, x.T)
x @ x[0]
x[0] @ x.T
np.matmul(np.stack([x, x]), x.T)
np.dot(x[0, 0], x)
np.dot(2.0, x)
np.dot(x[None], x.T)
np.vecdot(x, x)
np.matvec(x, x[0])
np.linalg.vecdot(x, x)
np.linalg.outer(x[0], x[1])
np.linalg.matmul(x, x.T)
np.linalg.trace(x)
np.linalg.diagonal(x)
np.linalg.matrix_norm(x)
np.linalg.vector_norm(x, axis=1)
np.linalg.cross(x[0, :3], x[1, :3])
np.linalg.tensordot(x, x, axes=2)
np.matrix_transpose(x)
x.mT
np.permute_dims(x, (1, 0))
np.concat([x, x])
np.unstack(x)
np.cumulative_sum(x, axis=1)
np.pow(x, 2)
np.acos(x / 9)
np.atan(x)
np.asinh(x)
np.astype(x, float)
# math
math.exp(x[0, 0])
math.log(abs(x[0, 0]))
math.sqrt(x[0, 0] ** 2)
math.tanh(x[0, 0])
math.fsum(x[0])
math.prod(x[0])
math.hypot(x[0, 0], x[0, 1])
math.atan2(x[0, 0], x[0, 1])
math.floor(x[0, 0])
math.ceil(x[0, 0])
math.isnan(x[0, 0])
math.copysign(1, x[0, 0])
math.pow(x[0, 0], 2)
math.fabs(x[0, 0])
math.sin(x[0, 0])
math.trunc(x[0, 0])
math.isclose(x[0, 0], x[0, 0])
math.dist(x[0], x[1])
math.log(abs(x[0, 0]), 3)
math.exp2(x[0, 0])
math.cbrt(x[0, 0])
math.erf(x[0, 0])
math.gamma(3.5) * x[0, 0]
math.fmod(x[0, 0], 0.3)
math.degrees(x[0, 0])
math.inf
math.remainder(x[0, 0], 0.3)
# math floats
math.exp(1) * x[0]
math.sqrt(2) * x[0]
math.log(2) * x[0]
math.pi * x
np.e * x
math.tau * x
np.pi * x
math.log(10.0) * x
math.factorial(4) * x
math.comb(5, 2) * x
# special
sp.expit(x)
sp.erf(x)
special.erfc(x)
scipy.special.logsumexp(x)
sp.logsumexp(x, axis=1, keepdims=True)
sp.softmax(x, axis=1)
sp.log_softmax(x, axis=1)
sp.logit(np.abs(x) / 9)
sp.gammaln(np.abs(x))
sp.digamma(np.abs(x) + 1)
sp.xlogy(2.0, np.abs(x))
sp.ndtr(x)
sp.log_ndtr(x)
sp.log1p(np.abs(x))
sp.expm1(x)
sp.xlog1py(2.0, np.abs(x))
sp.entr(np.abs(x))
sp.rel_entr(np.abs(x), 1.0)
sp.kl_div(np.abs(x), 0.5)
sp.huber(1.0, x)
sp.log_expit(x)
sp.gamma(np.abs(x) + 1)
sp.cbrt(x)
sp.exp2(x)
sp.exprel(x)
sp.boxcox(np.abs(x), 0.5)
sp.pseudo_huber(1.0, x)
sp.sinc(x)
# special floats
sp.expit(0.3) * x
sp.erf(0.5) * x
sp.gamma(2.5) * x
sp.comb(5, 2) * x
# reductions
x.sum(axis=1)
x.sum(axis=(0, 1))
x.sum(axis=-1, keepdims=True)
np.sum(x, 0)
np.sum(x, dtype=float)
np.sum([x, x])
sum(x)
sum(x.ravel())
max(x[0])
min(x[0])
sorted(x[0])
sum((v * v for v in x[0]))
x.mean(axis=0)
np.mean([x[0, 0], x[0, 1]])
np.mean(x.tolist())
np.sum(x, where=x > 0)
np.sum(x, axis=1, initial=2.0)
np.mean(x, where=x > 0)
np.prod(x, where=x > 0)
x.mean(dtype=np.float64)
np.add(x, 1, where=x > 0, out=np.zeros((3, 4)))
any(x[0] > 0)
all(x[0] > -9)
abs(x[0, 0])
round(x[0, 0], 2)
pow(x[0, 0], 2)
divmod(x[0, 0], 0.3)
max(x[0, 0], 0.0)
min(0.0, x[0, 0])
max(0, *x[0])
x.var(ddof=1)
x.std()
np.linalg.norm(x) ** 2
x.min(axis=1, keepdims=True)
# creation
np.zeros(3) + x[:, 0]
np.zeros_like(x) + 1
np.full(3, 0.1) * x[:, 0]
np.full_like(x, 2)
np.ones((3, 4)) * x
np.empty_like(x) * 0 + x
np.eye(4)[K] * x
np.identity(3) @ x
np.arange(4) * x
np.arange(0.0, 4.0) * x
np.linspace(0, 1, 4) * x
np.array([1, 2, 3, 4]) * x
np.array([0.1, 0.2, 0.3, 0.4]) * x
np.asarray(x)
np.array(x)
np.array(x, copy=True)
np.copy(x)
x.copy()
np.array([x, x])
np.array([[v for v in r] for r in x])
np.asarray([x[0], x[1]])
np.array(x.tolist())
np.zeros((3, 4), dtype=np.float64) + x
np.zeros((3, 4), float) + x
np.zeros((3, 4), 'float64') + x
np.zeros((3, 4), 'd') + x
np.zeros(x.shape, x.dtype) + x
np.zeros(x.shape, dtype=x.dtype) + x
np.ones(4, dtype=int) * x
np.geomspace(1, 8, 4) * x
np.logspace(0, 1, 4) * x
np.vander(x[0], 3)
np.array(0.5) * x
np.float64(0.1) * x
np.float32(0.5) * x
np.hanning(4) * x
np.asarray(x, dtype=np.float64)
np.ascontiguousarray(x.T)
np.require(x)
np.array(object=x)
np.frombuffer(np.array([1.0]).tobytes()) * x
np.indices((3, 4))[0] * x
np.empty(x.shape).shape
np.array([])
np.zeros(0).sum() + x
np.ndarray((3, 4)).shape
# types
isinstance(x, np.ndarray)
isinstance(x[0, 0], float)
isinstance(x[0, 0], np.floating)
isinstance(x[0, 0], np.float64)
isinstance(float(x[0, 0]), float)
x.dtype == np.float64
x.dtype == float
np.issubdtype(x.dtype, np.floating)
x.dtype.kind == 'f'
x.ndim
x.shape
x.size
len(x)
np.ndim(x)
np.shape(x)
np.size(x)
np.isscalar(x[0, 0])
np.isscalar(float(x[0, 0]))
x.dtype.name == 'float64'
x.itemsize
x.dtype.kind in 'fc'
np.result_type(x, float) == float
np.result_type(x) == np.float64
np.iscomplexobj(x)
np.isrealobj(x)
x[0, 0].dtype == np.float64
x.dtype != int
np.can_cast(x.dtype, float)
np.issubdtype(type(x[0, 0]), np.floating)
x.astype(x.dtype)
np.finfo(x.dtype).eps
x.flags.writeable
isinstance(x[0, 0], (int, float))
callable(x.sum)
hasattr(x, 'shape')
hash(x[0, 0]) is not None
x.nbytes
x[0, 0].shape
x[0, 0].ndim
x.real
np.real(x)
x.conj()
np.conj(x)
np.isreal(x)
np.asarray(x).dtype == x.dtype
# astype
x.astype(float)
x.astype(np.float32).shape
x.astype(int)
x.astype('int64')
x.astype(bool)
np.int64(x[0, 0] * 10)
int(x[0, 0] * 10)
int(np.round(x[0, 0] * 10))
x.astype(np.float64, copy=False)
bool(x[0, 0] > 0)
bool(x[0, 0])
float(x.sum())
np.float64(x.sum())
float(np.sum(x > 0))
int(np.sum(x > 0))
str(int(x[0, 0]))
np.floor(x).astype(int)
(x * 3).astype(np.int32) / 2
# intdiv
np.arange(4) // 2 * x[0]
np.arange(4) / 3 * x[0]
7 // 2 * x
7 / 2 * x
np.array([1, 2, 3]) / 2 * x[:, 0]
np.array([7, 8]) // 3 * x[0, :2]
-7 // 2 * x
np.mean(K) * x
K.mean() * x
K / K.sum() * x[:, 0]
(K + 1) ** (-1.0) * x[:, 0]
K.sum() / 7 * x
np.sqrt(K) * x[:, 0]
np.log(K) * x[:, 0]
np.exp(-K) * x[:, 0]
1 / K * x[:, 0]
np.sqrt(2) * x
np.sqrt(x.shape[1]) * x
1 / np.sqrt(x.shape[0]) * x
x / len(x)
x.shape[0] ** (-0.5) * x
np.log(10) * x
np.var(K) * x
np.std(K) * x
np.linalg.norm(K) * x
np.power(2.0, -3) * x
K.std(ddof=1) * x
np.true_divide(K, 3) * x[:, 0]
np.average(K) * x
np.tanh(K) * x[:, 0]
K.var() * x
np.mean([1, 2, 4]) * x
np.divide(1, 3) * x
# format
f'{x[0, 0]:.2f}'
f'{x.sum():10.4e}'
'%.3f' % x[0, 0]
'{:.1f}'.format(x[0, 0])
f'{x[0, 0]}'[:5]
'%d' % int(x[0, 0])
'%s' % (x.shape,)
format(x[0, 0], '.3f')
'{0:8.3f} {1}'.format(x[0, 0], 3)
'%.4g' % x.mean()
# itertools
list(itertools.accumulate(x[0]))
reduce(lambda a, b: a * b, x[0])
[a * b for a, b in zip(x[0], x[1])]
[v for v in map(lambda t: t + 1, x[0])]
list(reversed(x[0]))
sum((a * b for a, b in itertools.product(x[0], x[1])))
{i: v for i, v in enumerate(x[0])}[1]
list(filter(lambda v: v > 0, x[0]))
list(itertools.chain(x[0], x[1]))
# chained
0 < x[0, 0] < 1
x[0, 0] > 0 and x[0, 1] > 0
not x[0, 0] > 0
x[0, 0] if x[0, 0] > 0 else 0.0
x[0, 0] or 1.0
x[0, 0] == x[0, 0]
x[0, 0] != 0
(x[0, 0] > 0) * 2.0
(x[0, 0] > 0) + 0.5
-x[0, 0]
+x[0, 0]
x[0, 0] ** 2
2 ** x[0, 0]
x[0, 0] // 1
x[0, 0] % 1
1 - x[0, 0]
1 / x[0, 0]
# poly
np.polyval([1.0, 2.0, 0.5], x)
np.poly1d([1.0, 0.5])(x)
np.trapezoid(x[0])
np.gradient(x[0])
np.gradient(x, axis=1)
np.polynomial.polynomial.polyval(x, [1.0, 2.0])
# set
np.isin(K, [1])
np.union1d(K, [7])
np.setdiff1d(np.arange(4), K)
np.intersect1d(K, [1, 2])
3 in K
set(K.tolist()) == {1, 3}
# random
np.random.default_rng(0).permutation(4)
x[np.random.default_rng(0).permutation(3)]
x * np.random.default_rng(0).random(4)
x * (np.random.RandomState(0).uniform(size=4) > 0.5)
x * np.random.RandomState(0).binomial(1, 0.5, size=4) / 0.5
x + np.random.RandomState(3).normal(0, 0.1, size=x.shape)
x * (np.random.default_rng(1).random(x.shape) < 0.8) / 0.8
np.random.default_rng(0).choice(4, 2)
np.random.default_rng(2).integers(0, 3, 4) * x
"""
