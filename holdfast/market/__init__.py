"""Market remembers: books and features per instrument, numba kernels over plain arrays."""
