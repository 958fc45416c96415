"""Routes: which way which mail goes.  Accounts: as whom it goes there."""
import json

import pytest

from lab import check
from lab.net import CLIENT4, SECOND4, SECOND6

BOB = 'bob@anywhere.test'


def account(client, name, srv, *lines):
    """An account block for a scripted provider."""
    path = client.write(f'password.{name}', srv.password + '\n')
    return '\n'.join([f'account {name}', f'smarthost {srv.url}',
                      f'password-file {path}', f'ca-file {client.ca}',
                      *lines, ''])


def explain(client, *args):
    """--explain --json: one object per address."""
    return client.postrider('--explain', '--json', *args).objects


# -- kinds of ways -------------------------------------------------------------

def test_direct_beside_a_smarthost(lab, client):
    srv, direct = lab.smarthost(), lab.server()
    client.use(srv, route=f'{direct.domain} direct')
    near, far = f'a@{direct.domain}', BOB
    client.submit(near, far).quiet()
    assert direct.recipients == [near] and srv.recipients == [far]
    assert client.empty()


def test_smarthost_beside_direct(lab, client):
    srv, direct = lab.smarthost(), lab.server()
    client.use(raw='route *.far.test smarthost out\n' +
               account(client, 'out', srv))
    client.submit('x@a.far.test', f'a@{direct.domain}').quiet()
    assert srv.recipients == ['x@a.far.test']
    assert direct.recipients == [f'a@{direct.domain}']


@pytest.mark.parametrize('how', ['name', 'address', 'name and port',
                                 'IPv6 and port'])
def test_host(lab, client, how):
    """One host, as if it were the MX: no AUTH, TLS as offered."""
    family = 6 if 'IPv6' in how else 4
    port = 2525 if 'port' in how else 25
    host = f'relay.{lab.name()}'
    inner = lab.smtpd(lab.address(family), port=port, name=host,
                      tls=lab.authority.context(host))
    lab.dns.add({host: {'AAAA' if family == 6 else 'A': inner.addresses}})
    target = inner.addresses[0] if how == 'address' else host
    if 'port' in how:
        target = f'[{inner.addresses[0]}]:{port}' if family == 6 else \
            f'{host}:{port}'
    srv = lab.smarthost()
    client.use(srv, route=f'*.intern.test intern.test host {target}')
    client.submit('a@intern.test', 'b@x.intern.test', BOB).quiet()
    assert inner.recipients == ['a@intern.test', 'b@x.intern.test']
    assert len(inner.messages) == 1 and inner.messages[0].tls
    assert srv.recipients == [BOB]


def test_host_is_down(lab, client):
    host = f'relay.{lab.name()}'
    inner = lab.smtpd(name=host)
    lab.dns.add({host: {'A': inner.addresses}})
    inner.stop()
    client.write_conf(route=f'intern.test host {host}')
    check.held(client, client.submit('a@intern.test'), 'a@intern.test')
    inner.start()
    client.flush_now().ok()
    assert inner.recipients == ['a@intern.test'] and client.empty()


def test_host_without_dns(client):
    """A mistake of ours: later, never a bounce."""
    client.write_conf(route='intern.test host relay.no-such.test')
    check.held(client, client.submit('a@intern.test'), 'a@intern.test',
               'relay.no-such.test')


def test_discard(lab, client):
    srv = lab.smarthost()
    client.use(srv, route='*@void.test discard')
    client.submit('x@void.test', BOB).quiet()
    assert srv.recipients == [BOB]
    assert client.empty()
    attempt, = check.deliveries(client, 'x@void.test')
    assert attempt['status'] == 'sent' and 'discard' in attempt['text'].lower()
    run = client.submit('x@void.test')
    run.quiet()
    assert client.empty()


@pytest.mark.parametrize('rule, status, text', [
    ('refuse', '5.7.1', ''), ('refuse We do not write there.', '5.7.1',
                              'We do not write there.'),
    ('refuse 5.1.6 Moved to Mars', '5.1.6', 'Moved to Mars')])
def test_refuse(lab, client, rule, status, text):
    srv = lab.smarthost()
    client.use(srv, route=f'*@away.test {rule}')
    run = client.submit('x@away.test')
    check.refused(client, run, (check.NOUSER, check.UNAVAILABLE),
                  'x@away.test', text=text, status=status)
    assert srv.sessions == []


