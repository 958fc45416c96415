"""Nothing hangs: servers and resolvers that are silent, that drip, that never
come to an end and never close, at every stage, clear and encrypted.

All of them are asked at the same time, one recipient at each.  Each must be
done with when its own limit has passed, the good ones beside them must not
notice, and no process may grow.  What a single one of them does to a single
message is in test_dialogue.py, test_dns.py and test_smarthost.py.
"""
import os
import re
import signal
import struct
import threading
import time

import pytest

from lab import check, dns, procs
from lab.smtpd import HANG, NO_TLS, STOP_READING, Action, drip_for_ever, pause

# The limits of these tests: for a connection, a reply and the last one; for
# one destination.
SHORT = dict(connect_timeout='1s', command_timeout='1s', dot_timeout='1s')
CEILING = 3

# A machine that is busy with other things is not the program's fault.
SLACK = 5

WORKER_MAX = 8 << 20


# -- what a server can do instead of answering -----------------------------------

def endless(data):
    """As fast as it is taken, for ever."""
    def do(session):
        while True:
            session.wire.send(data)
            session.wire.log.clear()
    return Action('endless', do)


def lines_of(code):
    return b'%d-and more\r\n' % code


# How to behave at a stage whose reply has this code.
BEHAVIOURS = {
    'silent': lambda code: HANG,
    'drips octets': lambda code: drip_for_ever(b'2', 0.2),
    'drips lines': lambda code: drip_for_ever(lines_of(code), 0.2),
    'endless line': lambda code: endless(b'x' * 65536),
    'endless lines': lambda code: endless(lines_of(code) * 4096),
    'says 421 and stays': lambda code: ('421 4.3.2 closing', HANG),
}

# A handshake that begins well: a record of 16 KB is announced.
RECORD = b'\x16\x03\x03\x40\x00'

HANDSHAKES = {
    'silent': HANG,
    'drips octets': (Action('record', lambda s: s.wire.send(RECORD)),
                     drip_for_ever(b'\2', 0.2)),
    'endless': endless((b'\x16\x03\x03\x40\x00' + b'\2\0\xff\xff' +
                        b'\0' * 16380) * 4),
    'endless alerts': endless(b'\x15\x03\x03\0\2\1\x5a' * 4096),
}


def once_encrypted(answer):
    """In clear as usual."""
    return lambda session, arg: answer if session.tls else None


class Case:
    """One server, and when at the latest its recipient must be decided."""

    def __init__(self, name, script, limit, status='deferred', **kw):
        self.name, self.script, self.limit = name, script, limit
        self.status, self.kw = status, kw

    def open(self, lab):
        self.srv = lab.server(script=self.script, **self.kw)
        # A handshake in which the server does not take part ends in trouble.
        self.srv.tolerant = True
        self.rcpt = f'bob@{self.srv.domain}'


class BlackHole(Case):
    """Nobody at any of these addresses."""

    def __init__(self, addresses, limit):
        super().__init__(f'{addresses} black holes', None, limit)
        self.addresses = addresses

    def open(self, lab):
        domain = lab.name()
        there = [lab.address() for _ in range(self.addresses)]
        for address in there:
            lab.net.swallow(address)
        lab.dns.add({domain: {'A': there}})
        self.rcpt = f'bob@{domain}'


class Fleet(Case):
    """A domain with many hosts that all behave like that."""

    def __init__(self, hosts, script, limit):
        super().__init__(f'{hosts} silent hosts', script, limit)
        self.hosts = hosts

    def open(self, lab):
        domain = lab.name()
        there = [lab.address() for _ in range(self.hosts)]
        lab.smtpd(there, script=self.script)
        lab.dns.add({domain: {'MX': [f'{i} mx{i}.{domain}'
                                     for i in range(self.hosts)]},
                     **{f'mx{i}.{domain}': {'A': [a]}
                        for i, a in enumerate(there)}})
        self.rcpt = f'bob@{domain}'


CODES = {'connect': 220, 'ehlo': 250, 'mail': 250, 'rcpt': 250, 'data': 354,
         'dot': 250}


