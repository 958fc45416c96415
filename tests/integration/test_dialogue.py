"""The SMTP dialogue: every reply a server can think of, and how it ends.

Three ways it may end: delivered, deferred (kept; a flush against the mended
server then delivers exactly once), failed (exit code and standard error).
"""
import os
import time

import pytest

from lab import check
from lab.smtpd import (CAPS, DROP, HANG, NO_TLS, RESET, STOP_READING, drip,
                       drip_for_ever, each, pause)

MANY = '\n'.join(['250-more'] * 1000) + '\n250 end'


def outcome(client, srv, kind, run, rcpt, code=None):
    if kind == 'delivered':
        check.delivered(client, run, srv, rcpt)
    elif kind == 'deferred':
        check.deferred(client, run, rcpt)
        assert srv.messages == []
        check.retried(client, srv, rcpt)
    else:
        check.refused(client, run, code or check.UNAVAILABLE, rcpt)
        assert srv.messages == []


GREETINGS = [
    ('multi-line', '220-hello\n220-there\n220 go', 'delivered'),
    ('slow', drip(b'220 slow\r\n', 0.01), 'delivered'),
    ('bare LF reply', b'220 lf only\n', None),
    ('554', ('554 5.7.1 go away', DROP), 'deferred'),
    ('521', ('521 5.3.2 never', DROP), 'failed'),
    ('421', ('421 4.3.2 later', DROP), 'deferred'),
    ('450', ('450 4.3.2 later', DROP), 'deferred'),
    ('closes', DROP, 'deferred'),
    ('resets', RESET, 'deferred'),
    ('rubbish', (b'SSH-2.0-OpenSSH_9.2\r\n', DROP), 'deferred'),
    ('HTTP', (b'HTTP/1.1 400 Bad Request\r\n\r\n', DROP), 'deferred'),
    ('100 continues', ('100 hm', DROP), 'deferred'),
    ('354 first', ('354 go ahead', DROP), 'deferred'),
    ('half a line', (b'220 he', DROP), 'deferred'),
]


@pytest.mark.parametrize('name, greeting, kind', GREETINGS,
                         ids=[g[0] for g in GREETINGS])
def test_greeting(lab, client, name, greeting, kind):
    srv = lab.server(script={'connect': greeting})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    if kind is None:
        kind = 'delivered' if client.empty() else 'deferred'
    outcome(client, srv, kind, run, rcpt, (check.UNAVAILABLE, check.NOHOST))


BAD_REPLIES = [b'250', b'250-', b'2X0 ok\r\n', b'99 ok\r\n', b'1000 ok\r\n',
               b' 250 ok\r\n', b'\r\n', b'250-a\r\n550 b\r\n', b'250-a\r\n',
               b'\0\0\0\r\n', b'25\0 ok\r\n', b'ok\r\n', b'250_ok\r\n',
               b'600 ok\r\n', b'199 ok\r\n', b'\xff\xfe\r\n']


@pytest.mark.parametrize('stage', ['mail', 'dot'])
@pytest.mark.parametrize('reply', BAD_REPLIES, ids=repr)
def test_malformed_reply(lab, client, stage, reply):
    """Not a reply: closed, and tried later."""
    srv = lab.server(script={stage: (reply, DROP)})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    # "250" and an end of line at once is a reply (RFC 5321 4.2, grudgingly).
    outcome(client, srv, 'deferred', run, rcpt)


@pytest.mark.parametrize('reply', [b'250\r\n', b'250 \r\n', b'250 ok\n',
                                   b'250-\r\n250\r\n', b'250 ' + b'x' * 509 +
                                   b'\r\n', b'250 \xfc\xe4\r\n'], ids=repr)
def test_odd_but_legal_reply(lab, client, reply):
    srv = lab.server(script={'dot': reply})
    rcpt = f'bob@{srv.domain}'
    check.delivered(client, client.submit(rcpt), srv, rcpt)


@pytest.mark.parametrize('stage, flood', [
    ('connect', b'220 ' + b'x' * (10 << 20)),
    ('ehlo', b'250-' + b'y' * (10 << 20)),
    ('mail', b'250-x\r\n' * 1000000)], ids=['greeting', 'ehlo', 'lines'])
def test_flood(lab, client, stage, flood):
    """Endless lines and endless continuation: closed, little memory used."""
    srv = lab.server(script={stage: (flood, DROP)})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt, measure=True)
    check.deferred(client, run, rcpt)
    if 'ASAN_OPTIONS' not in os.environ:
        assert run.maxrss < 24 << 20


@pytest.mark.parametrize('code', ['500 5.5.1 what', '502 5.5.1 no',
                                  '550 5.0.0 no', '504 no'])
def test_ehlo_refused_helo_taken(lab, client, code):
    srv = lab.server(script={'ehlo': code})
    rcpt = f'bob@{srv.domain}'
    check.delivered(client, client.submit(rcpt), srv, rcpt)
    assert srv.messages[0].session.commands[1] == 'HELO client.prb.test'


