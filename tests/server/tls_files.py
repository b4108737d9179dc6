"""TLS for tests of whole servers: certificates made by OpenSSL's command when they are wanted, and clients that use both
versions in turn, show a certificate and offer to go on with the session before. Standard library only."""

import atexit
import contextlib
import functools
import itertools
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@functools.cache
def certificate():
    """A PEM file with a key and its certificate for localhost, signed by itself; it goes when this process ends."""
    folder = tempfile.mkdtemp(prefix="rerank-tls-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = f"{folder}/both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path,
                    "-out", f"{folder}/certificate.pem"], check=True, capture_output=True)
    with open(path, "a", encoding="ascii") as both, open(f"{folder}/certificate.pem", encoding="ascii") as public:
        both.write(public.read())
    return path


def server_flags():
    """For a server that asks its clients for the certificate too."""
    return ["--ssl-certfile", certificate(), "--ssl-ca-certs", certificate()]


class _Socket(ssl.SSLSocket):
    """Leaves its session to the next one when it is closed."""

    def _real_close(self):  # once nobody reads from it any more
        if self._sslobj is not None:
            self.context.owner.sessions[self.context] = self.session
            with contextlib.suppress(OSError, ValueError):
                self.setblocking(False)
                self._sslobj.shutdown()  # or OpenSSL thinks ill of the session
        super()._real_close()


class TlsClient:
    def __init__(self):
        self.sessions = {}
        self.num_handshakes = 0
        self.num_resumed = 0
        self._lock = threading.Lock()
        self._contexts = itertools.cycle([self._context(version) for version in VERSIONS])

    def _context(self, version):
        context = ssl.create_default_context(cafile=certificate())
        context.load_cert_chain(certificate())
        context.minimum_version = context.maximum_version = version
        context.sslsocket_class = _Socket
        context.owner = self
        return context

    def wrap(self, connection):
        """A connected socket, with TLS on it."""
        with self._lock:
            context = next(self._contexts)
            session = self.sessions.get(context)
        try:
            wrapped = context.wrap_socket(connection, server_hostname="localhost", session=session)
        except OSError:
            connection.close()
            raise
        with self._lock:
            self.num_handshakes += 1
            self.num_resumed += wrapped.session_reused
        return wrapped


def end_sending(connection):
    """The end of the sending half, with TLS or without; replies are still read."""
    socket.socket.shutdown(connection, socket.SHUT_WR)
