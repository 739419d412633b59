# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that mean no good, and what another client sees of them: for test_hostile.py and tests/bench/hostile.py.

Run as a program it is one attack, in a process of its own, so that it takes no time from who measures:
attacks.py ATTACK PORT TOKEN PATH. It prints "ready" when it is under way, and ends, with what it saw as JSON, when its
standard input is closed."""

import json
import select
import socket
import subprocess
import sys
import threading
import time

TIMEOUT = 60


class Attack:
    """An attack under way in another process."""

    def __init__(self, name, port, token, path="/"):
        self.process = subprocess.Popen([sys.executable, __file__, name, str(port), token, path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the attack {name} did not begin")

    def end(self):
        """Returns what it saw."""
        self.process.stdin.close()
        seen = json.loads(self.process.stdout.read())
        self.process.stdout.close()
        self.process.wait(TIMEOUT)
        return seen


class Memory(threading.Thread):
    """Watches how much memory of its own a process has."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.stopped = f"/proc/{pid}/status", threading.Event()
        self.first = self.most = self.read()
        self.start()

    def read(self):
        with open(self.path, encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))

    def run(self):
        while not self.stopped.wait(0.02):
            self.most = max(self.most, self.read())

    def end(self):
        """Returns by how many bytes it grew at most."""
        self.stopped.set()
        self.join()
        return max(self.most, self.read()) - self.first


def watch(path, seconds):
    """Requests of another client on a Unix socket, kept connections and new ones; returns the times of each."""
    times = []
    kept = socket.socket(socket.AF_UNIX)
    kept.settimeout(TIMEOUT)
    kept.connect(path)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for target in ("/healthz", "/api/v1/jobs?limit=1"):
            for client in (kept, None):
                begin = time.monotonic()
                one = client
                if one is None:
                    one = socket.socket(socket.AF_UNIX)
                    one.settimeout(TIMEOUT)
                    one.connect(path)
                one.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                received = one.recv(65536)
                if not received.startswith(b"HTTP/1.1 200 "):
                    raise AssertionError(received[:500])
                times.append(time.monotonic() - begin)
                if client is None:
                    one.close()
        time.sleep(0.002)
    kept.close()
    return times


def percentile(times, part):
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


# -- attacks

def connect(port, buffer=None):
    client = socket.socket()
    # What the kernel keeps for a client hides how the daemon waits for it.
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(TIMEOUT)
    client.connect(("127.0.0.1", port))
    return client


