"""Settings of other programs: --import-config, and mail by what comes out."""
import os
import shutil

import pytest

from lab import check

SAMPLES = os.path.join(os.path.dirname(__file__), '..', 'import')
MAIN = {'msmtp': 'msmtprc', 'dma': 'dma.conf', 'nullmailer': 'remotes',
        'ssmtp': 'ssmtp.conf', 'postfix': 'main.cf'}
BOB = 'bob@anywhere.test'


def convert(client, *args, rc=0, **kw):
    """Run --import-config; the run."""
    run = client.run(client.argv('--import-config', *args, conf=False), **kw)
    assert run.rc == rc, repr(run)
    return run


def passwords(client):
    folder = os.path.join(client.folder, 'passwords')
    os.makedirs(folder, exist_ok=True)
    return folder


def adopt(client, *files):
    """Import, and take the result for the client's configuration."""
    run = convert(client, '--passwords', passwords(client), *files)
    client.write_conf(without=['hostname'], raw=run.stdout)
    return run


def settings(text):
    return [line for line in text.splitlines()
            if line and not line.startswith('#')]


# -- samples -------------------------------------------------------------------

@pytest.mark.parametrize('sample', sorted(os.listdir(SAMPLES)))
def test_sample(client, sample):
    """What comes out of each is accepted."""
    folder = os.path.join(client.folder, sample)
    shutil.copytree(os.path.join(SAMPLES, sample), folder)
    main = os.path.join(folder, MAIN[sample.split('-')[0]])
    run = convert(client, '--passwords', passwords(client), main)
    assert settings(run.stdout)
    conf = client.write('imported', run.stdout)
    checked = client.run([client.name('postrider'), '-C', conf,
                          '--check-config'])
    # files of authorities are where another system has them
    missing = 'ca-file /etc/pki' in checked.stderr
    assert checked.rc == (78 if missing else 0), repr(checked)
    assert 'password' not in checked.stderr, repr(checked)
    for name in os.listdir(passwords(client)):
        path = os.path.join(passwords(client), name)
        assert os.stat(path).st_mode & 0o777 == 0o600
        with open(path) as f:
            secret = f.read()
        assert secret.endswith('\n') and secret[:-1] not in run.stdout
        assert secret[:-1] not in run.stderr


# -- mail ----------------------------------------------------------------------

def msmtp(srv, ca):
    return {'msmtprc': f'''
defaults
tls on
tls_trust_file {ca}
account provider
host {srv.host}
port {srv.port}
tls_starttls {'off' if srv.implicit else 'on'}
auth on
user {srv.user}
password "{srv.password}"
from ann@{srv.host}
account default : provider
'''}


def dma(srv, ca):
    # the system's authorities do not know the lab's
    return {'dma.conf': f'''
SMARTHOST {srv.host}
PORT {srv.port}
SECURETRANSFER
{'#' if srv.implicit else ''}STARTTLS
AUTHPATH /etc/dma/auth.conf
NULLCLIENT
VERIFYCERT
MASQUERADE ann@{srv.host}
''', 'auth.conf': f'{srv.user}|{srv.host}:{srv.password}\n'}


def nullmailer(srv, ca):
    return {'remotes': f'{srv.host} smtp --port={srv.port} '
            f'{"--ssl" if srv.implicit else "--starttls"} --user={srv.user} '
            f"--pass='{srv.password}' --x509cafile={ca}\n",
            'allmailfrom': f'ann@{srv.host}\n'}


def ssmtp(srv, ca):
    return {'ssmtp.conf': f'''
mailhub={srv.host}:{srv.port}
UseTLS=YES
UseSTARTTLS={'NO' if srv.implicit else 'YES'}
AuthUser={srv.user}
AuthPass={srv.password}
TLS_CA_File={ca}
rewriteDomain={srv.host}
'''}


def postfix(srv, ca):
    return {'main.cf': f'''
relayhost = [{srv.host}]:{srv.port}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:${{config_directory}}/sasl_passwd
smtp_tls_security_level = secure
smtp_tls_wrappermode = {'yes' if srv.implicit else 'no'}
smtp_tls_CAfile = {ca}
sender_canonical_maps = static:ann@{srv.host}
''', 'sasl_passwd': f'[{srv.host}]:{srv.port} {srv.user}:{srv.password}\n'}


