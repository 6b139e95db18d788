"""What several tests need: the projects of the docs, made once."""

import shutil

import pytest

from tests.testing import examples


@pytest.fixture(scope="session")
def recorded_projects(tmp_path_factory):
    """The projects of docs/regression-tests.md with their capture; not to be changed."""
    return examples.projects(tmp_path_factory.mktemp("projects"))


@pytest.fixture
def projects(recorded_projects, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(recorded_projects, tmp_path / "projects")
