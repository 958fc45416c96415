"""Smarthosts on a system with users: the program is set-group-id, and the
system's password is for the program only.  And users with one of their own."""
import os
import threading

import pytest

from lab import check, procs
from test_setgid import UIDS, system  # noqa: F401 (a fixture)

BOB = 'bob@anywhere.test'


@pytest.fixture
def shared(lab, client, system):  # noqa: F811
    """The system's smarthost; its password is readable by the group."""
    srv = lab.smarthost()
    client.use(srv)
    system._ours(os.path.join(client.folder, 'password'), 0o640)
    os.chmod(client.conf, 0o644)
    return srv


@pytest.fixture
def own(lab, client, system):  # noqa: F811
    """joe's: settings for it, as text."""
    srv = lab.smarthost()
    path = system.own_file('joe', 'secret', srv.password + '\n')
    os.chmod(path, 0o600)
    return srv, (f'smarthost {srv.url}\npassword-file {path}\n'
                 f'ca-file {client.ca}\n')


def test_a_user_sends(client, system, shared):  # noqa: F811
    system.submit('joe', BOB).quiet()
    assert shared.recipients == [BOB]
    assert shared.credentials[0].good


def test_a_user_cannot_read_the_password(client, system, shared):  # noqa: F811
    path = os.path.join(client.folder, 'password')
    assert system.run('joe', 'cat', path).rc != 0
    trace = os.path.join(system.homes['joe'], 'trace')
    runs = [system.submit('joe', BOB, '-v'),
            system.submit('joe', BOB, '-X', trace),
            system.sendmail('joe', '--explain', BOB),
            system.sendmail('joe', '--explain', '--json', BOB),
            system.sendmail('joe', '--check-config')]
    text = ''.join(r.stdout + r.stderr for r in runs)
    if os.path.exists(trace):
        with open(trace, errors='replace') as f:
            text += f.read()
    assert shared.password not in text and 'AFubg' not in text
    assert len(shared.messages) >= 1


def test_open_to_nobody_but_root(client, system, shared):  # noqa: F811
    """A file that the program cannot read: later, and which file."""
    path = os.path.join(client.folder, 'password')
    os.chown(path, 0, 0)
    system.submit('joe', BOB).quiet()
    text = check.deliveries(client, BOB)[-1]['text']
    assert 'password-file' in text and path in text
    assert shared.sessions == []


@pytest.mark.parametrize('how', ['-C', '--account', 'home', 'environment'])
def test_the_password_is_not_led_astray(lab, client, system,  # noqa: F811
                                        shared, how):
    """joe has a server of his own, and would like the system's password."""
    trap = lab.smarthost(users={'ann': shared.password})
    trap.script = {'auth': '535 5.7.8 thank you'}
    text = (f'smarthost {trap.url}\nca-file {client.ca}\n'
            f'password-file {os.path.join(client.folder, "password")}\n'
            f'account trap\nfrom *\nsmarthost {trap.url}\n')
    evil = system.own_file('joe', '.config/postrider.conf', text)
    options = {'-C': ['-C', evil], '--account': ['--account', 'trap'],
               'home': [], 'environment': []}[how]
    env = {'XDG_CONFIG_HOME': os.path.dirname(evil),
           'CURL_HOME': system.homes['joe'], 'CURL_CA_BUNDLE': '/dev/null',
           'SSLKEYLOGFILE': os.path.join(system.homes['joe'], 'keys'),
           'ALL_PROXY': f'http://{trap.addresses[0]}:465',
           'NETRC': evil} if how == 'environment' else {}
    system.own_file('joe', '.curlrc', 'proxy = http://192.0.2.53:1\n')
    system.submit('joe', BOB, *options, env=env)
    trap.idle()
    assert [c for c in trap.credentials if c.secret == shared.password] == []
    assert not os.path.exists(os.path.join(system.homes['joe'], 'keys'))
    if not options:
        assert shared.recipients == [BOB], 'as if nothing were'


