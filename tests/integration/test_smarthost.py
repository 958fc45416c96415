"""Mail through a smarthost: the connection, its security, and what to do
when it fails.  Who we are is in test_smarthost_auth.py."""
import os
import signal
import ssl
import threading

import pytest

from lab import check
from lab.net import CLIENT4, CLIENT6
from lab.smtpd import (CAPS, DROP, HANG, RESET, STOP_READING, drip, each,
                       pause)

BOB = 'bob@anywhere.test'
SECURE = ['smtps', 'smtp']


def said(srv, verb):
    """The commands of all sessions that begin so."""
    return [c for s in srv.sessions for c in s.commands
            if c.upper().startswith(verb)]


def untouched(srv):
    """Nobody was named and no message begun."""
    srv.idle()
    assert srv.credentials == [] and srv.taken == []
    assert not said(srv, 'AUTH') and not said(srv, 'MAIL')


# -- the ways in -------------------------------------------------------------

@pytest.mark.parametrize('scheme', [*SECURE, 'smtp+plain'])
def test_scheme(lab, client, scheme):
    srv = lab.smarthost(scheme)
    client.use(srv)
    check.delivered(client, client.submit(BOB), srv, BOB)
    m, = srv.messages
    assert bool(m.tls) == (scheme != 'smtp+plain')
    assert m.session.helo == 'client.prb.test'
    assert m.session.user == (srv.user or None)
    assert m.session.quit
    assert len(srv.sessions) == 1
    attempt, = check.deliveries(client)
    assert attempt['relay'].startswith(f'{srv.host}[{srv.addresses[0]}]')


@pytest.mark.parametrize('scheme', SECURE)
@pytest.mark.parametrize('family', [4, 6])
def test_address_literal(lab, client, scheme, family):
    """The certificate is for the address."""
    srv = lab.smarthost(scheme, family=family, name='')
    client.use(srv)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.sessions[0].peer == (CLIENT6 if family == 6 else CLIENT4)


def test_port(lab, client):
    srv = lab.smarthost('smtp', port=2587)
    client.use(srv, smarthost=srv.url + ':2587')
    check.delivered(client, client.submit(BOB), srv, BOB)


def test_real_relay_in_clear(client, mtas):
    """OpenSMTPD, no encryption, nobody to be."""
    srv = mtas('opensmtpd')
    client.use('smtp+plain://relay.mx.opensmtpd.test')
    client.submit(BOB, body='.\nx\n').quiet()
    raw, = srv.received()
    assert raw.endswith(b'\n\n.\nx\n')
    assert client.empty()


def test_all_domains_in_one_transaction(lab, client):
    srv = lab.smarthost()
    client.use(srv)
    rcpts = sorted(f'u{i}@d{i}.anywhere.test' for i in range(20))
    check.delivered(client, client.submit(*rcpts), srv, *rcpts)
    assert len(srv.messages) == 1, 'one copy for all'


def test_no_dns_of_the_recipient(lab, client):
    """The smarthost knows better: no look-up of a recipient's domain."""
    srv = lab.smarthost()
    rogue = lab.rogue({srv.host: {'A': srv.addresses}})
    client.use(srv, nameserver=rogue.address)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert {name for name, _, _ in rogue.asked} == {srv.host}


def test_json(lab, client):
    srv = lab.smarthost()
    client.use(srv)
    run = client.postrider('--json', BOB, input='Subject: s\n\nx\n').ok()
    o, = run.objects
    assert (o['state'], o['code'], o['host'], o['address']) == \
        ('delivered', 250, srv.host, srv.addresses[0])
    assert 'TLS' in str(o['tls'])


# -- what the dialogue can do --------------------------------------------------

@pytest.mark.parametrize('scheme', SECURE)
def test_extensions_are_used(lab, client, scheme):
    """Libcurl opens the connection, the dialogue is ours."""
    srv = lab.smarthost(scheme, caps=CAPS + ['CHUNKING', 'SMTPUTF8'])
    client.use(srv)
    client.submit(BOB, options=['-N', 'success,failure', '-V', 'ticket-1'],
                  body='Grüße\n').quiet()
    m, = srv.messages
    assert m.by == 'BDAT'
    assert m.params['ENVID'] == 'ticket-1' and m.params['BODY'] == '8BITMIME'
    assert m.rcpt_params[BOB]['NOTIFY'] == 'SUCCESS,FAILURE'
    assert any(b'MAIL FROM:' in d and b'RCPT TO:' in d and b'BDAT' in d
               for _, who, d in m.session.log if who == 'C'), 'PIPELINING'


