"""Who we are at a smarthost: mechanisms, where the secret comes from, that
it stays one, and what a refusal leads to."""
import base64
import ctypes
import os
import subprocess
import time

import pytest

from lab import auth, check
from lab.smtpd import DROP

BOB = 'bob@anywhere.test'
EVERYTHING = 'PLAIN LOGIN CRAM-MD5 DIGEST-MD5 XOAUTH2 OAUTHBEARER EXTERNAL'


def libcurl_has_scram():
    """Debian's libcurl is built without GNU SASL."""
    class Info(ctypes.Structure):
        _fields_ = [('age', ctypes.c_int), ('version', ctypes.c_char_p),
                    ('number', ctypes.c_uint), ('host', ctypes.c_char_p),
                    ('features', ctypes.c_int)]
    library = ctypes.CDLL('libcurl-gnutls.so.4')
    library.curl_version_info.restype = ctypes.POINTER(Info)
    return bool(library.curl_version_info(9).contents.features & 1 << 29)


def real(client, srv, scheme='smtps', **settings):
    """Use a real provider with its password."""
    settings.setdefault('password_file',
                        client.write('right', srv.password))
    client.use(srv.url(scheme), **settings)


def arrived(srv):
    raw, = srv.received()
    return raw


# -- mechanisms, real servers --------------------------------------------------

@pytest.mark.parametrize('scheme', ['smtps', 'smtp'])
@pytest.mark.parametrize('name, mechanism', [
    ('submission', None), ('submission', 'plain'), ('submission', 'login'),
    ('submission', 'cram-md5'), ('exim', None), ('exim', 'plain'), ('exim', 'login'),
    ('exim', 'cram-md5')])
def test_password(client, mtas, name, mechanism, scheme):
    srv = mtas(name)
    real(client, srv, scheme, **({'auth': mechanism} if mechanism else {}))
    trace = f'sasl_method={(mechanism or "").upper()}'
    before = srv.logs().count(trace)
    client.submit(BOB).quiet()
    raw = arrived(srv).lower()
    assert b'esmtpsa' in raw, 'encrypted and authenticated'
    if name == 'submission':
        assert srv.logs().count(trace) == before + 1
    assert client.empty()


@pytest.mark.parametrize('mechanism', ['scram-sha-1', 'scram-sha-256'])
def test_scram(client, mtas, mechanism):
    srv = mtas('submission')
    real(client, srv, auth=mechanism)
    run = client.submit(BOB)
    if libcurl_has_scram():
        run.quiet()
        assert b'ESMTPSA' in arrived(srv)
    else:
        check.held(client, run, BOB, 'auth')
        assert check.deliveries(client)[-1]['dsn'] == '4.7.4'


@pytest.mark.parametrize('mechanism', [None, 'xoauth2', 'oauthbearer'])
def test_token(lab, client, mtas, mechanism):
    srv, tokens = mtas('submission'), lab.tokens()
    tokens.good[auth.TOKEN] = srv.user
    more = {'auth': mechanism} if mechanism else {}
    client.use(srv.url(), token_command=f"echo '{auth.TOKEN}'", **more)
    client.submit(BOB).quiet()
    arrived(srv)
    tokens.good.clear()
    # XOAUTH2: libcurl does not wait for the 535 behind a 334.
    check.held(client, client.submit(BOB), BOB, 'token-command',
               '401' if mechanism == 'xoauth2' else '535')


@pytest.mark.parametrize('scheme', ['smtps', 'smtp'])
def test_certificate_without_auth(lab, client, mtas, scheme):
    """Postfix relays for who shows a certificate; no user in the URL."""
    srv = mtas('submission')
    chain, key = lab.authority.certificate('ann@client.prb.test')
    client.use(srv.url(scheme, user=''), client_cert=chain, client_key=key)
    client.submit(BOB).quiet()
    arrived(srv)


def test_external(lab, client, mtas):
    srv = mtas('exim')
    name = 'ann@client.prb.test'
    chain, key = lab.authority.certificate(name)
    client.use(srv.url(user=name), client_cert=chain, client_key=key,
               auth='external')
    client.submit(BOB).quiet()
    assert b'esmtpsa' in arrived(srv).lower()


