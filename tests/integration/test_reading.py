"""How a message is read: recipients, headers, dots, line ends, sizes."""
import os
import subprocess

import pytest

from lab import check
from lab.smtpd import CAPS


@pytest.fixture
def srv(lab):
    return lab.server()


def wire(client, srv, text, *args):
    """What arrives for a message given on stdin."""
    client.sendmail(*args, f'bob@{srv.domain}', input=text).quiet()
    return srv.messages[-1]


# -- -t -------------------------------------------------------------------

def test_to_cc_bcc(lab, client):
    srv = lab.server()
    d = srv.domain
    client.sendmail('-t', '-i', input=(
        f'From: x@client.prb.test\nTo: "A, B" <a@{d}>,\n c@{d} (comment)\n'
        f'Cc: Group: d@{d}, e@{d};, undisclosed:;\n'
        f'Bcc: secret1@{d},\n\tsecret2@{d}\nSubject: s\n\nbody\n')).quiet()
    assert srv.recipients == sorted(
        f'{u}@{d}' for u in ('a', 'c', 'd', 'e', 'secret1', 'secret2'))
    for m in srv.messages:
        assert b'secret' not in m.data and b'bcc' not in m.data.lower()
        assert m.field('To') and m.field('Cc')


def test_bcc_goes_without_t_too(client, srv):
    m = wire(client, srv, 'To: x@y.test\nbCC: hidden@z.test,\n a@b.test\n'
                          'Subject: s\n\nb\n')
    assert b'hidden' not in m.data and b'a@b.test' not in m.data
    assert m.rcpts == [f'bob@{srv.domain}']


def test_bcc_is_not_in_a_bounce(lab, client):
    good = lab.server()
    bad = lab.server(script={'rcpt': '550 5.1.1 no'})
    client.sendmail('-t', '-f', f'me@{good.domain}', input=(
        f'To: a@{good.domain}, b@{bad.domain}\n'
        f'Bcc: hidden@{good.domain}\n\nx\n')).quiet()
    report = [m for m in good.messages if m.sender == '']
    assert len(report) == 1
    assert b'hidden' not in report[0].data


@pytest.mark.parametrize('field', ['Return-Path', 'Content-Length',
                                   'Resent-Bcc'])
def test_fields_that_never_leave(client, srv, field):
    m = wire(client, srv, f'Subject: a\n{field}: 12\n\t34\nX: y\n\nb\n')
    assert field.lower() not in m.head.decode().lower()
    assert m.field('X') == ['y']


def test_resent(lab, client):
    srv = lab.server()
    d = srv.domain
    client.sendmail('-t', input=(
        f'Resent-To: new@{d}\nResent-Cc: new2@{d}\nResent-Bcc: new3@{d}\n'
        f'Resent-From: me@client.prb.test\n'
        f'To: old@{d}\nCc: old2@{d}\nFrom: them@x.test\n'
        f'Message-ID: <1@x.test>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n'
        f'Subject: s\n\nb\n')).quiet()
    assert srv.recipients == [f'new2@{d}', f'new3@{d}', f'new@{d}']
    m = srv.messages[0]
    assert m.field('Message-ID') == ['<1@x.test>']
    assert m.field('From') == ['them@x.test']
    assert len(m.field('Resent-Message-ID')) == 1
    assert len(m.field('Resent-Date')) == 1
    assert b'new3' not in m.head


def test_t_and_arguments_are_united(lab, client):
    srv = lab.server()
    d = srv.domain
    client.sendmail('-t', f'c@{d}', f'a@{d}', input=(
        f'To: a@{d}\n\nx\n')).quiet()
    assert srv.recipients == [f'a@{d}', f'c@{d}']


def test_several_to_fields_and_empty_ones(lab, client):
    srv = lab.server()
    d = srv.domain
    client.sendmail('-t', input=(
        f'To: a@{d}\nTo: b@{d}\nCc: \nCc: c@{d}\nFrom:\nSubject:\n\nx\n'
    )).quiet()
    assert srv.recipients == [f'a@{d}', f'b@{d}', f'c@{d}']
    assert len(srv.messages[0].field('From')) == 1
    assert srv.messages[0].field('From')[0] != ''


def test_duplicates_are_sent_once(lab, client):
    srv = lab.server()
    d = srv.domain
    client.sendmail('-t', input=(
        f'To: {", ".join([f"a@{d}"] * 1000)}\n'
        f'Cc: a@{d.upper()}, A@{d}\n\nx\n')).quiet()
    assert sorted(r.split('@')[0] for r in srv.recipients) == ['A', 'a']


