"""--send: message files, mailboxes, Maildirs; --json, -v and the log."""
import os
import re

import pytest

from lab import check
from lab.smtpd import DROP, HANG


def write(client, name, text):
    path = os.path.join(client.folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def test_file(lab, client):
    srv = lab.server()
    path = write(client, 'm', f'To: a@{srv.domain}\nBcc: b@{srv.domain}\n'
                              f'Subject: s\n\n.\nbody\n')
    client.postrider('--send', path).quiet()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']
    assert srv.messages[0].body == b'.\r\nbody\r\n'
    with open(path) as f:
        assert 'Bcc' in f.read(), 'the file is left as it was'


def test_stdin(lab, client):
    srv = lab.server()
    client.postrider('--send', '-',
                     input=f'To: a@{srv.domain}\n\nx\n').quiet()
    assert srv.recipients == [f'a@{srv.domain}']


def test_mbox(lab, client):
    srv = lab.server()
    d = srv.domain
    path = write(client, 'box', (
        f'From x Sun Nov 22 10:00:00 2026\nTo: a@{d}\nSubject: 1\n\n'
        f'one\n>From quoted\nFrom here is body?\n\n'
        f'From y@z Sun Nov 22 10:00:01 2026\nTo: b@{d}\nSubject: 2\n\ntwo\n\n'
        f'From z Sun Nov 22 10:00:02 2026\nTo: c@{d}\nSubject: 3\n\n'
    ).replace('From here is body?\n', ''))
    client.postrider('--send', path).quiet()
    got = sorted((m.field('Subject')[0], m.rcpts, m.body)
                 for m in srv.messages)
    assert got == [('1', [f'a@{d}'], b'one\r\nFrom quoted\r\n'),
                   ('2', [f'b@{d}'], b'two\r\n'),
                   ('3', [f'c@{d}'], b'')]


def test_maildir(lab, client):
    srv = lab.server()
    for i, sub in enumerate(('new', 'cur', 'new')):
        write(client, f'md/{sub}/1700000000.{i}.host',
              f'To: u{i}@{srv.domain}\nSubject: {i}\n\n{i}\n')
    os.makedirs(os.path.join(client.folder, 'md', 'tmp'))
    client.postrider('--send', os.path.join(client.folder, 'md')).quiet()
    assert srv.recipients == [f'u{i}@{srv.domain}' for i in range(3)]


def test_to_option(lab, client):
    srv = lab.server()
    path = write(client, 'm', 'To: someone@else.test\nSubject: s\n\nx\n')
    client.postrider('--send', '--to', f'a@{srv.domain}', path).quiet()
    assert srv.recipients == [f'a@{srv.domain}']


@pytest.mark.parametrize('what', ['missing', 'directory', 'fifo', 'device'])
def test_not_a_message(lab, client, what):
    """Told at once; the others are sent."""
    path = os.path.join(client.folder, what)
    if what == 'directory':
        os.mkdir(path)
    elif what == 'fifo':
        os.mkfifo(path)
    elif what == 'device':
        path = '/dev/zero'
    run = client.postrider('--send', path, timeout=20)
    assert run.rc == 66, repr(run)
    assert what in run.stderr or path in run.stderr
    assert client.empty()


def test_file_without_recipients(client):
    run = client.postrider('--send', write(client, 'm', 'Subject: s\n\nx\n'))
    assert run.rc in (64, 65, 67) and run.stderr


# -- --json -------------------------------------------------------------------

KEYS = {'recipient', 'state', 'code', 'status', 'text', 'host', 'address',
        'tls'}


def test_json(lab, client):
    ok = lab.server(tls=True)
    no = lab.server(script={'rcpt': '550 5.1.1 no such user'})
    late = lab.server(script={'connect': ('421 4.3.2 later', DROP)})
    run = client.postrider(
        '--json', '-N', 'never', f'a@{ok.domain}', f'b@{no.domain}',
        f'c@{late.domain}', 'd@no-such.test', input='Subject: s\n\nx\n')
    run.ok()
    by = {o['recipient']: o for o in run.objects}
    assert len(run.objects) == 4
    for o in run.objects:
        assert KEYS <= set(o), o
    a, b, c = (by[f'{u}@{s.domain}'] for u, s in zip('abc', (ok, no, late)))
    assert (a['state'], a['code'], a['status']) == ('delivered', 250, '2.0.0')
    assert a['host'] == ok.host and a['address'] == ok.addresses[0]
    assert 'TLS' in str(a['tls'])
    assert (b['state'], b['code'], b['status']) == ('failed', 550, '5.1.1')
    assert 'no such user' in b['text'] and not b['tls']
    assert c['state'] == 'deferred' and c['status'].startswith('4.')
    d = by['d@no-such.test']
    assert (d['state'], d['status']) == ('failed', '5.1.2')


def test_json_quotes(lab, client):
    srv = lab.server(script={
        'rcpt': b'550 5.1.1 "quoted" \\ back\tslash \xfc \x1b\r\n'})
    run = client.postrider('--json', f'"a\\"b"@{srv.domain}',
                           input='Subject: s\n\nx\n')
    assert run.rc == 67
    o, = run.objects
    assert '"quoted"' in o['text']


def test_json_of_a_flush(lab, client):
    srv = lab.server()
    client.submit(f'a@{srv.domain}', options=['-odq']).quiet()
    run = client.postrider('--flush', '--now', '--json').ok()
    o, = run.objects
    assert (o['recipient'], o['state']) == (f'a@{srv.domain}', 'delivered')


# -- -v, -X ---------------------------------------------------------------------

def test_verbose(lab, client):
    srv = lab.server()
    run = client.submit(f'bob@{srv.domain}', options=['-v']).ok()
    assert run.stdout == ''
    for part in ('220 ', 'EHLO client.prb.test', 'MAIL FROM:', 'RCPT TO:<bob@',
                 '250 2.0.0 ok queued'):
        assert part in run.stderr, run.stderr
    assert 'hello' not in run.stderr.replace('EHLO', ''), 'not the body'


def test_trace_file(lab, client):
    srv = lab.server()
    path = os.path.join(client.folder, 'trace')
    client.submit(f'bob@{srv.domain}', options=['-X', path]).quiet()
    with open(path) as f:
        assert 'RCPT TO:<bob@' in f.read()


# -- the log -----------------------------------------------------------------------

def test_log_lines(lab, client):
    ok = lab.server()
    no = lab.server(script={'rcpt': '550 5.1.1 no'})
    late = lab.server()
    late.stop()
    client.submit(f'a@{ok.domain}', f'b@{no.domain}', f'c@{late.domain}',
                  sender='me@no-such.test').quiet()
    attempts = {d['to']: d for d in check.deliveries(client)}
    a, b, c = (attempts[f'{u}@{s.domain}']
               for u, s in zip('abc', (ok, no, late)))
    assert a['status'] == 'sent' and a['dsn'] == '2.0.0'
    assert b['status'] == 'bounced' and b['dsn'] == '5.1.1'
    assert c['status'] == 'deferred' and c['dsn'] == '4.4.1'
    assert a['id'] == b['id'] == c['id']
    parts = [float(x) for x in a['delays'].split('/')]
    assert abs(sum(parts) - float(a['delay'])) < 0.2
    assert re.search(rf'{a["id"]}: .*from=<me@no-such.test>', client.log())


def test_log_line_is_one_line(lab, client):
    srv = lab.server(script={
        'rcpt': '550-5.1.1 first\n550-5.1.1 to=<evil@x.test>, '
                'status=sent (250 ok)\n550 5.1.1 last'})
    client.submit(f'bob@{srv.domain}')
    lines = [l for l in client.log().splitlines() if 'to=<' in l]
    assert len(lines) == 1
    assert 'status=bounced' in lines[0]


def test_log_cannot_be_written(lab, client):
    """The mail goes all the same, or the administrator is told why not."""
    client.write_conf(log=os.path.join(client.folder, 'no', 'such', 'log'))
    srv = lab.server()
    run = client.submit(f'bob@{srv.domain}')
    if run.rc == 0:
        assert srv.recipients == [f'bob@{srv.domain}']
    else:
        assert run.rc == 78 and 'log' in run.stderr


def test_explains_itself(client):
    for args in (['--help'], ['--version']):
        run = client.postrider(*args).ok()
        assert 'postrider' in run.stdout.lower() and run.stderr == ''


def test_interrupted_while_delivering(lab, client):
    """SIGTERM: what is not delivered is kept, or the caller is told."""
    import signal
    client.write_conf(command_timeout='1s')
    srv = lab.server(script={'mail': HANG})
    p = client.start('-i', f'bob@{srv.domain}', input='Subject: s\n\nx\n')
    srv.wait(lambda: srv.sessions and any(
        c.startswith('MAIL') for c in srv.sessions[0].commands))
    p.send_signal(signal.SIGTERM)
    (rc, out, err), = client.finish(p)
    srv.script = {}
    client.flush_now().ok()
    if rc == 0:
        assert srv.recipients == [f'bob@{srv.domain}']
    else:
        assert len(srv.recipients) <= 1
