"""Settings of answering with promoted models: `ECOMAI["SERVING"]`."""

from ecomai.conf import Section, Setting


class ServingSettings(Section, name="SERVING"):
    POLL_SECONDS = Setting(
        1.0, unit="seconds", help="How old a process's knowledge of what is promoted may be; at most 1."
    )
    RETRY_SECONDS = Setting(
        15.0, unit="seconds", help="Pause before an artifact that could not be loaded is tried again."
    )
    FIRST_LOAD_SECONDS = Setting(
        10.0,
        unit="seconds",
        help="How long the first requests of a process wait for a model; after that, the fallback answers.",
    )
    TIME_BUDGET_SECONDS = Setting(
        0.2, unit="seconds", help="How long a model may think about a request before the fallback answers."
    )
    BUDGET_THREADS = Setting(8, help="Requests of a process that may be with a model at the same time.")
    ONNX_THREADS = Setting(
        1, help="Threads of ONNX Runtime per request. With many requests at a time, 1 is best."
    )
    SWITCH_INTERVAL_SECONDS = Setting(
        0.0005,
        unit="seconds",
        help="How long a thread of a process that answers keeps the interpreter from others that wait for it "
        "(sys.setswitchinterval); 0 leaves it as it is, which is 0.005.",
    )
    BLAS_THREADS = Setting(
        1,
        help="Threads of numpy's linear algebra in a process that answers; 0 leaves them as they are. With "
        "many requests at a time, 1 is best.",
    )


serving_settings = ServingSettings()