@pytest.mark.parametrize('text', ['Subject: x\n\nb\n', '\nb\n', '',
                                  'To: undisclosed-recipients:;\n\nb\n',
                                  'To: \n\nb\n'])
def test_no_recipients(client, text):
    run = client.sendmail('-t', input=text)
    assert run.rc in (64, 67), repr(run)
    assert run.stderr
    assert client.empty()


def test_usage_error_drains_stdin(client):
    """The writer must not die of SIGPIPE (RT, popen)."""
    for args in (['-t'], [], ['--no-such-option']):
        feed = subprocess.Popen(
            ['/usr/bin/python3', '-c',
             'import os, sys\nos.write(1, b"Subject: x\\n\\n")\n'
             'for i in range(64):\n os.write(1, b"line\\n" * 20000)\n'
             'sys.exit(0)'], stdout=subprocess.PIPE)
        run = client.sendmail(*args, stdin=feed.stdout)
        feed.stdout.close()
        assert run.rc == 64, repr(run)
        assert feed.wait() == 0, 'the writer was killed'


def writer():
    """Somebody who writes more than a pipe takes, and says how it went."""
    return subprocess.Popen(
        ['/usr/bin/python3', '-c',
         'import os\nos.write(1, b"Subject: x\\nTo: c@d.test\\n\\n")\n'
         'for i in range(64):\n os.write(1, b"line\\n" * 20000)'],
        stdout=subprocess.PIPE)


@pytest.mark.parametrize('args', [
    ['a@d.test', 'b@d.test', 'c@d.test'], ['-t', 'a@d.test', 'b@d.test'],
    ['-odq', 'a@d.test', 'b@d.test', 'no address']],
    ids=['named', 'in the header', 'no address'])
def test_more_recipients_than_there_may_be(client, args):
    client.write_conf(recipients_max=2)
    feed = writer()
    run = client.sendmail(*args, stdin=feed.stdout)
    feed.stdout.close()
    assert run.rc == 65 and 'recipients-max' in run.stderr, repr(run)
    assert feed.wait() == 0, 'the writer was killed'
    assert client.empty()


def test_as_many_recipients_as_there_may_be(lab, client):
    srv = lab.server()
    to = [f'a@{srv.domain}', f'b@{srv.domain}']
    client.write_conf(recipients_max=2)
    client.sendmail('-t', *to, input=f'To: {to[0]}\n\nx\n').quiet()
    assert srv.recipients == to


# -- header ----------------------------------------------------------------

def test_missing_fields_are_added(client, srv):
    m = wire(client, srv, 'Subject: s\n\nb\n')
    assert len(m.field('From')) == 1 and '@client.prb.test' in \
        m.field('From')[0]
    assert len(m.field('Date')) == 1
    assert m.field('Message-ID')[0].endswith('@client.prb.test>')
    assert len(m.field('Received')) == 1
    assert m.field('To') == [] and m.field('Cc') == []


def test_present_fields_are_kept(client, srv):
    m = wire(client, srv, 'From: a@b.test\nDate: Sun, 22 Nov 2026 10:00:00 '
             '+0100\nMessage-Id: <x@y>\nSubject: s\n\nb\n')
    for name, value in (('From', 'a@b.test'), ('Message-ID', '<x@y>'),
                        ('Date', 'Sun, 22 Nov 2026 10:00:00 +0100')):
        assert m.field(name) == [value]


def test_unknown_fields_pass_in_order(client, srv):
    head = 'X-One: 1\nX-Two: a\n  folded\n\tmore\nx-one: 2\n'
    m = wire(client, srv, head + '\nb\n')
    assert head.replace('\n', '\r\n').encode() in m.data


@pytest.mark.parametrize('args, env, want', [
    (['-F', 'Full Name'], {}, 'Full Name'),
    (['-FJoe'], {'NAME': 'Other'}, 'Joe'),
    ([], {'NAME': 'From Environment'}, 'From Environment'),
    (['-F', 'Jörg "x" <y>'], {}, 'Jörg "x" <y>'),
    (['-F', 'a.b, c'], {}, 'a.b, c')])
def test_full_name(client, srv, args, env, want):
    client.sendmail(*args, f'bob@{srv.domain}', input='Subject: s\n\nb\n',
                    env=env).quiet()
    m, = srv.messages
    sender = m.email['From'].addresses[0]
    assert sender.display_name == want
    assert sender.domain == 'client.prb.test'
    assert m.head.isascii()


@pytest.mark.parametrize('name', ['x\r\nBcc: evil@x.test', 'x\nEvil: 1',
                                  '\x1b[31m', 'a\rb'])