def test_no_extensions(lab, client):
    srv = lab.smarthost(caps=[])
    client.use(srv)
    client.submit(BOB, options=['-N', 'never']).quiet()
    m, = srv.messages
    assert m.by == 'DATA' and m.params == {} and m.rcpt_params[BOB] == {}


def test_offers_are_those_after_tls(lab, client):
    """What the EHLO before STARTTLS said is forgotten."""
    srv = lab.smarthost('smtp', caps=CAPS + ['CHUNKING'],
                        caps_tls=['SIZE 1000000'])
    client.use(srv)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.messages[0].by == 'DATA'


def test_size_of_the_smarthost(lab, client):
    srv = lab.smarthost(caps=['SIZE 2000', *CAPS[2:]])
    client.use(srv)
    run = client.submit(BOB, body='x' * 70 * 50 + '\n')
    check.refused(client, run, check.DATAERR, BOB, status='5.3.4')
    assert srv.messages == []


def test_verbose(lab, client):
    srv = lab.smarthost('smtp')
    client.use(srv)
    run = client.submit(BOB, options=['-v']).ok()
    for part in ('220 ', 'EHLO client.prb.test', 'STARTTLS', 'AUTH PLAIN',
                 'MAIL FROM:', f'RCPT TO:<{BOB}>', '250 2.0.0 ok queued'):
        assert part in run.stderr, run.stderr


def test_huge_body(lab, client):
    """20 MB through libcurl, byte for byte."""
    srv = lab.smarthost()
    client.use(srv)
    line = 'abcdefghijklmnopqrstuvwxyz0123456789' * 2 + '\n'
    body = line * (20_000_000 // len(line)) + '.\n..\n'
    client.submit(BOB, body=body).quiet()
    assert srv.messages[0].body == body.replace('\n', '\r\n').encode()


# -- certificates ------------------------------------------------------------------

@pytest.mark.parametrize('scheme', SECURE)
@pytest.mark.parametrize('fault, words', [
    ('unknown', ['certificate', 'ca-file']),
    ('expired', ['certificate', 'expired']),
    ('name', ['certificate', 'smtp.other.test']),
])
def test_bad_certificate(lab, client, scheme, fault, words):
    host = f'smtp.{lab.name()}'
    tls = {'unknown': lambda: lab.authority.context(host, signed=False),
           'expired': lambda: lab.authority.context(host, days='-1'),
           'name': lambda: lab.authority.context('smtp.other.test')}[fault]()
    srv = lab.smarthost(scheme, host=host, tls=tls)
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, *words)
    assert check.deliveries(client)[-1]['dsn'] == '4.7.5'
    untouched(srv)
    # It has been mended.
    srv.tls = lab.authority.context(host)
    check.retried(client, srv, BOB)


def test_system_authorities(lab, client):
    """Without ca-file the lab's authority is a stranger's."""
    srv = lab.smarthost()
    client.use(srv, without=['ca_file'])
    check.held(client, client.submit(BOB), BOB, 'certificate', 'ca-file')
    untouched(srv)


@pytest.mark.parametrize('named', [False, True], ids=['not set', 'ca-file'])
def test_system_authorities_or_ca_file(lab, client, named):
    """Whom the system trusts, or who is in ca-file; never both."""
    host = f'smtp.{lab.name()}'
    chain, _ = lab.authority.certificate(host, signed=False)
    with open(chain) as f:
        text = f.read()
    srv = lab.smarthost(host=host,
                        tls=lab.authority.context(host, signed=False))
    client.use(srv, without=[] if named else ['ca_file'])
    run = client.system(['/usr/sbin/sendmail', '-i', BOB],
                        input='Subject: x\n\nx\n',
                        files={'ssl/certs/ca-certificates.crt': text,
                               'ssl/certs/lab.pem': text})
    if named:
        check.held(client, run, BOB, 'certificate', 'ca-file')
        untouched(srv)
    else:
        check.delivered(client, run, srv, BOB)


