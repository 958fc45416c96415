"""A scripted SMTP server that watches its client closely.

    srv = Smtpd(net, ['198.51.100.11'], script={'rcpt': '550 5.1.1 no'})
    srv.messages, srv.sessions, srv.violations

A script maps a stage to what happens there:

    accept connect ehlo helo starttls auth_command auth mail rcpt data body
    dot bdat rset noop quit

    '250 ok'               this reply ('250-a\\n250 b' for several lines)
    b'25'                  these bytes, whatever they are
    DROP RESET HANG        close; close with RST; say nothing for ever
    STOP_READING           as HANG, and the receive window fills up
    drip(b'250 ok', 10)    one byte every so many seconds
    pause(0.2)             wait, then go on
    NO_TLS                 (starttls) do not shake hands after the reply
    ('421 no', DROP)       several of these in order
    each('421 no', None)   first time this, then that, the last for ever
    {'a@b.test': '550 no'} by address (mail, rcpt) or mechanism (auth); '*'
                           is any other
    f(session, argument)   a function returning one of these
    None                   the usual

The stage "body" is (number, action): the action after so many bytes of
the message.  A final BDAT obeys "bdat" or else "dot".  "accept" is before
everything, TLS with implicit=True as well.  "auth_command" replies to AUTH at
once, "auth" when the client has said all (auth.py).

Counting: a turn is a flight of client bytes that begins after the server
has spoken.  A client that waits for each reply needs many turns.  With
settle > 0 the server lets a flight arrive completely before it answers,
which makes the count exact.
"""
import email
import email.policy
import hashlib
import select
import socket
import ssl
import struct
import threading
import time

from . import auth, rules
from .net import close_listener, thread

PORT = 25
CAPS = ['PIPELINING', 'SIZE 104857600', '8BITMIME', 'ENHANCEDSTATUSCODES',
        'DSN']


class _Closed(Exception):
    """The connection is over; the session ends here."""


class Action:
    def __init__(self, name, do):
        self.name, self.do = name, do

    def __repr__(self):
        return self.name


def drip(data, every):
    def do(session):
        for i in range(len(data)):
            session.wire.send(data[i:i + 1])
            session.wire.rest(every)
    return Action('drip', do)


def drip_for_ever(byte, every):
    def do(session):
        while True:
            session.wire.send(byte)
            session.wire.rest(every)
    return Action('drip_for_ever', do)


def pause(seconds):
    return Action('pause', lambda session: session.wire.rest(seconds))


DROP = Action('DROP', lambda session: session.wire.close())
RESET = Action('RESET', lambda session: session.wire.reset())
HANG = Action('HANG', lambda session: session.wire.hang())
STOP_READING = Action('STOP_READING', lambda session: session.wire.freeze())
NO_TLS = Action('NO_TLS', lambda session: None)


class each:
    """One answer after the other; the last stays."""

    def __init__(self, *answers):
        self.answers, self.used = answers, 0
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            answer = self.answers[min(self.used, len(self.answers) - 1)]
            self.used += 1
            return answer


class Message:
    """A message the server said yes to (or, in refused, no)."""

    def __init__(self, session, sender, params, rcpts, data, by):
        self.session, self.by, self.tls = session, by, session.tls
        self.sender, self.params = sender, params
        self.rcpt_params = dict(rcpts)
        self.rcpts = [r for r, _ in rcpts]
        self.data = data            # bytes, or size and digest (see keep)
        self.when = time.time()

    @property
    def head(self):
        return self.data.split(b'\r\n\r\n', 1)[0] + b'\r\n'

    @property
    def body(self):
        parts = self.data.split(b'\r\n\r\n', 1)
        return parts[1] if len(parts) > 1 else b''

    @property
    def email(self):
        return email.message_from_bytes(self.data, policy=email.policy.default)

    def field(self, name):
        """All values of a header field, unfolded."""
        return [str(v) for v in self.email.get_all(name, [])]

    def __repr__(self):
        return f'<Message {self.sender} -> {self.rcpts}>'