@pytest.mark.parametrize('scheme', ['smtps', 'smtp'])
@pytest.mark.parametrize('program', [msmtp, dma, nullmailer, ssmtp, postfix])
def test_send(lab, client, program, scheme):
    """Each program's settings for one provider, and a message by them."""
    srv = lab.smarthost(scheme)
    srv.port = 465 if scheme == 'smtps' else 587
    srv.implicit = scheme == 'smtps'
    files = [client.write(f'old/{name}', text)
             for name, text in program(srv, client.ca).items()]
    run = adopt(client, files[0])
    if 'ca-file' not in run.stdout:
        client.write_conf(without=['hostname'], ca_file=client.ca,
                          raw=run.stdout)
    check.delivered(client, client.submit(BOB), srv, BOB)
    m, = srv.messages
    assert m.tls and m.session.user == srv.user
    assert m.sender.endswith(f'@{srv.host}'), m.sender


def test_accounts(lab, client):
    """msmtp's choice by sender is ours."""
    one, two = lab.smarthost(), lab.smarthost('smtp', user='eve')
    adopt(client, client.write('msmtprc', f'''
defaults
tls on
tls_trust_file {client.ca}
auth on
account one
host {one.host}
tls_starttls off
user {one.user}
password {one.password}
from ann@one.test
account two
host {two.host}
port 587
user {two.user}
password {two.password}
from *@two.test
account default : one
'''))
    for sender, srv in [('ann@one.test', one), ('ann+x@one.test', one),
                        ('eve@two.test', two), ('who@else.test', one)]:
        before = len(srv.messages)
        client.submit(BOB, sender=sender).quiet()
        assert len(srv.messages) == before + 1, sender
        assert srv.messages[-1].session.user == srv.user
    client.postrider('--account', 'two', BOB, input='Subject: s\n\nx\n').quiet()
    assert len(two.messages) == 2


def test_routes(lab, client):
    """Postfix's transports: some mail goes another way."""
    relay, near = lab.smarthost('smtp+plain'), lab.server()
    inside = lab.smarthost('smtp+plain')
    adopt(client, client.write('main.cf', f'''
relayhost = [{relay.host}]
transport_maps = hash:/etc/postfix/transport
'''), client.write('transport', f'''
{near.domain}	smtp:
inside.test	relay:[{inside.host}]
gone.test	error:5.1.2 moved away
void.test	discard:
'''))
    for rcpt, srv in [(BOB, relay), (f'bob@{near.domain}', near),
                      ('bob@inside.test', inside)]:
        client.submit(rcpt).quiet()
        assert srv.recipients == [rcpt]
    client.submit('bob@void.test').quiet()
    run = client.submit('bob@gone.test')
    assert run.rc != 0 and 'moved away' in run.stderr, repr(run)
    assert client.empty()


def test_failover(lab, client):
    """nullmailer's remotes in their order."""
    dead = lab.smarthost('smtp+plain', script={'connect': '421 4.3.2 later'})
    alive = lab.smarthost('smtp+plain')
    adopt(client, client.write('remotes', f'{dead.host}\n{alive.host} smtp\n'))
    client.submit(BOB).quiet()
    assert alive.recipients == [BOB] and not dead.messages


# -- files ---------------------------------------------------------------------

SECRET = 'host a.example\ntls on\nauth on\nuser ann\npassword hunter2\n'


def test_usual_place(client):
    """Without a FILE: what is there is found, and said."""
    client.write('home/.msmtprc', 'host a.example\n')
    run = convert(client)
    if not os.path.exists('/etc/msmtprc'):
        assert 'smarthost smtp+plain://a.example:25\n' in run.stdout
        assert f'importing {client.home}/.msmtprc (msmtp)' in run.stderr
    else:
        assert f'there is also {client.home}/.msmtprc (msmtp)' in run.stderr


def test_format_of_usual_place(client):
    client.write('home/.config/msmtp/config', 'host a.example\n')
    run = convert(client, '--format=msmtp')
    assert f'{client.home}/.config/msmtp/config' in run.stderr
    convert(client, '--format=ssmtp', rc=66)