def test_refuse_one_of_two(lab, client):
    """Exit 0, the other is sent, and the sender is told by mail."""
    srv = lab.smarthost()
    client.use(srv, route='*@away.test refuse No.')
    client.submit('x@away.test', BOB, sender=check.SENDER).quiet()
    first, report = srv.messages
    assert first.rcpts == [BOB]
    assert check.dsn(report).failed == ['x@away.test']
    assert 'No.' in report.data.decode()


def test_all_ways_at_once(lab, client):
    srv, direct, inner = lab.smarthost(), lab.server(), lab.server()
    client.use(srv, route=[
        f'{direct.domain} direct', f'*@in.test host {inner.host}',
        'void.test discard', 'gone.test refuse gone'])
    client.submit(f'a@{direct.domain}', 'b@in.test', 'c@void.test',
                  'd@gone.test', BOB, sender=check.SENDER).quiet()
    assert direct.recipients == [f'a@{direct.domain}']
    assert inner.recipients == ['b@in.test']
    assert srv.recipients == [BOB, check.SENDER]
    assert client.empty()


# -- which rule fits -------------------------------------------------------------

@pytest.mark.parametrize('pattern, fits, fits_not', [
    ('a.test', ['x@a.test', 'Y@A.TEST'], ['x@b.a.test', 'x@aa.test']),
    ('.a.test', ['x@b.a.test', 'x@c.b.a.test'], ['x@a.test']),
    ('*.a.test', ['x@b.a.test'], ['x@a.test']),
    ('ann@a.test', ['ann@a.test', 'ANN@A.test'], ['bob@a.test']),
    ('ann@*', ['ann@b.test'], ['bann@b.test']),
    ('*+news@*.a.test', ['x+news@b.a.test'], ['x@b.a.test']),
    ('root@host?.a.test', ['root@host1.a.test'], ['root@host12.a.test']),
    ('m\u00fcnchen.test', ['x@m\u00fcnchen.test', 'x@xn--mnchen-3ya.test'],
     ['x@munchen.test']),
    ('a.test b.test', ['x@a.test', 'x@b.test'], ['x@c.test']),
    ('*', ['x@a.test', 'y@b.test'], [])])
def test_pattern(client, pattern, fits, fits_not):
    client.write_conf(route=[f'{pattern} discard', '* refuse'])
    for address, way in [*((a, 'discard') for a in fits),
                         *((a, 'refuse') for a in fits_not)]:
        o, = explain(client, address)
        assert o['way'] == way, (address, o)


def test_first_rule_counts(client):
    client.write_conf(route=['boss@a.test refuse one', '*@a.test discard',
                             '* refuse three', '*@b.test discard'])
    run = client.postrider('--explain', '--json', 'boss@a.test', 'x@a.test',
                           'x@b.test')
    assert [(o['way'], o.get('text')) for o in run.objects] == [
        ('refuse', 'one'), ('discard', None), ('refuse', 'three')]
    # Where the rule is written.
    assert [o['rule'].startswith(f'{client.conf}:{n}:') for o, n in zip(
        run.objects, range(5, 8))] == [True] * 3, run.stdout


def test_rule_by_sender(lab, client):
    srv, direct = lab.smarthost(), lab.server()
    rcpt = f'a@{direct.domain}'
    client.use(srv, route=['from:cron@* discard',
                           f'{direct.domain} from:boss@* direct'])
    client.submit(rcpt, sender='cron@x.test').quiet()
    client.submit(rcpt, sender='boss@x.test', subject='1').quiet()
    client.submit(rcpt, sender='else@x.test', subject='2').quiet()
    assert [m.field('Subject') for m in direct.messages] == [['1']]
    assert [m.field('Subject') for m in srv.messages] == [['2']]


def test_rule_for_the_null_sender(lab, client):
    """Reports may go another way than mail."""
    srv, inner = lab.smarthost(), lab.server()
    client.use(srv, route=f'from:<> host {inner.host}')
    client.submit('bad@x.test', BOB).quiet()
    assert inner.sessions == []
    srv.script = {'rcpt': {'bad@x.test': '550 5.1.1 no'}}
    client.submit('bad@x.test', BOB, sender=check.SENDER).quiet()
    report, = inner.messages
    assert check.dsn(report).failed == ['bad@x.test']


# -- --explain ------------------------------------------------------------------------