def test_certificate_and_key_in_one_private_file(lab, client, mtas):
    """Mode 0600 in a directory of mode 0700: only we can read it."""
    srv = mtas('submission')
    both = ''
    for path in lab.authority.certificate('ann@client.prb.test'):
        with open(path) as f:
            both += f.read()
    client.use(srv.url(user=''), client_cert=client.write('both.pem', both))
    client.submit(BOB).quiet()
    arrived(srv)


def test_certificate_file_is_missing(lab, client):
    srv = lab.smarthost(auth='EXTERNAL')
    client.use(srv, client_cert='/no/such/cert.pem', without=[
        'password_file'])
    run = client.submit(BOB)
    if run.rc == check.CONFIG:
        assert 'client-cert' in run.stderr
    else:
        check.held(client, run, BOB, '/no/such/cert.pem')


def test_pkcs11(lab, client, mtas):
    """The key is in a (software) card and never leaves it."""
    srv = mtas('submission')
    card = Card(lab, client, 'ann@client.prb.test')
    client.use(srv.url(user=''), client_cert=card.cert_uri,
               client_key=card.key_uri)
    run = client.system(['/usr/sbin/sendmail', '-i', BOB],
                        files=card.files, input='Subject: card\n\nx\n')
    assert run.rc == 0, repr(run)
    assert b'Subject: card' in arrived(srv), client.log()