def test_passwords_are_kept(client):
    path = client.write('msmtprc', SECRET)
    folder = passwords(client)
    run = convert(client, '--passwords', folder, path)
    assert f'password-file {folder}/default.password\n' in run.stdout
    assert run.stderr == ''
    with open(f'{folder}/default.password') as f:
        assert f.read() == 'hunter2\n'


def test_relative_directory(client):
    """The file is named by its absolute path, wherever it is used later."""
    client.write('msmtprc', SECRET)
    folder = passwords(client)
    run = convert(client, '--passwords', 'passwords', 'msmtprc')
    assert f'password-file {folder}/default.password\n' in run.stdout


@pytest.mark.parametrize('kind', ['file', 'link', 'dangling'])
def test_passwords_replace_nothing(client, kind):
    path = client.write('msmtprc', SECRET)
    folder, other = passwords(client), client.write('other', 'old\n')
    place = f'{folder}/default.password'
    if kind == 'file':
        os.rename(other, place)
        other = place
    else:
        os.symlink(other, place)
        if kind == 'dangling':
            os.unlink(other)
    run = convert(client, '--passwords', folder, path, rc=73)
    assert 'File exists' in run.stderr
    assert '\n# password-file ' in run.stdout
    assert 'smarthost smtp://ann@a.example:25\n' in run.stdout
    if kind == 'dangling':
        assert not os.path.exists(other)
    else:
        with open(other) as f:
            assert f.read() == 'old\n'


def test_passwords_are_not_told(client):
    run = convert(client, client.write('msmtprc', SECRET))
    assert '\n# password-file ' in run.stdout and '--passwords' in run.stderr
    assert 'hunter2' not in run.stdout + run.stderr
    conf = client.write('imported', run.stdout)
    run = client.run([client.name('postrider'), '-C', conf, '--check-config'])
    assert run.rc == 78 and 'no password' in run.stderr


def test_no_directory(client):
    path = client.write('msmtprc', SECRET)
    run = convert(client, '--passwords', f'{client.folder}/no', path, rc=73)
    assert run.stdout == '' and 'no: No such file' in run.stderr


def test_beside(client):
    """What the settings name is found beside the file, or among those named
    here."""
    main = client.write('a/main.cf', 'relayhost = [a.example]\n'
                        'smtp_sasl_auth_enable = yes\n'
                        'smtp_sasl_password_maps = hash:/no/such/passwd.x\n')
    run = convert(client, main)
    assert '/no/such/passwd.x' in run.stderr and 'ann' not in run.stdout
    beside = client.write('a/passwd.x', '[a.example] ann:x\n')
    run = convert(client, main)
    assert 'smarthost smtp://ann@a.example:25\n' in run.stdout
    os.rename(beside, client.write('b/passwd.x', ''))
    run = convert(client, main, f'{client.folder}/b/passwd.x')
    assert 'smarthost smtp://ann@a.example:25\n' in run.stdout
    run = convert(client, main, f'{client.folder}/b/passwd.x',
                  client.write('b/other', 'x\n'))
    assert 'b/other: nothing names this file' in run.stderr


def test_two_of_msmtp(client):
    run = convert(client, client.write('msmtprc', SECRET),
                  client.write('home/.msmtprc', 'host b.example\n'))
    assert settings(run.stdout) == ['smarthost smtp+plain://b.example:25']


@pytest.mark.parametrize('text, args, rc', [
    (None, [], 66),
    ('', [], 78),
    ('Dear Sir,\n', [], 78),
    ('host a.example\n', ['--format=postfix'], 78),
    ('host a.example\n', ['--format=sendmail'], 64),
    (b'host a.example\n\0', [], 78),
    (b'host a.example\n\0', ['--format=msmtp'], 78),
])
def test_not_imported(client, text, args, rc):
    path = f'{client.folder}/file'
    if text is not None:
        client.write('file', text)
    run = convert(client, *args, path, rc=rc)
    assert run.stdout == '' and run.stderr


def test_closed_output(client):
    """What could not be printed was not imported."""
    with open('/dev/full', 'w') as full:
        run = convert(client, client.write('msmtprc', SECRET), rc=74,
                      stdout=full)
    assert 'No space left' in run.stderr
