"""Twilio's signature: published vectors, and agreement with Twilio's own validator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tonfall.errors import ConfigError
from tonfall.serve.codecs.twilio_signature import (
    SignatureSettings,
    is_signed,
    signature_of,
    signature_settings,
    url_forms,
)

URL = "wss://example.com/twilio/media"
SIGNATURE = "Ko8aymfVk0cCegaxVKH0ZCvSyf4="
WITH_SLASH = "2FSgdRajF1AcedC3OxeCdxXJk50="
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
PATHS = st.lists(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True), max_size=3).map("/".join)
PARAMETERS = st.dictionaries(WORDS, st.text(max_size=12), max_size=4)


@pytest.mark.parametrize(("url", "signature"), [(URL, SIGNATURE), (f"{URL}/", WITH_SLASH)])
def test_the_vectors_of_the_reference_are_signed_so(url: str, signature: str) -> None:
    assert signature_of(url, secret="12345") == signature
    assert RequestValidator("12345").compute_signature(url, {}) == signature


def test_the_vector_of_twilios_documentation() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    signature = signature_of(url, secret="12345", parameters=fields)
    assert signature == RequestValidator("12345").compute_signature(url, fields)
    assert is_signed(signature, url=url, secret="12345", parameters=fields)


@given(PATHS, WORDS, PARAMETERS)
def test_twilios_own_validator_computes_the_same(
    path: str, secret: str, parameters: dict[str, str]
) -> None:
    url = f"wss://example.com/{path}"
    expected = RequestValidator(secret).compute_signature(url, parameters)
    assert signature_of(url, secret=secret, parameters=parameters) == expected


@given(PATHS, PARAMETERS, st.booleans(), st.booleans())
def test_twilios_own_validator_accepts_and_rejects_the_same(
    path: str, parameters: dict[str, str], tampered: bool, other_secret: bool
) -> None:
    url = f"wss://example.com/{path}"
    secret = "a" if other_secret else "12345"
    signed = f"{url}x" if tampered else url
    signature = signature_of(signed, secret=secret, parameters=parameters)
    accepted = is_signed(signature, url=url, secret="12345", parameters=parameters)
    assert accepted is RequestValidator("12345").validate(url, parameters, signature)
    assert accepted is not (tampered or other_secret)


@pytest.mark.parametrize(
    "dialled",
    [
        "wss://example.com/twilio/media",
        "wss://example.com/twilio/media/",
        "wss://example.com:443/twilio/media",
        "wss://example.com:8443/twilio/media",
    ],
)
def test_each_form_of_the_configured_url_is_accepted(dialled: str) -> None:
    signature = signature_of(dialled, secret="12345")
    assert is_signed(signature, url="wss://example.com:8443/twilio/media", secret="12345")


@pytest.mark.parametrize(
    "signed",
    [
        "https://example.com/twilio/media",
        "wss://example.com:80/twilio/media",
        "wss://example.com/twilio",
        "wss://example.org/twilio/media",
        "wss://example.com/twilio/media?a=b",
    ],
)
def test_another_url_is_not(signed: str) -> None:
    assert not is_signed(signature_of(signed, secret="12345"), url=URL, secret="12345")


@pytest.mark.parametrize("signature", ["", "x", SIGNATURE[:-1], SIGNATURE.lower(), "é", "\ud800"])
def test_what_is_no_signature_is_rejected(signature: str) -> None:
    assert not is_signed(signature, url=URL, secret="12345")


def test_the_settings_header_chooses_the_hash() -> None:
    url = "wss://example.com/a"
    settings = "key=SK1,algorithm=HMAC_SHA256"
    signature = signature_of(url, secret="12345", algorithm="HMAC_SHA256")
    assert is_signed(signature, url=url, secret="12345", settings=settings)
    assert not is_signed(signature, url=url, secret="12345")
    assert not is_signed(SIGNATURE, url=URL, secret="12345", settings="algorithm=HMAC_MD5")
    assert signature_settings(" key = SK1 , algorithm = hmac_sha256").algorithm == "HMAC_SHA256"
    assert signature_settings(None) == signature_settings("nonsense,,=") == SignatureSettings()


def test_a_query_stays_where_it_is() -> None:
    forms = url_forms("wss://example.com/a?x=1")
    assert forms[:2] == ("wss://example.com/a?x=1", "wss://example.com/a/?x=1")


def test_ipv6_hosts_keep_their_brackets() -> None:
    assert "wss://[::1]:443/a" in url_forms("wss://[::1]/a")
    assert "wss://[::1]/a" in url_forms("wss://[::1]:8443/a")


@pytest.mark.parametrize("url", ["", "example.com/a", "ftp://example.com", "wss:///a"])
def test_what_is_no_public_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="must begin with wss://"):
        url_forms(url)


def test_no_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="signatures with is empty"):
        is_signed(SIGNATURE, url=URL, secret="")
    with pytest.raises(ConfigError, match="signs with one of HMAC_SHA1, HMAC_SHA256"):
        signature_of(URL, secret="12345", algorithm="MD5")