class Card:
    """SoftHSM with one certificate and its key."""

    def __init__(self, lab, client, name):
        # Whoever the worker becomes must be able to open the card.
        folder = os.path.join(lab.folder, f'card{id(self)}')
        os.makedirs(os.path.join(folder, 'tokens'))
        conf = f'directories.tokendir = {folder}/tokens\n' \
               'objectstore.backend = file\nlog.level = ERROR\n'
        self.files = {'softhsm/softhsm2.conf': conf}
        path = client.write('softhsm2.conf', conf)
        self.env = dict(os.environ, SOFTHSM2_CONF=path)
        chain, key = lab.authority.certificate(name, rsa=True)
        self.run('softhsm2-util', '--init-token', '--free', '--label', 'lab',
                 '--pin', '4711', '--so-pin', '0815')
        self.run('softhsm2-util', '--import', key, '--token', 'lab',
                 '--label', 'mail', '--id', '01', '--pin', '4711')
        self.run('p11tool', '--login', '--set-pin=4711', '--write',
                 '--load-certificate', chain, '--label', 'mail', '--id', '01',
                 'pkcs11:token=lab')
        subprocess.run(['chmod', '-R', 'a+rwX', folder], check=True)
        base = 'pkcs11:token=lab;object=mail'
        self.cert_uri = f'{base};type=cert'
        self.key_uri = f'{base};type=private?pin-value=4711'

    def run(self, *words):
        done = subprocess.run(words, env=self.env, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


# -- mechanisms, the scripted server ---------------------------------------------

@pytest.mark.parametrize('offered, allowed, used', [
    ('PLAIN', None, 'PLAIN'), ('LOGIN', None, 'LOGIN'),
    ('CRAM-MD5', None, 'CRAM-MD5'), ('DIGEST-MD5', None, 'DIGEST-MD5'),
    (EVERYTHING, 'plain', 'PLAIN'), (EVERYTHING, 'login', 'LOGIN'),
    (EVERYTHING, 'cram-md5', 'CRAM-MD5'),
    (EVERYTHING, 'digest-md5', 'DIGEST-MD5'),
    (EVERYTHING, 'login scram-sha-1', 'LOGIN'),
    ('PLAIN LOGIN', 'cram-md5', None), ('GSSAPI NTLM', None, None),
    ('EXTERNAL', None, None), ('XOAUTH2 OAUTHBEARER', None, None)])
def test_mechanism_of_a_password(lab, client, offered, allowed, used):
    srv = lab.smarthost(auth=offered)
    client.use(srv, **({'auth': allowed} if allowed else {}))
    run = client.submit(BOB)
    if used:
        check.delivered(client, run, srv, BOB)
        seen, = srv.credentials
        assert (seen.mechanism, seen.user, seen.authzid) == (used, 'ann', '')
        assert seen.secret in (None, srv.password)
    else:
        check.held(client, run, BOB, 'auth')
        assert srv.credentials == [] and srv.messages == []


@pytest.mark.parametrize('offered, used', [
    (EVERYTHING, ('XOAUTH2', 'OAUTHBEARER')), ('XOAUTH2', ('XOAUTH2',)),
    ('OAUTHBEARER', ('OAUTHBEARER',)), ('PLAIN LOGIN CRAM-MD5', None)])
def test_mechanism_of_a_token(lab, client, offered, used):
    """A token is no password: it is not tried as one."""
    srv = lab.smarthost(auth=offered)
    client.use(srv, token_command=f"echo '{srv.token}'")
    run = client.submit(BOB)
    if used:
        check.delivered(client, run, srv, BOB)
        seen, = srv.credentials
        assert seen.mechanism in used
        assert (seen.user, seen.secret) == ('ann', srv.token)
    else:
        check.held(client, run, BOB, 'auth')
        assert srv.credentials == []


def test_user_is_an_address(lab, client):
    srv = lab.smarthost(user='ann@company.test')
    client.use(srv)
    client.submit(BOB).quiet()
    assert srv.credentials[0].user == 'ann@company.test'
    client.use(srv, smarthost=srv.url.replace('ann@', 'ann%40', 1))
    client.submit(BOB).quiet()
    assert srv.credentials[1].user == 'ann@company.test'


@pytest.mark.parametrize('user', ['a n n', 'ann:x', 'änn', 'a/b?c#d%',
                                  'DOMAIN\\ann'])
def test_strange_user(lab, client, user):
    """Percent-encoded in the URL."""
    import urllib.parse
    srv = lab.smarthost(user=user)
    client.use(srv, smarthost=f'smtps://{urllib.parse.quote(user, safe="")}'
                              f'@{srv.host}')
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.credentials[0].user == user


@pytest.mark.parametrize('secret', [
    'simple', ' leading and trailing ', 'a:b@c/d%40e', '"quoted"', 'x' * 200,
    'Gr\u00fc\u00dfe \u65e5\u672c', '*', '='], ids=ascii)
def test_strange_password(lab, client, secret):
    for mechanism in ('plain', 'login', 'cram-md5'):
        srv = lab.smarthost(users={'ann': secret}, auth=mechanism.upper())
        client.use(srv, password_file=client.write('pw', secret + '\n'))
        check.delivered(client, client.submit(BOB), srv, BOB)


def test_long_token(lab, client):
    token = 'ya29.' + 'A1b2' * 1000
    srv = lab.smarthost(auth='XOAUTH2', tokens={'ann': token})
    client.use(srv, token_command=f'cat {client.write("t", token)}')
    check.delivered(client, client.submit(BOB), srv, BOB)


# -- refused -----------------------------------------------------------------------

def test_wrong_password(lab, client):
    srv = lab.smarthost(auth='PLAIN')
    client.use(srv, password_file=client.write('pw', 'wrong\n'))
    check.held(client, client.submit(BOB), BOB, '535', 'password-file', 'ann')
    assert len(srv.credentials) == 1 and srv.messages == []
    assert check.deliveries(client)[-1]['dsn'] == '4.7.8'
    # The next messages wait as well: an account is soon locked.
    for i in range(3):
        client.submit(f'u{i}@d.test').quiet()
    client.flush().ok()
    assert len(srv.credentials) == 1
    text = client.postrider('--explain', BOB).stdout
    assert '535' in text and 'password-file' in text, text
    o, = client.postrider('--explain', '--json', BOB).objects
    assert '535' in o['before']['reason'], o
    # The password has been set right.
    client.use(srv)
    client.flush_now().ok()
    assert len(srv.messages) == 4 and client.empty()


def test_wrong_password_of_many(lab, client):
    """One attempt, not one for each message or connection."""
    srv = lab.smarthost(auth='PLAIN')
    client.use(srv, password_file=client.write('pw', 'wrong\n'))
    files = [client.write(f'm/{i}', f'To: u{i}@d{i}.test\n\nx\n')
             for i in range(20)]
    client.postrider('--send', *files).quiet()
    assert len(client.queued()) == 20
    assert len(srv.credentials) == 1, srv.credentials


@pytest.mark.parametrize('name', ['submission', 'exim'])
def test_wrong_password_at_a_real_server(client, mtas, name):
    srv = mtas(name)
    real(client, srv, password_file=client.write('pw', 'wrong\n'))
    check.held(client, client.submit(BOB), BOB, '535', 'password-file')
    real(client, srv)
    client.flush_now().ok()
    arrived(srv)


@pytest.mark.parametrize('stage', ['auth', 'auth_command'])
@pytest.mark.parametrize('reply', [
    '535 5.7.8 no', '454 4.7.0 cannot check now', ('421 4.7.0 later', DROP),
    '534 5.7.9 too weak', '500 5.5.1 what', DROP], ids=str)
def test_refusals(lab, client, stage, reply):
    """Whatever it says, it says nothing of the recipient."""
    srv = lab.smarthost(auth='PLAIN', script={stage: reply})
    client.use(srv)
    check.held(client, client.submit(BOB), BOB,
               *([] if reply is DROP else [str(reply[:3] if isinstance(
                   reply, str) else reply[0][:3])]))
    assert srv.messages == []
    assert len([c for s in srv.sessions for c in s.commands
                if c.startswith('AUTH')]) == 1
    check.retried(client, srv, BOB)


def test_second_server_after_a_wrong_password(lab, client):
    """The same password is not tried everywhere."""
    first = lab.smarthost(auth='PLAIN', users={'ann': 'other'})
    second = lab.smarthost(auth='PLAIN', users={'ann': 'other'})
    client.use(first, second)
    check.held(client, client.submit(BOB), BOB, '535')
    assert len(first.credentials + second.credentials) <= 2


# -- where the secret comes from --------------------------------------------------------

@pytest.mark.parametrize('text', ['{}', '{}\n', '{}\r\n', '{}\nnext line\n'],
                         ids=ascii)
def test_password_file(lab, client, text):
    srv = lab.smarthost()
    client.use(srv, password_file=client.write(
        'pw', text.format(srv.password)))
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.credentials[0].secret == srv.password


@pytest.mark.parametrize('what, text, mode', [
    ('open to the world', 'x\n', 0o604), ('writable', 'x\n', 0o602),
    ('empty', '', 0o600),
    ('an empty line', '\n', 0o600), ('binary', b'a\0b\n', 0o600),
    ('missing', None, 0), ('huge', 'x' * 2_000_000, 0o600)],
    ids=lambda v: str(v)[:20])
def test_bad_password_file(lab, client, what, text, mode):
    srv = lab.smarthost()
    path = os.path.join(client.folder, 'secret') if text is None else \
        client.write('secret', text, mode)
    client.use(srv, password_file=path)
    check.held(client, client.submit(BOB), BOB, 'password-file', path)
    assert srv.sessions == [], 'no use to connect'
    # It has been mended.
    client.write('secret', srv.password + '\n')
    check.retried(client, srv, BOB)


def test_check_config_looks_at_the_file(lab, client):
    srv = lab.smarthost()
    path = client.write('pw', 'x\n')
    client.use(srv, password_file=path)
    assert client.postrider('--check-config').ok().stderr == ''
    for spoil in (lambda: os.chmod(path, 0o604), lambda: os.unlink(path)):
        spoil()
        run = client.postrider('--check-config')
        assert 'password-file' in run.stderr and path in run.stderr


def test_password_command(lab, client):
    """Asked once for all messages; with a terminal's quoting of its own."""
    srv = lab.smarthost()
    secret = client.write('secret', srv.password + '\n')
    count = os.path.join(client.folder, 'count')
    client.use(srv, site_connections=5,
               password_command=f'echo x >> {count}; cat {secret} | cat')
    files = [client.write(f'm/{i}', f'To: u{i}@d{i}.test\n\nx\n')
             for i in range(20)]
    client.postrider('--send', *files).quiet()
    assert len(srv.messages) == 20
    with open(count) as f:
        assert f.read() == 'x\n'


@pytest.mark.parametrize('key', ['password_command', 'token_command'])
@pytest.mark.parametrize('command, word', [
    ('echo the wallet is locked >&2; exit 2', 'the wallet is locked'),
    ('/no/such/program', 'no/such/program'), ('true', ''),
    ('kill -9 $$', ''), ('head -c 3000000 /dev/zero', '')])
def test_command_fails(lab, client, key, command, word):
    srv = lab.smarthost(auth=EVERYTHING)
    client.use(srv, **{key: command})
    check.held(client, client.submit(BOB), BOB, key.replace('_', '-'), word)
    assert srv.sessions == []
    client.use(srv)
    check.retried(client, srv, BOB)


def test_slow_command_does_not_hold_up_others(lab, client):
    srv, direct = lab.smarthost(), lab.server()
    client.use(srv, route=f'{direct.domain} direct', wait='1s',
               password_command=f"sleep 3; echo '{srv.password}'")
    run = client.submit(BOB, f'a@{direct.domain}', background=True)
    run.ok()
    assert direct.messages[0].when < srv.messages[0].when - 1.5


def test_command_gets_no_descriptor(lab, client):
    """Nothing of ours: neither the spool, nor the message."""
    srv = lab.smarthost()
    seen = os.path.join(client.folder, 'fds')
    client.use(srv, password_command=
               f"ls -l /proc/self/fd > {seen}; echo '{srv.password}'")
    check.delivered(client, client.submit(BOB), srv, BOB)
    with open(seen) as f:
        assert client.spool not in f.read()


NETRC = '''# mine
machine other.test login ann password nothing
machine {host} login eve password evil
machine {host}
    login ann password "{quoted}"
default login anybody password none
'''


def netrc(srv):
    quoted = srv.password.replace('\\', '\\\\').replace('"', '\\"')
    return NETRC.format(host=srv.host, quoted=quoted)


@pytest.mark.parametrize('where', ['path', 'home'])
def test_netrc(lab, client, where):
    srv = lab.smarthost()
    if where == 'path':
        path = setting = client.write('netrc', netrc(srv))
    else:
        path, setting = client.write('home/.netrc', netrc(srv)), '~/.netrc'
    client.use(srv, netrc=setting)
    check.delivered(client, client.submit(BOB), srv, BOB)
    assert srv.credentials[0].secret == srv.password
    os.chmod(path, 0o644)
    check.held(client, client.submit(BOB), BOB, 'netrc')


def test_netrc_does_not_know(lab, client):
    srv, other = lab.smarthost(), lab.smarthost(user='zoe')
    client.use(other, netrc=client.write('netrc', netrc(srv).replace(
        'default', '# default')))
    check.held(client, client.submit(BOB), BOB, 'netrc')
    assert other.sessions == []


def test_no_password_at_all(lab, client):
    """A mistake in the settings, and told as such."""
    srv = lab.smarthost()
    client.use(srv, without=['password_file'])
    run = client.submit(BOB)
    assert run.rc == check.CONFIG and 'password-file' in run.stderr
    assert srv.sessions == [] and client.entries() == []


# -- OAuth: tokens fetched with a refresh token -------------------------------------------

@pytest.fixture
def oauth(lab, client):
    """A provider that takes tokens of the token server only."""
    tokens = lab.tokens()
    srv = lab.smarthost(auth='XOAUTH2 PLAIN')
    srv.tokens = {'ann': f'{auth.TOKEN}.1'}

    def use(**more):
        client.use(srv, **{
            'oauth_token_url': tokens.token_url_by_address, 'oauth_client_id': 'postrider',
            'oauth_refresh_token_file': client.write(
                'refresh', tokens.refresh + '\n'), **more})
    use()
    return srv, tokens, use


def test_oauth(client, oauth):
    srv, tokens, use = oauth
    use(oauth_scope='mail.send', oauth_client_secret_file=client.write(
        'cs', 'client-geheim\n'))
    check.delivered(client, client.submit(BOB), srv, BOB)
    form, = tokens.asked
    assert form['grant_type'] == 'refresh_token'
    assert form['refresh_token'] == tokens.refresh
    assert form['client_id'] == 'postrider'
    assert form['client_secret'] == 'client-geheim'
    assert form['scope'] == 'mail.send'
    # Kept while it is good, for other processes, too.
    client.submit(BOB).quiet()
    assert len(srv.messages) == 2 and len(tokens.asked) == 1
    kept = client.files('tokens')
    assert kept and all(os.stat(f).st_mode & 0o077 == 0 for f in kept)


def test_oauth_by_name(client, oauth):
    """The system's resolver finds the token server."""
    srv, tokens, use = oauth
    use(oauth_token_url=tokens.token_url)
    run = client.system(['/usr/sbin/sendmail', '-i', BOB],
                        input='Subject: s\n\nx\n')
    assert run.rc == 0, repr(run)
    assert srv.recipients == [BOB], client.log()


def test_oauth_token_has_expired(client, oauth):
    srv, tokens, _ = oauth
    tokens.lifetime = 1
    client.submit(BOB).quiet()
    srv.tokens = {'ann': f'{auth.TOKEN}.2'}
    time.sleep(1.1)
    client.submit(BOB).quiet()
    assert len(srv.messages) == 2 and len(tokens.asked) == 2


def test_oauth_token_is_refused(client, oauth):
    """The provider has forgotten it: another one, once."""
    srv, tokens, _ = oauth
    client.submit(BOB).quiet()
    srv.tokens = {'ann': f'{auth.TOKEN}.2'}
    client.submit(BOB).quiet()
    assert len(srv.messages) == 2 and len(tokens.asked) == 2
    srv.tokens = {'ann': 'none is right'}
    check.held(client, client.submit(BOB), BOB, 'refused', '401', 'oauth')
    assert len(tokens.asked) == 3


def test_oauth_concurrently(client, oauth):
    """Processes that want a token at the same time fetch one."""
    srv, tokens, _ = oauth
    runs = [client.start('-i', f'u{i}@d.test', input='Subject: x\n\nx\n')
            for i in range(6)]
    assert [rc for rc, _, _ in client.finish(*runs)] == [0] * 6
    assert len(srv.messages) == 6 and len(tokens.asked) == 1


@pytest.mark.parametrize('answer, words', [
    ((400, {'error': 'invalid_grant', 'error_description': 'revoked'}),
     ['invalid_grant']),
    ((500, {}), ['500']), ((200, {}), ['oauth']),
    ((200, {'access_token': 'two\nlines'}), ['oauth']),
    ((200, ['no object']), ['oauth'])], ids=ascii)
def test_oauth_refused(client, oauth, answer, words):
    srv, tokens, _ = oauth
    tokens.answer = answer
    check.held(client, client.submit(BOB), BOB, *words)
    assert srv.sessions == []
    tokens.answer = None
    check.retried(client, srv, BOB)


def test_oauth_certificate_of_the_token_server(client, oauth):
    """A stranger does not get the refresh token."""
    srv, tokens, use = oauth
    use(without=['ca_file'])
    check.held(client, client.submit(BOB), BOB, 'certificate')
    assert tokens.asked == []


# -- secrets stay secret -------------------------------------------------------------------------

def faces(user, secret):
    """What a password or token may look like where it leaks."""
    def b64(text):
        return base64.b64encode(text.encode()).decode()
    return [secret, b64(secret), b64(f'\0{user}\0{secret}'),
            b64(f'user={user}\1auth=Bearer {secret}\1\1')[:-8],
            b64(f'n,a={user},\1auth=Bearer {secret}\1\1')[16:-8]]


def sources(client, srv):
    """Settings of each source, with the secret."""
    secret = client.write('secret', srv.password + '\n')
    token = client.write('token', srv.token + '\n')
    return {
        'password-file': ({'password_file': secret}, srv.password),
        'password-command': ({'password_command': f'cat {secret}'},
                             srv.password),
        'netrc': ({'netrc': client.write('netrc', netrc(srv))}, srv.password),
        'token-command': ({'token_command': f'cat {token}'}, srv.token)}


@pytest.mark.parametrize('source', ['password-file', 'password-command',
                                    'netrc', 'token-command'])
@pytest.mark.parametrize('good', [True, False], ids=['good', 'refused'])
def test_secret_is_told_to_nobody(lab, client, source, good):
    """-v, -X, --json, the log, the queue, command lines, environments."""
    srv = lab.smarthost(auth='LOGIN PLAIN XOAUTH2', script={} if good else {
        'auth': '535 5.7.8 no'})
    settings, secret = sources(client, srv)[source]
    trace = os.path.join(client.folder, 'trace')
    words = faces(srv.user, secret)
    for mechanism in (['xoauth2'] if 'token' in source else
                      ['plain', 'login']):
        client.use(srv, auth=mechanism, **settings)
        with client.spy(*words) as spy:
            runs = [client.submit(BOB, options=['-v']).ok(),
                    client.submit(BOB, options=['-X', trace]).quiet(),
                    client.postrider('--json', BOB, input='a: b\n\nx\n').ok(),
                    client.postrider('--flush', '--now', '-v'),
                    client.postrider('--queue'), client.postrider(
                        '--explain', '--json', BOB),
                    client.postrider('--explain', BOB),
                    client.postrider('--check-config', '-v')]
        assert spy.leaks == [] and spy.commands
        assert srv.credentials, 'it was used'
        for where, text in [
                *((r.argv, r.stdout + r.stderr) for r in runs),
                ('log', client.log()),
                *((f, open(f, errors='replace').read())
                  for f in [trace, *client.files('.')])]:
            for word in words:
                assert word not in text, where
    assert 'AUTH' in runs[0].stderr


def test_password_in_a_real_dialogue(client, mtas):
    """CRAM-MD5 is secret as well: it can be tried out at leisure."""
    srv = mtas('submission')
    real(client, srv, auth='cram-md5')
    srv.received(count=0)
    run = client.submit(BOB, options=['-v']).ok()
    arrived(srv)
    answer = base64.b64encode(srv.user.encode() + b' ').decode()[:20]
    assert 'AUTH CRAM-MD5' in run.stderr and answer not in run.stderr


def test_password_goes_to_its_own_server_only(lab, client):
    """Two accounts, two providers, two passwords."""
    a = lab.smarthost(users={'ann': 'password of a'})
    b = lab.smarthost(users={'ann': 'password of b'})
    client.use(raw=f'''
account a
smarthost {a.url}
password-file {client.write('a', 'password of a')}
ca-file {client.ca}
from a.test
account b
smarthost {b.url}
password-file {client.write('b', 'password of b')}
ca-file {client.ca}
from b.test
''')
    for name in 'ab':
        client.submit(BOB, sender=f'me@{name}.test').quiet()
    client.submit(BOB, sender='me@a.test', options=['--account', 'b']).quiet()
    assert [c.secret for c in a.credentials] == ['password of a']
    assert [c.secret for c in b.credentials] == ['password of b'] * 2


def test_worker_forgets_other_secrets(lab, client):
    """What reads the network of b has not got the password of a."""
    import threading
    event = threading.Event()

    def hold(session, arg):
        event.wait(30)
    a = lab.smarthost(script={'mail': hold})
    b = lab.smarthost(script={'mail': hold}, users={'ann': 'zweites-wort-b'})
    client.use(route=['*@a.test smarthost a', '*@b.test smarthost b'],
               raw=''.join(f'''
account {n}
smarthost {s.url}
password-file {client.write(n, w)}
ca-file {client.ca}
''' for n, s, w in (('a', a, 'erstes-wort-a'), ('b', b, 'zweites-wort-b'))))
    a.users = {'ann': 'erstes-wort-a'}
    with client.spy() as spy:
        p = client.start('-i', 'x@a.test', 'x@b.test', input='a: b\n\nx\n')
        try:
            for srv in (a, b):
                srv.wait(lambda: any(c.startswith('MAIL') for s in
                                     srv.sessions for c in s.commands))
            _, everybody = spy.maps('libcurl')
            found = {pid: {w for w in (b'erstes-wort-a', b'zweites-wort-b')
                           if w in memory(pid)} for pid in everybody}
        finally:
            event.set()
        (rc, _, err), = client.finish(p)
    assert rc == 0, err
    assert len(a.messages) == len(b.messages) == 1
    # The dispatcher may keep both for later; no worker may.
    assert sum(len(words) == 2 for words in found.values()) <= 1, found


def memory(pid):
    """All of a process that can be read."""
    data = b''
    try:
        with open(f'/proc/{pid}/maps') as maps, \
                open(f'/proc/{pid}/mem', 'rb', 0) as mem:
            for line in maps:
                where, rights = line.split()[:2]
                if rights.startswith('rw'):
                    begin, end = (int(x, 16) for x in where.split('-'))
                    if end - begin < 1 << 26:
                        mem.seek(begin)
                        try:
                            data += mem.read(end - begin)
                        except OSError:
                            pass
    except OSError:
        pass
    return data
