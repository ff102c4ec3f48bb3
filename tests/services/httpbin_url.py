"""Points the tests of the library `requests` at an httpbin that runs already, and leaves out those that need none."""

import os
from types import SimpleNamespace

import pytest


@pytest.fixture
def httpbin():
    return SimpleNamespace(url=os.environ["HTTPBIN_URL"])


def pytest_collection_modifyitems(config, items):
    wanted = [item for item in items if "httpbin" in item.fixturenames and not {"httpbin_secure", "httpbin_ca_bundle"} & set(item.fixturenames)]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted
