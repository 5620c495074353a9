"""Tiering policies, one algorithm per file, its source at the top and how to choose its parameters.

They are found by name (`tiering.registry`) and know nothing of ours but `tiering.protocol` and each other. Share code
by composition, as `threshold`, `pi` and `bandit` share `hotness`: a controller is final, nothing here is subclassed.
"""

if __name__ != "tiering.controllers":
    raise ImportError(
        "the checkout's folder controllers/ is the package tiering.controllers: "
        "import that name (python -m pip install -e . maps it)"
    )
