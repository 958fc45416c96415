"""The lab checks itself: its servers see what they claim to see."""
import smtplib
import socket
import ssl
import struct

import pytest

from lab import dns, rules
from lab.smtpd import CAPS, DROP, RESET, Smtpd, drip, each


@pytest.fixture
def talk(lab):
    """A raw TCP connection from the client namespace."""
    opened = []

    def connect(srv):
        family = socket.AF_INET6 if ':' in srv.addresses[0] else \
            socket.AF_INET
        s = lab.net.inside(lambda: socket.socket(family), 'client')
        s.settimeout(5)
        s.connect((srv.addresses[0], 25))
        opened.append(s)
        return s
    yield connect
    for s in opened:
        s.close()


def hear(s, n=1):
    """n complete replies."""
    text = b''
    while sum(line[3:4] == b' ' for line in text.splitlines()
              if text.endswith(b'\n')) < n:
        got = s.recv(65536)
        if not got:
            break
        text += got
    return text


def session(s, *flights):
    """Send flights of bytes; each is (bytes, number of replies)."""
    said = hear(s)
    for data, n in flights:
        s.sendall(data)
        said += hear(s, n)
    return said


@pytest.mark.parametrize('family', [4, 6])
def test_smtplib(lab, talk, family):
    srv = lab.server(family=family)
    with smtplib.SMTP(local_hostname='client.prb.test') as smtp:
        smtp.sock = talk(srv)
        smtp.file = None
        assert smtp.getreply()[0] == 220
        smtp.sendmail('a@client.prb.test', ['b@x.test', 'c@x.test'],
                      'Subject: x\r\n\r\n.dot\r\nlast')
    m, = srv.messages
    assert m.sender == 'a@client.prb.test'
    assert m.rcpts == ['b@x.test', 'c@x.test']
    assert m.data == b'Subject: x\r\n\r\n.dot\r\nlast\r\n'
    assert m.body == b'.dot\r\nlast\r\n'
    assert srv.violations == []
    assert srv.sessions[0].quit


def test_starttls(lab, talk):
    srv = lab.server(tls=True)
    with smtplib.SMTP(local_hostname='client.prb.test') as smtp:
        smtp.sock = talk(srv)
        smtp.file, smtp._host = None, srv.host
        smtp.getreply()
        context = ssl.create_default_context(cafile=lab.authority.ca)
        assert smtp.starttls(context=context)[0] == 220
        smtp.sendmail('a@c.test', ['b@x.test'], 'Subject: x\r\n\r\nhi\r\n')
    m, = srv.messages
    assert m.tls == 'TLSv1.3'


HELLO = (b'EHLO client.prb.test\r\n', 1)
ENVELOPE = b'MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n'


def test_turns_are_counted(lab, talk):
    srv = lab.server(settle=0.05)
    s = talk(srv)
    session(s, HELLO, (ENVELOPE, 3), (b'Subject: x\r\n\r\nx\r\n.\r\n' +
                                      ENVELOPE, 4),
            (b'Subject: y\r\n\r\ny\r\n.\r\nQUIT\r\n', 2))
    assert len(srv.messages) == 2
    assert srv.sessions[0].round_trips == 5
    assert srv.sessions[0].turns_each == [3, 4]


def test_turns_of_a_flight_in_pieces(lab, talk):
    srv = lab.server(settle=0.1)
    s = talk(srv)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session(s, HELLO)
    for line in ENVELOPE.splitlines(True):
        s.sendall(line)
    hear(s, 3)
    s.sendall(b'x: y\r\n\r\n')
    s.sendall(b'x\r\n.\r\n')
    s.sendall(b'QUIT\r\n')
    hear(s, 2)
    assert srv.messages[0].session.round_trips == 5


