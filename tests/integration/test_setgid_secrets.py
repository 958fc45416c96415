"""Passwords and tokens of a system, used by users who may not read them."""
import os

import pytest

from lab import auth
from test_setgid import UIDS, System, system  # noqa: F401

BOB = 'bob@anywhere.test'


@pytest.fixture
def srv(lab):
    return lab.smarthost(auth='PLAIN XOAUTH2')


def secret_of(system, text):
    """root:postrider 0640, as the manual says."""
    path = system.client.write('system-secret', text + '\n')
    system._ours(path, 0o640)
    return path


def test_password_file(system, srv):  # noqa: F811
    path = secret_of(system, srv.password)
    system.client.use(srv, password_file=path)
    system.submit('joe', BOB).quiet()
    system.submit('root', BOB).quiet()
    assert srv.recipients == [BOB, BOB]
    assert system.run('joe', 'cat', path).rc != 0, 'he could read it anyway'


def test_own_settings_do_not_get_at_it(system, srv):  # noqa: F811
    """A smarthost of his own would be told the system's password."""
    path = secret_of(system, srv.password)
    system.client.use(srv, password_file=path)
    with open(system.client.conf) as f:
        text = f.read().replace(system.client.spool,
                                os.path.join(system.homes['joe'], 'spool'))
    own = system.own_file('joe', 'own/own.conf', text)
    os.chmod(system.client.conf, 0o644)
    system.submit('joe', BOB, '-C', own)
    xdg = system.own_file('eve', '.config/postrider.conf', text)
    system.submit('eve', BOB, env={'XDG_CONFIG_HOME': os.path.dirname(xdg)})
    srv.idle()
    # Hers is not read; his is, without the group.
    assert srv.recipients == [BOB]
    assert {c.user for c in srv.credentials} == {'ann'}
    assert len(srv.credentials) == 1


def test_command_runs_as_the_caller(system, srv):  # noqa: F811
    path = secret_of(system, srv.password)
    seen = system.client.write('seen', '', 0o666)
    system.client.use(srv, password_command=f'id -u >>{seen}; id -G >>{seen}; '
                      f'ls /proc/self/fd >>{seen}; cat {path}')
    system.submit('joe', BOB).ok()
    with open(seen) as f:
        assert f.read().split() == [str(UIDS['joe'])] * 2 + ['0', '1', '2',
                                                             '3']
    assert srv.credentials == [], 'he may not read it, so neither may it'
    assert 'Permission denied' in system.client.log()
    # To root everything is open.
    system.run('root', '/usr/sbin/sendmail', '-qf').ok()
    assert srv.recipients == [BOB]


def test_tokens_are_shared(lab, system, srv):  # noqa: F811
    tokens, client = lab.tokens(), system.client
    srv.tokens = {'ann': f'{auth.TOKEN}.1'}
    client.use(srv, oauth_token_url=tokens.token_url_by_address,
               oauth_client_id='postrider',
               oauth_refresh_token_file=secret_of(system, tokens.refresh))
    # A guest could stop or kill what fetches one, to everybody's loss: that is
    # left to root, and the mail waits.
    system.submit('joe', BOB).quiet()
    assert tokens.asked == [] and client.queued() == [BOB]
    system.run('root', 'sendmail', '-qf').ok()
    assert srv.recipients == [BOB] and len(tokens.asked) == 1
    system.submit('joe', BOB).quiet()
    system.submit('eve', BOB).quiet()
    assert srv.recipients == [BOB] * 3 and len(tokens.asked) == 1
    kept = client.files('tokens')
    assert kept
    for path in (*kept, os.path.dirname(kept[0])):
        st = os.stat(path)
        assert st.st_gid == system.gid and st.st_mode & 0o007 == 0, path
    for user in UIDS:
        assert system.run(user, 'cat', *kept).rc != 0
    # Whoever is refused, the next token is for all again.
    srv.tokens = {'ann': f'{auth.TOKEN}.2'}
    for path in kept:
        if os.path.getsize(path):
            os.unlink(path)
    system.submit('root', BOB).quiet()
    system.submit('joe', BOB).quiet()
    assert len(srv.messages) == 5 and len(tokens.asked) == 2


def test_a_guest_forgets_no_token(lab, system, srv):  # noqa: F811
    """That takes the lock of the token, and he may stop who holds it."""
    tokens, client = lab.tokens(), system.client
    srv.tokens = {'ann': f'{auth.TOKEN}.1'}
    client.use(srv, oauth_token_url=tokens.token_url_by_address,
               oauth_client_id='postrider',
               oauth_refresh_token_file=secret_of(system, tokens.refresh))
    system.submit('root', BOB).quiet()
    before = [open(path).read() for path in client.files('tokens')]
    assert f'{auth.TOKEN}.1' in ''.join(before)
    srv.tokens = {'ann': f'{auth.TOKEN}.2'}
    system.submit('joe', BOB).quiet()
    assert client.queued() == [BOB] and len(tokens.asked) == 1
    assert [open(path).read() for path in client.files('tokens')] == before
    # who may renew it finds out as he did
    system.run('root', 'sendmail', '-qf').ok()
    assert srv.recipients == [BOB] * 2 and len(tokens.asked) == 2
    assert client.empty()


def test_command_of_the_smarthost(system, srv):  # noqa: F811
    """It would run as the guest, who can have it print his own server's name,
    and be shown the system's password: it does not run for him."""
    client = system.client
    client.use(srv, without=['smarthost'],
               smarthost_command=f'"echo {srv.url}"',
               password_file=secret_of(system, srv.password))
    system.submit('joe', BOB).quiet()
    assert srv.sessions == [] and client.queued() == [BOB]
    assert 'smarthost-command' in client.log()
    system.run('root', 'sendmail', '-qf').ok()
    assert srv.recipients == [BOB]


def test_home_is_the_callers(system, srv):  # noqa: F811
    """~ in the system's settings would let him choose what the group reads."""
    client = system.client
    path = secret_of(system, srv.password)
    client.use(srv, password_file='~/' + os.path.basename(path))
    run = system.submit('joe', BOB, before=f'HOME={os.path.dirname(path)}')
    assert run.rc == 78 and '~' in run.stderr
    assert srv.sessions == []
