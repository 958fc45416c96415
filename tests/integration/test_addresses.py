"""Forward-paths and reverse-paths: odd ones, wrong ones, hostile ones."""
import pytest

from lab import check, rules


@pytest.mark.parametrize('local', [
    'a', "o'hara", 'a+b=c', '!#$%&*/?^_`{|}~', 'x' * 64, 'UPPER.Case',
    '"quoted blank"', r'"with\"quote"', r'"back\\slash"', '"a>b"', '"a@b"',
    '"a,b"', '"."', '"-dash"', '%s%n', 'a%b'])
def test_odd_but_valid(lab, client, local):
    srv = lab.server()
    run = client.submit(f'{local}@{srv.domain}')
    run.quiet()
    got, = srv.recipients
    assert _plain(got) == _plain(f'{local}@{srv.domain}')


def _plain(path):
    """Local part without needless quoting."""
    local, _, domain = path.rpartition('@')
    if local.startswith('"'):
        inner = local[1:-1].replace('\\"', '"').replace('\\\\', '\\')
    else:
        inner = local
    return inner, domain.lower()


@pytest.mark.parametrize('bad', [
    'a b@x.test', 'a..b@x.test', '.a@x.test', 'a.@x.test', '@x.test', 'a@',
    'a@-x.test', 'a@x..test', 'a@[300.1.1.1]', 'a@[IPv6:zz]', 'a@x_y@z',
    '<a@x.test', 'a@x.test>', '', 'a@' + 'l' * 64 + '.test',
    'a@' + '.'.join(['abcdefghi'] * 30) + '.test', 'x' * 400 + '@x.test',
    'a\rb@x.test', 'a\n@x.test', 'a@x.test\r\nRCPT TO:<evil@x.test>',
    'a\x7f@x.test', 'a\x01@x.test'])
def test_invalid(lab, client, bad):
    """Refused with a word about it, before anything is connected to."""
    run = client.submit(bad)
    assert run.rc in (64, 65, 67, 68), repr(run)
    assert run.stderr and client.empty()


def test_invalid_one_does_not_touch_the_others(lab, client):
    srv = lab.server()
    back = lab.server()
    run = client.submit('a..b@x.test', f'ok@{srv.domain}',
                        sender=f'me@{back.domain}')
    assert srv.recipients == [f'ok@{srv.domain}']
    assert run.rc == 0
    report, = back.messages
    assert 'a..b' in str(report.email)


@pytest.mark.parametrize('sender', [
    'x\r\nRCPT TO:<evil@x.test>', 'x\nDATA', 'a b', 'x>RCPT TO:<evil@x.test',
    '-oQ/tmp', 'a@b c'])
def test_hostile_sender(lab, client, sender):
    """No line of ours comes from an argument."""
    srv = lab.server()
    run = client.sendmail('-f', sender, f'bob@{srv.domain}',
                          input='Subject: s\n\nb\n')
    if run.rc == 0:
        m, = srv.messages
        assert rules.PATH.fullmatch(f'<{m.sender}>'), m.sender
        assert m.rcpts == [f'bob@{srv.domain}']
    else:
        assert run.rc in (64, 65), repr(run)
        assert srv.sessions == []


@pytest.mark.parametrize('given', ['', '<>'])
@pytest.mark.parametrize('flag', ['-f', '-r'])
def test_null_sender(lab, client, given, flag):
    srv = lab.server()
    client.sendmail(flag, given, f'bob@{srv.domain}',
                    input='Subject: s\n\nb\n').quiet()
    assert srv.messages[0].sender == ''


@pytest.mark.parametrize('args, want', [
    ([], 'root@client.prb.test'), (['-fa@b.test'], 'a@b.test'),
    (['-f', 'a@b.test'], 'a@b.test'), (['-r', 'a@b.test'], 'a@b.test'),
    (['-f', '<a@b.test>'], 'a@b.test'), (['-f', 'joe'],
                                         'joe@client.prb.test'),
    (['-f', 'x@y.test', '-f', 'a@b.test'], 'a@b.test')])
def test_sender(lab, client, args, want):
    srv = lab.server()
    client.write_conf(origin='client.prb.test')
    client.sendmail(*args, f'bob@{srv.domain}',
                    input='From: other@c.test\n\nb\n').quiet()
    assert srv.messages[0].sender == want


@pytest.mark.parametrize('arg', ['a@{d},b@{d}', 'a@{d}, b@{d}',
                                 'A <a@{d}>, "B, C" <b@{d}>'])
def test_argument_is_a_list(lab, client, arg):
    srv = lab.server()
    client.submit(arg.format(d=srv.domain)).quiet()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']


def test_source_route_is_stripped(lab, client):
    srv = lab.server()
    run = client.submit(f'<@relay.test:bob@{srv.domain}>')
    if run.rc == 0:
        assert srv.recipients == [f'bob@{srv.domain}']
    else:
        assert run.rc in (64, 65, 67)


def test_literal(lab, client):
    srv = lab.server()
    rcpt = f'bob@[{srv.addresses[0]}]'
    client.submit(rcpt).quiet()
    assert srv.recipients == [rcpt]


@pytest.mark.parametrize('literal', ['[127.0.0.1]', '[IPv6:::1]',
                                     '[192.0.2.1]', '[0.0.0.0]'])
def test_literal_of_ourselves(client, literal):
    check.refused(client, client.submit(f'bob@{literal}'), (65, 68, 69),
                  f'bob@{literal}')


def test_unqualified_recipient(lab, client):
    srv = lab.server()
    client.write_conf(origin=srv.domain)
    client.submit('root').quiet()
    assert srv.recipients == [f'root@{srv.domain}']


def test_case_of_domain_and_of_local_part(lab, client):
    srv = lab.server()
    d = srv.domain
    client.submit(f'a@{d}', f'a@{d.upper()}', f'A@{d}').quiet()
    assert sorted(r.split('@')[0] for r in srv.recipients) == ['A', 'a']


def test_idn_domain(lab, client):
    srv = lab.server('xn--bcher-kva.test')
    client.submit('bob@bücher.test').quiet()
    assert srv.recipients == ['bob@xn--bcher-kva.test']


def test_utf8_local_part(lab, client):
    """SMTPUTF8 where it is offered, otherwise 5.6.7, never mangled."""
    with_it = lab.server(caps=['PIPELINING', '8BITMIME', 'SMTPUTF8'])
    without = lab.server()
    client.submit(f'jörg@{with_it.domain}').quiet()
    m, = with_it.messages
    assert m.rcpts == [f'jörg@{with_it.domain}'] and 'SMTPUTF8' in m.params
    run = client.submit(f'jörg@{without.domain}')
    check.refused(client, run, (65, 67, 69), status='5.6.7')
    assert without.messages == []


def test_smtputf8_only_when_needed(lab, client):
    srv = lab.server(caps=['PIPELINING', '8BITMIME', 'SMTPUTF8'])
    client.submit(f'bob@{srv.domain}', body='Grüße\n').quiet()
    assert 'SMTPUTF8' not in srv.messages[0].params


@pytest.mark.parametrize('name', ['evil\r\nRCPT TO:<x@y.test>', 'a b',
                                  '%s%n', '"', 'x' * 300])
def test_hostname_is_checked(client, name):
    """Refused as configuration, or made harmless."""
    client.write_conf(hostname=name)
    run = client.submit('bob@no-such.test')
    assert run.rc in (78, 68), repr(run)