@pytest.mark.parametrize('what, flights, caps', [
    ('bare CR or LF in command', [(b'EHLO x.test\n', 1)], CAPS),
    ('bad greeting', [(b'EHLO a b\r\n', 1)], CAPS),
    ('MAIL before EHLO', [(b'MAIL FROM:<a@b.test>\r\n', 1)], CAPS),
    ('malformed', [HELLO, (b'MAIL FROM: <a@b.test>\r\n', 1)], CAPS),
    ('RCPT without MAIL', [HELLO, (b'RCPT TO:<a@b.test>\r\n', 1)], CAPS),
    ('DATA without a recipient',
     [HELLO, (b'MAIL FROM:<>\r\n', 1), (b'DATA\r\n', 1)], CAPS),
    ('MAIL inside', [HELLO, (b'MAIL FROM:<>\r\n', 1),
                     (b'MAIL FROM:<>\r\n', 1)], CAPS),
    ('sent before the reply to EHLO',
     [(HELLO[0] + b'MAIL FROM:<>\r\n', 2)], CAPS),
    ('pipelined after MAIL', [HELLO, (ENVELOPE, 3)], []),
    ('data sent before the 354', [HELLO, (ENVELOPE + b'x\r\n.\r\n', 4)],
     CAPS),
    ('SIZE used', [HELLO, (b'MAIL FROM:<> SIZE=3\r\n', 1)], []),
    ('BODY used', [HELLO, (b'MAIL FROM:<> BODY=8BITMIME\r\n', 1)], []),
    ('SMTPUTF8 used', [HELLO, (b'MAIL FROM:<> SMTPUTF8\r\n', 1)], CAPS),
    ('RET used', [HELLO, (b'MAIL FROM:<> RET=HDRS\r\n', 1)], []),
    ('no xtext', [HELLO, (b'MAIL FROM:<> ENVID=a+0a\r\n', 1)], CAPS),
    ('unknown parameter', [HELLO, (b'MAIL FROM:<> FOO=1\r\n', 1)], CAPS),
    ('8-bit command', [HELLO, ('MAIL FROM:<é@b.test>\r\n'.encode(), 1)],
     CAPS),
    ('command line of', [HELLO, (b'NOOP ' + b'x' * 2000 + b'\r\n', 1)], CAPS),
    ('NOTIFY used', [HELLO, (b'MAIL FROM:<>\r\n', 1),
                     (b'RCPT TO:<a@b.test> NOTIFY=NEVER\r\n', 1)], []),
    ('bare CR or LF in data',
     [HELLO, (ENVELOPE, 3), (b'a: b\r\n\r\nx\ny\r\n.\r\n', 1)], CAPS),
    ('bare CR or LF in data',
     [HELLO, (ENVELOPE, 3), (b'a: b\r\n\r\nx\ry\r\n.\r\n', 1)], CAPS),
    ('undoubled dot',
     [HELLO, (ENVELOPE, 3), (b'a: b\r\n\r\n.x\r\n.\r\n', 1)], CAPS),
    ('over 998', [HELLO, (ENVELOPE, 3),
                  (b'a: b\r\n\r\n' + b'x' * 999 + b'\r\n.\r\n', 1)], CAPS),
    ('8-bit data', [HELLO, (ENVELOPE, 3),
                    (b'a: b\r\n\r\n\xe9\r\n.\r\n', 1)], CAPS),
    ('NUL in data', [HELLO, (ENVELOPE, 3),
                     (b'a: b\r\n\r\n\0\r\n.\r\n', 1)], CAPS),
    ('BDAT though', [HELLO, (b'MAIL FROM:<>\r\n', 1),
                     (b'RCPT TO:<a@b.test>\r\n', 1),
                     (b'BDAT 3 LAST\r\nx\r\n', 1)], CAPS),
    ('STARTTLS though', [HELLO, (b'STARTTLS\r\n', 1)], CAPS),
    ('unknown command', [HELLO, (b'FOO\r\n', 1)], CAPS),
])
def test_violations_are_seen(lab, talk, what, flights, caps):
    srv = lab.server(caps=caps)
    srv.tolerant = True
    session(talk(srv), *flights)
    assert any(what in v for v in srv.violations), srv.violations


def test_998_is_legal(lab, talk):
    srv = lab.server()
    session(talk(srv), HELLO, (ENVELOPE, 3),
            (b'a: b\r\n\r\n' + b'x' * 998 + b'\r\n.\r\nQUIT\r\n', 2))
    assert srv.violations == [] and len(srv.messages) == 1


def test_speaking_before_the_greeting(lab, talk):
    srv = lab.server(wait_before_greeting=0.3)
    srv.tolerant = True
    s = talk(srv)
    s.sendall(HELLO[0])
    hear(s, 2)
    assert any('before the greeting' in v for v in srv.violations)


def test_bdat(lab, talk):
    srv = lab.server(caps=CAPS + ['CHUNKING'])
    session(talk(srv), HELLO,
            (b'MAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nBDAT 6\r\na: b\r\n'
             b'BDAT 5 LAST\r\n\r\n.\r\nQUIT\r\n', 5))
    m, = srv.messages
    assert (m.data, m.by) == (b'a: b\r\n\r\n.\r\n', 'BDAT')


def test_scripts(lab, talk):
    srv = lab.server(script={
        'connect': each('421 later', None),
        'rcpt': {'bad@d.test': '550 5.1.1 no', '*': '250-a\n250 b'},
        'dot': (drip(b'250 slow\r\n', 0.001), DROP)})
    s = talk(srv)
    assert hear(s) == b'421 later\r\n'
    s.close()
    said = session(talk(srv), HELLO, (b'MAIL FROM:<>\r\n', 1),
                   (b'RCPT TO:<bad@d.test>\r\n', 1),
                   (b'RCPT TO:<c@d.test>\r\n', 1), (b'DATA\r\n', 1),
                   (b'a: b\r\n\r\nc\r\n.\r\n', 1))
    assert b'550 5.1.1 no\r\n250-a\r\n250 b\r\n354' in said
    assert said.endswith(b'250 slow\r\n')
    srv.idle()
    assert srv.taken == [] and srv.unsure[0].rcpts == ['c@d.test']