def test_full_name_cannot_make_a_field(client, srv, name):
    run = client.sendmail('-F', name, f'bob@{srv.domain}',
                          input='Subject: s\n\nb\n')
    if run.rc == 0:
        m, = srv.messages
        assert m.field('Evil') == [] and m.field('Bcc') == []
        assert b'\x1b' not in m.data
    else:
        assert run.rc in (64, 65)


@pytest.mark.parametrize('text, body', [
    ('From alice Sun Nov 22 10:00:00 2026\nSubject: s\n\nb\n', b'b\r\n'),
    ('>From alice Sun Nov 22\n>From x y\nSubject: s\n\nb\n', b'b\r\n'),
    ('Subject: s\n\nFrom here\n', b'From here\r\n'),
    ('Subject: s\n\n>From here\n', b'>From here\r\n'),
    ('no header at all\nsecond\n', b'no header at all\r\nsecond\r\n'),
    ('\nblank first\n', b'blank first\r\n'),
    ('Subject: s\nno colon here\nrest\n', b'no colon here\r\nrest\r\n'),
    ('Subject: s\n', b''), ('Subject: s', b''), ('', b''), ('\n', b''),
    ('Subject: s\n\n', b''), ('Subject: s\n\nx', b'x\r\n'),
    ('Subject: s\n\n\n\n', b'\r\n\r\n')])
def test_where_the_body_begins(client, srv, text, body):
    m = wire(client, srv, text, '-i')
    assert m.body == body
    assert b'From alice' not in m.data
    if 'Subject' in text:
        assert m.field('Subject') == ['s']


@pytest.mark.parametrize('hops, fine', [(20, True), (60, False)])
def test_hop_limit(client, srv, hops, fine):
    text = 'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\n' * hops
    run = client.sendmail(f'bob@{srv.domain}', input=text + '\nb\n')
    if fine:
        check.delivered(client, run, srv, f'bob@{srv.domain}')
    else:
        check.refused(client, run, (65, 69))
        assert 'hops' in run.stderr
        assert srv.sessions == []


def test_long_header_line(client, srv):
    m = wire(client, srv, 'Subject: ' + 'word ' * 2000 + '\n\nb\n')
    assert m.field('Subject')[0].split() == ['word'] * 2000


def test_10000_fields(client, srv):
    text = ''.join(f'X-{i}: {i}\n' for i in range(10000))
    m = wire(client, srv, text + '\nb\n')
    assert m.data.count(b'X-') == 10000


def test_nul_bytes(client, srv):
    """Refused or sent whole, but never cut short."""
    run = client.sendmail('-i', f'bob@{srv.domain}',
                          input=b'Subject: s\n\nbefore\0after\nlast\n')
    if run.rc == 0:
        assert b'last\r\n' in srv.messages[0].data
        srv.tolerant = True
    else:
        assert run.rc == 65
        assert srv.messages == []


# -- dots and line ends ------------------------------------------------------

def test_lone_dot_ends_without_i(client, srv):
    m = wire(client, srv, 'Subject: s\n\na\n..\n.x\n.\nnot sent\n')
    assert m.body == b'a\r\n.\r\n.x\r\n'


@pytest.mark.parametrize('flag', ['-i', '-oi', '-oitrue', '-ti'])
def test_lone_dot_stays_with_i(client, srv, flag):
    text = f'To: bob@{srv.domain}\n\na\n.\n..\n.x\nsent\n'
    args = [flag] if 't' in flag and flag != '-oitrue' else \
        [flag, f'bob@{srv.domain}']
    client.sendmail(*args, input=text).quiet()
    assert srv.messages[0].body == b'a\r\n.\r\n..\r\n.x\r\nsent\r\n'


def test_line_end_mixtures(client, srv):
    """Every CR/LF mix up to length 4 around a dot: one message, CRLF only."""
    ends = ['']
    for n in range(1, 5):
        ends += [bin(i)[3:].replace('0', '\r').replace('1', '\n')
                 for i in range(1 << n, 2 << n)]
    rcpt = f'bob@{srv.domain}'
    for first in ('\n', '\r\n', '\n\r'):
        body = ''.join(f'{i}{e}.{e}' for i, e in enumerate(ends))
        client.sendmail('-i', rcpt,
                        input=f'Subject: s{first}\n{body}').quiet()
    assert len(srv.messages) == 3
    for m in srv.messages:
        # What a lax receiver would take for an end is not there either.
        assert b'\n.\n' not in m.data and b'\r.\r' not in m.data