def test_ehlo_refused_and_closed(lab, client):
    srv = lab.server(script={'ehlo': each(('500 what', DROP), None)})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    run.quiet()
    if not client.empty():
        check.retried(client, srv, rcpt)


@pytest.mark.parametrize('stage', ['ehlo', 'helo'])
def test_hello_temporarily_refused(lab, client, stage):
    script = {'ehlo': '421 4.3.2 later'} if stage == 'ehlo' else \
        {'ehlo': '500 what', 'helo': '421 later'}
    srv = lab.server(script=script)
    rcpt = f'bob@{srv.domain}'
    outcome(client, srv, 'deferred', client.submit(rcpt), rcpt)


@pytest.mark.parametrize('size', ['SIZE', 'SIZE 0', 'SIZE -1', 'SIZE x',
                                  'SIZE 99999999999999999999'])
def test_odd_ehlo(lab, client, size):
    caps = [f'X-{i} a b c' for i in range(500)] + [size, '8BITMIME', '', ' ',
                                                   'PIPELINING extra', '-']
    srv = lab.server(caps=caps)
    rcpt = f'bob@{srv.domain}'
    check.delivered(client, client.submit(rcpt), srv, rcpt)


@pytest.mark.parametrize('pipelining', [True, False])
@pytest.mark.parametrize('stage', ['mail', 'rcpt', 'data', 'dot'])
@pytest.mark.parametrize('reply, kind, code', [
    ('450 4.2.0 later', 'deferred', 0), ('550 5.1.1 no', 'failed', 67),
    ('554 5.7.1 policy', 'failed', 69), ('553 5.1.2 bad', 'failed', 68),
    ('451-a\n451-b\n451 c', 'deferred', 0),
    ('550 4.2.2 class decides', 'failed', (67, 69)),
    ('450 5.1.1 class decides', 'deferred', 0)])
def test_refusals(lab, client, pipelining, stage, reply, kind, code):
    caps = CAPS if pipelining else CAPS[1:]
    srv = lab.server(caps=caps, script={stage: reply})
    rcpt = f'bob@{srv.domain}'
    if stage != 'rcpt' and code in (67, 68):
        # The user's fault only where a user was named.
        code = (65, 67, 68, 69)
    outcome(client, srv, kind, client.submit(rcpt), rcpt, code)


@pytest.mark.parametrize('pipelining', [True, False])
def test_each_recipient_by_its_own_reply(lab, client, pipelining):
    d = lab.name()
    replies = {'ok': None, 'later': '450 4.2.1 later', 'no': '550 5.1.1 no',
               'forward': '251 2.1.5 will forward', 'full': '452 4.2.2 full',
               'cannot': '252 2.1.5 cannot verify', 'local': '551 5.1.6 moved'}
    back = lab.server()
    srv = lab.server(d, caps=CAPS if pipelining else CAPS[1:], script={
        'rcpt': {f'{u}@{d}': r for u, r in replies.items()}})
    client.submit(*(f'{u}@{d}' for u in replies),
                  sender=f'me@{back.domain}').quiet()
    assert srv.recipients == [f'{u}@{d}' for u in ('cannot', 'forward', 'ok')]
    assert client.queued() == [f'{u}@{d}' for u in ('full', 'later')]
    report, = back.messages
    assert check.dsn(report, f'me@{back.domain}').failed == \
        [f'{u}@{d}' for u in ('local', 'no')]
    srv.script = {}
    client.flush_now().ok()
    assert srv.recipients == [f'{u}@{d}' for u in (
        'cannot', 'forward', 'full', 'later', 'ok')]


def test_all_refused_and_still_354(lab, client):
    srv = lab.server(script={'rcpt': '550 5.1.1 no', 'data': '354 go on'})
    rcpt = f'bob@{srv.domain}'
    check.refused(client, client.submit(rcpt), 67, rcpt)
    assert srv.messages == []


def test_some_refused_and_data_refused(lab, client):
    """554 to DATA speaks of those that were accepted, not of the others."""
    d = lab.name()
    srv = lab.server(d, script={'rcpt': {f'later@{d}': '450 4.2.1 later'},
                                'data': '554 5.6.0 no'})
    back = lab.server()
    client.submit(f'later@{d}', f'bob@{d}', sender=f'me@{back.domain}').quiet()
    assert client.queued() == [f'later@{d}']
    assert check.dsn(back.messages[0], f'me@{back.domain}').failed == \
        [f'bob@{d}']
    srv.stop()


@pytest.mark.parametrize('stage, reply, kind', [
    ('data', '250 ok instead of 354', 'deferred'),
    ('dot', '354 again', 'deferred'),
    ('dot', '250-one\n250-two\n250 three', 'delivered'),
    ('mail', '354 what', 'deferred'),
    ('rcpt', '354 what', 'deferred'),
    ('dot', '299 whatever', 'delivered'),
    ('rcpt', '221 bye', None), ('mail', MANY, None)])