def test_reset(lab, talk):
    srv = lab.server(script={'mail': RESET})
    s = talk(srv)
    session(s, HELLO)
    s.sendall(b'MAIL FROM:<>\r\n')
    with pytest.raises(ConnectionResetError):
        s.recv(10)


def test_down_and_up(lab, talk):
    srv = lab.server()
    srv.stop()
    with pytest.raises(ConnectionRefusedError):
        talk(srv)
    srv.start()
    assert hear(talk(srv)).startswith(b'220')


def test_swallowed_address(lab):
    address = lab.address()
    srv = Smtpd(lab.net, address)
    lab.net.swallow(address)
    s = lab.net.inside(socket.socket, 'client')
    s.settimeout(0.2)
    with s, pytest.raises(TimeoutError):
        s.connect((address, 25))
    lab.net.restore(address)
    srv.stop()


def test_resolver(lab):
    lab.dns.add({'one.test': {'MX': ['10 mx.one.test', '20 alias.one.test']},
                 'mx.one.test': {'A': ['198.51.100.9']},
                 'alias.one.test': {'CNAME': ['mx.one.test']},
                 'loop.test': {'CNAME': ['loop2.test']},
                 'loop2.test': {'CNAME': ['loop.test']},
                 'null.test': {'MX': ['0 .']}})

    def ask(name, kind, **kw):
        return dns.query(lab.net, '192.0.2.53', name, kind, **kw)
    assert ask('one.test', 'MX')[0] == dns.NOERROR
    code, answer = ask('alias.one.test', 'A')
    assert socket.inet_aton('198.51.100.9') in answer
    assert ask('missing.test', 'MX')[0] == dns.NXDOMAIN
    assert ask('loop.test', 'MX')[0] == dns.SERVFAIL
    assert ask('null.test', 'MX', tcp=True)[0] == dns.NOERROR
    assert ask('192.0.2.9', 'A')[0] == dns.NXDOMAIN
    lab.dns.add({'missing.test': {'A': ['198.51.100.9']}})
    assert ask('missing.test', 'A')[0] == dns.NOERROR
    lab.dns.remove('missing.test')


def test_rogue_dns(lab):
    r = lab.rogue({'d.test': {'MX': ['10 mx.d.test'],
                              'TXT': ['x' * 2000]}},
                  {('bad.test', 'MX'): dns.servfail, 'mute.test': dns.silence,
                   'cut.test': dns.truncated, 'forged.test':
                   dns.wrong_id_first})

    def ask(name, kind='MX', **kw):
        return dns.query(lab.net, r.address, name, kind, **kw)
    assert ask('d.test')[0] == dns.NOERROR
    assert ask('d.test', 'TXT')[1][2] & 2, 'truncated'
    assert len(ask('d.test', 'TXT', tcp=True)[1]) > 2000
    assert ask('bad.test')[0] == dns.SERVFAIL
    assert ask('cut.test')[1][2] & 2
    assert struct.unpack('!H', ask('forged.test')[1][:2])[0] != 0x1234
    with pytest.raises(TimeoutError):
        ask('mute.test', wait=0.1)
    assert ('d.test', 'TXT', 'tcp') in r.asked


@pytest.mark.parametrize('name', ['postfix', 'exim', 'opensmtpd'])
def test_real_servers(lab, mtas, talk, name):
    server = mtas(name)
    tls = ('STARTTLS',) if name != 'opensmtpd' else ()
    for secure in ('', *tls):
        with smtplib.SMTP(local_hostname='client.prb.test') as smtp:
            server.addresses = [server.address]
            smtp.sock, smtp.file = talk(server), None
            smtp._host = server.host
            smtp.getreply()
            if secure:
                smtp.starttls(context=ssl.create_default_context(
                    cafile=lab.authority.ca))
            smtp.sendmail('a@client.prb.test', [f'bob@{server.domain}'],
                          f'Subject: {secure}\r\n\r\n.hi\r\n')
    both = server.received(count=1 + len(tls))
    assert len(both) == 1 + len(tls), server.logs()
    assert all(raw.endswith(b'\n\n.hi\n') for raw in both)


def test_path_grammar():
    for good in ('a@b', 'a.b+c@d.e', '"a b"@c', r'"a\"b"@c', 'x@[192.0.2.1]',
                 'x@[IPv6:::1]'):
        assert rules.PATH.fullmatch(f'<{good}>'), good
    for bad in ('a', '@b', 'a..b@c', 'a b@c', 'a@b..c', 'a@-b', '"a"b"@c'):
        assert not rules.PATH.fullmatch(f'<{bad}>'), bad


def test_one_that_ends_takes_nothing_from_the_next(lab, talk):
    """The next server's socket has the number that the last one's had."""
    for i in range(300):
        old = lab.smtpd(name=f'old{i}.test')
        talk(old).close()
        old.stop()
        new = lab.smtpd(name=f'new{i}.test')
        s = talk(new)
        assert hear(s).startswith(f'220 new{i}.test '.encode())
        s.close()
        new.stop()
