"""Bounces and abuse reports as servers write them."""

import pytest

from api.services.mail_parsing import Report, ReportKind, kind_of, parsed

NAME = "<018900000000700080000000000000ff.0123456789abcdef@ours.example>"
BOUNCE = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example
To: bounces+abc@ours.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered to <ada@acme.example>.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Wed, 25 Nov 2026 10:00:00 +0000

Final-Recipient: rfc822; ada@acme.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <ada@acme.example> User unknown

--b1
Content-Type: {returned}

Return-Path: <noreply@ours.example>
Message-ID: {name}
Subject: Welcome

--b1--
"""
COMPLAINT = """\
From: feedback@mailbox.example
To: abuse@ours.example
Subject: Abuse report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

This is an email abuse report.

--b2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces+xyz@ours.example>

--b2
Content-Type: message/rfc822

From: Grace <grace@ours.example>
Message-ID: {name}

Hello

--b2--
"""


def bounce(action: str = "failed", status: str = "5.1.1", returned: str = "message/rfc822") -> Report | None:
    return parsed(BOUNCE.format(action=action, status=status, returned=returned, name=NAME).encode())


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_says_which_message_and_why(returned: str) -> None:
    found = bounce(returned=returned)
    assert found is not None
    assert (found.kind, found.code) == (ReportKind.BOUNCE, "5.1.1")
    assert any(NAME in name for name in found.named)
    assert "bounces+abc@ours.example" in found.named


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", ReportKind.BOUNCE),
        ("Failed", "5.4.1", ReportKind.BOUNCE),
        ("failed", "5.2.1", ReportKind.BOUNCE),
        ("failed", None, ReportKind.BOUNCE),
        ("failed", "5.2.2", ReportKind.SOFT_BOUNCE),
        ("failed", "5.7.1", ReportKind.SOFT_BOUNCE),
        ("failed", "4.4.7", ReportKind.SOFT_BOUNCE),
        ("delayed", "4.4.1", None),
        ("delivered", "2.0.0", ReportKind.DELIVERED),
        ("relayed", "2.0.0", ReportKind.DELIVERED),
    ],
)
def test_only_what_is_the_addresss_fault_is_hard(action: str, status: str | None, kind: ReportKind | None) -> None:
    assert kind_of(action, status) == kind


def test_a_delay_decides_nothing() -> None:
    assert bounce("delayed", "4.4.1") is None


def test_a_complaint_says_which_message() -> None:
    found = parsed(COMPLAINT.format(name=NAME).encode())
    assert found is not None
    assert (found.kind, found.code) == (ReportKind.COMPLAINT, "abuse")
    assert any(NAME in name for name in found.named)
    assert any("bounces+xyz" in name for name in found.named)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: I am on holiday\n\nBack on Monday.",
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n\n--x--",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: message/delivery-status\n\nAction: \xff\xff\nStatus: nonsense\n",
    ],
)
def test_anything_else_is_none(content: bytes) -> None:
    assert parsed(content) is None