class _Wire:
    """Bytes to and from the client, clear or by TLS, and the notes taken."""

    def __init__(self, sock, server):
        self.sock, self.server = sock, server
        self.settle = server.settle
        self.inbox, self.outbox = bytearray(), bytearray()
        self.log = []               # (time, 'C' or 'S', bytes) in clear
        self.turns = 0
        self.spoke = False
        self.tls = None
        self.eof = False
        self.frozen = False

    def note(self, who, data):
        self.log.append((time.time(), who, bytes(data)))

    def _recv(self, wait):
        """Raw bytes, b'' at the end; None when nothing came in time."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        poll.register(self.server.stopped_r, select.POLLIN)
        ready = poll.poll(None if wait is None else wait * 1000)
        if any(fd == self.server.stopped_r for fd, _ in ready):
            raise _Closed('server stopped')
        if not ready:
            return None
        try:
            raw = self.sock.recv(1 << 18)
        except OSError:
            raw = b''
        if raw and self.spoke:
            self.turns += 1
            self.spoke = False
        return raw

    def _take(self, wait):
        """Move what arrives into inbox; False when nothing came."""
        raw = self._recv(wait)
        if raw is None:
            return False
        if not raw:
            self.eof = True
            raise _Closed('client closed')
        if self.tls:
            self.tls_in.write(raw)
            self._decrypt()
        else:
            self.note('C', raw)
            self.inbox += raw
        return True

    def _decrypt(self):
        while True:
            try:
                text = self.tls.read(1 << 18)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as e:
                raise _Closed(f'TLS: {e}')
            if not text:
                self.eof = True
                raise _Closed('client closed TLS')
            self.note('C', text)
            self.inbox += text

    def more(self):
        """Wait for bytes; before waiting, say what there is to say."""
        if self.outbox:
            # The rest of the flight may be on its way: let it come first.
            if self.settle and self._take(self.settle):
                return
            self.flush()
        self._take(None)

    def arrived(self):
        """Is there anything from the client that is not read yet?"""
        if not self.inbox:
            try:
                self._take(self.settle or 0)
            except _Closed:
                pass
        return bool(self.inbox)

    def send(self, data):
        """Now, not when the flight is over."""
        self.flush()
        self.outbox += data
        self.flush()

    def flush(self):
        data, self.outbox = bytes(self.outbox), bytearray()
        if data:
            self.note('S', data)
        if self.tls:
            if data:
                self.tls.write(data)
            data = self.tls_out.read()
        if not data:
            return
        self.spoke = True
        try:
            self.sock.settimeout(60)
            self.sock.sendall(data)
        except OSError as e:
            raise _Closed(f'cannot send: {e}')

    def handshake(self, context):
        self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.tls_in, self.tls_out, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as e:
                self._raw_flush()
                raise _Closed(f'handshake: {e}')
            # Everything the client has sent first, then our answer.
            raw = self._recv(self.settle) if self.settle else None
            if raw is None:
                self._raw_flush()
                raw = self._recv(None)
            if not raw:
                self.eof = True
                raise _Closed('client closed in the handshake')
            self.tls_in.write(raw)
        self.tls = tls
        # Session tickets wait in tls_out and go with the next reply; the last
        # flight of TLS 1.2 must not wait.
        if tls.version() != 'TLSv1.3':
            self._raw_flush()
        self._decrypt()

    def _raw_flush(self):
        data = self.tls_out.read()
        if data:
            self.spoke = True
            try:
                self.sock.sendall(data)
            except OSError as e:
                raise _Closed(str(e))

    def farewell(self):
        """The last words, with close_notify when encrypted."""
        self.flush()
        if self.tls:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
            self._raw_flush()

    def rest(self, seconds):
        """Sleep, unless the server stops or the client leaves."""
        self.flush()
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or self._watch(left):
                return

    def _watch(self, wait):
        """True after the wait; raises when either side is gone."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        poll.register(self.server.stopped_r, select.POLLIN)
        ready = poll.poll(wait * 1000)
        if ready:
            raise _Closed('gone while waiting')
        return True

    def hang(self):
        """Read on, answer nothing, until the client is gone."""
        self.flush()
        while True:
            self._take(None)

    def freeze(self):
        """Neither read nor answer."""
        # The end of the connection cannot be seen: the client's FIN waits
        # behind the bytes we do not take.
        self.frozen = True
        self.rest(3600)

    def close(self):
        self.flush()
        raise _Closed('dropped by script')

    def shut(self):
        """Close so that the client can still read what was said."""
        # Closing with unread input would make the kernel send a reset,
        # which destroys our last words: read to the end first.
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(0.5)
            while not self.eof and self.sock.recv(1 << 16):
                pass
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.flush()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        self.sock.close()
        raise _Closed('reset by script')


class Session:
    def __init__(self, server, sock, peer):
        self.server, self.peer = server, peer[0]
        self.local = sock.getsockname()[0]
        self.wire = _Wire(sock, server)
        self.violations = []
        self.commands = []          # as text, in order
        self.caps, self.helo, self.esmtp = [], None, False
        self.tls = None             # 'TLSv1.3' once encrypted
        self.done = None            # why it ended
        self.left = False           # not counted as open any more
        self.quit = False
        self.turns_to_final = None  # turns when the first message was accepted
        self.turns_each = []        # turns when each message was accepted
        self.user = None            # once AUTH has succeeded
        self.cert = []              # whom the client's certificate names
        self.all_messages = 0
        self._clear()

    def _clear(self):
        self.sender, self.params, self.rcpts = None, {}, []
        self.rcpts_tried = 0
        self.chunks = None

    @property
    def log(self):
        return self.wire.log

    @property
    def turns(self):
        return self.wire.turns

    @property
    def round_trips(self):
        """SYN to final reply: the connect, the greeting, then each turn."""
        return 2 + self.turns_to_final

    @property
    def client_bytes(self):
        return b''.join(d for _, who, d in self.log if who == 'C')

    def transcript(self):
        lines = [f'{who}: {data[:600]!r}\n' for _, who, data in self.log]
        if len(lines) > 40:
            lines[20:-20] = [f'... {len(lines) - 40} more ...\n']
        return ''.join(lines)

    def complain(self, text):
        self.violations.append(text)

    # -- the script ------------------------------------------------------

    def _scripted(self, stage, arg=None):
        answer = self.server.script.get(stage)
        while True:
            if isinstance(answer, each):
                answer = answer.next()
            elif isinstance(answer, dict):
                answer = answer.get(arg, answer.get('*'))
            elif callable(answer):
                answer = answer(self, arg)
            else:
                return answer

    def _answer(self, stage, usual, arg=None):
        """Do what the script says, or the usual; the code that was sent."""
        answer = self._scripted(stage, arg)
        return self._do(usual if answer is None else answer)

    def _do(self, answer):
        code = 0
        if isinstance(answer, (str, bytes, Action)):
            answer = (answer,)
        for step in answer:
            if isinstance(step, Action):
                step.do(self)
            elif isinstance(step, bytes):
                self.wire.outbox += step
                code = code or _code(step)
            else:
                text = '\r\n'.join(step.split('\n')) + '\r\n'
                self.wire.outbox += text.encode('utf-8', 'surrogateescape')
                code = code or _code(step.encode())
        return code

    # -- the session -----------------------------------------------------

    def run(self):
        try:
            self._talk()
        except _Closed as e:
            self.done = str(e)
        finally:
            self._leave()
            self.wire.shut()
            self.done = self.done or 'ended'

    def _leave(self):
        if not self.left:
            self.left = True
            self.server.left()

    def _talk(self):
        self._answer('accept', ())
        if self.server.implicit:
            self._encrypt()
        if self.server.wait_before_greeting and \
                self.wire._take(self.server.wait_before_greeting):
            self.complain('client spoke before the greeting: '
                          f'{bytes(self.wire.inbox[:80])!r}')
        code = self._answer('connect', f'220 {self.server.name} ESMTP lab')
        self.greeting = code
        if self.wire.inbox:
            self.complain('client spoke before the greeting')
        while True:
            line = self._line()
            self._command(line)

    def _line(self):
        inbox = self.wire.inbox
        while True:
            end = inbox.find(b'\n')
            if end >= 0:
                line = bytes(inbox[:end + 1])
                del inbox[:end + 1]
                return line
            if len(inbox) > 1 << 20:
                self.complain('command line over 1 MiB')
                raise _Closed('flood')
            self.wire.more()

    def _command(self, line):
        text = line.rstrip(b'\r\n').decode('utf-8', 'surrogateescape')
        verb = text.split(' ')[0].split(':')[0].upper()
        self.commands.append(text)
        for c in rules.command_line(line, self._offered()):
            self.complain(c)
        if verb in rules.GROUP_ENDS and self.wire.arrived():
            self.complain(f'bytes sent before the reply to {verb}: '
                          f'{bytes(self.wire.inbox[:60])!r}')
        elif verb != 'BDAT' and self.wire.inbox and \
                'PIPELINING' not in self._offered():
            self.complain(f'pipelined after {verb}, which is not offered')
        handler = getattr(self, f'_on_{verb.lower()}', None)
        if handler is None:
            self.complain(f'unknown command {text!r}')
            self._do('500 5.5.2 what?')
        else:
            handler(text)

    def _offered(self):
        return [c.split()[0].upper() for c in self.caps]

    def _on_ehlo(self, text):
        self._hello(text)
        caps = list(self.server.caps)
        if self.tls:
            caps = list(self.server.caps_tls)
        elif self.server.tls:
            caps.append('STARTTLS')
        if self.server.auth and (self.tls or self.server.auth_in_clear):
            caps.append(f'AUTH {self.server.auth}')
        lines = [self.server.name] + caps
        usual = '\n'.join(f'250{"-" if i < len(lines) - 1 else " "}{l}'
                          for i, l in enumerate(lines))
        before = len(self.wire.outbox)
        code = self._answer('ehlo', usual, self.helo)
        # Whatever was really sent is what is offered.
        sent = bytes(self.wire.outbox[before:]).decode('utf-8', 'replace')
        if code // 100 == 2:
            self.esmtp = True
            self.caps = [l[4:].strip() for l in sent.splitlines()[1:]
                         if l[4:].strip()]

    def _on_helo(self, text):
        self._hello(text)
        self.caps = []
        self._answer('helo', f'250 {self.server.name}', self.helo)

    def _hello(self, text):
        words = text.split(' ')
        self.helo = words[1] if len(words) == 2 else None
        if not self.helo or not rules.PATH.fullmatch(f'<x@{self.helo}>'):
            self.complain(f'bad greeting {text!r}')
        self._clear()

    def _on_starttls(self, text):
        if 'STARTTLS' not in self._offered():
            self.complain('STARTTLS though not offered')
        answer = self._scripted('starttls') or '220 2.0.0 ready'
        code = self._do(answer)
        self.wire.flush()
        if code != 220 or not self.server.tls or NO_TLS in (answer if isinstance(answer, tuple)
                                     else (answer,)):
            return
        self._encrypt()
        self.caps, self.helo, self.esmtp = [], None, False
        self.user = None
        self._clear()

    def _encrypt(self):
        self.wire.handshake(self.server.tls)
        self.tls = self.wire.tls.version()
        self.cipher = self.wire.tls.cipher()
        self.cert = auth.names(self.wire.tls.getpeercert())

    def mechanisms(self):
        """Those of the AUTH line that was sent."""
        return [w.upper() for c in self.caps if c.upper().startswith('AUTH ')
                for w in c.split()[1:]]

    def _on_auth(self, text):
        for c in rules.auth_command(text, self.mechanisms(), self.tls,
                                    self.user is not None,
                                    self.sender is not None,
                                    auth.SERVER_FIRST):
            self.complain(c)
        words = text.split(' ')
        name = words[1].upper() if len(words) > 1 else ''
        refusal = self._scripted('auth_command', name)
        if refusal is not None or name not in auth.MECHANISMS:
            self._do(refusal or '504 5.5.4 no such mechanism')
            return
        try:
            seen = auth.MECHANISMS[name](auth.Exchange(
                words[2] if len(words) > 2 else None, self._challenge,
                self.server.users, self.server.tokens, self.cert))
        except auth.Cancelled:
            self._do('501 5.7.0 cancelled')
            return
        except ValueError as e:
            self.complain(f'AUTH {name}: {e}')
            self._do('501 5.5.2 cannot read that')
            return
        self.server.credentials.append(seen)
        usual = '235 2.7.0 welcome' if seen.good else \
            '535 5.7.8 authentication failed'
        if self._answer('auth', usual, name) == 235:
            self.user = seen.user

    def _challenge(self, text):
        self.wire.outbox += f'334 {text}\r\n'.encode()
        line = self._line()
        for c in rules.auth_response(line):
            self.complain(c)
        return line.rstrip(b'\r\n').decode('latin-1')

    def _on_mail(self, text):
        if self.helo is None:
            self.complain('MAIL before EHLO')
        if self.sender is not None:
            self.complain('MAIL inside a transaction')
        for c in rules.mail_command(text, self._offered()):
            self.complain(c)
        path, params = rules.parse_path(text) or ('', {})
        self._clear()
        usual = '250 2.1.0 ok' if self.user is not None or \
            not self.server.auth else '530 5.7.0 authentication required'
        code = self._answer('mail', usual, path)
        self.mail_tried = path
        if code // 100 == 2:
            self.sender, self.params = path, params

    def _on_rcpt(self, text):
        if self.sender is None and not self._pipelined():
            self.complain('RCPT without MAIL')
        for c in rules.rcpt_command(text, self._offered()):
            self.complain(c)
        path, params = rules.parse_path(text) or ('', {})
        self.rcpts_tried += 1
        usual = '250 2.1.5 ok' if self.sender is not None else \
            '503 5.5.1 MAIL first'
        code = self._answer('rcpt', usual, path)
        if code // 100 == 2 and self.sender is not None:
            self.rcpts.append((path, params))

    def _pipelined(self):
        """Was this command sent without knowing the replies before it?"""
        return bool(self.wire.outbox)

    def _on_data(self, text):
        if not self.rcpts and not self._pipelined():
            self.complain('DATA without a recipient')
        usual = '354 go ahead' if self.rcpts else \
            '554 5.5.1 no valid recipients'
        code = self._answer('data', usual)
        if code // 100 != 3:
            self._clear_if_refused(code)
            return
        # The 354 goes out alone: nothing may arrive before it.
        if self.wire.inbox:
            self.complain('data sent before the 354')
        self.wire.flush()
        data = self._read_data()
        self._accept('dot', data, 'DATA')

    def _clear_if_refused(self, code):
        if code // 100 in (4, 5):
            self._clear()

    def _read_data(self):
        """The text up to the final dot, still stuffed."""
        inbox = self.wire.inbox
        limit = self._scripted('body')
        if self.server.sink:
            return self._swallow_data()
        start = 0
        while True:
            if inbox.startswith(b'.\r\n'):
                end, skip = 0, 3
            else:
                end, skip = inbox.find(b'\r\n.\r\n', start), 5
            if end >= 0:
                data = bytes(inbox[:end + 2]) if skip == 5 else b''
                del inbox[:end + skip]
                return data
            start = max(0, len(inbox) - 4)
            if limit and len(inbox) >= limit[0]:
                action, limit = limit[1], None
                self._do(action)
            self.aborted = bytes(inbox[:200])
            self.wire.more()

    def _swallow_data(self):
        """For huge messages: only size and digest are kept."""
        inbox, size, digest = self.wire.inbox, 0, hashlib.sha256()
        while True:
            end = inbox.find(b'\r\n.\r\n')
            if end >= 0:
                digest.update(inbox[:end + 2])
                size += end + 2
                del inbox[:end + 5]
                return (size, digest.hexdigest())
            cut = max(0, len(inbox) - 4)
            digest.update(inbox[:cut])
            size += cut
            del inbox[:cut]
            self.wire.log.clear()
            self.wire.more()

    def _on_bdat(self, text):
        words = text.split(' ')
        if 'CHUNKING' not in self._offered():
            self.complain('BDAT though CHUNKING is not offered')
        if len(words) not in (2, 3) or not words[1].isdigit() or (
                len(words) == 3 and words[2].upper() != 'LAST'):
            self.complain(f'malformed {text!r}')
            raise _Closed('lost in BDAT')
        size, last = int(words[1]), len(words) == 3
        inbox = self.wire.inbox
        limit = self._scripted('body')
        while len(inbox) < size:
            if limit and len(inbox) >= limit[0]:
                action, limit = limit[1], None
                self._do(action)
            self.wire.more()
        data = bytes(inbox[:size])
        del inbox[:size]
        if not self.rcpts and not self._pipelined():
            self.complain('BDAT without a recipient')
        self.chunks = (self.chunks or b'') + data
        if last:
            if not self.rcpts:
                self._answer('bdat', '503 5.5.1 no valid recipients')
                self._clear()
                return
            stage = 'bdat' if 'bdat' in self.server.script else 'dot'
            self._accept(stage, self.chunks, 'BDAT')
        else:
            code = self._answer('bdat', f'250 2.0.0 {size} octets', text)
            if code // 100 != 2:
                self._clear()

    def _accept(self, stage, data, by):
        if not self.server.sink:
            for c in rules.content(data, self.params, self._offered(),
                                   by == 'DATA'):
                self.complain(c)
            if by == 'DATA':
                if data.startswith(b'.'):
                    data = data[1:]
                data = data.replace(b'\r\n.', b'\r\n')
        msg = Message(self, self.sender, self.params, self.rcpts, data, by)
        if by == 'DATA' and self.wire.inbox and \
                'PIPELINING' not in self._offered():
            self.complain('pipelined after the final dot, not offered')
        if not self.rcpts:
            # 354 although nobody was accepted: the client sends a dot only.
            if data:
                self.complain('a message sent to no recipient')
            self._answer(stage, '554 5.5.1 no valid recipients')
            self._clear()
            return
        n = self.server.count()
        try:
            code = self._answer(stage, f'250 2.0.0 ok queued as LAB{n}', msg)
        except _Closed:
            self.server.unsure.append(msg)
            raise
        if self.turns_to_final is None:
            self.turns_to_final = self.wire.turns
        self.turns_each.append(self.wire.turns)
        (self.server.taken if code // 100 == 2 else
         self.server.refused).append(msg)
        self.all_messages += 1
        self._clear()

    def _on_rset(self, text):
        self._clear()
        self._answer('rset', '250 2.0.0 ok')

    def _on_noop(self, text):
        self._answer('noop', '250 2.0.0 ok')

    def _on_quit(self, text):
        self.quit = True
        # Before the reply: the client may be back at once.
        self._leave()
        self._answer('quit', '221 2.0.0 bye')
        self.wire.farewell()
        raise _Closed('quit')