def test_ca_file_missing(lab, client):
    srv = lab.smarthost()
    client.use(srv, ca_file='/no/such/ca.pem')
    run = client.submit(BOB)
    if run.rc == check.CONFIG:
        assert 'ca-file' in run.stderr and client.empty()
    else:
        check.held(client, run, BOB, 'ca-file')
    untouched(srv)


def test_pin(lab, client):
    """The key that is pinned, whoever signed its certificate."""
    host = f'smtp.{lab.name()}'
    srv = lab.smarthost(host=host,
                        tls=lab.authority.context(host, signed=False))
    client.use(srv, without=['ca_file'],
               tls_pin=lab.authority.pin(host, signed=False))
    check.delivered(client, client.submit(BOB), srv, BOB)


@pytest.mark.parametrize('scheme', SECURE)
def test_wrong_pin(lab, client, scheme):
    """Another key is refused, though the authority is known."""
    srv = lab.smarthost(scheme)
    client.use(srv, tls_pin=lab.authority.pin('smtp.another.test'))
    check.held(client, client.submit(BOB), BOB, 'tls-pin')
    untouched(srv)


# -- no encryption to be had -----------------------------------------------------------

@pytest.mark.parametrize('script, tls', [
    ({}, False), ({'starttls': '454 4.7.0 not now'}, None),
    ({'starttls': '502 5.5.1 no'}, None),
    # Bytes behind the 220: somebody in the middle (RFC 3207 6).
    ({'starttls': b'220 go\r\n235 2.7.0 welcome\r\n'}, None),
], ids=['not offered', '454', '502', 'injected'])
def test_starttls_or_nothing(lab, client, script, tls):
    srv = lab.smarthost('smtp', tls=tls, script=script, auth_in_clear=True)
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, 'tls')
    untouched(srv)


def test_offers_nothing_secure_at_a_tls_port(lab, client):
    """A server that speaks in clear where TLS is spoken."""
    srv = lab.smarthost('smtps', implicit=False)
    srv.tolerant = True
    client.use(srv, command_timeout='2s', connect_timeout='2s')
    check.held(client, client.submit(BOB), BOB)
    untouched(srv)


@pytest.mark.parametrize('scheme', SECURE)
def test_auth_not_offered(lab, client, scheme):
    srv = lab.smarthost(scheme, auth='')
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, 'auth')
    assert check.deliveries(client)[-1]['dsn'] == '4.7.4'
    untouched(srv)


# -- recipients of their own -------------------------------------------------------------

def test_partial(lab, client):
    srv = lab.smarthost(script={'rcpt': {'no@x.test': '550 5.1.1 unknown',
                                         'later@y.test': '451 4.3.0 busy'}})
    client.use(srv)
    run = client.submit('yes@z.test', 'no@x.test', 'later@y.test',
                        sender=check.SENDER)
    run.quiet()
    by = {d['to']: d for d in check.deliveries(client)}
    assert (by['yes@z.test']['status'], by['no@x.test']['status'],
            by['later@y.test']['status']) == ('sent', 'bounced', 'deferred')
    assert '550 5.1.1 unknown' in by['no@x.test']['text']
    assert client.queued() == ['later@y.test']
    first, report = srv.messages
    assert first.rcpts == ['yes@z.test']
    assert check.dsn(report).failed == ['no@x.test']
    srv.script = {}
    client.flush_now().ok()
    assert srv.messages[-1].rcpts == ['later@y.test']
    assert len(srv.messages) == 3 and client.empty()


def test_partial_at_a_real_server(client, mtas):
    srv = mtas('submission')
    client.use(srv.url(), password_file=client.write('pw', srv.password))
    run = client.submit('yes@z.test', 'unknown@x.test', 'later@y.test')
    run.quiet()
    assert client.queued() == ['later@y.test']
    assert len(srv.received(count=2)) == 2, 'the message and a report'
    client.postrider('--queue').ok()


def test_all_refused(lab, client):
    """Final is what the server says of a recipient, smarthost or not."""
    srv = lab.smarthost(script={'rcpt': '550 5.1.1 no such user'})
    client.use(srv)
    check.refused(client, client.submit(BOB), check.NOUSER, BOB,
                  text='no such user')


@pytest.mark.parametrize('script', [
    {'connect': ('554 5.7.1 go away', DROP)},
    {'connect': ('421 4.3.2 later', DROP)},
    {'ehlo': '550 5.7.1 no', 'helo': '550 5.7.1 no'},
    {'connect': DROP}], ids=['554', '421', 'ehlo', 'drop'])
