"""Workloads: real optimizer loops as plain functions, together with what is known about them in advance.

A workload is what a tiering policy is judged on, so it has to be three things at once: a program that people
really write for `numba.njit`; a program whose answer is known without running it; and a program whose
sequence of calls is known without running it, so that the simulator and the live runtime can be given the
same work.

`BUILTIN` is a static table, read without importing anything: listing the names must stay cheap, and a kernel
is imported only when somebody asks for it.
"""

if __name__ != "tiering.workloads":
    raise ImportError(
        f"{__name__!r} is the checkout's folder workloads/, which is the package tiering.workloads: "
        "import that name (pip install -e . maps it)"
    )

BUILTIN: dict[str, str] = {
    "adam": "tiering.workloads.kernels.adam:WORKLOAD",
    "gradient_descent": "tiering.workloads.kernels.gradient_descent:WORKLOAD",
    "heavy_ball": "tiering.workloads.kernels.heavy_ball:WORKLOAD",
    "lbfgs": "tiering.workloads.kernels.lbfgs:WORKLOAD",
    "rmsprop": "tiering.workloads.kernels.rmsprop:WORKLOAD",
    "sgd_logistic": "tiering.workloads.kernels.sgd_logistic:WORKLOAD",
}
"""Name of a workload -> where it is found, as `module:attribute`."""

__all__ = ["BUILTIN"]
