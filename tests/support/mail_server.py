"""A small SMTP server that keeps the mails that it accepts; it can refuse them, or hang."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer


class MailServer:
    """The mails, and the `behaviour`: `well`, `refuse` or `hang`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.behaviour = "well"
        self.port = 0
        self.released = threading.Event()

    def serve(self, reader: BufferedIOBase, writer: BufferedIOBase) -> None:
        """Speak with one client, as RFC 5321 demands."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        if self.behaviour == "hang":
            self.released.wait(60)
            return
        say("220 ready")
        while line := reader.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                say("354 send it")
                mail = message_from_bytes(_content(reader), policy=policy.default)
                assert isinstance(mail, EmailMessage)
                self.mails.append(mail)
                say("250 kept")
            elif verb == b"QUIT":
                say("221 bye")
                return
            elif verb == b"RCPT" and self.behaviour == "refuse":
                say("550 nobody of this name lives here")
            else:
                say("250 fine")


def _content(reader: BufferedIOBase) -> bytes:
    lines: list[bytes] = []
    while (line := reader.readline()) != b".\r\n":
        if not line:
            raise ConnectionError("the client left in the middle of a mail")
        lines.append(line)
    return b"".join(lines)


class _Conversation(StreamRequestHandler):
    state: MailServer

    def handle(self) -> None:
        with suppress(ConnectionError):
            self.state.serve(self.rfile, self.wfile)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve on a free port of this machine, in threads.

    A server of asyncio would leave a connection open that it accepts while it is being closed.
    """
    state = MailServer()
    server = ThreadingTCPServer(("127.0.0.1", 0), type("Conversation", (_Conversation,), {"state": state}))
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
