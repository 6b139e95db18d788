"""How many files may be open."""

import resource

import pytest

from ocppscope.capture import limits


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 4096, (4096, 4096)),
        (1024, 1_048_576, (65_536, 1_048_576)),
        (1024, resource.RLIM_INFINITY, (65_536, resource.RLIM_INFINITY)),
        (4096, 4096, None),
        (100_000, 1_048_576, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_it_goes_and_never_lowered(monkeypatch, soft, hard, expected):
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: made.append((kind, limits)))
    limits.raise_open_files()
    assert made == ([] if expected is None else [(resource.RLIMIT_NOFILE, expected)])