def test_turned_away(lab, client, script):
    """Our only way out: that it is shut says nothing of a recipient."""
    srv = lab.smarthost('smtp', script=script)
    client.use(srv)
    check.held(client, client.submit(BOB), BOB)
    check.retried(client, srv, BOB)


def test_lost_after_the_dot(lab, client):
    srv = lab.smarthost(script={'dot': DROP})
    client.use(srv)
    check.deferred(client, client.submit(BOB), BOB)
    assert 'possible duplicate' in client.log()


def test_lost_between_messages(lab, client):
    """421 in the middle: the rest goes over a new connection, all once."""
    srv = lab.smarthost(script={'mail': each(None, None, (
        '421 4.7.0 enough for one connection', DROP), None)})
    client.use(srv, site_connections=1)
    files = letters(client, 6)
    client.postrider('--send', *files).quiet()
    if not client.empty():
        client.flush_now().ok()
    assert srv.recipients == sorted(f'u{i}@d.test' for i in range(6))
    assert client.empty()


@pytest.mark.parametrize('script', [
    {'mail': HANG}, {'rcpt': HANG}, {'dot': HANG}, {'mail': b'25\r\n'},
    {'mail': b'\xff\xfe\0\r\n'}, {'rcpt': RESET}, {'body': (0, RESET)}],
    ids=str)
def test_breaks_behind_auth(lab, client, script):
    """Libcurl is long out of it; the waits are ours."""
    srv = lab.smarthost(script=script)
    client.use(srv, command_timeout='1s', dot_timeout='1s')
    run = client.submit(BOB)
    check.held(client, run, BOB)
    assert run.wall < 5
    check.retried(client, srv, BOB)


def test_stops_reading(lab, client):
    """A server that takes no more, in the middle of a long text."""
    srv = lab.smarthost(script={'body': (100_000, STOP_READING)})
    client.use(srv, command_timeout='1s', dot_timeout='1s')
    run = client.submit(BOB, body=('x' * 70 + '\n') * 300_000, timeout=40)
    check.held(client, run, BOB)
    assert run.wall < 20


def test_slow_server(lab, client):
    """A byte at a time is not a fault."""
    srv = lab.smarthost('smtp', script={
        'connect': drip(b'220 smtp.slow.test ESMTP\r\n', 0.01),
        'dot': (drip(b'250-2.0.0 ok\r\n', 0.01), '250 2.0.0 queued')})
    client.use(srv)
    check.delivered(client, client.submit(BOB), srv, BOB)


def test_patience(lab, client):
    """The caller goes at its end; the work goes on behind it."""
    srv = lab.smarthost(script={'connect': (pause(2.5), '220 at last')})
    client.use(srv, wait='1s')
    run = client.submit(BOB, background=True)
    run.ok()
    assert srv.recipients == [BOB] and client.empty()


@pytest.mark.parametrize('how, stage', [
    (signal.SIGTERM, 'accept'), (signal.SIGTERM, 'mail'),
    *((signal.SIGKILL, s) for s in ('accept', 'connect', 'ehlo',
                                    'auth_command', 'mail'))])
def test_ended(lab, client, how, stage):
    """Killed: the worker sees it and ends, in libcurl as well. Asked to end:
    it goes on behind the caller's back. Nothing is lost either way."""
    srv = lab.smarthost(script={stage: HANG})
    wait = '1s' if how == signal.SIGTERM else '30s'
    client.use(srv, command_timeout=wait, connect_timeout=wait)
    p = client.start('-i', BOB, input='Subject: x\n\nx\n')
    srv.wait(lambda: srv.sessions)
    if stage not in ('accept', 'connect'):
        srv.wait(lambda: any(c.lower().startswith(stage[:4])
                             for c in srv.sessions[0].commands))
    p.send_signal(how)
    (rc, _, _), = client.finish(p, timeout=8)
    assert rc == (0 if how == signal.SIGTERM else -9)
    srv.script = {}
    client.flush_now().ok()
    assert srv.recipients == [BOB] and client.empty()


@pytest.mark.parametrize('scheme', SECURE)
def test_tls_1_2(lab, client, scheme):
    host = f'smtp.{lab.name()}'
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*lab.authority.certificate(host))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    srv = lab.smarthost(scheme, host=host, tls=context)
    client.use(srv)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.messages[0].tls == 'TLSv1.2'


