"""JAX, set up once: 64-bit floats, and an error that names the extra where it is not installed.

Import `jax` and `jnp` from here, nowhere else: the width of floats is a setting of the whole process.
"""

from holdfast.error import CallerError

try:
    import jax
    import jax.numpy as jnp
except ImportError as error:
    raise CallerError(
        "extra.risk",
        "this needs JAX",
        where="holdfast.risk",
        remedy="install the extra: pip install 'holdfast[risk]'",
    ) from error

jax.config.update("jax_enable_x64", True)

__all__ = ["jax", "jnp"]
