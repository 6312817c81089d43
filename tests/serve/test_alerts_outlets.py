"""Who is told of alerts: webhooks that cannot be turned inwards, mail, the log; and retries."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st

from tonfall.errors import ConfigError, ServiceError
from tonfall.serve.alerts import Deliverer, Notification, Outlets, build_outlets
from tonfall.serve.alerts.addresses import is_public, resolve
from tonfall.serve.alerts.mail import MailOutlet, MailServer
from tonfall.serve.alerts.outlets import LogOutlet
from tonfall.serve.alerts.webhook import WebhookOutlet, key_of, signature
from tonfall.serve.records import AlertMoved, AlertOpened, AlertState
from tonfall.serve.settings import Alerts
from tonfall.serve.store import Delivery

SECRET = "a secret that is long enough"
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAYLOAD = {"alert": "a1", "rule": "anger", "severity": "warning", "channel": 0, "seconds": 12.5}
SOON: dict[str, Any] = {"deadline_s": 0.3}
NOTIFICATION = Notification("d1", "acme", "c1", "alert.opened", AT, PAYLOAD)


@dataclass
class Receiver:
    """A web server that answers as it is told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    dripping: bool = False
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts?from=tonfall"

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((self.path, headers, body))
                if receiver.dripping:
                    for _ in range(100):
                        self.wfile.write(b"H")
                        time.sleep(0.05)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_request(self, *_of: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield self
        server.shutdown()
        thread.join()
        server.server_close()


def webhook(url: str, **options: object) -> WebhookOutlet:
    options.setdefault("allow_private", True)
    return WebhookOutlet(url, secret=SECRET, **options)  # type: ignore[arg-type]


def test_a_signature_is_that_of_standard_webhooks() -> None:
    # The vector of the tests of Svix, who wrote that specification.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(
        key,
        identity="msg_p5jXN8AQM9LWM0D4loKWxJek",
        seconds=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_is_posted_and_signed() -> None:
    with Receiver().serving() as receiver:
        webhook(receiver.url, clock=lambda: 1_000.9).send(NOTIFICATION)
    [(path, headers, body)] = receiver.requests
    assert path == "/alerts?from=tonfall"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("d1", "1000")
    expected = signature(SECRET.encode(), identity="d1", seconds=1000, body=body)
    assert headers["webhook-signature"] == expected
    content = json.loads(body)
    assert content["type"] == "alert.opened"
    assert content["data"] == {**PAYLOAD, "call": "c1", "tenant": "acme"}


@pytest.mark.parametrize(
    ("status", "retry"), [(500, True), (404, True), (429, True), (301, True), (410, False)]
)
def test_what_is_not_taken_is_an_error(status: int, retry: bool) -> None:
    with (
        Receiver(status, {"location": "http://127.0.0.1/"}).serving() as receiver,
        pytest.raises(ServiceError, match=f"answered {status}") as caught,
    ):
        webhook(receiver.url).send(NOTIFICATION)
    assert caught.value.retry is retry
    assert len(receiver.requests) == 1


def test_a_webhook_that_drips_is_cut_off() -> None:
    with (
        Receiver(dripping=True).serving() as receiver,
        pytest.raises(ServiceError, match=r"did not answer within 0\.3 s") as caught,
    ):
        webhook(receiver.url, **SOON).send(NOTIFICATION)
    assert caught.value.retry


@contextmanager
def silent(greeting: bytes = b"") -> Iterator[int]:
    """A port whose connections say nothing, or the same byte again and again."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while not over.wait(0.02):
                connection.sendall(greeting)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
@pytest.mark.parametrize("greeting", [b"", b"2", b"\x16"])
def test_a_mail_server_that_drips_is_cut_off(tls: Any, greeting: bytes) -> None:
    with silent(greeting) as port:
        server = MailServer(host="127.0.0.1", port=port, tls=tls)
        outlet = MailOutlet(server, sender="a@b.example", recipients=["c@b.example"], **SOON)
        with pytest.raises(ServiceError, match="did not") as caught:
            outlet.send(NOTIFICATION)
    assert caught.value.retry


@pytest.mark.parametrize("greeting", [b"", b"\x16\x03\x01\xff\xff"])
def test_a_webhook_that_hangs_in_tls_is_cut_off(greeting: bytes) -> None:
    with silent(greeting) as port, pytest.raises(ServiceError, match="did not answer"):
        webhook(f"https://127.0.0.1:{port}/", **SOON).send(NOTIFICATION)


def test_all_addresses_of_a_host_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [0.0], list[float]()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 9)) for n in range(1, 5)]

    def hang(_address: object, timeout: float) -> socket.socket:
        asked.append(timeout)
        now[0] += timeout
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", hang)
    monkeypatch.setattr("tonfall.serve.alerts.connecting.time.monotonic", lambda: now[0])
    with pytest.raises(ServiceError, match="did not answer within 15 s"):
        webhook("https://many.example/").send(NOTIFICATION)
    assert len(asked) == 4  # The first to hang leaves time for the others.
    assert sum(asked) == pytest.approx(15)


def test_a_name_that_is_looked_up_for_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: go_on.wait(90))
    with pytest.raises(ServiceError, match=r"did not answer within 0\.3 s"):
        webhook("https://slow.example/", **SOON).send(NOTIFICATION)
    go_on.set()


def test_a_port_where_nobody_listens_is_tried_again() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(ServiceError, match="did not answer") as caught:
        webhook(f"http://127.0.0.1:{port}/").send(NOTIFICATION)
    assert caught.value.retry


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.1.2.3",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
    ],
)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(ServiceError) as caught:
        webhook(f"https://{host}/", allow_private=False).send(NOTIFICATION)
    message = str(caught.value)
    assert "not public" in message or "cannot be found" in message


def test_a_name_is_resolved_once_and_that_address_used(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name that turns inwards at the second look (DNS rebinding).
    answers, reached = iter(["8.8.8.8", "127.0.0.1"]), []

    def look_up(_host: str, port: int, **_how: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: tuple[str, int], *_rest: object) -> socket.socket:
        reached.append(address)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ServiceError, match="did not answer"):
        webhook("https://rebinding.example/", allow_private=False).send(NOTIFICATION)
    assert reached == [("8.8.8.8", 443)]


def test_one_private_address_among_public_ones_is_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(ServiceError, match="not public"):
        resolve("mixed.example", 443, allow_private=False)


@given(st.ip_addresses(v=4))
def test_an_address_within_an_address_is_as_public_as_itself(inner: object) -> None:
    assert is_public(f"::ffff:{inner}") == is_public(str(inner))
    if not is_public(str(inner)):
        assert not is_public(f"64:ff9b::{inner}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://alerts.example/", "is not https"),
        ("https:///path", "not usable"),
        ("https://user:word@alerts.example/", "not usable"),
        ("https://alerts.example:99999/", "not usable"),
        ("ftp://alerts.example/", "is not https"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_the_start(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        webhook(url, allow_private=False)


def test_a_secret_must_be_long_enough() -> None:
    with pytest.raises(ConfigError, match="has 5 bytes, but 16"):
        WebhookOutlet("https://alerts.example/", secret="short")
    with pytest.raises(ConfigError, match="no base64 follows"):
        key_of("whsec_?")


class Mailbox:
    """Takes mail, or refuses it."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return self.answer


@contextmanager
def mail_server(box: Mailbox) -> Iterator[MailServer]:
    controller = Controller(box, hostname="127.0.0.1", port=0)
    # With port 0 aiosmtpd does not learn which one it got, and its check of itself fails.
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        controller.port = sock.getsockname()[1]
    controller.start()
    try:
        yield MailServer(host="127.0.0.1", port=controller.port, tls="none")
    finally:
        controller.stop()


def test_a_mail_is_sent_with_ids_and_numbers_alone() -> None:
    box = Mailbox()
    with mail_server(box) as server:
        outlet = MailOutlet(server, sender="tonfall@b.example", recipients=["lead@b.example"])
        outlet.send(NOTIFICATION)
    [envelope] = box.envelopes
    assert envelope.rcpt_tos == ["lead@b.example"]
    content = envelope.content
    assert isinstance(content, bytes)
    text = content.decode()
    assert "Subject: Tonfall alert: anger (warning)" in text
    assert "Message-ID: <d1@tonfall.invalid>" in text
    assert "call: c1" in text
    assert "decide yourself" in text


@pytest.mark.parametrize(("answer", "retry"), [("451 later", True), ("554 never", False)])
def test_a_mail_that_is_not_taken_is_an_error(answer: str, retry: bool) -> None:
    with (
        mail_server(Mailbox(answer)) as server,
        pytest.raises(ServiceError, match=f"answered {answer[:3]}") as caught,
    ):
        MailOutlet(server, sender="a@b.example", recipients=["c@b.example"]).send(NOTIFICATION)
    assert caught.value.retry is retry


def test_a_mail_server_without_starttls_gets_nothing() -> None:
    box = Mailbox()
    with mail_server(box) as server:
        safe = MailServer(host=server.host, port=server.port)
        outlet = MailOutlet(safe, sender="a@b.example", recipients=["c@b.example"])
        with pytest.raises(ServiceError, match="has no STARTTLS"):
            outlet.send(NOTIFICATION)
    assert box.envelopes == []


def test_mail_settings_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(ConfigError, match="password in the clear"):
        MailServer(host="mail.example", tls="none", username="a", password="b")
    server = MailServer(host="mail.example")
    with pytest.raises(ConfigError, match="is no mail address"):
        MailOutlet(server, sender="a@b.example\nBcc: x@y.example", recipients=["c@b.example"])
    with pytest.raises(ConfigError, match="no recipients"):
        MailOutlet(server, sender="a@b.example", recipients=[])


def test_the_log_has_ids_and_numbers(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        LogOutlet().send(NOTIFICATION)
    assert "Alert a1 of call c1: rule anger, severity warning, state open" in caplog.text


def opened(tenant: str = "acme") -> AlertOpened:
    return AlertOpened("a1", "c1", tenant, AT, "anger", "warning", 0, "S1", 12.5)


def moved() -> AlertMoved:
    return AlertMoved("a1", "acme", AT, AlertState.ACKNOWLEDGED, "key-1")


def settings() -> Alerts:
    return Alerts.model_validate(
        {
            "webhooks": {"crm": {"url": "https://crm.example/", "secret": SECRET}},
            "smtp": {
                "team": {
                    "host": "mail.example",
                    "sender": "a@b.example",
                    "recipients": ["c@b.example"],
                    "tenants": ["other"],
                }
            },
        }
    )


def test_each_tenant_has_its_outlets() -> None:
    outlets = build_outlets(settings())
    assert list(outlets.names(opened())) == ["log", "webhook:crm"]
    assert list(outlets.names(opened("other"))) == ["log", "webhook:crm", "smtp:team"]
    assert list(outlets.names(moved())) == ["log", "webhook:crm"]
    assert outlets.find("webhook:gone") is None


@dataclass
class Shelf:
    """Deliveries that are due, and what became of them."""

    ready: list[Delivery]
    outcomes: list[tuple[str, str, float]] = field(default_factory=list)

    def sinks(self) -> frozenset[str]:
        return frozenset(each.sink for each in self.ready)

    def due(self, node: str, *, sink: str, limit: int, lease_s: float) -> tuple[Delivery, ...]:
        claimed = [each for each in self.ready if each.sink == sink][:limit]
        self.ready = [each for each in self.ready if each not in claimed]
        return tuple(claimed)

    def done(self, delivery: str, *, node: str) -> bool:
        self.outcomes.append((delivery, "done", 0))
        return True

    def retry(self, delivery: str, *, node: str, at: datetime, error: str) -> bool:
        seconds = (at - datetime.now(UTC)).total_seconds()
        self.outcomes.append((delivery, f"retry: {error}", seconds))
        return True

    def give_up(self, delivery: str, *, node: str, error: str) -> bool:
        self.outcomes.append((delivery, f"given up: {error}", 0))
        return True


class Scripted:
    """Outlets by name, each a function."""

    def __init__(self, **sends: object) -> None:
        self._sends = sends

    def find(self, name: str) -> object:
        send = self._sends.get(name)
        return type("Outlet", (), {"send": staticmethod(send)})() if send else None


def delivery(number: int, sink: str, *, attempts: int = 1) -> Delivery:
    return Delivery(f"d{number}", "acme", "c1", 1, "alert.opened", sink, AT, PAYLOAD, attempts)


def outcomes_of(shelf: Shelf, outlets: object, count: int) -> dict[str, tuple[str, float]]:
    deliverer = Deliverer(shelf, outlets=outlets, node="n1", poll_s=0.01)  # type: ignore[arg-type]
    until = time.monotonic() + 60
    while len(shelf.outcomes) < count and time.monotonic() < until:
        time.sleep(0.01)
    deliverer.close()
    return {name: (outcome, seconds) for name, outcome, seconds in shelf.outcomes}


def fails(retry: bool) -> object:
    def send(_notification: Notification) -> None:
        raise ServiceError("It failed.", retry=retry)

    return send


def test_what_is_sent_is_done_and_what_fails_waits() -> None:
    sent: list[Notification] = []
    ready = [delivery(1, "good"), delivery(2, "bad", attempts=3), delivery(3, "gone")]
    shelf = Shelf([*ready, delivery(4, "refused"), delivery(5, "weak", attempts=12)])
    outlets = Scripted(good=sent.append, bad=fails(True), refused=fails(False), weak=fails(True))
    found = outcomes_of(shelf, outlets, 5)
    assert [each.id for each in sent] == ["d1"]
    assert found["d1"][0] == "done"
    assert found["d2"][0] == "retry: It failed."
    assert found["d2"][1] == pytest.approx(20, abs=6)
    assert found["d3"][0] == "given up: The settings name this outlet no more."
    assert found["d4"][0] == found["d5"][0] == "given up: It failed."


def test_an_outlet_that_hangs_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def hang(_notification: Notification) -> None:
        go_on.wait(90)
        raise ServiceError("It hung.", retry=True)

    stuck = [delivery(number, "stuck") for number in range(10, 40)]
    shelf = Shelf([*stuck, delivery(2, "good"), delivery(3, "good")])
    deliverer = Deliverer(
        shelf,
        outlets=Scripted(stuck=hang, good=lambda _notification: None),  # type: ignore[arg-type]
        node="n1",
        poll_s=0.01,
    )
    until = time.monotonic() + 60
    while len(shelf.outcomes) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert {name for name, _, _ in shelf.outcomes} == {"d2", "d3"}
    # A claim may just be on its way to its thread, and the good ones may have been first.
    while time.monotonic() < until:
        threads = _stuck_threads()
        if threads and len(shelf.ready) == 30 - len(threads):
            break
        time.sleep(0.01)
    assert 0 < len(threads) <= 4
    assert all(each.daemon for each in threads)  # They do not hold up the end of the process.
    assert len(shelf.ready) == 30 - len(threads)
    with caplog.at_level(logging.WARNING):
        deliverer.close(timeout_s=0)
    assert "The outlet stuck had not answered when the server stopped" in caplog.text
    go_on.set()


def _stuck_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "tonfall-alert-stuck"]


def test_an_outlet_that_failed_is_left_alone_for_a_while() -> None:
    tries: list[Notification] = []

    def send(notification: Notification) -> None:
        tries.append(notification)
        raise ServiceError("It failed.", retry=True)

    shelf = Shelf([delivery(1, "bad")])
    deliverer = Deliverer(shelf, outlets=Scripted(bad=send), node="n1", poll_s=0.01)  # type: ignore[arg-type]
    until = time.monotonic() + 60
    while not shelf.outcomes and time.monotonic() < until:
        time.sleep(0.01)
    shelf.ready = [delivery(number, "bad") for number in range(2, 9)] + [delivery(9, "gone")]
    while len(shelf.outcomes) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    deliverer.close()
    assert len(tries) == 1
    assert len(shelf.ready) == 7  # Not even claimed: a claim counts as a try.
    assert deliverer.counts["failed_tries"] == 1


def test_outlets_that_are_read_from_settings_are_used_by_the_writer() -> None:
    assert isinstance(build_outlets(Alerts()), Outlets)
    assert list(build_outlets(Alerts(log=False)).names(opened())) == []


@pytest.mark.parametrize("address", ["fec0::1", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fd00::1"])
def test_addresses_outside_the_internets_range_are_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["2001:4860:4860::8888", "64:ff9b::8.8.8.8", "8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)