def test_many_recipients(lab, client):
    """Three transactions, one connection."""
    srv = lab.smarthost()
    client.use(srv, site_connections=1)
    rcpts = sorted(f'u{i:03}@d{i % 7}.test' for i in range(250))
    check.delivered(client, client.submit(*rcpts), srv, *rcpts)
    assert [len(m.rcpts) for m in srv.messages] == [100, 100, 50]
    assert len(srv.sessions) == 1


# -- several servers -----------------------------------------------------------------------

def pair(lab, client, scheme='smtps', script=None, **settings):
    first = lab.smarthost(scheme, script=script)
    second = lab.smarthost(scheme)
    client.use(first, second, **settings)
    return first, second


def test_first_refuses_connections(lab, client):
    first, second = pair(lab, client)
    first.stop()
    check.delivered(client, client.submit(BOB), second, BOB)


def test_first_is_unreachable(lab, client):
    first, second = pair(lab, client)
    lab.net.refuse_route(first.addresses[0])
    try:
        check.delivered(client, client.submit(BOB), second, BOB)
    finally:
        lab.net.restore(first.addresses[0])


def test_first_swallows_packets(lab, client):
    first, second = pair(lab, client, connect_timeout='1s')
    lab.net.swallow(first.addresses[0])
    try:
        run = client.submit(BOB)
    finally:
        lab.net.restore(first.addresses[0])
    check.delivered(client, run, second, BOB)
    assert run.wall < 8


@pytest.mark.parametrize('scheme, script', [
    ('smtps', {'accept': HANG}), ('smtp', {'ehlo': HANG}),
    ('smtps', {'auth_command': HANG}),
    ('smtps', {'connect': ('421 4.3.2 busy', DROP)}),
    ('smtps', {'connect': ('554 5.3.2 not at all', DROP)}),
    ('smtps', {'ehlo': '451 4.3.0 later'}),
    ('smtp', {'starttls': '454 4.7.0 TLS is broken'}),
    ('smtps', {'auth': '454 4.7.0 cannot check'}),
    ('smtps', {'auth': ('421 4.7.0 cannot check', DROP)}),
    ('smtps', {'mail': '451 4.3.0 no disk'}),
    ('smtps', {'rcpt': '451 4.3.0 no disk'}),
], ids=str)
def test_first_fails(lab, client, scheme, script):
    first, second = pair(lab, client, scheme, script,
                         command_timeout='1s', connect_timeout='1s')
    run = client.submit(BOB)
    check.delivered(client, run, second, BOB)
    assert first.sessions and run.wall < 12


def test_first_has_no_address(lab, client):
    second = lab.smarthost()
    client.use('smtps://ann@smtp.no-such.test', second)
    check.delivered(client, client.submit(BOB), second, BOB)


def test_first_has_a_bad_certificate(lab, client):
    host = f'smtp.{lab.name()}'
    first = lab.smarthost(host=host,
                          tls=lab.authority.context(host, days='-1'))
    second = lab.smarthost()
    client.use(first, second)
    check.delivered(client, client.submit(BOB), second, BOB)
    untouched(first)


def test_first_is_preferred(lab, client):
    first, second = pair(lab, client)
    for _ in range(3):
        client.submit(BOB).quiet()
    assert len(first.messages) == 3 and second.sessions == []


def test_550_of_the_first_is_final(lab, client):
    first, second = pair(lab, client, script={'rcpt': '550 5.1.1 no'})
    check.refused(client, client.submit(BOB), check.NOUSER, BOB)
    assert second.sessions == []


@pytest.mark.parametrize('family', [4, 6])
def test_second_address_of_the_same_server(lab, client, family):
    srv = lab.smarthost(family=4)
    dead = lab.address(family)
    lab.dns.add({srv.host: {'A': [dead, *srv.addresses]} if family == 4 else
                 {'AAAA': [dead], 'A': srv.addresses}})
    client.use(srv)
    for _ in range(3):
        client.submit(BOB).quiet()
    assert len(srv.messages) == 3


def test_alias(lab, client):
    """The certificate is for the name in the settings, not for what the DNS
    makes of it."""
    alias = f'smtp.{lab.name()}'
    good = lab.smarthost(name=alias, tls=lab.authority.context(alias))
    lab.dns.add({alias: {'CNAME': [good.host]}})
    client.use(good)
    check.delivered(client, client.submit(BOB), good, BOB)
    good.tls = lab.authority.context(good.host)
    check.held(client, client.submit(BOB), BOB, 'certificate', good.host)


