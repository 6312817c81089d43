"""Settings: where they come from, what is refused, and what is safe to start with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tonfall.errors import ConfigError
from tonfall.serve.calls import Purpose
from tonfall.serve.codecs import Role
from tonfall.serve.node import policy_of, retention_of
from tonfall.serve.records import Notice
from tonfall.serve.settings import Settings, read_settings

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "tonfall.yaml"


def read(tmp_path: Path, text: str, **options: Any) -> Settings:
    path = tmp_path / "tonfall.yaml"
    path.write_text(text)
    return read_settings(path, options=options)


def test_out_of_the_box_it_is_for_this_machine_only() -> None:
    settings = read_settings()
    assert settings.loopback
    assert settings.auth.mode == "none"
    assert (settings.model.name, settings.model.adapt) == ("medium", False)


def test_an_option_beats_a_variable_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "server: {port: 1, drain_s: 2}\nlimits: {calls: 3}\n"
    monkeypatch.setenv("TONFALL_SERVER__PORT", "4")
    monkeypatch.setenv("TONFALL_SERVER__DRAIN_S", "5")
    settings = read(tmp_path, text, server={"port": 6})
    assert (settings.server.port, settings.server.drain_s, settings.limits.calls) == (6, 5, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sever: {}", "sever: Extra inputs are not permitted"),
        ("server: {port: telephone}", "server.port"),
        ("server: {prot: 1}", "server.prot"),
        ("model: {adapt: perhaps}", "model.adapt: Input should be a valid boolean"),
        ("model: {nane: small}", "model.nane: Extra inputs are not permitted"),
        ("model: [small]", "model: Input should be a valid dictionary or"),
        ("model: ''", "model.name: String should have at least 1 character"),
        ("server: [", "line 1 is not YAML"),
        ("just words", "is not a mapping in YAML"),
        ("carriers: {twilio: {A B: {}}}", "carriers.twilio.A B"),
        ("server: {trusted_proxies: [proxy]}", "trusted_proxies"),
        ("auth: {mode: oidc}", "auth.oidc is not set"),
        ("privacy: {retention: {audit_days: 30}}", "audit_days"),
        ("calls: {channels: mix}", "calls.channels: Input should be 'auto' or 'each'"),
        ("calls: {speakers: 'on'}", "calls.speakers: Input should be 'auto' or 'off'"),
        ("server: {trusted_proxies: [0.0.0.0/0]}", "lets everybody in"),
        ("server: {trusted_proxies: ['::/0']}", "lets everybody in"),
        (
            "carriers: {audiosocket: {a: {host: 0.0.0.0, port: 1, allowed: [0.0.0.0/0]}}}",
            "lets everybody in",
        ),
        ("carriers: {rtp: {a: {port: 1, allowed: [128.0.0.0/1]}}}", "lets everybody in"),
        ("carriers: {twilio: {a: {auth_token: change-me}}}", "a.auth_token is still the one of"),
        ("carriers: {twilio: {a: {auth_token: ''}}}", "a.auth_token is empty"),
        ("carriers: {twilio: {a: {signing_keys: {k: ''}}}}", "signing_keys.k is empty"),
        ("privacy: {salt: ''}", "privacy.salt is empty"),
        ("privacy: {salt: short}", "privacy.salt has 5 characters"),
        ("database: {url: postgresql://a@b/c}", "privacy.salt is not set"),
        (
            "carriers: {audiohook: {a: {api_key: k, secret: Y2hhbmdlLW1lLWNoYW5nZS1tZQ==}}}",
            "a.secret is still the one of the example",
        ),
        (
            "carriers: {audiohook: {a: {api_key: k, secret: c2E=}, b: {api_key: k, secret: c2I=}}}",
            "audiohook.a and carriers.audiohook.b have the same api_key",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_variable_that_is_no_setting_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONFALL_SEVER__PORT", "1")
    with pytest.raises(ConfigError, match=r"TONFALL_SEVER__PORT is no setting: .* section sever"):
        read_settings()
    monkeypatch.delenv("TONFALL_SEVER__PORT")
    monkeypatch.setenv("TONFALL_CARRIERS", "hush")
    with pytest.raises(ConfigError, match="TONFALL_CARRIERS is not JSON") as error:
        read_settings()
    assert "hush" not in str(error.value)


def test_a_secret_is_in_no_error_and_in_no_text(tmp_path: Path) -> None:
    text = "carriers: {twilio: {main: {auth_token: hush, tenant: A}}}"
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    assert "hush" not in str(error.value)
    whole = read(tmp_path, "carriers: {twilio: {main: {auth_token: hush}}}")
    assert "hush" not in repr(whole)


@pytest.mark.parametrize(
    ("text", "variables", "option", "expected"),
    [
        ("{}", {}, None, ("medium", False)),
        ("model: medium", {}, None, ("medium", False)),
        ("model: {name: medium, adapt: true}", {}, None, ("medium", True)),
        ("model: {adapt: true}", {}, None, ("medium", True)),
        ("model: {name: ours/, adapt: true}", {}, "medium", ("medium", True)),
        ("model: medium", {"MODEL__ADAPT": "true"}, None, ("medium", True)),
        ("model: {adapt: true}", {"MODEL": "medium"}, None, ("medium", True)),
        ("model: {adapt: true}", {"MODEL__ADAPT": "false"}, None, ("medium", False)),
        ("{}", {"MODEL": "medium", "MODEL__ADAPT": "true"}, None, ("medium", True)),
        ("{}", {"MODEL": '{"name": "ours", "adapt": true}'}, None, ("ours", True)),
        ("{}", {"MODEL": "medium"}, "ours", ("ours", False)),
    ],
)
def test_the_model_is_a_name_or_a_section(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    variables: dict[str, str],
    option: str | None,
    expected: tuple[str, bool],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TONFALL_{name}", value)
    settings = read(tmp_path, text, **({"model": option} if option else {}))
    assert (settings.model.name, settings.model.adapt) == expected


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such settings file"):
        read_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"server": {"host": "0.0.0.0"}}, "without authentication"),
        ({"server": {"host": "0.0.0.0"}, "auth": {"mode": "keys"}}, "without TLS"),
        ({"server": {"trusted_proxies": ["127.0.0.1"]}}, "without authentication"),
        (
            {"server": {"trusted_proxies": ["127.0.0.1"]}, "auth": {"mode": "keys"}},
            "set server.public_url",
        ),
        (
            {
                "server": {"host": "0.0.0.0", "tls": {"certificate": "a", "key": "b"}},
                "auth": {"mode": "keys"},
                "carriers": {"twilio": {"main": {"auth_token": "a"}}},
            },
            "set server.public_url",
        ),
        (
            {"auth": {"mode": "keys"}, "carriers": {"twilio": {"main": {}}}},
            "carriers.twilio.main has no auth_token",
        ),
        (
            {"auth": {"mode": "keys"}, "carriers": {"asterisk": {"pbx": {}}}},
            "carriers.asterisk.pbx has no password",
        ),
    ],
)
def test_what_would_be_open_to_strangers_does_not_start(options: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_settings(options=options)


@pytest.mark.parametrize("said", ["off", "'off'", "false"])
def test_speakers_of_one_channel_are_told_apart_unless_it_is_off(tmp_path: Path, said: str) -> None:
    for text, expected in (("{}", "auto"), (f"calls: {{speakers: {said}}}", "off")):
        settings = read(tmp_path, text)
        assert settings.calls.speakers == expected
        policy = policy_of(settings.privacy, settings.calls)
        assert policy.tells_apart(Role.MIXED) is (expected == "auto")
        assert not policy.tells_apart(Role.UNKNOWN)
        assert not policy.tells_apart(Role.CUSTOMER)


@pytest.mark.parametrize(("said", "compared"), [("auto", True), ("each", False)])
def test_channels_are_compared_unless_each_is_a_person(
    tmp_path: Path, said: str, compared: bool
) -> None:
    settings = read(tmp_path, f"calls: {{channels: {said}}}")
    assert policy_of(settings.privacy, settings.calls).compare is compared
    assert policy_of(settings.privacy).compare


def test_a_line_may_have_both_people_on_its_channel(tmp_path: Path) -> None:
    text = "carriers: {audiosocket: {a: {port: 1, role: mixed}}, rtp: {b: {port: 2, role: mixed}}}"
    carriers = read(tmp_path, text).carriers
    assert carriers.audiosocket["a"].role is carriers.rtp["b"].role is Role.MIXED


def test_by_default_the_customer_alone_is_scored() -> None:
    policy = policy_of(read_settings().privacy)
    assert [policy.scores(role) for role in (Role.CUSTOMER, Role.AGENT, Role.UNKNOWN)] == [
        True,
        False,
        False,
    ]
    assert policy.hears(Notice.UNKNOWN)


def test_the_profile_eu_scores_nobody_before_notice() -> None:
    policy = policy_of(read_settings(options={"privacy": {"profile": "eu"}}).privacy)
    assert not policy.hears(Notice.UNKNOWN)
    assert policy.hears(Notice.GIVEN)
    assert not policy.hears(Notice.REFUSED)
    with pytest.raises(ConfigError, match="needs require_notice"):
        read_settings(options={"privacy": {"profile": "eu", "require_notice": False}})


def test_scoring_agents_needs_a_reason_and_a_lawful_place() -> None:
    agent = {
        "reason": "Training that the agent asked for.",
        "person": "The head of training",
        "region": "Canada",
        "purpose": "outside_eu",
    }
    policy = policy_of(read_settings(options={"privacy": {"score_agent": agent}}).privacy)
    assert policy.scores(Role.AGENT)
    assert policy.agents is not None
    assert policy.agents.purpose is Purpose.OUTSIDE_EU
    with pytest.raises(ConfigError, match="prohibited there"):
        read_settings(options={"privacy": {"profile": "eu", "score_agent": agent}})
    with pytest.raises(ConfigError, match="reason"):
        read_settings(options={"privacy": {"score_agent": {**agent, "reason": "so"}}})


def test_each_kind_of_record_has_its_own_days() -> None:
    days = {"windows_days": 3, "audit_days": 200}
    retention = retention_of(read_settings(options={"privacy": {"retention": days}}).privacy)
    assert (retention.windows, retention.audit, retention.calls) == (3, 200, 30)


def test_the_example_starts_as_it_is_shipped() -> None:
    settings = read_settings(EXAMPLE)
    assert (settings.auth.mode, settings.privacy.profile) == ("keys", "eu")
    assert settings.loopback
    assert not any(lines for _, lines in settings.carriers)


def test_the_example_with_all_that_it_offers_starts_once_its_secrets_are_set(
    tmp_path: Path,
) -> None:
    lines = EXAMPLE.read_text().splitlines()
    first = lines.index("# carriers:")
    text = "\n".join([*lines[:first], *(line.removeprefix("# ") for line in lines[first:])])
    text = text.replace("  # salt:", "  salt:")
    with pytest.raises(ConfigError, match="is still the one of the example"):
        read(tmp_path, text)
    text = text.replace("change-me", "0123456789abcdef")
    text = text.replace("Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2UtbWU=", "MDEyMzQ1Njc4OTAxMjM0NQ==")
    settings = read(tmp_path, text)
    assert settings.auth.mode == "keys"
    assert settings.privacy.profile == "eu"
    assert all(lines for _, lines in settings.carriers)
    assert settings.privacy.salt is not None
    assert settings.alerts.webhooks
