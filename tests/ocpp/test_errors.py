import pytest

from ocppscope.ocpp.errors import ERROR_CODES, explain, other_spelling
from ocppscope.ocpp.versions import JUDGED

COMMON = """NotImplemented NotSupported InternalError ProtocolError SecurityError PropertyConstraintViolation
TypeConstraintViolation GenericError""".split()
OF_16 = [*COMMON, "FormationViolation", "OccurenceConstraintViolation"]
OF_2X = [
    *COMMON,
    "FormatViolation",
    "OccurrenceConstraintViolation",
    "MessageTypeNotSupported",
    "RpcFrameworkError",
]


@pytest.mark.parametrize(("version", "codes"), [("1.6", OF_16), ("2.0.1", OF_2X), ("2.1", OF_2X)])
def test_codes_of_each_version(version, codes):
    assert set(ERROR_CODES[version]) == set(codes)
    for code in codes:
        assert explain(version, code)


def test_every_judged_version_has_codes():
    assert set(ERROR_CODES) == set(JUDGED)


@pytest.mark.parametrize("code", ["Foo", "", "internalerror", None, 5, [], {}, True])
@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1", "1.5", None])
def test_what_is_no_code(version, code):
    assert explain(version, code) is None


@pytest.mark.parametrize("version", [None, "1.5", "2.0"])
def test_versions_without_a_list(version):
    assert explain(version, "InternalError") is None


@pytest.mark.parametrize(
    ("version", "code", "known"),
    [
        ("1.6", "FormatViolation", True),
        ("1.6", "OccurrenceConstraintViolation", True),
        ("2.0.1", "FormationViolation", True),
        ("2.1", "OccurenceConstraintViolation", True),
        ("1.6", "Foo", False),
        ("2.1", "", False),
    ],
)
def test_spellings_of_other_versions(version, code, known):
    assert other_spelling(version, code) is known