def test_all_are_dead(lab, client):
    first, second = pair(lab, client)
    first.stop()
    second.stop()
    check.held(client, client.submit(BOB), BOB)
    second.start()
    client.flush_now().ok()
    assert second.recipients == [BOB]
    assert client.empty()


def test_equal_ones_share(lab, client):
    """40 messages over many short connections: both get some."""
    a, b = lab.smarthost(), lab.smarthost()
    client.use(a, smarthost=f'{a.url},{b.url}', connection_messages=2)
    client.postrider('--send', *letters(client, 40)).quiet()
    assert sorted(a.recipients + b.recipients) == \
        sorted(f'u{i}@d.test' for i in range(40))
    assert a.messages and b.messages


def test_equal_ones_stand_in_for_each_other(lab, client):
    a, b, c = lab.smarthost(), lab.smarthost(), lab.smarthost()
    client.use(a, smarthost=f'{a.url},{b.url} {c.url}')
    a.stop()
    for _ in range(4):
        client.submit(BOB).quiet()
    assert len(b.messages) == 4
    b.stop()
    client.submit(BOB).quiet()
    assert len(c.messages) == 1


# -- the DNS of the smarthost ------------------------------------------------------------------

@pytest.mark.parametrize('what', ['SERVFAIL', 'NXDOMAIN', 'no address',
                                  'silence'])
def test_dns_fails(lab, client, what):
    """Never a bounce: it is our way out, not the recipient."""
    from lab import dns
    srv = lab.smarthost()
    rules = {'SERVFAIL': dns.servfail, 'silence': dns.silence}
    data = {srv.host: {'TXT': ['x']}} if what == 'no address' else {}
    rogue = lab.rogue(data, {'*': rules[what]} if what in rules else {})
    client.use(srv, nameserver=rogue.address, dns_timeout='2s')
    check.held(client, client.submit(BOB), BOB, srv.host)
    client.use(srv)
    check.retried(client, srv, BOB)


def srv_records(lab, domain, **services):
    """_submissions=[(priority, weight, server)], a server None is '.'."""
    lab.dns.add({f'_{name}._tcp.{domain}': {'SRV': [
        f'{p} {w} {s.port if s else 0} {s.host if s else "."}'
        for p, w, s in rows]} for name, rows in services.items()})


@pytest.mark.parametrize('service, scheme', [('submissions', 'smtps'),
                                             ('submission', 'smtp')])
def test_srv(lab, client, service, scheme):
    domain = lab.name('company')
    srv = lab.smarthost(scheme, f'out.{domain}', user=f'ann@{domain}')
    srv_records(lab, domain, **{service: [(0, 1, srv)]})
    client.use(srv, smarthost=f'auto:ann@{domain}')
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.messages[0].tls
    assert srv.credentials[0].user == f'ann@{domain}'


def test_srv_order(lab, client):
    """By priority; with the same, TLS from the start before STARTTLS."""
    domain = lab.name('company')
    user = f'ann@{domain}'
    tls1 = lab.smarthost(host=f'a.{domain}', user=user)
    tls2 = lab.smarthost(host=f'b.{domain}', user=user, port=1465)
    start = lab.smarthost('smtp', host=f'c.{domain}', user=user)
    srv_records(lab, domain, submissions=[(10, 0, tls2), (5, 0, tls1)],
                submission=[(5, 1, start)])
    client.use(tls1, smarthost=f'auto:ann@{domain}')
    for srv in (tls1, start, tls2):
        client.submit(BOB).quiet()
        assert srv.recipients == [BOB]
        srv.stop()


def test_srv_leads_elsewhere(lab, client):
    """A forged answer must not get the password (RFC 6186 6)."""
    domain, srv = lab.name('company'), lab.smarthost()
    srv_records(lab, domain, submissions=[(0, 0, srv)])
    client.use(srv, smarthost=f'auto:ann@{domain}')
    check.held(client, client.submit(BOB), BOB, domain, srv.host)
    assert srv.sessions == []


@pytest.mark.parametrize('records', [{}, {'submissions': [(0, 0, None)]}],
                         ids=['none', 'declined'])