def head(method, path, token, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def begin():
    print("ready", flush=True)


def has_ended(seconds):
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def try_to(func, *arguments):
    try:
        return func(*arguments)
    except OSError:
        return None


def half_open(port, token, path):
    """300 heads that do not end, of which half come byte by byte."""
    crowd = [connect(port) for _ in range(300)]
    for client in crowd:
        try_to(client.sendall, b"POST /run/echo HTTP/1.1\r\nHost: loc")
    begin()
    while not has_ended(1):
        for client in crowd[::2]:
            try_to(client.sendall, b"a")
    return {"clients": len(crowd)}


def long_heads(port, token, path):
    """As many heads as there are places, each nearly as long as one may be."""
    crowd = [connect(port) for _ in range(250)]
    for client in crowd:
        try_to(client.sendall, head("GET", "/healthz", token)[:-2] + b"X: " + b"a" * 60000)
    begin()
    while not has_ended(1):
        pass
    return {"clients": len(crowd)}


def wait_until_read(port):
    """Waits until a server on this machine has read what was sent to it."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.read().splitlines()[1:]]
        if not any(int(row[4].split(":")[1], 16) for row in rows if int(row[1].split(":")[1], 16) == port):
            break
        time.sleep(0.05)


def slow_writers(port, token, path):
    """Bodies of JSON that come quickly at first, and then a byte a second."""
    crowd = [connect(port) for _ in range(250)]
    for client in crowd:
        try_to(client.sendall, head("POST", path, token, "Content-Type: application/json",
                                    "Content-Length: 1000000"))
    for _ in range(14):
        for client in crowd:
            try_to(client.sendall, b" " * 65536)
    wait_until_read(port)
    begin()
    while not has_ended(1):
        for client in crowd:
            try_to(client.sendall, b" ")
    return {"clients": len(crowd)}


def slow_readers(port, token, path):
    """Readers of one byte a second."""
    crowd = [connect(port, 4096) for _ in range(250)]
    n = 0
    for client in crowd:
        client.sendall(head("GET", path, token))
    begin()
    while True:
        for client in crowd:
            n += len(client.recv(1))
        if has_ended(1):
            break
    return {"clients": len(crowd), "bytes": n}


def pipeliners(port, token, path):
    """Thousands of requests without reading an answer."""
    crowd = [connect(port, 4096) for _ in range(50)]
    many = head("GET", "/api/v1/pipelines", token) * 100
    for client in crowd:
        client.setblocking(False)
    begin()
    sent = 0
    while not has_ended(0.05):
        for client in crowd:
            sent += try_to(client.send, many) or 0
    return {"clients": len(crowd), "bytes": sent}


def send_all(client, pieces):
    """Sends what the server takes, and reads its answer; returns how that begins, how much was sent, and the end."""
    received, sent, rest = b"", 0, b""
    client.setblocking(False)
    end = time.monotonic() + TIMEOUT
    open_for_writing = True
    while time.monotonic() < end:
        readable, writable, _ = select.select([client], [client] if open_for_writing else [], [], 1)
        if readable:
            try:
                data = client.recv(65536)
            except ConnectionResetError:
                return received, sent, "reset"
            if not data:
                return received, sent, "closed"
            received += data[:max(0, 65536 - len(received))]
        if writable:
            rest = rest or next(pieces, b"")
            if not rest:
                open_for_writing = False
                continue
            try:
                n = client.send(rest)
            except BlockingIOError:
                continue
            except OSError:
                open_for_writing = False
                continue
            sent += n
            rest = rest[n:]
    return received, sent, "timed out"


def zeros(total, chunked):
    piece = b"0" * 65536
    if chunked:
        piece = b"%x\r\n%s\r\n" % (len(piece), piece)
    for _ in range(total // 65536):
        yield piece
    if chunked:
        yield b"0\r\n\r\n"


def floods(port, token, path):
    """600 MB where a little is taken, told before and in chunks, and heads of 8 MB."""
    seen = []
    size = 600 * 1000 * 1000
    cases = []
    for target, kind in (("/api/v1/jobs", "application/json"), ("/run/echo", "text/plain"), ("/nowhere", "text/plain")):
        for chunked in (False, True):
            length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
            cases.append((f"{target} {'in chunks' if chunked else 'with its length'}",
                          head("POST", target, token, f"Content-Type: {kind}", length), zeros(size, chunked)))
    cases.append(("one field of 8 MB", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", iter([b"a" * 65536] * 128)))
    cases.append(("8 MB of fields", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
                  iter([b"X-A: b\r\n" * 8192] * 128)))
    begin()
    for name, first, pieces in cases:
        client = connect(port)
        client.sendall(first)
        received, sent, end = send_all(client, pieces)
        client.close()
        status = int(received.split()[1]) if received.startswith(b"HTTP/1.1 ") else 0
        seen.append({"name": name, "status": status, "sent": sent, "end": end,
                     "body": received.partition(b"\r\n\r\n")[2].decode("latin-1")})
    while not has_ended(1):
        pass
    return seen


ATTACKS = {func.__name__.replace("_", "-"): func
           for func in (half_open, long_heads, slow_writers, slow_readers, pipeliners, floods)}

if __name__ == "__main__":
    print(json.dumps(ATTACKS[sys.argv[1]](int(sys.argv[2]), sys.argv[3], sys.argv[4])), flush=True)
