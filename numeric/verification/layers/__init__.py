"""Layer objects: ``forward`` and ``backward`` with parameters, cache and gradients on ``self``."""