def test_no_srv(lab, client, records):
    domain = lab.name('company')
    srv_records(lab, domain, **records)
    lab.dns.add({domain: {'A': [lab.address()]}})
    client.use(f'auto:ann@{domain}', ca_file=client.ca,
               password_file=client.write('pw', 'x\n'))
    check.held(client, client.submit(BOB), BOB, domain)


# -- proxies ---------------------------------------------------------------------------------------

@pytest.mark.parametrize('kind', ['socks', 'http_proxy'])
@pytest.mark.parametrize('scheme', SECURE)
def test_proxy(lab, client, kind, scheme):
    srv, proxy = lab.smarthost(scheme), getattr(lab, kind)()
    client.use(srv, proxy=proxy.url)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert [s.peer for s in srv.sessions] == [proxy.address]


@pytest.mark.parametrize('kind', ['socks', 'http_proxy'])
def test_proxy_knows_the_dns(lab, client, kind):
    """The client's own resolver knows nothing of the smarthost."""
    srv, proxy = lab.smarthost(), getattr(lab, kind)()
    client.use(srv, proxy=proxy.url, nameserver=lab.rogue().address)
    check.delivered(client, client.submit(BOB), srv, BOB)


def test_proxy_is_for_the_smarthost_only(lab, client):
    srv, direct, proxy = lab.smarthost(), lab.server(), lab.socks()
    client.use(srv, proxy=proxy.url, route=f'{direct.domain} direct')
    client.submit(BOB, f'a@{direct.domain}').quiet()
    assert [s.peer for s in srv.sessions] == [proxy.address]
    assert [s.peer for s in direct.sessions] == [CLIENT4]


@pytest.mark.parametrize('scheme', ['socks5', 'http'])
def test_proxy_is_down(lab, client, scheme):
    srv, address = lab.smarthost(), lab.address()
    client.use(srv, proxy=f'{scheme}://{address}:1080')
    check.held(client, client.submit(BOB), BOB, 'proxy', address)
    assert srv.sessions == []


@pytest.mark.parametrize('kind', ['socks', 'http_proxy'])
def test_smarthost_is_down_behind_a_proxy(lab, client, kind):
    srv, proxy = lab.smarthost(), getattr(lab, kind)()
    srv.stop()
    client.use(srv, proxy=proxy.url)
    check.held(client, client.submit(BOB), BOB, 'proxy')
    srv.start()
    check.retried(client, srv, BOB)


# -- many messages ----------------------------------------------------------------------------------

def letters(client, n):
    return [client.write(f'letters/{i:05}', f'To: u{i}@d.test\n'
                         f'Subject: {i}\n\nmessage {i}\n') for i in range(n)]


@pytest.mark.parametrize('scheme', SECURE)
def test_one_connection_for_all(lab, client, scheme):
    srv = lab.smarthost(scheme)
    client.use(srv, site_connections=1)
    client.postrider('--send', *letters(client, 30)).quiet()
    assert srv.recipients == sorted(f'u{i}@d.test' for i in range(30))
    assert len(srv.sessions) == 1
    assert len(srv.credentials) == 1


def test_one_connection_at_a_real_server(client, mtas):
    srv = mtas('submission')
    client.use(srv.url(), site_connections=1,
               password_file=client.write('pw', srv.password))
    before = srv.logs().count('sasl_method=')
    client.postrider('--send', *letters(client, 30)).quiet()
    assert len(srv.received(count=30)) == 30
    log = srv.logs()
    assert log.count('sasl_method=') - before == 30, 'each names who sent it'
    assert log.rstrip().count('connect from') >= 1
    assert client.empty()


def test_ten_thousand(lab, client, capsys):
    """All arrive, each once, over at most four connections at a time."""
    n = 10_000
    srv = lab.smarthost(caps=CAPS + ['CHUNKING'])
    client.use(srv, site_connections=4, connection_messages=1000,
               wait='10m')
    box = ''.join(f'From x Sun Nov 22 10:00:00 2026\nTo: u{i}@d{i % 97}.test\n'
                  f'Subject: {i}\n\nmessage {i}\n\n' for i in range(n))
    run = client.postrider('--send', client.write('box', box), timeout=150)
    run.quiet()
    assert len(srv.messages) == n
    assert sorted(m.rcpts[0] for m in srv.taken) == \
        sorted(f'u{i}@d{i % 97}.test' for i in range(n))
    assert 1 <= srv.most_at_once <= 4
    assert len(srv.sessions) <= 4 + 2 * n // 1000
    assert client.empty()
    with capsys.disabled():
        print(f'\n{n} messages in {run.wall:.1f} s: {n / run.wall:.0f}/s, '
              f'{len(srv.sessions)} connections')