def test_processes_cannot_be_looked_into(client, system, shared):  # noqa: F811
    """Neither the memory nor the environment of who holds the password."""
    event = threading.Event()
    shared.script = {'mail': lambda session, arg: event.wait(30) and None}
    result = []

    def send():
        result.append(system.submit('joe', BOB))
    sender = threading.Thread(target=send)
    sender.start()
    try:
        shared.wait(lambda: any(c.startswith('MAIL') for s in
                                shared.sessions for c in s.commands))
        pids = [p for p in procs.inside(f'/run/netns/{client.net.client}')
                if b'postrider' in procs.read(p, 'maps')
                or b'installed' in procs.read(p, 'maps')]
        assert len(pids) >= 2
        uid = UIDS['joe']
        for pid in pids:
            for name in ('mem', 'environ', 'maps', 'fd'):
                run = client.run(
                    ['setpriv', f'--reuid={uid}', f'--regid={uid}',
                     '--clear-groups', 'ls' if name == 'fd' else 'head',
                     f'/proc/{pid}/{name}'] + (
                         [] if name == 'fd' else ['-c', '1']),
                    background='end', cwd='/')
                assert run.rc != 0, (pid, name)
    finally:
        event.set()
        sender.join()
    result[0].quiet()


def test_password_command_runs_as_the_user(client, system, shared):  # noqa: F811
    """Without the program's group, and without its spool."""
    path = system.own_file('joe', 'who', '')
    client.use(shared, password_command=f"id -u > {path}; id -G >> {path}; "
                                        f"ls {client.spool} 2>> {path}; "
                                        f"echo '{shared.password}'")
    system.submit('joe', BOB).quiet()
    assert shared.recipients == [BOB]
    with open(path) as f:
        uid, groups, error = f.read().split('\n', 2)
    assert uid == str(UIDS['joe'])
    assert str(system.gid) not in groups.split()
    assert 'denied' in error.lower(), error


def test_flush_by_root(client, system, shared):  # noqa: F811
    shared.stop()
    system.submit('joe', BOB).quiet()
    shared.start()
    system.sendmail('root', '--flush', '--now').ok()
    assert shared.recipients == [BOB]


def test_tokens_of_the_system(lab, client, system, shared):  # noqa: F811
    """What root's process fetched serves users, and they cannot read it."""
    tokens = lab.tokens()
    shared.tokens = {'ann': f'{shared.token}.1'}
    shared.auth = 'XOAUTH2'
    refresh = client.write('refresh', tokens.refresh + '\n')
    system._ours(refresh, 0o640)
    client.use(shared, oauth_token_url=tokens.token_url_by_address,
               oauth_client_id='postrider', oauth_refresh_token_file=refresh)
    for user in 'root', 'joe', 'eve':
        system.submit(user, BOB).quiet()
    assert len(shared.messages) == 3, client.log()
    assert len(tokens.asked) == 1
    for path in client.files('tokens'):
        assert os.stat(path).st_mode & 0o007 == 0
        assert system.run('joe', 'cat', path).rc != 0


# -- users with a smarthost of their own -----------------------------------------

def test_own_settings(client, system, own):  # noqa: F811
    """No privilege, nothing of the system: ~/.config/postrider.conf."""
    srv, text = own
    system.own_file('joe', '.config/postrider.conf', text)
    with system.plain():
        client.write_conf(without=['spool', 'log'], log='none')
        os.chmod(client.conf, 0o644)
        system.submit('joe', BOB).quiet()
    assert srv.recipients == [BOB]
    assert srv.credentials[0].good


def test_own_settings_in_front_of_the_system_s(lab, client,  # noqa: F811
                                               system, own):
    """The system has a smarthost, too: not its password to joe's server."""
    srv, text = own
    main = lab.smarthost()
    client.use(main, log='none', without=['spool'])
    os.chmod(client.conf, 0o644)
    uid = UIDS['joe']
    os.chown(os.path.join(client.folder, 'password'), uid, uid)
    system.own_file('joe', '.config/postrider.conf', f'smarthost {srv.url}\n')
    with system.plain():
        system.submit('joe', BOB)
    assert srv.credentials == []
    system.own_file('joe', '.config/postrider.conf', text)
    with system.plain():
        system.submit('joe', BOB).quiet()
    assert srv.recipients == [BOB] and main.sessions == []


def test_own_file_with_option(client, system, own):  # noqa: F811
    """-C costs the privilege, and then it is joe's own matter."""
    srv, text = own
    path = system.own_file('joe', 'my.conf', text +
                           'log none\nnameserver 192.0.2.53\n')
    system.submit('joe', BOB, '-C', path).quiet()
    assert srv.recipients == [BOB]
