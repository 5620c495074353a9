"""An application with its own packages `controllers` and `workloads` embeds us and notices nothing.

The interpreter of this run may know an editable install of the checkout. It is asked last, after every
folder of the search path, so the folder named first wins; the application asserts that it did.
"""

from __future__ import annotations

import json

import pytest

APPLICATION = """
import os, sys

import controllers
import workloads.orders

assert controllers.OWNER == workloads.orders.OWNER == "the application"

import tiering
from tiering import registry

target = os.environ["PYTHONPATH"]
names = registry.CONTROLLERS.names()
modules = {type(registry.controller(name)).__module__ for name in names}
assert names and registry.WORKLOADS.names()
registry.WORKLOADS.load(registry.WORKLOADS.names()[0])

@tiering.jit
def add(x, y):
    return x + y

assert add(2, 3) == 5
tiering.shutdown()

ours = [name for name in sys.modules if name.partition(".")[0] == "tiering"]
strays = [name for name in ours if not sys.modules[name].__file__.startswith(target)]
assert not strays, strays
assert all(name.startswith("tiering.controllers.") for name in modules), modules
assert controllers is sys.modules["controllers"] and controllers.OWNER == "the application"
print("embedded")
"""


@pytest.fixture
def application(tmp_path):
    owner = 'OWNER = "the application"\n'
    for name, text in {
        "controllers/__init__.py": owner,
        "workloads/__init__.py": "",
        "workloads/orders.py": owner,
        "main.py": APPLICATION,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_an_application_with_our_folder_names_embeds_us(python, installed, application):
    outcome = python("main.py", cwd=application, path=installed)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout == "embedded\n"


def test_the_command_line_works_from_the_folder_of_such_an_application(python, installed, application):
    outcome = python("-m", "tiering", "list", "--json", cwd=application, path=installed)
    assert outcome.returncode == 0, outcome.stderr
    assert "threshold" in json.dumps(json.loads(outcome.stdout))
