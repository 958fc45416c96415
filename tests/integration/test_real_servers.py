"""Postfix, Exim and OpenSMTPD take our mail and keep it as it was."""
import pytest

from lab import check, mta

BODY = ('plain line\n.dot first\n..two dots\n.\nlast but one\n'
        '\n  blanks before and after  \nFrom the start of a line\n'
        '>From quoted\n' + 'x' * 998 + '\nunfinished')
NAMES = ['postfix', 'exim', 'opensmtpd', 'tls.opensmtpd']


def arrived(server, n=1):
    mails = server.received(count=n)
    assert len(mails) == n, server.logs()
    return mails


@pytest.mark.parametrize('name', NAMES)
def test_body_is_byte_equal(client, mtas, name):
    server = mtas(name.split('.')[-1])
    client.submit(f'bob@{name}.test', body=BODY).quiet()
    raw, = arrived(server)
    assert mta.body_of(raw) == BODY.encode() + b'\n'
    m = mta.parsed(raw)
    assert m['Subject'] == 'hi'
    assert 'root@client.prb.test' in m['Return-Path']


@pytest.mark.parametrize('name', NAMES)
def test_8bit_body(client, mtas, name):
    server = mtas(name.split('.')[-1])
    text = 'Grüße aus Köln\n'
    client.submit(f'bob@{name}.test', subject='8 bit', body=text).quiet()
    raw, = arrived(server)
    got = mta.parsed(raw)
    body = got.get_content() if got['Content-Transfer-Encoding'] in (
        'quoted-printable', 'base64') else mta.body_of(raw).decode()
    assert body == text


@pytest.mark.parametrize('name', ['postfix', 'exim'])
def test_encrypted(client, mtas, name):
    server = mtas(name)
    client.submit(f'bob@{name}.test').quiet()
    raw, = arrived(server)
    received = mta.parsed(raw).get_all('Received')[0].lower()
    assert 'esmtps' in received, received


@pytest.mark.parametrize('name', ['postfix', 'exim'])
def test_no_such_user(client, mtas, name):
    mtas(name)
    run = client.submit(f'unknown@{name}.test')
    check.refused(client, run, (67, 69), f'unknown@{name}.test')


@pytest.mark.parametrize('name', NAMES)
def test_two_recipients_one_refused(client, mtas, name):
    """Exit 0, and the refusal comes back to the sender."""
    server = mtas(name.split('.')[-1])
    nobody = 'postfix.test' if 'opensmtpd' in name else f'{name}.test'
    mtas('postfix')
    run = client.submit(f'bob@{name}.test', f'unknown@{nobody}',
                        sender=f'bounces@{name}.test')
    run.quiet()
    mails = [mta.parsed(raw) for raw in arrived(server, 2)]
    report = [m for m in mails if m.get_content_type() == 'multipart/report']
    assert len(report) == 1
    assert f'unknown@{nobody}' in report[0].as_string()


def test_all_at_once(client, mtas):
    rcpts = [f'u{i}@{n}.test' for n in NAMES for i in range(3)]
    for name in 'postfix', 'exim', 'opensmtpd':
        mtas(name)
    client.submit(*rcpts, subject='all').quiet()
    for name, n in ('postfix', 3), ('exim', 3), ('opensmtpd', 6):
        arrived(mtas(name), n)
    assert client.empty()
    attempts = check.deliveries(client)
    assert sorted(d['to'] for d in attempts) == sorted(rcpts)
    assert all(d['status'] == 'sent' for d in attempts)


def test_huge_message_is_refused_before_it_is_sent(client, mtas):
    """Postfix says SIZE 20480000: 5.3.4 without DATA."""
    mtas('postfix')
    run = client.submit('bob@postfix.test', body='x' * 70 + '\n',
                        subject='small').quiet()
    big = ('x' * 70 + '\n') * 300000
    run = client.submit('bob@postfix.test', body=big, subject='big')
    check.refused(client, run, (65, 69), 'bob@postfix.test')
    assert check.deliveries(client)[-1]['dsn'] == '5.3.4'
    assert run.wall < 10


def test_another_server_after_a_failure(client, lab, mtas):
    """First MX refuses connections, the second is Exim."""
    server = mtas('exim')
    lab.dns.add({'exim.test': {'MX': ['5 down.exim.test',
                                      '10 mx.exim.test']},
                 'down.exim.test': {'A': [lab.address()]}})
    try:
        client.submit('bob@exim.test', subject='second').quiet()
    finally:
        lab.dns.add({'exim.test': {'MX': ['10 mx.exim.test']}})
    raw, = arrived(server)
    assert mta.parsed(raw)['Subject'] == 'second'