@pytest.mark.parametrize('end', ['\r\n', '\n'])
def test_php_mixture(client, srv, end):
    """PHP 8: a CRLF header and a body as it was given."""
    m = wire(client, srv, f'To: x@y.test\r\nSubject: s\r\nX: 1\r\n\r\n'
                          f'one{end}two{end}')
    assert m.body == b'one\r\ntwo\r\n'
    assert m.field('X') == ['1']


def test_lone_cr_becomes_a_blank(client, srv):
    m = wire(client, srv, b'Subject: s\n\na\rb\r\rc\r\nd\r', '-i')
    assert m.body == b'a b c\r\nd\r\n'


@pytest.mark.parametrize('size', [998, 999, 1000, 5000, 1 << 20])
def test_long_lines(client, srv, size):
    m = wire(client, srv, 'Subject: s\n\n' + 'x' * size + '\nend\n', '-i')
    assert m.body.replace(b'\r\n ', b'') == b'x' * size + b'\r\nend\r\n' or \
        m.email.get_content() == 'x' * size + '\nend\n'


def test_long_utf8_line_is_not_cut_in_a_character(client, srv):
    m = wire(client, srv, 'Subject: s\n\n' + 'ü' * 3000 + '\n', '-i')
    got = m.body.replace(b'\r\n ', b'').replace(b'\r\n', b'')
    if m.email['Content-Transfer-Encoding'] in (None, '8bit'):
        assert got.decode() == 'ü' * 3000
        m.body.decode()
        for line in m.body.split(b'\r\n'):
            line.decode()


def test_8bit_without_8bitmime(lab, client):
    """Passed on as it is: it is not converted, but never stripped."""
    srv = lab.server(caps=[c for c in CAPS if c != '8BITMIME'])
    client.submit(f'bob@{srv.domain}', body='Grüße\n').quiet()
    m, = srv.messages
    assert m.body == 'Grüße\r\n'.encode() and 'BODY' not in m.params
    check.sent_8bit(srv)


def test_8bit_with_8bitmime(client, srv):
    m = wire(client, srv, 'Subject: s\n\nGrüße\n', '-i')
    assert m.params['BODY'].upper() == '8BITMIME'
    assert m.body == 'Grüße\r\n'.encode()


# -- sizes -------------------------------------------------------------------

@pytest.mark.parametrize('size', [1, 4095, 4096, 4097, 65535, 65536, 65537,
                                  1 << 20])
def test_sizes(client, srv, size):
    body = (b'%063d\n' % 7) * (size // 64 + 1)
    body = body[:size]
    m = wire(client, srv, b'Subject: s\n\n' + body, '-i')
    want = body if body.endswith(b'\n') else body + b'\n'
    assert m.body == want.replace(b'\n', b'\r\n')


def test_200_mb_in_little_memory(lab, client):
    srv = lab.server(sink=True, caps=['PIPELINING', '8BITMIME'])
    path = os.path.join(client.folder, 'big')
    line = b'x' * 76 + b'\n'
    with open(path, 'wb') as f:
        f.write(b'Subject: big\n\n')
        for _ in range(200 * 1024 * 1024 // (77 * 10000)):
            f.write(line * 10000)
    try:
        with open(path, 'rb') as f:
            run = client.sendmail('-i', f'bob@{srv.domain}', stdin=f,
                                  timeout=120, measure=True)
    finally:
        os.unlink(path)
    run.quiet()
    size, _ = srv.messages[0].data
    assert size > 200 * 1000 * 1000
    if 'ASAN_OPTIONS' not in os.environ:
        assert run.maxrss < 16 << 20, f'{run.maxrss >> 10} KiB'


def test_input_read_in_small_pieces(client, srv):
    feed = subprocess.Popen(
        ['/usr/bin/python3', '-c',
         'import os\nfor b in b"Subject: s\\n\\nhello\\nend":\n'
         ' os.write(1, bytes([b]))'], stdout=subprocess.PIPE)
    client.sendmail(f'bob@{srv.domain}', stdin=feed.stdout).quiet()
    feed.stdout.close()
    feed.wait()
    assert srv.messages[0].body == b'hello\r\nend\r\n'


def test_read_error(client, srv):
    """A directory as stdin gives EISDIR: not sent, not kept."""
    fd = os.open(client.folder, os.O_RDONLY)
    try:
        run = client.sendmail(f'bob@{srv.domain}', stdin=fd)
    finally:
        os.close(fd)
    assert run.rc in (65, 66, 74, 75), repr(run)
    assert srv.sessions == [] and client.empty()