def test_unexpected_codes(lab, client, stage, reply, kind):
    srv = lab.server(script={stage: (reply,) if kind != 'deferred' else
                             (reply, DROP)})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    if kind is None:
        run.quiet()
        assert bool(srv.messages) == client.empty()
    else:
        outcome(client, srv, kind, run, rcpt)


@pytest.mark.parametrize('stage', ['connect', 'ehlo', 'mail', 'rcpt', 'data',
                                   'dot'])
@pytest.mark.parametrize('how', ['421', 'drop', 'reset'])
def test_lost_line(lab, client, stage, how):
    """421 or a lost connection anywhere: later, and exactly once."""
    action = {'421': ('421 4.3.0 closing', DROP), 'drop': DROP,
              'reset': RESET}[how]
    srv = lab.server(script={stage: action})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    check.deferred(client, run, rcpt)
    log = client.log()
    if stage == 'dot' and how != '421':
        assert 'possible duplicate' in log
        assert 'bounced' not in log
    else:
        assert 'possible duplicate' not in log
    check.retried(client, srv, rcpt)


@pytest.mark.parametrize('stage', ['connect', 'ehlo', 'mail', 'rcpt', 'data'])
@pytest.mark.parametrize('how', ['421', 'drop'])
def test_lost_line_next_host(lab, client, stage, how):
    """Nothing is in doubt, so the next host gets it in the same run."""
    action = ('421 4.3.0 closing', DROP) if how == '421' else DROP
    first, second = lab.servers_for(lab.name(), {stage: action}, {})
    rcpt = f'bob@{first.domain}'
    run = client.submit(rcpt)
    run.quiet()
    assert first.messages == []
    assert second.recipients == [rcpt]
    assert client.empty()


@pytest.mark.parametrize('greeting', ['421 later', '450 later', '554 no'])
def test_greeting_of_first_host(lab, client, greeting):
    first, second = lab.servers_for(lab.name(), {'connect': (greeting, DROP)},
                                    {})
    rcpt = f'bob@{first.domain}'
    client.submit(rcpt).quiet()
    assert second.recipients == [rcpt]


def test_first_host_down(lab, client):
    first, second = lab.servers_for(lab.name(), {}, {})
    first.stop()
    rcpt = f'bob@{first.domain}'
    client.submit(rcpt).quiet()
    assert second.recipients == [rcpt]


def test_first_host_without_route(lab, client):
    first, second = lab.servers_for(lab.name(), {}, {})
    lab.net.refuse_route(first.addresses[0])
    rcpt = f'bob@{first.domain}'
    try:
        client.submit(rcpt).quiet()
    finally:
        lab.net.restore(first.addresses[0])
    assert second.recipients == [rcpt]


def test_first_host_is_a_black_hole(lab, client):
    """SYNs vanish: the next host after a bounded time."""
    client.write_conf(connect_timeout='1s')
    first, second = lab.servers_for(lab.name(), {}, {})
    lab.net.swallow(first.addresses[0])
    rcpt = f'bob@{first.domain}'
    try:
        run = client.submit(rcpt).quiet()
    finally:
        lab.net.restore(first.addresses[0])
    assert run.wall < 4
    assert second.recipients == [rcpt]


def test_permanent_refusal_is_not_asked_again(lab, client):
    """5xx to RCPT is the word of the domain: the backup is not tried."""
    first, second = lab.servers_for(lab.name(), {'rcpt': '550 5.1.1 no'}, {})
    rcpt = f'bob@{first.domain}'
    check.refused(client, client.submit(rcpt), 67, rcpt)
    assert second.sessions == []


# -- more than was asked -------------------------------------------------------

@pytest.mark.parametrize('stage', ['connect', 'ehlo', 'mail', 'rcpt', 'data'])
def test_stray_replies(lab, client, stage):
    """A reply nobody waits for must not accept a recipient."""
    usual = {'connect': b'220 x\r\n', 'ehlo': b'250-x\r\n250 PIPELINING\r\n',
             'mail': b'250 ok\r\n', 'rcpt': b'550 5.1.1 no\r\n',
             'data': b'354 go\r\n'}[stage]
    srv = lab.server(script={stage: usual + b'250 stray\r\n250 stray\r\n',
                             'rcpt': usual + b'250 stray\r\n' * 3
                             if stage == 'rcpt' else '450 4.2.0 later'})
    srv.tolerant = True
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    assert srv.messages == []
    if run.rc == 0:
        assert client.queued() == [rcpt], 'neither sent nor kept'
    else:
        assert stage == 'rcpt' and run.rc == 67
    assert 'status=sent' not in client.log()


