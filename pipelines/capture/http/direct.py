"""Connections that capture nothing: a probe of a mirror, a notice to a webhook or by mail.

They follow no redirect and keep no answer. Requests to sources belong to ``session``.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests

from pipelines.capture.http.errors import LIBRARY_ERRORS


class NotSentError(RuntimeError):
    """A notice was not delivered; the message is the kind of failure, without the address."""


def probe(host: str, port: int, timeout_seconds: float) -> None:
    """Open a connection and close it again.

    Raises
    ------
    OSError
        If nothing accepts connections there within the time.
    """
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except UnicodeError:  # a label of over 63 characters
        raise OSError(None, "not a host name") from None


def post_json(address: str, content: object, timeout_seconds: float) -> int:
    """Post content as JSON.

    Parameters
    ----------
    address : str
        Where to; it may hold a secret, so no message repeats it.
    content : object
        Whatever JSON can hold.
    timeout_seconds : float
        How long to wait for the connection, and for each part of the answer. [s]

    Returns
    -------
    int
        The HTTP status.

    Raises
    ------
    NotSentError
        If there is no answer.
    """
    try:
        with requests.post(
            address, json=content, timeout=timeout_seconds, allow_redirects=False, stream=True
        ) as answer:  # the body is not read
            return answer.status_code
    except LIBRARY_ERRORS as error:
        raise NotSentError(type(error).__name__) from None


def send_mail(
    server: str, sender: str, recipient: str, subject: str, text: str, timeout_seconds: float
) -> None:
    """Send a mail, encrypted wherever the server can.

    Parameters
    ----------
    server : str
        ``smtp://USER:PASSWORD@HOST:PORT`` or ``smtps://...``; no message repeats the password.
    sender, recipient : str
        Addresses.
    subject, text : str
        What it says.
    timeout_seconds : float
        How long to wait for each answer. [s]

    Raises
    ------
    NotSentError
        If the server takes no mail, or would take a password without encryption.
    """
    try:
        parts = urlsplit(server)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("smtp", "smtps"):
        raise NotSentError("not an address of a mail server; give smtp://USER:PASSWORD@HOST:PORT")
    try:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = subject, sender, recipient
        mail.set_content(text)
        safe = ssl.create_default_context()
        opened = (
            smtplib.SMTP_SSL(host, port or 465, timeout=timeout_seconds, context=safe)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port or 587, timeout=timeout_seconds)
        )
        with opened as connection:
            connection.ehlo()
            is_encrypted = parts.scheme == "smtps"
            if not is_encrypted and connection.has_extn("starttls"):
                connection.starttls(context=safe)
                is_encrypted = True
            if parts.username:
                if not is_encrypted:
                    raise NotSentError(f"{host} takes no encryption: no password is sent to it")
                connection.login(unquote(parts.username), unquote(parts.password or ""))
            connection.send_message(mail)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        raise NotSentError(f"{host} takes no mail ({type(error).__name__})") from None
