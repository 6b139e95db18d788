"""`--public-key` of `check` and `transactions`, with a meter's real signature from the public vectors."""

import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cli import run

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def public(key, encoding=serialization.Encoding.DER):
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def signed(value, moment):
    reading = {
        "FV": "1.0", "GI": "G", "GS": "1", "PG": "T1", "MV": "M", "MM": "N", "MS": "2", "IS": True,
        "IT": "ISO14443",
        "RD": [{"TM": "2026-11-22T10:15:00,000+0000 S", "TX": moment, "RV": value, "RI": "01-00:01.08.00*FF",
                "RU": "Wh", "ST": "G"}],
    }  # fmt: skip
    payload = json.dumps(reading)
    signature = KEY.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
    return f'OCMF|{payload}|{{"SD":"{signature}"}}'


def sample(value, moment, context):
    return {"value": signed(value, moment), "format": "SignedData", "context": context}


def log(tmp_path):
    at = "2026-11-22T10:15:00Z"
    values = [sample(0, "B", "Transaction.Begin"), sample(7200, "E", "Transaction.End")]
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": at}
    stop = {"transactionId": 7, "meterStop": 7200, "timestamp": at, "reason": "Local", "idTag": "A"}
    stop["transactionData"] = [{"timestamp": at, "sampledValue": values}]
    lines = [
        [2, "1", "StartTransaction", start],
        [3, "1", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}],
        [2, "2", "StopTransaction", stop],
        [3, "2", {}],
    ]
    path = tmp_path / "charge.log"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return str(path)


def verdict(tmp_path, *options):
    result = run("transactions", log(tmp_path), "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["signedValues"]


def test_without_a_key_nothing_is_proven(tmp_path):
    assert verdict(tmp_path)["verdict"] == "key missing"


@pytest.mark.parametrize(
    "given",
    [
        public(KEY).hex(),
        f"oca:base16:asn1:{public(KEY).hex()}",
        public(KEY, serialization.Encoding.PEM).decode(),
    ],
    ids=["hex", "oca", "pem"],
)
def test_a_key_on_the_command_line(tmp_path, given):
    found = verdict(tmp_path, "--public-key", given)
    assert (found["verdict"], found["energyWh"], found["keyFrom"]) == ("valid", 7200, "option")


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_a_key_in_a_file(tmp_path, encoding):
    path = tmp_path / "key"
    path.write_bytes(public(KEY, encoding))
    assert verdict(tmp_path, "--public-key", path)["verdict"] == "valid"


def test_check_takes_it_too(tmp_path):
    result = run("check", log(tmp_path), "--json", "--public-key", public(OTHER).hex())
    assert '"MV-020"' in result.stdout
    result = run("check", log(tmp_path), "--json", "--public-key", public(KEY).hex())
    assert '"MV-020"' not in result.stdout
    assert '"MV-018"' in result.stdout


def test_the_table_says_it(tmp_path):
    assert (
        "signed values valid (OCMF 1.0): 7.2"
        in run("transactions", log(tmp_path), "--public-key", public(KEY).hex()).stdout
    )
    assert (
        "signed values invalid"
        in run("transactions", log(tmp_path), "--public-key", public(OTHER).hex()).stdout
    )


@pytest.mark.parametrize("given", ["", "no key", "00" * 50])
def test_what_is_no_key(tmp_path, given):
    result = run("transactions", log(tmp_path), "--public-key", given)
    assert result.exit_code == 2
    assert "oca:base16:asn1" in result.stderr