def test_many_replies_to_the_dot(lab, client):
    """As LMTP would: the surplus must not answer the next message."""
    srv = lab.server(script={'dot': each(b'250 one\r\n250 two\r\n',
                                         '450 4.3.0 not this one')})
    files = []
    for i in range(2):
        path = os.path.join(client.folder, f'm{i}')
        with open(path, 'w') as f:
            f.write(f'To: u{i}@{srv.domain}\nSubject: {i}\n\n{i}\n')
        files.append(path)
    client.postrider('--send', *files).quiet()
    assert client.queued() == [f'u1@{srv.domain}']
    assert srv.recipients == [f'u0@{srv.domain}']


def test_closes_after_quit_without_reply(lab, client):
    srv = lab.server(script={'quit': DROP})
    rcpt = f'bob@{srv.domain}'
    check.delivered(client, client.submit(rcpt), srv, rcpt)


@pytest.mark.parametrize('action', [HANG, RESET, '500 what', pause(2)],
                         ids=repr)
def test_trouble_after_quit(lab, client, action):
    """Delivered is delivered; the caller does not wait for the 221."""
    srv = lab.server(script={'quit': action})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    check.delivered(client, run, srv, rcpt)
    assert run.wall < 1.5


# -- silence -------------------------------------------------------------------

@pytest.mark.parametrize('stage, action', [
    ('connect', HANG), ('ehlo', HANG), ('mail', HANG), ('rcpt', HANG),
    ('data', HANG), ('dot', HANG), ('connect', drip_for_ever(b'2', 0.3)),
    ('mail', drip_for_ever(b'2', 0.3)),
    ('connect', drip_for_ever(b'220-hm\r\n', 0.3)),
    ('body', (1, STOP_READING))],
    ids=lambda v: v if isinstance(v, str) else repr(v)[:20])
def test_silent_server(lab, client, stage, action):
    """Given up in time, nothing is lost, nothing bounced."""
    client.write_conf(command_timeout='1s', dot_timeout='1s')
    srv = lab.server(script={stage: action})
    rcpt = f'bob@{srv.domain}'
    lines = 100000 if stage == 'body' else 1
    run = client.submit(rcpt, body=('x' * 70 + '\n') * lines)
    check.deferred(client, run, rcpt)
    assert run.wall < 8
    assert ('possible duplicate' in client.log()) == (stage == 'dot')
    client.write_conf()
    check.retried(client, srv, rcpt)


def test_drip_has_a_ceiling(lab, client):
    """Each wait is short, all of them together are not endless."""
    client.write_conf(command_timeout='1s', destination_timeout='2s')
    slow = pause(0.7)
    srv = lab.server(caps=[], script={
        s: (slow, r) for s, r in (('connect', '220 x'), ('ehlo', '250 x'),
                                  ('mail', '250 x'), ('rcpt', '250 x'))})
    rcpts = [f'u{i}@{srv.domain}' for i in range(10)]
    run = client.submit(*rcpts)
    run.quiet()
    assert run.wall < 6
    assert client.queued() == rcpts


@pytest.mark.parametrize('stage', ['connect', 'dot'])
def test_caller_is_let_go(lab, client, stage):
    """Past the caller's patience the work goes on behind its back."""
    client.write_conf(wait='1s')
    srv = lab.server(script={stage: each((pause(2), '421 4.3.0 later', DROP)
                                         if stage == 'connect' else
                                         (pause(2), '250 2.0.0 ok'))})
    rcpt = f'bob@{srv.domain}'
    begin = time.monotonic()
    client.sendmail('-i', rcpt, input='Subject: s\n\nx\n',
                    background=True).quiet()
    assert srv.sessions[0].done
    assert time.monotonic() - begin < 10
    if stage == 'dot':
        assert srv.recipients == [rcpt]
        assert client.empty()
    else:
        assert client.queued() == [rcpt]
        check.retried(client, srv, rcpt)


def test_caller_does_not_wait_longer(lab, client):
    client.write_conf(wait='1s')
    srv = lab.server(script={'connect': HANG})
    run = client.submit(f'bob@{srv.domain}', background='end')
    run.quiet()
    assert 0.5 < run.wall < 3
    check.retried(client, srv, f'bob@{srv.domain}')


def test_one_slow_one_quick(lab, client):
    """A hanging destination does not delay the other."""
    client.write_conf(command_timeout='2s')
    slow = lab.server(script={'connect': HANG})
    quick = lab.server()
    begin = time.time()
    client.submit(f'a@{slow.domain}', f'b@{quick.domain}').quiet()
    assert quick.recipients == [f'b@{quick.domain}']
    assert quick.messages[0].when < begin + 1
    assert client.queued() == [f'a@{slow.domain}']


# -- recipients in masses ---------------------------------------------------------

@pytest.mark.parametrize('pipelining', [True, False])
@pytest.mark.parametrize('reply', ['452 4.5.3 too many recipients',
                                   '552 too many recipients'])
