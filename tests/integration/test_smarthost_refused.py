"""A smarthost that does not accept who we are, beside one that does; accounts
that differ in little."""
import pytest

from lab import check
from lab.net import SECOND4
from lab.smtpd import each

BOB = 'bob@anywhere.test'


def logins(srv):
    return [c for s in srv.sessions for c in s.commands
            if c.startswith('AUTH')]


def errors(client, word):
    return [line for line in client.log().splitlines()
            if word in line and ' to=<' not in line]


def test_every_address_once(lab, client):
    """One name with three addresses is one login."""
    servers = [lab.smarthost(auth='PLAIN', users={'ann': 'other'})
               for _ in range(3)]
    lab.dns.add({servers[0].host: {'A': [a for s in servers
                                         for a in s.addresses]}})
    client.use(servers[0])
    check.held(client, client.submit(BOB), BOB, '535')
    assert sum(len(logins(s)) for s in servers) == 1


def test_the_second_makes_up_for_the_first(lab, client):
    """It is said all the same, and the first is not tried again and again."""
    first = lab.smarthost(auth='PLAIN', users={'ann': 'other'})
    second = lab.smarthost(auth='PLAIN')
    client.use(second, smarthost=f'{first.url} {second.url}')
    for i in range(4):
        client.submit(f'u{i}@d.test').quiet()
    assert len(second.messages) == 4
    assert len(logins(first)) == 1
    assert len(errors(client, '535')) == 1
    text = client.postrider('--explain', BOB).stdout
    assert '535' in text and 'password-file' in text, text
    # set right, it is the first again
    client.use(second, smarthost=f'{first.url} {second.url}')
    first.users = {'ann': second.password}
    client.submit(BOB).quiet()
    assert len(first.messages) == 1
    assert '535' not in client.postrider('--explain', BOB).stdout


def test_a_refusal_is_what_is_told(lab, client):
    """Not what the last of several said."""
    first = lab.smarthost(auth='PLAIN', users={'ann': 'other'})
    second = lab.smarthost(script={'connect': '421 4.3.2 busy'})
    client.use(first, second)
    check.held(client, client.submit(BOB), BOB, '535', 'password-file')


@pytest.mark.parametrize('reply, status', [
    ('535 5.7.8 no', '4.7.8'), ('535 no', '4.7.8'), ('534 no', '4.7.9'),
    ('534 5.7.9 an app password, please', '4.7.9'),
    ('530 5.7.0 not like that', '4.7.0'), ('538 no', '4.7.11'),
    ('504 5.5.4 what is that', '4.5.4'), ('504 what is that', '4.5.4'),
    ('550 5.7.1 your address is blocked', '4.7.1'),
    ('432 4.7.12 a new password', '4.7.12'), ('454 no', '4.7.0')])
def test_status(lab, client, reply, status):
    srv = lab.smarthost(auth='PLAIN', script={'auth': reply})
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, reply[:3])
    assert check.deliveries(client)[-1]['dsn'] == status


@pytest.mark.parametrize('reply, status', [
    ('554 5.7.1 blocked', '4.7.1'), ('421 4.7.0 slow down', '4.7.0'),
    ('421 busy', '4.3.2')])
def test_status_of_a_greeting(lab, client, reply, status):
    srv = lab.smarthost(script={'connect': reply})
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, reply[:3])
    assert check.deliveries(client)[-1]['dsn'] == status


@pytest.mark.parametrize('reply', [
    '530 5.7.0 Authentication required', '530 authenticate first',
    '503 5.5.4 Error: send AUTH command first'])
def test_wants_a_login(lab, client, reply):
    """For the administrator to mend, and not the end of the mail."""
    srv = lab.smarthost('smtp+plain', script={'mail': reply})
    client.use(srv)
    check.held(client, client.submit(BOB), BOB, reply[:3])


@pytest.mark.parametrize('own', [
    'hostname pc.work.test', 'source-address {address}', 'proxy {proxy}'])
def test_accounts_that_differ_in_one_setting(lab, client, own):
    """Same server, same user, same password: two ways out all the same."""
    srv = lab.smarthost()
    proxy = lab.socks()
    client.use(srv, raw=f'''
account work
from *@work.test
{own.format(address=SECOND4, proxy=proxy.url)}
''')
    client.submit('a@a.test', sender='me@other.test').quiet()
    client.submit('b@b.test', sender='me@work.test').quiet()
    assert len(srv.messages) == 2 and len(srv.sessions) == 2
    one, two = srv.sessions
    assert (one.peer, one.commands[0]) != (two.peer, two.commands[0])


def test_report_goes_by_the_account(lab, client):
    """of the sender whom it is for, as his mail did."""
    srv = lab.smarthost(script={'rcpt': each('550 5.1.1 no such user', None)})
    direct = lab.server()
    client.use(raw=f'''
account work
from *@{direct.domain}
smarthost {srv.url}
password-file {client.write('pw', srv.password)}
ca-file {client.ca}
''')
    client.submit(BOB, 'ok@b.test', sender=f'me@{direct.domain}').quiet()
    assert sorted(srv.recipients) == [f'me@{direct.domain}', 'ok@b.test']
    assert direct.sessions == []