def test_explain(lab, client):
    """What people read."""
    srv = lab.smarthost('smtp')
    client.use(srv, route=['*@void.test discard', '*@gone.test refuse Gone.'])
    text = client.postrider('--explain', BOB).ok().stdout
    for word in (BOB, srv.host, srv.addresses[0], '587', 'STARTTLS',
                 'user ann', 'password', client.ca):
        assert word in text, (word, text)
    assert 'discard *' in text or 'thrown away' in client.postrider(
        '--explain', 'x@void.test').ok().stdout
    run = client.postrider('--explain', 'x@gone.test')
    assert run.rc == check.UNAVAILABLE and 'Gone.' in run.stdout
    assert srv.sessions == [], 'nothing is sent, nobody is asked'


def test_explain_json(lab, client):
    srv, direct = lab.smarthost(), lab.server()
    client.use(srv, route=f'{direct.domain} direct',
               raw=account(client, 'work', srv, 'from *@work.test'))
    a, b = explain(client, f'a@{direct.domain}', BOB)
    assert (a['version'], a['way'], a['exit']) == (1, 'direct', 0)
    assert a['hosts'][0]['host'] == direct.host
    assert a['hosts'][0]['addresses'] == direct.addresses
    assert (b['way'], b['account'], b['rule']) == ('smarthost', '', '')
    host, = b['hosts']
    assert (host['host'], host['port'], host['user']) == (srv.host, 465, 'ann')
    b, = explain(client, '-f', 'me@work.test', BOB)
    assert b['account'] == 'work'
    b, = explain(client, '--account', 'work', BOB)
    assert b['account'] == 'work'
    assert srv.password not in json.dumps([a, b])


def test_explain_trouble(lab, client):
    client.use('smtps://ann@smtp.no-such.test',
               password_file=client.write('pw', 'x\n'))
    run = client.postrider('--explain', BOB)
    assert run.rc == check.TEMPFAIL and 'smtp.no-such.test' in run.stdout


# -- accounts -----------------------------------------------------------------------------

@pytest.fixture
def two(lab, client):
    """A default smarthost and two accounts."""
    main, work, home = (lab.smarthost() for _ in range(3))
    client.use(main, raw=account(client, 'work', work, 'from *@work.test '
                                 'boss@other.test', 'hostname pc.work.test') +
               account(client, 'home', home, 'from home.test',
                       f'source-address {SECOND4}'))
    return main, work, home


@pytest.mark.parametrize('sender, n', [
    ('me@work.test', 1), ('boss@other.test', 1), ('me@home.test', 2),
    ('me@other.test', 0), ('', 0)])
def test_account_by_sender(client, two, sender, n):
    client.submit(BOB, sender=sender).quiet()
    assert [len(s.messages) for s in two] == [int(i == n) for i in range(3)]


def test_account_by_option(client, two):
    client.submit(BOB, options=['--account', 'home']).quiet()
    client.submit(BOB, sender='me@home.test',
                  options=['--account', 'work']).quiet()
    main, work, home = two
    assert len(home.messages) == len(work.messages) == 1
    assert main.messages == []


def test_hostname_of_an_account(client, two):
    _, work, home = two
    client.submit(BOB, sender='me@work.test').quiet()
    client.submit(BOB, sender='me@home.test').quiet()
    assert work.messages[0].session.helo == 'pc.work.test'
    assert home.messages[0].session.helo == 'client.prb.test'


def test_source_address(client, two):
    main, work, home = two
    for name in 'work', 'home', 'other':
        client.submit(BOB, sender=f'me@{name}.test').quiet()
    assert [s.sessions[0].peer for s in (main, work, home)] == \
        [CLIENT4, CLIENT4, SECOND4]


def test_source_address_of_direct_mail(lab, client):
    """One of each family, outside of any account."""
    four, six = lab.server(), lab.server(family=6)
    client.write_conf(source_address=f'{SECOND4} {SECOND6}')
    client.submit(f'a@{four.domain}', f'a@{six.domain}').quiet()
    assert four.messages[0].session.peer == SECOND4
    assert six.messages[0].session.peer == SECOND6


def test_source_address_is_not_ours(lab, client):
    srv = lab.smarthost()
    client.use(srv, source_address='198.18.0.1')
    check.held(client, client.submit(BOB), BOB, '198.18.0.1')


def test_rule_names_an_account(lab, client, two):
    main, work, home = two
    with open(client.conf) as f:
        text = f.read()
    client.write('postrider.conf', 'route *@partner.test smarthost home\n' +
                 text)
    client.submit('x@partner.test', BOB, sender='me@work.test').quiet()
    assert home.recipients == ['x@partner.test']
    assert work.recipients == [BOB]


