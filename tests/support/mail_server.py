"""A small SMTP server that keeps the mails that it accepts; it can refuse them, or hang."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer:
    """The mails, and the `behaviour`: `well`, `refuse` or `hang`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.behaviour = "well"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client, as RFC 5321 demands."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        if self.behaviour == "hang":
            await reader.read()
            writer.close()
            return
        say("220 ready")
        while line := await reader.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                say("354 send it")
                content = await reader.readuntil(b"\r\n.\r\n")
                mail = message_from_bytes(content.removesuffix(b".\r\n"), policy=policy.default)
                assert isinstance(mail, EmailMessage)
                self.mails.append(mail)
                say("250 kept")
            elif verb == b"QUIT":
                say("221 bye")
                break
            elif verb == b"RCPT" and self.behaviour == "refuse":
                say("550 nobody of this name lives here")
            else:
                say("250 fine")
        writer.close()


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve on a free port of this machine, in a thread."""
    state, started, loop = MailServer(), threading.Event(), asyncio.new_event_loop()
    conversations: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        with suppress(asyncio.CancelledError, ConnectionError):
            await state.serve(reader, writer)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**25)
        state.port = server.sockets[0].getsockname()[1]
        started.set()
        await stopping.wait()
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    stopping = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    started.wait(30)
    try:
        yield state
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(30)
        loop.close()
