"""A program on a terminal of its own, for tests: what it shows, keys, signals and sizes.

Nothing here waits for a fixed time: expect() returns when the text is there and fails when the
program ends or a generous limit passes.
"""

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

LIMIT_S = 120
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Terminal:
    """One program and the terminal it believes to be at."""

    def __init__(self, command, environment, columns=80, rows=24):
        self.master, slave = pty.openpty()
        self.resize(columns, rows, tell=False)
        self.program = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env={**environment, "TERM": "xterm"}, close_fds=True,
                                        preexec_fn=lambda: self._own_terminal(slave))
        os.close(slave)
        self.raw = b""    # everything shown so far
        self.seen = 0     # how much of text() expect() has passed

    @staticmethod
    def _own_terminal(slave):
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    def resize(self, columns, rows, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.program.send_signal(signal.SIGWINCH)

    def text(self):
        """What was shown, without escape sequences and carriage returns."""
        return ESCAPES.sub("", self.raw.decode("utf-8", "replace")).replace("\r", "")

    def _more(self, seconds):
        """Reads what there is; False at the end of the program's output."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.raw += chunk
        return bool(chunk)

    def expect(self, wanted):
        """Waits for `wanted` behind what was expected before; gives the text up to it."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            text = self.text()
            at = text.find(wanted, self.seen)
            if at >= 0:
                between, self.seen = text[self.seen:at], at + len(wanted)
                return between
            if not self._more(1) or time.monotonic() > deadline:
                raise AssertionError(f"{wanted!r} is not in {self.text()[self.seen:]!r}; "
                                     f"all of it: {self.text()!r}")

    def send(self, keys):
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def wait(self):
        """The exit code, once the program has ended."""
        deadline = time.monotonic() + LIMIT_S
        while self._more(1):
            if time.monotonic() > deadline:
                raise AssertionError(f"the program goes on: {self.text()!r}")
        return self.program.wait(LIMIT_S)

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        os.close(self.master)
