"""What the tests of all views begin with."""

import pytest


@pytest.fixture(scope="session")
def stores(tmp_path_factory):
    """The folder in which stores of captures are kept for all tests; a test that writes makes its own."""
    return tmp_path_factory.mktemp("stores")