# -- libcurl is loaded by who needs it -----------------------------------------------------------------

def hold(stage):
    """A script that holds this stage until the event is set."""
    event = threading.Event()

    def wait(session, arg):
        event.wait(30)
    return event, {stage: wait}


def libraries(client, srv, event, *args):
    """The processes with libcurl mapped, and all, while srv waits."""
    with client.spy() as spy:
        p = client.start('-i', *args, input='Subject: x\n\nx\n')
        try:
            srv.wait(lambda: srv.sessions)
            found = spy.maps('libcurl')
        finally:
            event.set()
        (rc, _, err), = client.finish(p)
    assert rc == 0, err
    return found


def test_direct_mail_does_not_load_libcurl(lab, client):
    event, script = hold('connect')
    direct = lab.server(script=script)
    client.use(lab.smarthost(), route=f'{direct.domain} direct')
    loaded, everybody = libraries(client, direct, event,
                                  f'a@{direct.domain}')
    assert loaded == [] and len(everybody) >= 2
    assert direct.recipients == [f'a@{direct.domain}']


def test_smarthost_loads_libcurl(lab, client):
    event, script = hold('connect')
    srv = lab.smarthost('smtp', script=script)
    client.use(srv)
    loaded, everybody = libraries(client, srv, event, BOB)
    assert loaded and len(everybody) >= 2
    assert srv.recipients == [BOB]


def test_queueing_does_not_load_libcurl(lab, client):
    srv = lab.smarthost()
    client.use(srv)
    run = client.run(['strace', '-f', '-e', 'trace=openat', '-o',
                      os.path.join(client.folder, 'calls'),
                      *client.argv('-odq', BOB, program='sendmail')],
                     input='Subject: x\n\nx\n').quiet()
    assert run.rc == 0
    with open(os.path.join(client.folder, 'calls')) as f:
        calls = f.read()
    assert 'libcurl' not in calls and 'openat' in calls
    client.flush_now().ok()
    assert srv.recipients == [BOB]


# -- smarthost-command --------------------------------------------------------------------------------------

def test_command_says_where(lab, client):
    srv = lab.smarthost()
    client.use(srv, without=['smarthost'],
               smarthost_command=f'echo "{srv.url}"')
    check.delivered(client, client.submit(BOB), srv, BOB)


def test_command_says_none(lab, client):
    direct = lab.server()
    client.use(smarthost_command='echo none')
    rcpt = f'a@{direct.domain}'
    check.delivered(client, client.submit(rcpt), direct, rcpt)


@pytest.mark.parametrize('command, word', [
    ('echo no network >&2; exit 3', 'no network'),
    ('exit 1', 'smarthost-command'), ('echo rubbish://x', 'smarthost-command'),
    ('/no/such/program', 'smarthost-command')])
def test_command_fails(lab, client, command, word):
    """Not known now is not direct."""
    direct = lab.server()
    client.use(smarthost_command=command)
    rcpt = f'a@{direct.domain}'
    check.held(client, client.submit(rcpt), rcpt, word)
    assert direct.sessions == []
    client.use()
    check.retried(client, direct, rcpt)


# -- what a mistake in the settings says ---------------------------------------------------------------------

@pytest.mark.parametrize('line', [
    'smarthost ftp://x.test', 'smarthost smtps://ann:secret@x.test',
    'smarthost smtp+plain://ann@x.test', 'smarthost smtps://',
    'smarthost smtps://x.test:0', 'tls-pin sha256//abc', 'auth magic',
    'proxy gopher://x:1', 'source-address nowhere'])
def test_bad_setting(client, line):
    client.write_conf(raw=line + '\n')
    for args in (['--check-config'], ['-i', BOB]):
        run = client.postrider(*args, input='Subject: x\n\nx\n')
        assert run.rc == check.CONFIG, repr(run)
        assert line.split()[0] in run.stderr and client.conf in run.stderr
        assert 'secret' not in run.stderr, 'no password in a complaint'
