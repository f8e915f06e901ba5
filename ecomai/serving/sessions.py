"""ONNX Runtime sessions, with the process's thread settings."""

import hashlib
import os
import threading
import weakref
from pathlib import Path

import onnxruntime

from .app_settings import serving_settings
from .exceptions import UnreadableArtifactError

_shared: "weakref.WeakValueDictionary[str, onnxruntime.InferenceSession]" = weakref.WeakValueDictionary()
_lock = threading.Lock()


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load a graph. Sessions may be used by many threads at a time.

    Raises `UnreadableArtifactError` where the file is missing or is no graph that can be run here.
    """
    _check_exists(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = serving_settings.ONNX_THREADS
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the core from the web server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = _providers()
    # The processor's kernel for the two steps in one is not vectorised: six times slower than them apart.
    slow = ["SkipLayerNormFusion"] if providers == ["CPUExecutionProvider"] else []
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers, disabled_optimizers=slow)
    except Exception as error:  # its classes have no common base, and a cut file may raise several
        raise UnreadableArtifactError(reason=f"ONNX Runtime cannot read {path.name}.") from error


def shared_session(path: Path) -> onnxruntime.InferenceSession:
    """Load a graph once per process, however many versions and scenarios bring the same file."""
    _check_exists(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with _lock:
        session = _shared.get(digest)
        if session is None:
            session = open_session(path)
            _shared[digest] = session
        return session


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise UnreadableArtifactError(reason=f"{path.name} is missing.")


def _providers() -> list[str]:
    available = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]


def forget_sessions() -> None:
    """Open graphs anew: a session's threads do not survive a fork."""
    global _lock
    _lock = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=forget_sessions)