def clear_cases():
    for stage, code in CODES.items():
        for name, make in BEHAVIOURS.items():
            # What is no reply at all is asked for once more, without
            # extensions.
            yield Case(f'{stage}: {name}', {stage: make(code)}, 2)


def tls_cases():
    for stage, code in list(CODES.items())[1:]:
        for name, make in BEHAVIOURS.items():
            # An EHLO that fails there is tried in clear.
            yield Case(f'TLS, {stage}: {name}',
                       {stage: once_encrypted(make(code))}, 2,
                       'sent' if stage == 'ehlo' else 'deferred', tls=True)


def starttls_cases():
    """Clear text comes next, and then all is well."""
    for name, make in BEHAVIOURS.items():
        yield Case(f'STARTTLS: {name}', {'starttls': make(220)}, 2,
                   'sent', tls=True)
    for name, action in HANDSHAKES.items():
        actions = action if isinstance(action, tuple) else (action,)
        yield Case(f'handshake: {name}', {
            'starttls': ('220 go', NO_TLS, *actions)}, 2, 'sent', tls=True)
    yield Case('handshake, then the greeting in clear', {
        'connect': first_time(None, HANG),
        'starttls': ('220 go', NO_TLS, HANG)}, 3, tls=True)


def first_time(first, then):
    """By the session, as each(), but for actions and None as well."""
    return lambda session, arg: \
        first if session is session.server.sessions[0] else then


def slow_cases():
    """Each wait has its limit, and all of them together."""
    slow = pause(0.8)
    yield Case('always just in time', {
        s: (slow, f'{c} x') for s, c in CODES.items() if s != 'data'},
        CEILING, caps=[])
    yield Case('after the last word', {'quit': HANG}, 1, 'sent')
    yield Case('after the last word: endless', {
        'quit': endless(lines_of(221))}, 1, 'sent')
    yield Case('TLS, after the last word', {'quit': HANG}, 2, 'sent',
               tls=True)
    yield Case('TLS, after the last word: endless', {
        'quit': endless(lines_of(221))}, 2, 'sent', tls=True)
    yield BlackHole(1, 1)
    yield BlackHole(3, 3)
    yield BlackHole(8, CEILING)
    yield Fleet(9, {'connect': HANG}, CEILING)


# -- asking them -------------------------------------------------------------------

class Memory:
    """The most that any process of the client's side ever had of its own."""

    def __init__(self, client):
        self.namespace = f'/run/netns/{client.net.client}'
        self.most = self.processes = 0

    def look(self):
        pids = procs.inside(self.namespace)
        self.processes = max(self.processes, len(pids))
        for pid in pids:
            status = dict(re.findall(rb'(\w+):\s+(\d+) kB',
                                     procs.read(pid, 'status')))
            if b'VmHWM' in status:
                own = int(status[b'VmHWM']) - int(status[b'RssFile'])
                self.most = max(self.most, own << 10)


def send(client, rcpts, body='x\n', timeout=60):
    """One message to all; how much memory it took."""
    memory = Memory(client)
    p = client.start('-i', '--', *rcpts, input='Subject: s\n\n' + body)
    end = time.monotonic() + timeout
    while p.poll() is None:
        memory.look()
        assert time.monotonic() < end, client.log()[-4000:]
        time.sleep(0.02)
    (rc, out, err), = client.finish(p)
    assert (rc, out, err) == (0, b'', b'')
    return memory


def settings(client, cases, **kw):
    client.write_conf(wait='5m', jobs=len(cases) + 10,
                      destination_timeout=f'{CEILING}s', **SHORT, **kw)


def ask_all(client, cases, good, figures, what, **kw):
    """All of them and the good servers get one message together."""
    memory = send(client, [c.rcpt for c in cases] +
                  [f'good@{s.domain}' for s in good], **kw)
    judge(client, cases, good)
    figures(f'{len(cases)} {what} that hang: at most {memory.processes} '
            f'processes, {memory.most >> 10} KB of memory in each')
    assert memory.most < WORKER_MAX


def judge(client, cases, good):
    decided = check.deliveries(client)
    place = {d['to']: i for i, d in enumerate(decided)}
    wrong = []
    for c in cases:
        d = [d for d in decided if d['to'] == c.rcpt]
        if len(d) != 1 or d[0]['status'] != c.status or \
                float(d[0]['delay']) > c.limit + SLACK:
            wrong.append((c.name, c.status, c.limit, d))
    assert not wrong, '\n'.join(map(str, wrong))
    # Each silent one takes a second at least; the good ones do not.
    silent = min(place[c.rcpt] for c in cases if 'silent' in c.name)
    for s in good:
        assert s.recipients == [f'good@{s.domain}']
        assert place[f'good@{s.domain}'] < silent


@pytest.mark.parametrize('tls', [False, True], ids=['clear', 'TLS'])
def test_servers(lab, client, figures, tls):
    cases = [*tls_cases(), *starttls_cases()] if tls else \
        [*clear_cases(), *slow_cases()]
    settings(client, cases)
    good = [lab.server(), lab.server(tls=True)]
    for c in cases:
        c.open(lab)
    ask_all(client, cases, good, figures,
            'servers with TLS' if tls else 'servers')


# -- in the middle of a long text -----------------------------------------------------

def sips(session):
    """Take a little at a time, far less than it is sent."""
    while True:
        session.wire.rest(0.25)
        if not session.wire.sock.recv(1024):
            return


def body_cases():
    for tls in False, True:
        for caps in [], ['CHUNKING', 'PIPELINING']:
            for name, action in ('silent', STOP_READING), \
                    ('sips', Action('sips', sips)):
                yield Case(f'body: {name} {caps} {tls}', {
                    'body': (1000, action)}, 2, caps=caps, tls=tls)


def test_body(lab, client, figures):
    """The buffers of both machines are filled first."""
    cases = list(body_cases())
    settings(client, cases)
    good = [lab.server(sink=True), lab.server(sink=True, tls=True)]
    for c in cases:
        c.limit += 3
        c.open(lab)
    ask_all(client, cases, good, figures, 'servers in the text',
            body=('x' * 70 + '\n') * 300_000)


# -- smarthosts, whose first half is libcurl's --------------------------------------------

class Smarthost(Case):
    """A provider for one domain, as an account of its own."""

    def open(self, lab):
        self.srv = lab.smarthost(script=self.script, **self.kw)
        self.srv.tolerant = True
        self.domain = lab.name()
        self.rcpt = f'bob@{self.domain}'

    def settings(self, client):
        """Its rule, and its account."""
        name = self.domain.split('.')[0]
        return f'route *@{self.domain} smarthost {name}', '\n'.join([
            f'account {name}', f'smarthost {self.srv.url}',
            f'ca-file {client.ca}',
            f'password-file {client.write("pw", self.srv.password)}', ''])


# Connection, greeting and TLS have their limits, and AUTH is among them.
OPENING = 3


def smtps_cases():
    for stage, code in ('accept', 220), ('connect', 220), ('ehlo', 250), \
            ('auth_command', 334), ('auth', 235):
        for name, make in BEHAVIOURS.items():
            yield Smarthost(f'{stage}: {name}', {stage: make(code)}, OPENING)


def smtp_cases():
    for stage, code in ('connect', 220), ('ehlo', 250), ('starttls', 220):
        for name, make in BEHAVIOURS.items():
            yield Smarthost(f'{stage}: {name}', {stage: make(code)}, OPENING,
                            scheme='smtp')
    for name, action in HANDSHAKES.items():
        actions = action if isinstance(action, tuple) else (action,)
        yield Smarthost(f'handshake: {name}', {
            'starttls': ('220 go', NO_TLS, *actions)}, OPENING, scheme='smtp')


def behind_auth_cases():
    for stage in 'mail', 'rcpt', 'data', 'dot':
        for name, make in BEHAVIOURS.items():
            yield Smarthost(f'{stage}: {name}', {stage: make(CODES[stage])},
                            OPENING + 1)


@pytest.mark.parametrize('cases', [smtps_cases, smtp_cases,
                                   behind_auth_cases])
def test_smarthosts(lab, client, figures, cases):
    cases = list(cases())
    good = [lab.server()]
    for c in cases:
        c.open(lab)
    rules, accounts = zip(*(c.settings(client) for c in cases))
    settings(client, cases, raw='\n'.join([*rules, *accounts]))
    ask_all(client, cases, good, figures, 'smarthosts')


def test_smarthost_has_the_ceiling(lab, client):
    """The limit of the destination is libcurl's, too."""
    srv = lab.smarthost(script={'accept': HANG})
    client.use(srv, connect_timeout='60s', command_timeout='60s',
               destination_timeout='2s')
    run = client.submit('bob@any.test')
    check.deferred(client, run, 'bob@any.test')
    assert run.wall < 2 + SLACK


# -- resolvers ----------------------------------------------------------------------

class Worse(dns.Rogue):
    """A rogue that may go on and on: what a rule returns may be a function,
    that gets a way to send packets and is called in a thread of its own."""

    def _serve_udp(self):
        while self._alive:
            try:
                packet, peer = self._udp.recvfrom(65535)
                self._give(self._answer(packet, False),
                           lambda p: self._udp.sendto(p, peer))
            except (OSError, IndexError):
                if not self._alive:
                    return

    def _answer(self, packet, tcp):
        q = dns.Question(packet, tcp)
        rule = next((r for word, r in self.rules.items() if word in q.name),
                    None)
        answer = rule(self, q) if rule else self.truth(q)
        return answer if isinstance(answer, (list, type(None))) or \
            callable(answer) else [answer]

    def _give(self, answer, write):
        if callable(answer):
            threading.Thread(target=self._go_on, args=(answer, write),
                             daemon=True).start()
            return
        for p in answer or []:
            write(p)

    def _go_on(self, answer, write):
        try:
            for p in answer():
                if not self._alive:
                    return
                write(p)
        except OSError:
            pass

    def _talk_tcp(self, s):
        with s:
            s.settimeout(30)
            try:
                size = self._exactly(s, 2)
                packet = self._exactly(s, struct.unpack('!H', size)[0])
                answer = self._answer(packet, True)
                if callable(answer):
                    self._go_on(answer, s.sendall)
                for p in [] if callable(answer) else answer or []:
                    s.sendall(struct.pack('!H', len(p)) + p)
                # Never closed from this side.
                while self._alive and s.recv(4096):
                    pass
            except (OSError, EOFError):
                pass


def over_tcp(packets):
    """Only the TC bit by UDP; by TCP raw octets, from q."""
    def rule(rogue, q):
        return (lambda: packets(q)) if q.tcp else q.reply(flags=0x8380)
    return rule


def for_ever(packet, every=0.0):
    def rule(rogue, q):
        def packets():
            while True:
                yield packet(q)
                time.sleep(every)
        return packets
    return rule


def drip(q, data, every=0.2):
    for i in range(len(data)):
        yield data[i:i + 1]
        time.sleep(every)


def framed(q, packet):
    return struct.pack('!H', len(packet)) + packet


def slow_chain(rogue, q):
    """A CNAME to a name that is a CNAME, each a little later."""
    head, _, rest = q.name.partition('.')
    n = int(re.sub(r'\D', '', head) or 0)
    answer = q.reply([dns.record(q.name, 'CNAME', f'c{n + 1}.{rest}')])

    def packets():
        time.sleep(0.5)
        yield answer
    return packets


def many_hosts(rogue, q):
    """Fifty mail exchangers, and nothing is said of any of them."""
    if q.kind != 'MX':
        return None
    return q.reply([dns.record(q.name, 'MX', f'1 h{i}.{q.name}')
                    for i in range(50)])


# By a word in the domain.
LIES = {
    'mute': dns.silence,
    'wrongid': for_ever(lambda q: q.reply(id=q.id ^ 0x5555), 0.001),
    'wrongname': for_ever(lambda q: q.reply(
        question=dns.encode_name('evil.test') + q.raw[-4:]), 0.001),
    'rubbish': for_ever(lambda q: q.packet[:2] + b'\xff' * 30, 0.001),
    'tcpmute': over_tcp(lambda q: iter(())),
    'tcpdrips': over_tcp(lambda q: drip(q, framed(q, q.reply()))),
    'tcpstops': over_tcp(lambda q: iter([framed(q, q.reply())[:20]])),
    'tcplong': over_tcp(lambda q: iter([b'\xff\xff' + q.reply()])),
    'tcpendless': over_tcp(lambda q: (framed(q, q.reply(id=q.id ^ 1)) * 99
                                      for _ in iter(int, 1))),
    'chain': slow_chain,
    'fifty': many_hosts,
}

DNS_LIMIT = 2


def test_resolver(lab, client, figures):
    """One that answers for the good, and lies or is silent about others."""
    good = lab.server()
    truth = {good.domain: {'MX': [f'10 {good.host}']},
             good.host: {'A': good.addresses}}
    rogue = Worse(lab.net, lab.address(), truth, LIES)
    lab._open.append(rogue)
    client.write_conf(wait='5m', nameserver=rogue.address,
                      dns_timeout=f'{DNS_LIMIT}s')
    rcpts = [f'bob@{word}.lies.test' for word in LIES]
    memory = send(client, [*rcpts, f'good@{good.domain}'])
    assert good.recipients == [f'good@{good.domain}']
    decided = check.deliveries(client)
    assert sorted(d['to'] for d in decided) == sorted(
        [*rcpts, f'good@{good.domain}'])
    place = {d['to'].partition('.')[0]: i for i, d in enumerate(decided)}
    assert place[f'good@{good.domain[:-5]}'] < place['bob@mute']
    for d in decided:
        if d['to'] in rcpts:
            assert d['status'] == 'deferred' and d['dsn'] == '4.4.3', d
            assert float(d['delay']) < DNS_LIMIT + SLACK, d
    figures(f'{len(LIES)} domains whose name server hangs: at most '
            f'{memory.most >> 10} KB of memory in each process')
    assert memory.most < WORKER_MAX


# -- processes of our own that get stuck ------------------------------------------------

def child_of(pid):
    """The one that is not only waiting to be reaped."""
    return next((c for c in procs.children(pid)
                 if b'\nState:\tZ' not in procs.read(c, 'status')), None)


def stopped(client, server, find, limit):
    """Stop the child that find() finds; it must be given up in time."""
    p = client.start('-i', f'bob@{server.domain}',
                     input='Subject: s\n\nx\n')
    end = time.monotonic() + 20
    while not (found := find(p.pid)):
        assert time.monotonic() < end
        time.sleep(0.01)
    begin = time.monotonic()
    os.kill(found, signal.SIGSTOP)
    (rc, out, err), = client.finish(p, timeout=limit + 30)
    assert (rc, out, err) == (0, b'', b'')
    assert client.queued() == [f'bob@{server.domain}']
    assert limit - 2 < time.monotonic() - begin < limit + SLACK


@pytest.mark.thorough
def test_stopped_worker(lab, client):
    """It has 15 seconds more than it may take, to say so."""
    client.write_conf(wait='5m', destination_timeout='1s', **SHORT)
    srv = lab.server(script={'connect': pause(20)})

    def find(pid):
        return srv.sessions and child_of(pid)
    stopped(client, srv, find, 16)
    check.retried(client, lab_again(srv), f'bob@{srv.domain}')


def lab_again(srv):
    srv.script = {}
    srv.forget()
    return srv


@pytest.mark.thorough
def test_stopped_resolver(lab, client):
    """The same, with five seconds."""
    rogue = lab.rogue({}, {'*': dns.silence})
    client.write_conf(wait='5m', nameserver=rogue.address, dns_timeout='1s')
    srv = lab.server()

    def find(pid):
        return rogue.asked and child_of(pid)
    stopped(client, srv, find, 6)
    client.write_conf()
    check.retried(client, srv, f'bob@{srv.domain}')
