"""The receiving servers, and a name server for their names.

They are one event loop in the process that asks: serve() runs it until a
condition holds.  So nothing else runs while results are looked at.

    net = Receiver('127.0.10.')
    net.reset()
    net.serve(lambda: done)
    net.taken                   what the servers said yes to

Sites are named by their first letter, <site>.test:

    a       takes everything, by BDAT
    b       550 for recipients whose name begins with "no"
    c       450 for those that begin with "later", until it is mended
    d       421 for everybody who connects, until it is mended
    e       554 after the final dot
    back    takes everything (reports to the sender)
"""
import contextlib
import hashlib
import re
import selectors
import socket
import struct
import time

SITES = ('a', 'b', 'c', 'd', 'e', 'back')
CAPS = ('PIPELINING', 'SIZE 104857600', '8BITMIME', 'ENHANCEDSTATUSCODES')
HEAD_MAX = 65536


class Taken:
    """A message that a server has said yes to."""

    def __init__(self, site, sender, rcpts, data):
        self.when = time.monotonic()
        self.site, self.sender, self.rcpts = site, sender, rcpts
        head, _, body = data.partition(b'\r\n\r\n')
        self.head = head[:HEAD_MAX]
        self.sum = hashlib.sha256(body).hexdigest()
        # Reports are read by who judges; the text of others is not.
        self.body = body if site == 'back' else b''

    def field(self, name):
        m = re.search(rb'(?im)^' + name.encode() + rb':[ \t]*(.*?)\r?$',
                      self.head)
        return m.group(1).decode() if m else None


class Session:
    """One connection; feed() takes bytes and returns the answer."""

    def __init__(self, net, site):
        self.net, self.site = net, site
        self.input, self.text = bytearray(), bytearray()
        self.state, self.left, self.last = 'command', 0, False
        self.over = False
        self.clear()

    def say(self, line):
        self.net.lines.append(f'{time.monotonic():.6f} {self.site} {line}')

    def clear(self):
        self.sender, self.rcpts = None, []
        self.text = bytearray()

    def greeting(self):
        if self.site == 'd' and not self.net.mended:
            self.over = True
            return b'421 4.3.2 not now\r\n'
        return f'220 {self.site}.test ESMTP\r\n'.encode()

    def feed(self, data):
        self.input += data
        out = bytearray()
        while not self.over:
            answer = getattr(self, 'in_' + self.state)()
            if answer is None:
                break
            out += answer
        return bytes(out)

    # -- states: None when more bytes are needed --------------------------

    def in_command(self):
        end = self.input.find(b'\r\n')
        if end < 0:
            return None
        line = bytes(self.input[:end]).decode('latin-1')
        del self.input[:end + 2]
        verb, _, rest = line.partition(' ')
        do = getattr(self, 'do_' + verb.lower(), None)
        reply = do(rest) if do else '500 5.5.1 what'
        self.say(f'> {line}\n< {reply}')
        return (reply + '\r\n').encode() if reply else b''

    def in_data(self):
        # The final dot; a line end stands in front of the text already.
        # What was searched before is not searched again.
        self.text += self.input
        end = self.text.find(b'\r\n.\r\n', max(0, len(self.text) - 4 -
                                               len(self.input)))
        self.input.clear()
        if end < 0:
            return None
        self.input += self.text[end + 5:]
        text = bytes(self.text[:end + 2]).replace(b'\r\n.', b'\r\n')
        self.state = 'command'
        return self.end(text[2:])

    def in_bdat(self):
        piece = self.input[:self.left]
        self.text += piece
        del self.input[:len(piece)]
        self.left -= len(piece)
        if self.left > 0:
            return None
        self.state = 'command'
        return self.end(bytes(self.text)) if self.last else b'250 ok\r\n'

    def end(self, text):
        sender, rcpts = self.sender, self.rcpts
        self.say(f'message of {len(text)} octets for {rcpts}')
        self.clear()
        if self.site == 'e':
            return b'554 5.7.1 not this text\r\n'
        self.net.taken.append(Taken(self.site, sender, rcpts, text))
        return b'250 2.0.0 taken\r\n'

    # -- commands ----------------------------------------------------------

    def do_ehlo(self, _):
        caps = [f'{self.site}.test', *CAPS]
        if self.site == 'a':
            caps.append('CHUNKING')
        return '\r\n'.join(f'250{"-" if i + 1 < len(caps) else " "}{c}'
                           for i, c in enumerate(caps))

    def do_mail(self, rest):
        self.clear()
        self.sender = re.match(r'FROM:<(.*?)>', rest).group(1)
        return '250 2.1.0 ok'

    def do_rcpt(self, rest):
        rcpt = re.match(r'TO:<(.*?)>', rest).group(1)
        if self.site == 'b' and rcpt.startswith('no'):
            return '550 5.1.1 no such user'
        if self.site == 'c' and rcpt.startswith('later') and \
                not self.net.mended:
            return '450 4.2.0 come again'
        self.rcpts.append(rcpt)
        return '250 2.1.5 ok'

    def do_data(self, _):
        if not self.rcpts:
            return '554 5.5.1 no recipients'
        self.state = 'data'
        self.text = bytearray(b'\r\n')
        return '354 go on'

    def do_bdat(self, rest):
        words = rest.split()
        self.left, self.last = int(words[0]), len(words) > 1
        if not self.rcpts:
            self.state, self.last = 'skip', False
            return None
        self.state = 'bdat'
        return ''

    def in_skip(self):
        n = min(self.left, len(self.input))
        del self.input[:n]
        self.left -= n
        if self.left > 0:
            return None
        self.state = 'command'
        return b'554 5.5.1 no recipients\r\n'

    def do_rset(self, _):
        self.clear()
        return '250 ok'

    def do_noop(self, _):
        return '250 ok'

    def do_quit(self, _):
        self.over = True
        return '221 2.0.0 bye'


