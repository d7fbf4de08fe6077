"""Terms that are addresses: fetched within limits, and from nowhere they should not be."""

import io
import itertools
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import httpcore
import pytest
from PIL import Image

from llm_glam.errors import BadAddress, BadTerm
from llm_glam.net import public_addresses
from llm_glam.net.fetch import MAX_REDIRECTS, fetch
from llm_glam.plugin.toolbox import Glam
from llm_glam.search import terms

from ..fakes import BLUE, GREEN, RED, picture

SEARCH = ("glam", "search", "photos")
PRIVATE = "--allow-private"
REFUSED = "is on a private network. Add --allow-private"


def png(colour=GREEN):
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


def answer(body=b"", status="200 OK", **headers):
    """An HTTP answer as it goes over the wire; a header that is None is left out."""
    headers = {"Content_Length": len(body), "Content_Type": "image/png"} | headers
    lines = [f"HTTP/1.1 {status}"] + [
        f"{name.replace('_', '-')}: {value}"
        for name, value in headers.items()
        if value is not None
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Server:
    """A web server of this test; ``answers`` are bytes, or pieces that come one by one."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.stopped = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self.http.server_port
        self.at = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,)).start()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append((self.path, dict(self.headers)))
                whole = server.answers.get(self.path) or answer(status="404 No")
                try:
                    for piece in [whole] if isinstance(whole, bytes) else whole:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    pass  # whoever asked has heard enough
                self.close_connection = True

            def log_message(self, *args):
                pass

        return Handler

    def drip(self, start, piece=b"x"):
        """An answer that never ends, nor stops for long."""
        yield start
        while not self.stopped.wait(0.02):
            yield piece

    def stop(self):
        self.stopped.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def names(monkeypatch):
    """What names stand for; a list of lists is one answer after the other. ``asked`` is kept."""
    real = socket.getaddrinfo
    known, asked = {}, []

    def fake(host, port, *args, **options):
        asked.append(host)
        if host not in known:
            return real(host, port, *args, **options)
        found = known[host]
        if isinstance(found[0], list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return [one for ip in found for one in real(ip, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    known["asked"] = asked
    return known


@pytest.fixture
def this_computer_is_public(monkeypatch):
    """As if 127.0.0.1, and it alone, were out in the world."""
    monkeypatch.setattr(
        public_addresses, "is_public", lambda address: address == "127.0.0.1"
    )


# What is found


def test_a_picture_at_an_address(embedded, server):
    server.answers["/green.png"] = answer(png())

    result = embedded(*SEARCH, f"{server.at}/green.png", PRIVATE, "-n", 1)

    assert '"id": "green.png"' in result.stdout
    assert result.stderr == f"Fetching {server.at}/green.png\n"
    assert result.stdout.count("\n") == 1


def test_what_is_asked_of_the_server(server):
    server.answers["/a/bl%C3%A9%20x.png?size=2&q=%20"] = answer(png())

    assert fetch(f"{server.at}/a/blé x.png?size=2&q=%20#top", private=True) == png()

    assert server.asked[0][1] == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": f"llm-glam/{version('llm-glam')}",
        "Accept": "image/*",
        "Accept-Encoding": "identity",
    }


def test_a_server_whose_address_is_ipv6(server, monkeypatch):
    server.answers["/a.png"] = answer(png())
    real, connected = httpcore.SyncBackend.connect_tcp, []

    def connect(self, host, *args):  # not every computer that tests has IPv6
        connected.append(host)
        return real(self, "127.0.0.1", *args)

    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", connect)

    assert fetch(f"http://[::1]:{server.port}/a.png", private=True) == png()

    assert connected == ["::1"]
    assert server.asked[0][1]["Host"] == f"[::1]:{server.port}"


def test_addresses_among_other_terms_with_weights(embedded, server):
    picture(embedded.database.parent.parent / "found.png", RED)
    server.answers |= {"/blue": answer(png(BLUE)), "/red": answer(png(RED))}

    hits = embedded.json(
        *(*SEARCH, f"2:{server.at}/blue", "-a", "green", "-a", "./found.png"),
        *("-s", f"{server.at}/red", PRIVATE),
    )

    # The two reds cancel each other out: what is left is 2 blue + 1 green.
    scores = {hit["id"]: hit["score"] for hit in hits}
    assert scores["sub folder/blé.png"] == pytest.approx(2 / 5**0.5, abs=1e-5)
    assert scores["green.png"] == pytest.approx(1 / 5**0.5, abs=1e-5)
    assert scores["red.png"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "weight", "address"),
    [
        ("http://host:80", 1, "http://host:80"),
        ("HTTPS://host/a:b.jpg", 1, "HTTPS://host/a:b.jpg"),
        ("2:https://host/a.jpg", 2, "https://host/a.jpg"),
        (".5:http://[::1]:80/2:1", 0.5, "http://[::1]:80/2:1"),
        ("ftp://host/a.jpg", 1, "ftp://host/a.jpg"),
        ("file:///etc/passwd", 1, "file:///etc/passwd"),
    ],
)
def test_what_is_an_address(text, weight, address):
    assert terms.parse(text) == terms.Term(weight, address=address)


@pytest.mark.parametrize("text", ["http is a protocol", "ratio 2://3", "16:9"])
def test_what_is_none(text):
    assert terms.parse(text).address is None


def test_a_drive_is_none():
    assert terms.parse("C://photos/a.jpg").path is not None


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(embedded, server, code):
    server.answers["/old"] = answer(status=f"{code} Moved", Location="new/er.png?x=1")
    server.answers["/new/er.png?x=1"] = answer(png())

    hits = embedded.json(*SEARCH, f"{server.at}/old", PRIVATE)

    assert hits[0]["id"] == "green.png"


def test_pieces_without_a_length_are_put_together(server):
    whole = png()
    chunks = [f"{1:x}\r\n".encode() + bytes([b]) + b"\r\n" for b in whole]
    headers = answer(Content_Length=None, Transfer_Encoding="chunked")
    server.answers["/chunked"] = b"".join([headers, *chunks, b"0\r\n\r\n"])
    server.answers["/closed"] = answer(whole, Content_Length=None)

    assert fetch(f"{server.at}/chunked", private=True) == whole
    assert fetch(f"{server.at}/closed", private=True) == whole


# Where nothing is fetched from


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::10.0.0.7]",
        "[2002:a00:7::1]",
        "10.0.0.7",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::127.0.0.1]",
    ],
)
def test_private_addresses_are_refused(embedded, monkeypatch, host):
    def connect(*args, **options):
        raise AssertionError("connected")

    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", connect)

    message = embedded.fails(*SEARCH, f"http://{host}:8080/a.jpg")

    assert message == (
        f"http://{host}:8080/a.jpg {REFUSED} if you trust it, or save the picture and "
        "give its path, such as ./found.jpg."
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("172.32.0.1", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::8.8.8.8", True),
        ("2002:808:808::1", True),
        ("64:ff9b:1::8.8.8.8", False),
        ("2001:db8::1", False),
        ("2001:0:a00:7::", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("198.18.0.1", False),
        ("fe80::1%1", False),
        ("no address", False),
    ],
)
def test_what_is_public(address, expected):
    assert public_addresses.is_public(address) is expected


@pytest.mark.parametrize(
    "found", [["10.0.0.7"], ["::1"], ["127.0.0.1", "10.0.0.7"], ["10.1.1.1", "8.8.8.8"]]
)
def test_a_name_that_stands_for_a_private_address(
    embedded, server, names, this_computer_is_public, found
):
    names["museum.example"] = found
    server.answers["/a.png"] = answer(png())

    message = embedded.fails(*SEARCH, f"http://museum.example:{server.port}/a.png")

    assert message.startswith(f"http://museum.example:{server.port}/a.png {REFUSED}")
    assert server.asked == []


def test_a_name_is_asked_once_and_what_was_checked_is_connected(
    embedded, server, names, this_computer_is_public
):
    names["museum.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    server.answers["/a.png"] = answer(png())

    hits = embedded.json(*SEARCH, f"http://museum.example:{server.port}/a.png")

    assert hits[0]["id"] == "green.png"
    assert names["asked"].count("museum.example") == 1
    assert server.asked[0][1]["Host"] == f"museum.example:{server.port}"


def test_the_next_address_of_a_name_is_tried(server, names):
    names["museum.example"] = ["::1", "127.0.0.1"]  # the server does not listen on ::1
    server.answers["/a.png"] = answer(png())

    url = f"http://museum.example:{server.port}/a.png"

    assert fetch(url, private=True) == png()


def test_a_redirect_to_a_private_address(
    embedded, server, names, this_computer_is_public
):
    names["inside.example"] = ["10.0.0.7"]
    for target in ("http://127.0.0.2/x", "//inside.example/x"):
        server.answers["/a"] = answer(status="302 Found", Location=target)

        message = embedded.fails(*SEARCH, f"{server.at}/a")

        full = target if ":" in target else f"http:{target}"
        assert message.startswith(f"{server.at}/a redirects to {full}, which {REFUSED}")


def test_redirects_without_end(embedded, server):
    server.answers["/a"] = answer(status="302 Found", Location="/b")
    server.answers["/b"] = answer(status="302 Found", Location="/a")

    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert "redirects more than 5 times" in message
    assert len(server.asked) == MAX_REDIRECTS + 1


def test_as_many_redirects_as_are_allowed(server):
    for number in range(MAX_REDIRECTS):
        server.answers[f"/{number}"] = answer(
            status="302 Found", Location=f"/{number + 1}"
        )
    server.answers[f"/{MAX_REDIRECTS}"] = answer(png())

    assert fetch(f"{server.at}/0", private=True) == png()


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "file:///etc/passwd",
            "redirects to file:///etc/passwd, which cannot be fetched",
        ),
        (
            "ftp://127.0.0.1/x",
            "redirects to ftp://127.0.0.1/x, which cannot be fetched",
        ),
        ("gopher://x", "cannot be fetched: only http and https addresses can"),
        (
            "http://me:secret@127.0.0.1/x",
            "redirects to http://…@127.0.0.1/x, which contains",
        ),
        ("http://[::1", "cannot be fetched: the answer is not valid HTTP"),
        ("http://127.0.0.1:99999/", "is not a valid address"),
        ("https:///x", "which does not name a server"),
        ("http://x/\x1b[2J", "redirects to http://x/%1B[2J, which"),
        ("/" + "x" * 9_000, "is longer than 8,000 characters"),
        (None, "returned 302 (Found)"),
    ],
)
def test_redirects_to_where_nothing_is_fetched(embedded, server, location, message):
    server.answers["/a"] = answer(status="302 Found", Location=location)

    said = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert message in said
    assert "secret" not in said
    assert len(said) < 1_000


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "ftp://127.0.0.1/a.jpg",
            "cannot be fetched: only http and https addresses can",
        ),
        ("file:///etc/passwd", "cannot be fetched: only http and https addresses can"),
        (
            "http://me:secret@127.0.0.1/",
            "http://…@127.0.0.1/ contains a user name or a pass",
        ),
        ("https://me@127.0.0.1/", "contains a user name or a password"),
        ("http://", "does not name a server"),
        ("http:///a.jpg", "does not name a server"),
        ("http://:80/", "does not name a server"),
        ("http://127.0.0.1:99999/", "is not a valid address"),
        ("http://127.0.0.1:port/", "is not a valid address"),
        ("http://127.0.0.1:-1/", "is not a valid address"),
        ("http://[::1/", "is not a valid address"),
        ("http://[nonsense]/", "is not a valid address"),
        (f"http://{'x' * 64}.example/", "is not a valid address"),
        ("http://a..example/", "is not a valid address"),
        ("http://\u0627a.example/", "is not a valid address"),
        ("http://a\0b/", "names a server that cannot be found"),
        ("http://no-such-name.invalid/", "names a server that cannot be found"),
        (f"http://127.0.0.1/{'x' * 9_000}", "is longer than 8,000 characters"),
    ],
)
@pytest.mark.parametrize("flags", [[], [PRIVATE]])
def test_addresses_that_cannot_be(embedded, url, message, flags):
    result = embedded(*SEARCH, *flags, "--", url, ok=False)

    assert result.exit_code == 1
    assert message in result.stderr.partition("Error: ")[2]
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr
    assert len(result.stderr) < 1_000


# What the server may do


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    server.answers["/a.png"] = answer(png())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert fetch(f"{server.at}/a.png", private=True) == png()


def test_too_large_by_its_header(embedded, server, monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.MAX_BYTES", 1_000_000)
    body = server.drip(answer(Content_Length=1_000_001))
    server.answers["/a"] = body

    start = time.monotonic()
    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert f"{server.at}/a is larger than 1 MB. " in message
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("chunked", [True, False])
def test_too_large_without_a_length(embedded, server, monkeypatch, chunked):
    monkeypatch.setattr("llm_glam.net.fetch.MAX_BYTES", 1_000_000)
    encoding = "chunked" if chunked else None
    headers = answer(Content_Length=None, Transfer_Encoding=encoding)
    piece = (b"186a0\r\n" if chunked else b"") + b"x" * 100_000
    piece += b"\r\n" if chunked else b""
    sent = itertools.count()
    pieces = (piece for _ in sent)
    server.answers["/a"] = itertools.chain([headers], pieces)

    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert f"{server.at}/a is larger than 1 MB. " in message
    assert next(sent) < 500  # 50 MB; what waits in the system's buffers is less


def test_exactly_as_large_as_allowed(server, monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.MAX_BYTES", len(png()))
    server.answers["/a"] = answer(png())
    server.answers["/b"] = answer(png(), Content_Length=None)

    assert fetch(f"{server.at}/a", private=True) == png()
    assert fetch(f"{server.at}/b", private=True) == png()


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (answer(Content_Length=40_000_000), b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["body", "header", "hints"],
)
def test_a_server_that_drips(embedded, server, monkeypatch, start, piece):
    monkeypatch.setattr("llm_glam.net.fetch.TOTAL_SECONDS", 0.5)
    server.answers["/a"] = server.drip(start, piece)

    start = time.monotonic()
    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert f"{server.at}/a took longer than 0.5 seconds. " in message
    assert time.monotonic() - start < 5


def test_the_time_of_redirects_is_added_up(server, monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.TOTAL_SECONDS", 0.5)

    def slowly():
        server.stopped.wait(0.2)
        yield answer(status="302 Found", Location="/a")

    server.answers["/a"] = type("Slow", (), {"__iter__": lambda self: slowly()})()

    with pytest.raises(BadAddress, match="took longer than 0.5 seconds"):
        fetch(f"{server.at}/a", private=True)


def test_a_server_that_says_nothing(embedded, server, monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.SECONDS", 0.3)
    server.answers["/a"] = (server.stopped.wait(20) and b"" for _ in "1")

    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert f"{server.at}/a did not answer within 0.3 seconds. " in message


def test_a_name_server_that_says_nothing(embedded, monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.TOTAL_SECONDS", 0.3)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: over.wait(20) and [])

    message = embedded.fails(*SEARCH, "http://museum.example/a.jpg")
    over.set()

    assert "http://museum.example/a.jpg took longer than 0.3 seconds. " in message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (answer(status="404 Not Found"), "returned 404 (Not Found)."),
        (answer(png(), status="403 \x1b[2J"), "returned 403 (Forbidden)."),
        (
            answer(png(), status="206 Partial Content"),
            "returned 206 (Partial Content).",
        ),
        (answer(png(), status="299 Odd"), "returned 299."),
        (answer(png(), status="304 Not Modified"), "returned 304 (Not Modified)."),
        (
            answer(b"<!DOCTYPE html><p>No", Content_Type="text/html"),
            "cannot be used: it is a web page, not a picture.",
        ),
        (answer(b""), "cannot be used: the file is empty."),
        (answer(png()[:60]), "cannot be used: it is damaged"),
        (
            answer(b"\x1f\x8b\x08", Content_Encoding="gzip"),
            "is sent compressed (Content-Encoding), which is not supported.",
        ),
        (answer(png(), Transfer_Encoding="gzip"), "cannot be fetched: "),
        (answer(png(), Content_Length=10_000), "cannot be fetched: "),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "cannot be fetched: the answer is not valid HTTP"),
        (b"", "cannot be fetched: the answer is not valid HTTP"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "cannot be fetched: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000, "not valid HTTP"),
    ],
)
def test_answers_that_are_no_picture(embedded, server, raw, message):
    server.answers["/a"] = raw or [b""]

    said = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert said.startswith(f"{server.at}/a {message}") or message in said
    assert said.startswith(f"{server.at}/a ")
    assert "\x1b" not in said


def test_a_picture_with_too_many_pixels(embedded, server, monkeypatch):
    server.answers["/a"] = answer(png())
    monkeypatch.setattr("llm_glam.images.decoding.MAX_MEGAPIXELS", 0.001)

    message = embedded.fails(*SEARCH, f"{server.at}/a", PRIVATE)

    assert message.startswith(f"{server.at}/a cannot be used: ")


def test_identity_is_no_compression(server):
    server.answers["/a"] = answer(png(), Content_Encoding="identity")

    assert fetch(f"{server.at}/a", private=True) == png()


def test_nobody_listens(embedded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.png"

        message = embedded.fails(*SEARCH, url, PRIVATE)

    assert message.startswith(f"{url} cannot be fetched: Connection refused. ")


# TLS


@pytest.fixture
def secure(server, tmp_path, monkeypatch):
    """The server with a certificate for museum.example that nobody has signed."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=museum.example", "-keyout", key, "-out", certificate),
            *("-addext", "subjectAltName=DNS:museum.example"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.sni = []
    context.sni_callback = lambda _socket, name, _context: server.sni.append(name)
    server.http.socket = context.wrap_socket(
        server.http.socket, server_side=True, do_handshake_on_connect=False
    )
    server.http.handle_error = lambda *args: None  # handshakes that the client ends
    server.answers["/a.png"] = answer(png())
    server.certificate = certificate
    return server


def test_certificates_are_checked(embedded, secure, names):
    names["museum.example"] = ["127.0.0.1"]

    message = embedded.fails(
        *SEARCH, f"https://museum.example:{secure.port}/a.png", PRIVATE
    )

    assert "cannot be fetched: its certificate is not trusted (self-signed" in message
    assert secure.asked == []


def test_certificates_are_checked_by_name_and_those_of_the_system_hold(
    embedded, secure, names, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    names |= {"museum.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}

    hits = embedded.json(
        *SEARCH, f"https://museum.example:{secure.port}/a.png", PRIVATE
    )
    message = embedded.fails(
        *SEARCH, f"https://other.example:{secure.port}/a.png", PRIVATE
    )

    assert hits[0]["id"] == "green.png"
    assert secure.sni == ["museum.example", "other.example"]
    assert "not trusted (Hostname mismatch" in message
    assert len(secure.asked) == 1


def test_https_where_there_is_none(embedded, server):
    url = f"https://127.0.0.1:{server.port}/a.png"

    message = embedded.fails(*SEARCH, url, PRIVATE)

    assert message.startswith(f"{url} cannot be fetched: no secure connection")


def test_a_handshake_that_is_never_finished(monkeypatch):
    monkeypatch.setattr("llm_glam.net.fetch.SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        with pytest.raises(BadAddress, match="did not answer within 0.3 seconds"):
            fetch(f"https://127.0.0.1:{port}/", private=True)


# Who may not ask for addresses


@pytest.mark.parametrize("text", ["http://127.0.0.1/a", "2:https://x/a", "ftp://x/a"])
def test_addresses_are_only_fetched_for_whoever_sits_here(embedded, server, text):
    text = text.replace("127.0.0.1", f"127.0.0.1:{server.port}")

    with pytest.raises(BadTerm, match="Addresses cannot be searched for here: "):
        terms.parse(text, files=False)
    with pytest.raises(BadTerm, match="Addresses cannot be searched for here: "):
        Glam("photos").search("red", subtract=[text])
    assert server.asked == []