def test_account_without_a_smarthost_of_its_own(lab, client):
    """It goes where all goes, with a name of its own."""
    srv = lab.smarthost()
    client.use(srv, raw='account cron\nfrom cron@*\nhostname cron.test\n')
    client.submit(BOB, sender='cron@x.test').quiet()
    assert srv.messages[0].session.helo == 'cron.test'
    assert srv.credentials[0].user == 'ann'


def test_unknown_account(client, two):
    run = client.submit(BOB, options=['--account', 'nobody'])
    assert run.rc in (check.USAGE, check.CONFIG), repr(run)
    assert 'nobody' in run.stderr and client.empty()


@pytest.mark.parametrize('line', [
    'route x.test smarthost nobody', 'route x.test host', 'route discard it',
    'route from: direct', 'account',
    'account work\naccount work', 'route a@b@c direct'])
def test_bad_line(client, line):
    client.write_conf(raw=line + '\n')
    run = client.postrider('--check-config').ok(check.CONFIG)
    assert client.conf in run.stderr, repr(run)


# -- accounts and the queue --------------------------------------------------------------------

def test_queue_keeps_the_account(client, two):
    main, work, home = two
    home.stop()
    client.submit(BOB, options=['--account', 'home']).quiet()
    assert client.queued() == [BOB]
    home.start()
    client.flush_now().ok()
    assert home.recipients == [BOB]
    assert main.sessions == [] and work.sessions == [] and client.empty()


def test_queue_only_keeps_the_account(client, two):
    client.submit(BOB, options=['--account', 'work', '-odq']).quiet()
    client.flush_now().ok()
    assert two[1].recipients == [BOB]


def test_account_of_a_queued_message_is_gone(lab, client, two):
    """It waits, and says for what."""
    main = two[0]
    client.submit(BOB, options=['--account', 'home', '-odq']).quiet()
    saved = open(client.conf).read()
    client.use(main)
    client.flush_now()
    assert client.queued() == [BOB]
    attempt = check.deliveries(client, BOB)[-1]
    assert attempt['status'] == 'deferred' and 'home' in attempt['text']
    assert main.sessions == []
    client.write('postrider.conf', saved)
    client.flush_now().ok()
    assert two[2].recipients == [BOB] and client.empty()


def test_settings_change_while_it_waits(lab, client):
    """The way is found anew at each attempt."""
    old, new = lab.smarthost(), lab.smarthost()
    old.stop()
    client.use(old)
    check.held(client, client.submit(BOB), BOB)
    client.use(new)
    client.flush_now().ok()
    assert new.recipients == [BOB] and client.empty()


def test_trouble_of_one_account_is_its_own(client, two):
    """A wrong password there does not hold up the others."""
    main, work, home = two
    client.write('password.work', 'wrong\n')
    client.submit(BOB, sender='me@work.test').quiet()
    assert client.queued() == [BOB]
    client.submit(BOB, sender='me@home.test').quiet()
    client.submit(BOB, sender='me@other.test').quiet()
    assert len(home.messages) == len(main.messages) == 1


def test_same_server_two_users(lab, client):
    """Mail of one account never goes over the connection of another."""
    srv = lab.smarthost(users={'ann': 'pa', 'eve': 'pe'})
    eve = srv.url.replace('ann@', 'eve@')
    client.use(route=['*@a.test smarthost a', '*@e.test smarthost e'], raw=f'''
account a
smarthost {srv.url}
password-file {client.write('pa', 'pa')}
ca-file {client.ca}
account e
smarthost {eve}
password-file {client.write('pe', 'pe')}
ca-file {client.ca}
''')
    files = [client.write(f'm/{i}', f'To: x@{"ae"[i % 2]}.test\n'
                                    f'Subject: {i}\n\nx\n') for i in range(10)]
    client.postrider('--send', *files).quiet()
    assert len(srv.messages) == 10
    for m in srv.taken:
        want = {'x@a.test': 'ann', 'x@e.test': 'eve'}[m.rcpts[0]]
        assert m.session.user == want


def test_system_wide(lab, client):
    """From /etc/postrider.conf, for callers that know nothing of it."""
    srv = lab.smarthost()
    client.use(srv)
    run = client.system(['/usr/sbin/sendmail', '-i', BOB],
                        input='Subject: s\n\nx\n')
    assert run.rc == 0, repr(run)
    assert srv.recipients == [BOB]
