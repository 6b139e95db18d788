"""Pseudonyms: of the same form, never twice the same, and without a trace of the original."""

import ipaddress
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from ocppscope.redaction.pseudonyms import RUN, Pseudonyms, fold

CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
VALUES = st.lists(
    st.one_of(
        st.text(string.ascii_letters + string.digits + " -_.:/", min_size=1, max_size=24),
        st.from_regex(r"[0-9A-F]{4,20}", fullmatch=True),
        st.ip_addresses().map(str),
        st.uuids().map(str),
        st.text("äöüéÄÖÜßабвгдЖ漢字", min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=12,
    unique_by=fold,
)


def assigned(values, seed="test", kind="token"):
    pseudonyms = Pseudonyms(seed)
    pseudonyms.assign((kind, value) for value in values)
    return [pseudonyms.of(kind, value) for value in values]


def form(text):
    return [next((at for at, chars in enumerate(CLASSES) if char in chars), char) for char in text]


@settings(max_examples=150)
@given(VALUES)
def test_form_and_length_stay_and_no_two_become_one(values):
    new = assigned(values)
    assert len({fold(one) for one in new}) == len(values)
    for old, made in zip(values, new, strict=True):
        assert len(made) == len(old)
        assert len(made.encode()) == len(old.encode())
        if old.isascii():
            assert form(made) == form(old)


@settings(max_examples=150)
@given(st.from_regex(r"[A-Z]{2,4}-?[0-9a-z]{6,16}", fullmatch=True))
def test_nothing_of_the_original_is_left(value):
    (made,) = assigned([value])
    assert not {made.lower()[at : at + RUN] for at in range(len(made) - RUN + 1)} & {
        value.lower()[at : at + RUN] for at in range(len(value) - RUN + 1)
    }


def test_the_seed_alone_decides():
    values = ["CP001", "04A1B2C3D4", "192.0.2.7", "csms.example.com"]
    assert assigned(values) == assigned(values)
    assert assigned(values) == assigned(values[::-1])[::-1]
    assert not set(assigned(values)) & set(assigned(values, "another"))
    assert assigned(values, None) != assigned(values, None)


def test_forms():
    mac, uuid, host, upper = assigned(
        ["00:1A:2B:3C:4D:5E", "3bd72278-29bb-4d66-a602-46cd470452c2", "csms.example.com", "DEADBEEF99"],
        kind="host",
    )
    assert int(mac.replace(":", ""), 16)
    assert mac.upper() == mac
    assert int(uuid.replace("-", ""), 16)
    assert host.endswith(".com")
    assert "example" not in host
    assert int(upper, 16)
    assert upper.isupper()


@given(st.ip_addresses(v=4))
def test_addresses_stay_addresses(address):
    (made,) = assigned([str(address)], kind="address")
    assert len(str(ipaddress.ip_address(made))) == len(str(address))


def test_private_addresses_stay_private():
    made = assigned(["10.1.2.3", "192.168.1.20", "172.16.5.9", "8.8.8.8"], kind="address")
    assert [ipaddress.ip_address(one).is_private for one in made[:3]] == [True] * 3
    assert made[0].startswith("10.")
    assert made[1].startswith("192.168.")
    assert not made[3].startswith("10.")


def test_small_spaces_are_used_up_before_anything_is_used_twice():
    made = assigned(list("0123456789"))
    assert sorted(made) == list("0123456789")


def test_capitals_are_those_of_the_value():
    pseudonyms = Pseudonyms("test")
    assert pseudonyms.of("token", "DEADbeef01").lower() == pseudonyms.of("token", "deadbeef01")
    assert pseudonyms.of("token", "ABCD").isupper()