def _code(reply):
    head = reply[:3]
    return int(head) if len(head) == 3 and head.isdigit() else 0


class Smtpd:
    """One server, listening on any number of addresses of the internet."""

    def __init__(self, net, addresses, script=None, caps=None, tls=None,
                 caps_tls=None, name='mx.lab.test', settle=0, sink=False,
                 wait_before_greeting=0, port=PORT, implicit=False, auth='',
                 auth_in_clear=False, users=None, tokens=None):
        self.net, self.port = net, port
        self.addresses = [addresses] if isinstance(addresses, str) \
            else list(addresses)
        self.script = dict(script or {})
        self.caps = CAPS if caps is None else caps
        self.caps_tls = self.caps if caps_tls is None else caps_tls
        self.tls = tls
        self.name, self.settle, self.sink = name, settle, sink
        self.wait_before_greeting = wait_before_greeting
        self.implicit = implicit    # TLS from the first byte
        self.auth, self.auth_in_clear = auth, auth_in_clear
        self.users, self.tokens = dict(users or {}), dict(tokens or {})
        self.credentials = []       # of every AUTH, in order
        self.open_now, self.most_at_once = 0, 0
        self.sessions = []
        self.taken, self.refused, self.unsure = [], [], []
        self.tolerant = False       # the test makes the client misbehave
        self._lock = threading.Lock()
        self._number = 0
        self._listeners = []
        self.start()

    def count(self):
        with self._lock:
            self._number += 1
            return self._number

    # -- up and down -----------------------------------------------------

    def start(self):
        a, b = socket.socketpair()
        self.stopped_r, self._stopped_w = a.fileno(), b
        self._keep = a
        self._threads = []
        for address in self.addresses:
            s = self.net.inside(lambda: self._listen(address))
            self._listeners.append(
                (s, thread(self._serve, f'smtpd {address}', s)))

    def _listen(self, address):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        return socket.create_server((address, self.port), family=family,
                                    backlog=512)

    def _serve(self, listener):
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock, peer)
            with self._lock:
                self.sessions.append(session)
                self.open_now += 1
                self.most_at_once = max(self.most_at_once, self.open_now)
            self._threads.append(thread(session.run, 'smtp session'))

    def left(self):
        with self._lock:
            self.open_now -= 1

    def stop(self):
        """Down: connections are cut, new ones refused."""
        for listener, server in self._listeners:
            close_listener(listener, server)
        self._listeners = []
        self._stopped_w.close()
        for t in self._threads:
            t.join(5)
        # One that still looks at it must not look at something else.
        if not any(t.is_alive() for t in self._threads):
            self._keep.close()

    # -- what was seen ---------------------------------------------------

    def idle(self, wait=10):
        """Wait until no session is open."""
        self.wait(lambda: all(s.done or s.wire.frozen
                              for s in self.sessions), wait)

    def wait(self, condition, wait=10):
        end = time.monotonic() + wait
        while not condition():
            if time.monotonic() > end:
                raise AssertionError('the server waited in vain\n' +
                                     self.transcript())
            time.sleep(0.005)

    @property
    def messages(self):
        self.idle()
        return self.taken

    @property
    def recipients(self):
        """Every recipient of every accepted message, sorted."""
        return sorted(r for m in self.messages for r in m.rcpts)

    @property
    def violations(self):
        return [v for s in self.sessions for v in s.violations]

    @property
    def turns(self):
        return [s.turns for s in self.sessions]

    def transcript(self):
        return '--- next session\n'.join(s.transcript()
                                         for s in self.sessions[:10])

    def forget(self):
        """Start counting anew."""
        self.idle()
        self.sessions, self.taken, self.credentials = [], [], []
        self.refused, self.unsure = [], []
        self.most_at_once = 0