def test_recipient_limit(lab, client, pipelining, reply):
    """The rest goes in further transactions of the same run."""
    limit = 10

    def rcpt(session, path):
        return reply if len(session.rcpts) >= limit else None
    srv = lab.server(caps=CAPS if pipelining else CAPS[1:],
                     script={'rcpt': rcpt})
    rcpts = [f'u{i}@{srv.domain}' for i in range(35)]
    client.submit(*rcpts).quiet()
    assert srv.recipients == sorted(rcpts)
    assert client.empty()


def test_2000_recipients(lab, client):
    srv = lab.server()
    rcpts = [f'user{i}@{srv.domain}' for i in range(2000)]
    run = client.submit(*rcpts)
    run.quiet()
    assert srv.recipients == sorted(rcpts)
    assert all(len(m.rcpts) <= 1000 for m in srv.messages)


def test_421_after_some_messages(lab, client):
    """A limit of messages per connection: all arrive all the same."""
    def mail(session, path):
        return ('421 4.7.0 enough', DROP) if session.all_messages >= 2 \
            else None
    srv = lab.server(script={'mail': mail})
    files = []
    for i in range(7):
        path = os.path.join(client.folder, f'm{i}')
        with open(path, 'w') as f:
            f.write(f'To: u{i}@{srv.domain}\nSubject: {i}\n\n{i}\n')
        files.append(path)
    client.postrider('--send', *files).quiet()
    for _ in range(3):
        if client.empty():
            break
        client.flush_now().ok()
    assert srv.recipients == [f'u{i}@{srv.domain}' for i in range(7)]


# -- size ---------------------------------------------------------------------------

def test_size_limit(lab, client):
    srv = lab.server(caps=['PIPELINING', 'SIZE 1000'])
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt, body='x' * 70 + '\n' * 2000)
    check.refused(client, run, (65, 69), rcpt, status='5.3.4')
    assert not any(c.startswith('DATA') for s in srv.sessions
                   for c in s.commands)


def test_size_is_declared(lab, client):
    srv = lab.server()
    client.submit(f'bob@{srv.domain}', body='x' * 60 + '\n').quiet()
    m, = srv.messages
    assert abs(int(m.params['SIZE']) - len(m.data)) < 200


@pytest.mark.parametrize('caps', [[], ['SIZE'], ['8BITMIME'], ['DSN'],
                                  ['PIPELINING'], ['CHUNKING'],
                                  ['CHUNKING', 'PIPELINING', 'SIZE 1000000',
                                   '8BITMIME', 'DSN', 'SMTPUTF8']],
                         ids=' '.join)
def test_every_set_of_extensions(lab, client, caps):
    srv = lab.server(caps=caps)
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt, body='.\n..\nplain\n')
    check.delivered(client, run, srv, rcpt)
    assert srv.messages[0].body == b'.\r\n..\r\nplain\r\n'


# -- CHUNKING ------------------------------------------------------------------------

CHUNKING = CAPS + ['CHUNKING']


