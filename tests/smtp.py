"""A small mail server on loopback, to be away, to refuse, to hang, and to accept."""

import socket
import socketserver
import threading
from email import message_from_bytes
from email.message import Message


class MailServer:
    """Keeps its port while it is away; `received` has what it accepted."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.received: list[Message] = []
        self.refused: set[str] = set()  # parts of subjects
        self.tries = 0
        self.silent = False
        self._server: socketserver.ThreadingTCPServer | None = None

    def use_for(self, settings) -> None:
        """Let mails go here, to an administrator."""
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", self.port
        settings.EMAIL_TIMEOUT = 60
        settings.ADMINS = [("Ann", "ann@example.org")]

    def start(self) -> None:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server.tries += 1
                if server.silent:
                    self.rfile.read()
                else:
                    server.talk(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,)).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def talk(self, client: socketserver.StreamRequestHandler) -> None:
        client.wfile.write(b"220 test\r\n")
        for line in client.rfile:
            verb = line[:4].strip().upper()
            if verb == b"DATA":
                client.wfile.write(b"354 go on\r\n")
                answer = self.take(self.body(client))
            else:
                answer = b"221 bye" if verb == b"QUIT" else b"250 fine"
            client.wfile.write(answer + b"\r\n")

    def body(self, client: socketserver.StreamRequestHandler) -> Message:
        lines = iter(client.rfile.readline, b".\r\n")
        return message_from_bytes(b"".join(lines))

    def take(self, mail: Message) -> bytes:
        if any(part in mail["Subject"] for part in self.refused):
            return b"552 too large"
        self.received.append(mail)
        return b"250 taken"

    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.received]
