"""Whom to call: URLs, protocols, and what headers prove."""

from __future__ import annotations

import base64

import pytest
from twilio.request_validator import RequestValidator

from tonfall.errors import ConfigError
from tonfall.serve.client import Credentials, Protocol, headers_of, read_address
from tonfall.serve.codecs.audiohook_signature import Nonces, SignedRequest, Verdict, verify

NAME = "30b0e39584d34570ac139a62d8f514c0"


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("ws://127.0.0.1:8000/v1/stream", "native"),
        ("wss://example.com/v1/twilio/main", "twilio"),
        ("wss://example.com/v1/audiohook", "audiohook"),
        ("wss://example.com/v1/asterisk/main", "chan_websocket"),
        ("audiosocket://127.0.0.1:9092", "audiosocket"),
        ("tcp://127.0.0.1:9092", "audiosocket"),
        ("rtp://[::1]:5004", "rtp"),
        ("udp://127.0.0.1:5004", "rtp"),
    ],
)
def test_the_protocol_is_told_from_the_url(url: str, protocol: str) -> None:
    assert read_address(url).protocol == protocol


def test_the_parts_of_an_address() -> None:
    address = read_address("wss://example.com:8443/media?a=b", protocol="twilio")
    assert (address.host, address.port, address.secure) == ("example.com", 8443, True)
    assert address.signed_url == "wss://example.com:8443/media?a=b"
    assert address.events_url == "https://example.com:8443/v1/events"
    assert read_address("ws://a/v1/twilio/x").signed_url == "wss://a/v1/twilio/x"
    assert read_address("ws://a/v1/stream").port == 80
    assert read_address("rtp://a:5004").events_url is None


@pytest.mark.parametrize(
    ("url", "protocol", "message"),
    [
        ("ws://a/other", None, "cannot be told from the URL; say --protocol"),
        ("ws://a/v1/streams", None, "cannot be told from the URL"),
        ("a", None, "cannot be told from the URL"),
        ("ws://a/x", "sip", "'sip' is not known; name one of native, twilio"),
        ("http://a/x", "twilio", "does not fit the protocol twilio; call ws://.*twilio/main"),
        ("rtp://127.0.0.1", None, "port is missing, such as in rtp://127.0.0.1:9000"),
        ("ws:///v1/stream", None, "host or port is missing"),
        ("rtp://a:99999", None, "no number from 0 to 65535"),
    ],
)
def test_what_cannot_be_called_is_refused(url: str, protocol: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_address(url, protocol=protocol)


def test_tonfalls_own_protocol_takes_a_token() -> None:
    address = read_address("ws://a/v1/stream")
    assert headers_of(Credentials(token="t"), address, name=NAME) == {"Authorization": "Bearer t"}
    assert headers_of(Credentials(), address, name=NAME) == {}
    assert headers_of(Credentials(token="t"), read_address("rtp://a:1"), name=NAME) == {}


def test_twilio_is_signed_as_twilios_validator_wants_it() -> None:
    address = read_address("ws://127.0.0.1:8000/v1/twilio/main")
    headers = headers_of(Credentials(secret="12345"), address, name=NAME)
    expected = RequestValidator("12345").compute_signature(
        "wss://127.0.0.1:8000/v1/twilio/main", {}
    )
    assert headers == {"X-Twilio-Signature": expected}
    elsewhere = Credentials(secret="12345", signed_url="wss://example.com/twilio/media")
    headers = headers_of(elsewhere, address, name=NAME)
    assert headers == {"X-Twilio-Signature": "Ko8aymfVk0cCegaxVKH0ZCvSyf4="}
    assert headers_of(Credentials(), address, name=NAME) == {}


@pytest.mark.parametrize("signed_url", [None, "wss://example.com/v1/audiohook"])
def test_audiohook_is_signed(signed_url: str | None) -> None:
    secret = base64.b64encode(b"secret").decode()
    address = read_address("ws://127.0.0.1:8000/v1/audiohook")
    credentials = Credentials(key="k", secret=secret, signed_url=signed_url)
    headers = headers_of(credentials, address, name=NAME)
    authority = "example.com" if signed_url else "127.0.0.1:8000"
    request = SignedRequest("/v1/audiohook", authority, headers)
    created = float(headers["signature-input"].partition(";created=")[2])
    nonces = Nonces()
    for verdict in (Verdict.VERIFIED, Verdict.REPLAYED):
        assert verify(request, keys={"k": b"secret"}, nonces=nonces, now=created) is verdict
    assert headers["audiohook-session-id"] == "30b0e395-84d3-4570-ac13-9a62d8f514c0"


def test_asterisk_gives_user_and_password() -> None:
    address = read_address("ws://a/v1/asterisk/main")
    headers = headers_of(Credentials(key="u", secret="p"), address, name=NAME)
    assert headers == {"Authorization": "Basic dTpw"}
    assert headers_of(Credentials(), address, name=NAME) == {}


def test_secrets_that_cannot_be_are_refused_and_never_shown() -> None:
    address = read_address("ws://a/v1/audiohook")
    with pytest.raises(ConfigError, match="give --key as well"):
        headers_of(Credentials(secret="c2VjcmV0"), address, name=NAME)
    with pytest.raises(ConfigError, match="not base64"):
        headers_of(Credentials(key="k", secret="s-e-c"), address, name=NAME)
    shown = repr(Credentials(token="hush1", key="hush2", secret="hush3"))
    assert "hush" not in shown
    assert Protocol.TWILIO in list(Protocol)
