"""How many threads a process's linear algebra may use while it answers."""

from threadpoolctl import ThreadpoolController

from .app_settings import serving_settings


def limit_blas_threads() -> None:
    """Let numpy multiply with so many threads as the settings say, in all of this process.

    The products of an answer are too small to be shared, and a thread of OpenBLAS that waits for its next
    part spins: it takes a core from the other requests.
    """
    if serving_settings.BLAS_THREADS:
        ThreadpoolController().limit(limits=serving_settings.BLAS_THREADS, user_api="blas")