@pytest.mark.parametrize('size', [1, 100000, 3000000])
def test_bdat(lab, client, size):
    srv = lab.server(caps=CHUNKING)
    body = ('.' + 'x' * 62 + '\n') * (size // 64 + 1)
    client.submit(f'bob@{srv.domain}', body=body).quiet()
    m, = srv.messages
    assert m.body == body.replace('\n', '\r\n').encode()


@pytest.mark.parametrize('reply, kind', [
    ('450 4.2.0 later', 'deferred'), ('550 5.7.1 no', 'failed'),
    (DROP, 'deferred'), (('421 4.3.0 bye', DROP), 'deferred')],
    ids=['450', '550', 'drop', '421'])
def test_bdat_refused(lab, client, reply, kind):
    srv = lab.server(caps=CHUNKING, script={'bdat': reply, 'dot': reply})
    rcpt = f'bob@{srv.domain}'
    outcome(client, srv, kind, client.submit(rcpt), rcpt)


def test_bdat_with_recipients_refused(lab, client):
    d = lab.name()
    srv = lab.server(d, caps=CHUNKING, script={
        'rcpt': {f'no@{d}': '550 5.1.1 no', f'later@{d}': '450 4.2.0 later'}})
    check.refused(client, client.submit(f'no@{d}'), 67, f'no@{d}')
    client.submit(f'yes@{d}', f'later@{d}').quiet()
    assert srv.recipients == [f'yes@{d}']
    assert client.queued() == [f'later@{d}']


# -- round trips ------------------------------------------------------------------------

@pytest.mark.parametrize('tls, caps, most', [
    (False, CAPS, 5), (False, CHUNKING, 4), (True, CAPS, 8),
    (True, CHUNKING, 7)], ids=['DATA', 'BDAT', 'TLS DATA', 'TLS BDAT'])
def test_round_trips(lab, client, tls, caps, most):
    srv = lab.server(tls=tls, caps=caps, settle=0.06)
    rcpts = [f'{u}@{srv.domain}' for u in 'abc']
    client.submit(*rcpts).quiet()
    m, = srv.messages
    assert m.session.round_trips <= most, m.session.transcript()
    assert m.session.quit
    # With DATA, QUIT needs no flight of its own.
    assert m.session.turns <= m.session.turns_to_final + (m.by == 'BDAT')


@pytest.mark.parametrize('caps', [CAPS, CHUNKING], ids=['DATA', 'BDAT'])
def test_one_round_trip_for_each_further_message(lab, client, caps):
    srv = lab.server(caps=caps, settle=0.06)
    files = []
    for i in range(6):
        path = os.path.join(client.folder, f'm{i}')
        with open(path, 'w') as f:
            f.write(f'To: u{i}@{srv.domain}\nSubject: {i}\n\n{i}\n')
        files.append(path)
    client.postrider('--send', *files).quiet()
    assert srv.recipients == [f'u{i}@{srv.domain}' for i in range(6)]
    for s in srv.sessions:
        gaps = [b - a for a, b in zip(s.turns_each, s.turns_each[1:])]
        assert all(g <= 1 for g in gaps), (s.turns_each, s.transcript())


def test_connection_is_shared(lab, client):
    srv = lab.server()
    files = []
    for i in range(20):
        path = os.path.join(client.folder, f'm{i}')
        with open(path, 'w') as f:
            f.write(f'To: u{i}@{srv.domain}\n\n{i}\n')
        files.append(path)
    client.postrider('--send', *files).quiet()
    assert len(srv.messages) == 20
    assert len(srv.sessions) <= 10


def test_site_is_shared_by_domains(lab, client):
    """Two domains with the same MX: one connection, one transaction."""
    srv = lab.server()
    other = lab.name()
    lab.dns.add({other: {'MX': [f'10 {srv.host}']}})
    rcpts = [f'a@{srv.domain}', f'b@{other}']
    client.submit(*rcpts).quiet()
    assert srv.recipients == sorted(rcpts)
    assert len(srv.sessions) == 1


# -- TLS ------------------------------------------------------------------------------------

def test_starttls_is_used(lab, client):
    srv = lab.server(tls=True)
    client.submit(f'bob@{srv.domain}').quiet()
    m, = srv.messages
    assert m.tls in ('TLSv1.2', 'TLSv1.3')


@pytest.mark.parametrize('kind', ['expired', 'wrong name', 'self-signed'])
def test_opportunistic_takes_any_certificate(lab, client, kind):
    d = lab.name()
    context = {'expired': lambda: lab.authority.context(f'mx.{d}', days='-1'),
               'wrong name': lambda: lab.authority.context('else.test'),
               'self-signed': lambda: lab.authority.context(
                   f'mx.{d}', signed=False)}[kind]()
    srv = lab.server(d, tls=context)
    client.submit(f'bob@{d}').quiet()
    assert srv.messages[0].tls


@pytest.mark.parametrize('stray', [b'250 injected\r\n',
                                   b'250-x\r\n250 CHUNKING\r\n',
                                   b'220 again\r\n', b'x'], ids=repr)
def test_plaintext_after_starttls(lab, client, stray):
    """Bytes behind the 220 end the session; nothing of them is used."""
    srv = lab.server(tls=True,
                     script={'starttls': each(b'220 go\r\n' + stray, None)})
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    run.quiet()
    first = srv.sessions[0]
    assert first.tls is None or first.commands[-1] == 'STARTTLS'
    assert first.all_messages == 0
    if client.empty():
        assert srv.recipients == [rcpt]
    else:
        check.retried(client, srv, rcpt)


@pytest.mark.parametrize('name, answer', [
    ('454', '454 4.7.0 not now'), ('501', '501 5.5.4 no'),
    ('502', '502 no'), ('garbage', ('220 go', NO_TLS, b'\x15garbage\r\n' * 9,
                                    DROP)),
    ('close', ('220 go', NO_TLS, DROP)),
    ('reset', ('220 go', NO_TLS, RESET))], ids=lambda v: v
    if isinstance(v, str) else '')
def test_starttls_fails(lab, client, name, answer):
    """Opportunistic: in clear, in the same run."""
    srv = lab.server(tls=True, script={'starttls': answer})
    srv.tolerant = name in ('garbage',)
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    assert srv.recipients == [rcpt]
    assert srv.messages[0].tls is None
    assert client.empty()


def test_starttls_hangs(lab, client):
    client.write_conf(command_timeout='1s')
    srv = lab.server(tls=True, script={
        'starttls': each(('220 go', NO_TLS, HANG), None)})
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    if not client.empty():
        check.retried(client, srv, rcpt)
    assert srv.recipients == [rcpt]


@pytest.mark.parametrize('name, kw', [
    ('stripped', dict(tls=False)),
    ('454', dict(tls=True, script={'starttls': '454 4.7.0 not now'})),
    ('garbage', dict(tls=True, script={'starttls': (
        '220 go', NO_TLS, b'garbage' * 99, DROP)}))],
    ids=lambda v: v if isinstance(v, str) else '')
def test_required_tls_is_never_clear(lab, client, name, kw):
    client.write_conf(tls='required')
    srv = lab.server(**kw)
    srv.tolerant = name == 'garbage'
    rcpt = f'bob@{srv.domain}'
    run = client.submit(rcpt)
    check.deferred(client, run, rcpt)
    assert srv.messages == []
    assert not any(c.startswith('MAIL') for s in srv.sessions
                   for c in s.commands)


def test_offers_before_tls_are_forgotten(lab, client):
    srv = lab.server(tls=True, caps=CHUNKING + ['SMTPUTF8'],
                     caps_tls=['8BITMIME'])
    client.submit(f'bob@{srv.domain}', body='Grüße\n').quiet()
    m, = srv.messages
    assert m.tls and m.by == 'DATA' and 'SIZE' not in m.params


def test_offers_after_tls_are_used(lab, client):
    srv = lab.server(tls=True, caps=[], caps_tls=CHUNKING)
    client.submit(f'bob@{srv.domain}', body='Grüße\n').quiet()
    m, = srv.messages
    assert m.tls and m.params['BODY'].upper() == '8BITMIME'


# -- text of replies -----------------------------------------------------------------

NASTY = [b'550 5.1.1 \x1b[31mred\x07 %n%s%p \xff\xfe\r\n',
         b'550-5.1.1 a\r\n550 5.1.1 ' + b'y' * 500 + b'\r\n',
         b'450 4.2.0 x\x0brcpt <evil@x.test>\x0c\r\n',
         b'450 4.2.0 x\x85R:<evil@x.test>\r\n',
         b'550 5.1.1 <b>html</b> &\r\n']


@pytest.mark.parametrize('reply', NASTY, ids=[0, 1, 2, 3, 4])
def test_reply_text_is_harmless(lab, client, reply):
    d = lab.name()
    back = lab.server()
    srv = lab.server(d, script={'rcpt': {f'bad@{d}': reply}})
    run = client.submit(f'bad@{d}', f'good@{d}', sender=f'me@{back.domain}')
    run.quiet()
    texts = client.log() + client.mailq() + run.stderr + ''.join(
        m.data.decode('latin-1') for m in back.messages)
    bad = [c for c in texts if ord(c) < 32 and c not in '\r\n\t' or
           ord(c) == 127]
    assert not bad, bad
    for o in client.queue():
        assert 'evil@x.test' not in str(o.get('recipient'))
    assert srv.recipients == [f'good@{d}']


# -- workers -------------------------------------------------------------------------

def test_worker_is_killed(lab, client):
    """Its recipients are kept, the others go their way."""
    import signal
    import threading
    from lab import procs
    held = lab.server(script={'mail': pause(30)})
    other = lab.server()
    before = procs.known()

    def descendants(pid):
        out = []
        for c in procs.children(pid):
            out += [c] + descendants(c)
        return out

    def killer():
        held.wait(lambda: held.sessions and
                  any(c.startswith('MAIL') for c in held.sessions[0].commands))
        # The one process whose sockets lead to the held server.
        for pid in descendants(os.getpid()):
            if pid in before:
                continue
            if _connected(pid, held):
                os.kill(pid, signal.SIGKILL)
                return
    t = threading.Thread(target=killer)
    t.start()
    run = client.submit(f'a@{held.domain}', f'b@{other.domain}')
    t.join()
    run.quiet()
    assert other.recipients == [f'b@{other.domain}']
    assert client.queued() == [f'a@{held.domain}']
    check.retried(client, held, f'a@{held.domain}')


def _connected(pid, srv):
    """Has this process a TCP connection to the server?"""
    import socket
    want = '%08X' % int.from_bytes(socket.inet_aton(srv.addresses[0]),
                                   'little')
    inodes = set()
    try:
        for fd in os.listdir(f'/proc/{pid}/fd'):
            target = os.readlink(f'/proc/{pid}/fd/{fd}')
            if target.startswith('socket:['):
                inodes.add(target[8:-1])
        with open(f'/proc/{pid}/net/tcp') as f:
            for line in f.readlines()[1:]:
                w = line.split()
                if w[2].split(':')[0] == want and w[9] in inodes:
                    return True
    except OSError:
        pass
    return False


# -- another way -------------------------------------------------------------

@pytest.mark.parametrize('stage', ['mail', 'rcpt', 'data', 'dot'])
def test_temporary_refusal_asks_the_next_host(lab, client, stage):
    """RFC 5321 5.1: until a delivery attempt succeeds."""
    full, healthy = lab.servers_for(lab.name(), {stage: '452 4.3.1 disk full'},
                                    {})
    client.submit(f'bob@{full.domain}').quiet()
    assert healthy.recipients == [f'bob@{full.domain}']
    assert full.messages == [] and client.empty()


def test_temporary_refusal_everywhere(lab, client):
    one, two = lab.servers_for(lab.name(), {'rcpt': '452 4.3.1 disk full'},
                               {'rcpt': '451 4.3.2 busy'})
    rcpt = f'bob@{one.domain}'
    client.submit(rcpt).quiet()
    assert client.queued() == [rcpt]
    assert len(one.sessions) == len(two.sessions) == 1


def test_greylisting_does_not_ask_the_next_host(lab, client):
    grey, other = lab.servers_for(
        lab.name(), {'rcpt': '450 4.7.1 Greylisted, try again later'}, {})
    client.submit(f'bob@{grey.domain}').quiet()
    assert other.sessions == [] and len(client.queued()) == 1


def test_sixth_host_is_asked(lab, client):
    *never, last = lab.servers_for(
        lab.name(), *[{'connect': ('521 5.3.2 never', DROP)}] * 5, {})
    client.submit(f'bob@{last.domain}').quiet()
    assert last.recipients == [f'bob@{last.domain}']


def test_notify_is_unknown_and_one_message_a_connection(lab, client):
    """The site is up: nothing is held against it."""
    def rcpt(session, path):
        return '555 5.5.4 what?' if 'NOTIFY=' in session.commands[-1] else None
    srv = lab.server(caps=CAPS + ['LIMITS MAILMAX=1'], script={'rcpt': rcpt})
    srv.tolerant = True
    client.submit(f'bob@{srv.domain}', options=['-N', 'failure']).quiet()
    assert srv.recipients == [f'bob@{srv.domain}'] and client.empty()
    assert client.files('sites') == []


@pytest.mark.parametrize('stage', ['mail', 'rcpt', 'data'])
def test_clear_text_refused_after_tls_failed(lab, client, stage):
    """The trouble with TLS may pass; it is no refusal of the message."""
    srv = lab.server(tls=True, script={
        'starttls': '454 4.7.0 TLS not available', stage:
        '530 5.7.0 Must issue a STARTTLS command first'})
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    assert client.queued() == [rcpt]


@pytest.mark.parametrize('caps, script', [
    (CAPS + ['CHUNKING'], {'bdat': '500 5.5.1 unknown command'}),
    (CAPS, {'mail': each('501 5.5.4 SIZE?', '250 ok')}),
    (CAPS + ['CHUNKING'], {'mail': each('501 5.5.4 SIZE?', '250 ok')}),
    (CAPS, {'data': each('503 5.5.0 improper pipelining', '354 go')}),
], ids=['BDAT', 'SIZE', 'SIZE and BDAT', 'PIPELINING'])
def test_what_was_offered_does_not_work(lab, client, caps, script):
    srv = lab.server(caps=caps, script=script)
    srv.tolerant = True         # it reads the text of BDAT as commands
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    assert srv.recipients == [rcpt] and client.empty()
    assert 'possible duplicate' not in client.log()


@pytest.mark.parametrize('caps', [CAPS, CAPS + ['CHUNKING']],
                         ids=['DATA', 'BDAT'])
def test_sender_is_malformed(lab, client, caps):
    """501 to MAIL is asked for once more without extensions, and believed
    then, although a message was already behind it."""
    srv = lab.server(caps=caps, script={'mail': '501 5.1.7 malformed'})
    srv.tolerant = True
    rcpt = f'bob@{srv.domain}'
    check.refused(client, client.submit(rcpt), 69, rcpt, text='501 5.1.7',
                  status='5.1.7')
    assert 'possible duplicate' not in client.log()
    assert len(srv.sessions) == 2


@pytest.mark.parametrize('caps', [CAPS, CAPS + ['CHUNKING']],
                         ids=['DATA', 'BDAT'])
@pytest.mark.parametrize('reply', ['555 5.5.4 what?', '501 5.5.4 NOTIFY?'])
def test_notify_is_offered_and_unknown(lab, client, caps, reply):
    """It goes without, on the same connection, for each recipient."""
    def rcpt(session, path):
        return reply if 'NOTIFY=' in session.commands[-1] else None
    srv = lab.server(caps=caps, script={'rcpt': rcpt})
    srv.tolerant = True
    rcpts = [f'u{i}@{srv.domain}' for i in range(3)]
    for some in rcpts[:1], rcpts:
        srv.forget()
        client.submit(*some, options=['-N', 'failure']).quiet()
        assert srv.recipients == some and client.empty()
        assert len(srv.sessions) == 1
        assert not any('NOTIFY' in p for m in srv.messages
                       for p in m.rcpt_params.values())