def dns_answer(query, prefix):
    """The reply to one question; None for what is no question."""
    if len(query) < 17:
        return None
    end = query.index(b'\0', 12) + 1
    question, kind = query[12:end + 4], query[end:end + 2]
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    record = b''
    # "a.test" has an MX, "mx.a.test" an address.
    known = len(labels) >= 2 and labels[-1] == 'test' and labels[-2] in SITES
    if known and len(labels) == 2 and kind == b'\0\x0f':
        name = b'\2mx\xc0\x0c'
        record = b'\xc0\x0c\0\x0f\0\1\0\0\1\0' + struct.pack(
            '>HH', 2 + len(name), 10) + name
    elif known and labels[0] == 'mx' and kind == b'\0\1':
        address = socket.inet_aton(f'{prefix}{SITES.index(labels[-2]) + 1}')
        record = b'\xc0\x0c\0\1\0\1\0\0\1\0\0\4' + address
    return query[:2] + (b'\x85\x80' if known else b'\x85\x83') + \
        b'\0\1\0' + (b'\1' if record else b'\0') + b'\0\0\0\0' + \
        question + record


class Receiver:
    def __init__(self, prefix):
        self.prefix = prefix
        self.selector = selectors.DefaultSelector()
        self.sessions = {}
        self.port = 0
        for i, site in enumerate(SITES):
            s = socket.create_server((f'{prefix}{i + 1}', self.port),
                                     backlog=128)
            self.port = s.getsockname()[1]
            s.setblocking(False)
            self.watch(s, self._accept, site)
        self.dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.dns.bind((f'{prefix}53', 0))
        self.dns.setblocking(False)
        self.watch(self.dns, self._ask, None)
        self.dns_port = self.dns.getsockname()[1]
        self.reset()

    def reset(self):
        self.taken, self.lines, self.mended = [], [], False

    def transcript(self):
        return ''.join(line + '\n' for line in self.lines)

    def watch(self, s, do, what):
        self.selector.register(s, selectors.EVENT_READ, (do, what))

    def serve(self, done, until):
        """Run until done() or time.monotonic() is past until: False."""
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._step(left)
        return True

    def drain(self, until):
        """All who connected are gone; take what is still on its way."""
        while self._step(0) or self.sessions:
            if time.monotonic() > until:
                for s in list(self.sessions):
                    self._leave(s)
                return False
            if self.sessions:
                self._step(0.05)
        return True

    def _step(self, wait):
        events = self.selector.select(wait)
        for key, _ in events:
            do, what = key.data
            do(key.fileobj, what)
        return bool(events)

    def _accept(self, listener, site):
        with contextlib.suppress(OSError):
            s, _ = listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, site)
            self.sessions[s] = session
            self.watch(s, self._read, session)
            self._say(s, session, session.greeting())

    def _read(self, s, session):
        try:
            data = s.recv(1 << 20)
        except OSError:
            data = b''
        if data:
            self._say(s, session, session.feed(data))
        else:
            self._leave(s)

    def _say(self, s, session, text):
        try:
            s.sendall(text)
        except OSError:
            session.over = True
        if session.over:
            self._leave(s)

    def _leave(self, s):
        if self.sessions.pop(s, None):
            self.selector.unregister(s)
            s.close()

    def _ask(self, s, _):
        with contextlib.suppress(OSError):
            query, peer = s.recvfrom(4096)
            answer = dns_answer(query, self.prefix)
            if answer:
                s.sendto(answer, peer)
