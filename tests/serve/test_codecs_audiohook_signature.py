"""AudioHook's signature: the published vector, what must be covered, age, replays."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonfall.errors import ConfigError
from tonfall.serve.codecs.audiohook_signature import (
    REQUIRED,
    Nonces,
    SignedRequest,
    Verdict,
    sign,
    signature_base,
    verify,
)

KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
NONCE = "VGhpc0lzQVVuaXF1ZU5vbmNl"
CREATED = 1_641_013_200
MAC = "NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4="
HEADERS = {
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": KEY,
}


def request(**headers: str) -> SignedRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SignedRequest(
        target="/api/v1/voicebiometrics/ws",
        authority="audiohook.example.com",
        headers={**HEADERS, **names},
    )


def signed(**options: object) -> SignedRequest:
    values: dict[str, object] = {"secret": SECRET, "nonce": NONCE, "created": CREATED}
    headers = sign(request(), **(values | options))  # type: ignore[arg-type]
    return request(**{name.replace("-", "_"): value for name, value in headers.items()})


def check(asked: SignedRequest, *, now: float = CREATED, nonces: Nonces | None = None) -> Verdict:
    return verify(asked, keys={KEY: SECRET}, nonces=Nonces() if nonces is None else nonces, now=now)


def altered(**headers: str) -> SignedRequest:
    good = signed()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return SignedRequest(good.target, good.authority, {**good.headers, **names})


def test_the_published_vector_verifies() -> None:
    described = (
        'sig1=("@request-target" "@authority" "audiohook-organization-id" '
        '"audiohook-session-id" "audiohook-correlation-id" "x-api-key")'
        f';keyid="{KEY}";nonce="{NONCE}";alg="hmac-sha256";created={CREATED};expires=3282026430'
    )
    asked = request(signature_input=described, signature=f"sig1=:{MAC}:")
    assert check(asked) is Verdict.VERIFIED
    ours = signed(expires=3_282_026_430)
    assert ours.headers["signature"] == f"sig1=:{MAC}:"
    assert ours.headers["signature-input"] == described


def test_the_text_that_is_signed_is_that_of_the_draft() -> None:
    text = signature_base(request(), covered=("@authority", "x-api-key"), parameters=";created=1")
    assert text == (
        '"@authority": audiohook.example.com\n'
        f'"x-api-key": {KEY}\n'
        '"@signature-params": ("@authority" "x-api-key");created=1'
    )


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (CREATED - 4, Verdict.EXPIRED),
        (CREATED - 3, Verdict.VERIFIED),
        (CREATED + 10, Verdict.VERIFIED),
        (CREATED + 10.1, Verdict.EXPIRED),
    ],
)
def test_a_signature_is_good_for_ten_seconds(now: float, verdict: Verdict) -> None:
    assert check(signed(), now=now) is verdict


def test_what_has_expired_is_refused_although_it_is_new() -> None:
    assert check(signed(expires=CREATED - 1)) is Verdict.EXPIRED


def test_a_replay_is_refused_and_its_nonce_kept_only_as_long_as_needed() -> None:
    nonces = Nonces()
    assert check(signed(), nonces=nonces) is Verdict.VERIFIED
    assert check(signed(), now=CREATED + 9, nonces=nonces) is Verdict.REPLAYED
    later = signed(nonce=NONCE[::-1], created=CREATED + 60)
    assert check(later, now=CREATED + 60, nonces=nonces) is Verdict.VERIFIED
    assert len(nonces) == 1


def test_nonces_that_were_not_verified_take_no_memory() -> None:
    nonces = Nonces()
    assert check(signed(secret=b"other"), nonces=nonces) is Verdict.WRONG_SIGNATURE
    assert len(nonces) == 0


def test_full_nonces_refuse_until_they_may_forget() -> None:
    nonces = Nonces(most=1)
    assert nonces.use("a", "1", now=0.0)
    assert not nonces.use("a", "2", now=1.0)
    assert nonces.use("a", "2", now=60.0)


def test_unknown_and_empty_secrets_are_refused() -> None:
    for keys in ({}, {KEY: b""}, {"other": SECRET}):
        verdict = verify(signed(), keys=keys, nonces=Nonces(), now=CREATED)
        assert verdict is Verdict.WRONG_KEY


def test_unsigned_requests_are_refused() -> None:
    assert check(request()) is Verdict.UNSIGNED
    assert check(request(signature=f"sig1=:{MAC}:")) is Verdict.MALFORMED
    assert check(request(signature_input="sig1=()")) is Verdict.MALFORMED


@pytest.mark.parametrize("name", [*HEADERS, "target", "authority"])
def test_whatever_is_covered_cannot_be_changed(name: str) -> None:
    good = signed()
    target, authority, headers = good.target, good.authority, dict(good.headers)
    if name == "target":
        target = "/other"
    elif name == "authority":
        authority = "example.com"
    else:
        headers[name] = "d7934305-0972-4844-938e-9060eef73d06"
    verdict = check(SignedRequest(target, authority, headers))
    assert verdict in (Verdict.WRONG_SIGNATURE, Verdict.WRONG_KEY)
    headers.pop(name, None)
    if name in HEADERS:
        assert check(SignedRequest(target, authority, headers)) is Verdict.NOT_COVERED


@pytest.mark.parametrize("left_out", REQUIRED)
def test_all_that_is_required_must_be_covered(left_out: str) -> None:
    import tonfall.serve.codecs.audiohook_signature as module

    covered = tuple(name for name in REQUIRED if name != left_out)
    parameters = f';keyid="{KEY}";nonce="{NONCE}";alg="hmac-sha256";created={CREATED}'
    text = signature_base(request(), covered=covered, parameters=parameters)
    mac = base64.b64encode(module._mac(text, SECRET)).decode()
    names = " ".join(f'"{name}"' for name in covered)
    asked = request(signature_input=f"sig1=({names}){parameters}", signature=f"sig1=:{mac}:")
    assert check(asked) is Verdict.NOT_COVERED


@pytest.mark.parametrize(
    "headers",
    [
        {"signature": "sig1=:AAAA:"},
        {"signature": f"sig2=:{MAC}:"},
        {"signature": f"sig1=:{MAC}:, sig2=:{MAC}:"},
        {"signature_input": "sig1=" + "x" * 5000},
        {"signature_input": signed().headers["signature-input"] + ";created=1"},
        {"signature_input": signed().headers["signature-input"].replace('"@authority"', "x")},
        {"signature_input": signed().headers["signature-input"].replace(")", ' "x-api-key")')},
    ],
)
def test_headers_of_another_form_are_refused(headers: dict[str, str]) -> None:
    assert check(altered(**headers)) is Verdict.MALFORMED


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"nonce": "short"}, Verdict.MALFORMED),
        ({"nonce": "a" * 22}, Verdict.VERIFIED),
    ],
)
def test_nonces_must_be_long(options: dict[str, object], verdict: Verdict) -> None:
    assert check(signed(**options)) is verdict


def test_the_key_id_must_be_the_api_key() -> None:
    import tonfall.serve.codecs.audiohook_signature as module

    for parameters, verdict in (
        (f';keyid="other";nonce="{NONCE}";alg="hmac-sha256";created={CREATED}', Verdict.WRONG_KEY),
        (f';nonce="{NONCE}";created={CREATED}', Verdict.WRONG_KEY),
        (f';keyid="{KEY}";nonce="{NONCE}";alg="rsa";created={CREATED}', Verdict.MALFORMED),
        (f';keyid="{KEY}";nonce="{NONCE}"', Verdict.MALFORMED),
    ):
        text = signature_base(request(), covered=REQUIRED, parameters=parameters)
        mac = base64.b64encode(module._mac(text, SECRET)).decode()
        names = " ".join(f'"{name}"' for name in REQUIRED)
        asked = request(signature_input=f"sig1=({names}){parameters}", signature=f"sig1=:{mac}:")
        assert check(asked) is verdict


def test_what_cannot_be_signed_is_refused() -> None:
    with pytest.raises(ConfigError, match="lacks something"):
        sign(SignedRequest("/", "a", {}), secret=SECRET, nonce=NONCE, created=CREATED)


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_headers_raise_nothing(described: str, given: str) -> None:
    verdict = check(request(signature_input=described, signature=given))
    assert verdict in (Verdict.MALFORMED, Verdict.NOT_COVERED, Verdict.WRONG_SIGNATURE)
