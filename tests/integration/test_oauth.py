"""Tokens by OAuth: refresh tokens that are replaced, token servers that
misbehave, and the processes that ask.  What is usual is in
test_smarthost_auth.py."""
import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from lab import auth, check, procs
from lab.net import close_listener, thread

BOB = 'bob@anywhere.test'
ERIN = 'erin@anywhere.test'


@pytest.fixture
def provider(lab, client):
    """A smarthost that takes any token of tokens; use(), to change settings."""
    tokens = lab.tokens()
    srv = lab.smarthost(auth='OAUTHBEARER')

    def use(**more):
        client.use(srv, **{
            'auth': 'oauthbearer', 'wait': '60s',
            'oauth_token_url': tokens.token_url_by_address,
            'oauth_client_id': 'postrider',
            'oauth_refresh_token_file': client.write(
                'refresh', tokens.refresh + '\n'), **more})
    use()
    srv.tokens = {'ann': f'{auth.TOKEN}.1'}
    return srv, tokens, use


def rotate(tokens, srv):
    """Each refresh token is good once, and the next comes with the answer;
    old ones end it all, as RFC 9700 4.14.2 says.  What was asked with."""
    state = {'good': tokens.refresh, 'n': 0}

    def reply(path, form):
        tokens.asked.append(form)
        if form['refresh_token'] != state['good']:
            state['good'] = None
            return 400, {'error': 'invalid_grant'}
        state['n'] += 1
        state['good'] = f'next-{state["n"]}-geheim'
        srv.tokens = {'ann': f'rotated-{state["n"]}'}
        return 200, {'access_token': f'rotated-{state["n"]}',
                     'token_type': 'Bearer', 'expires_in': tokens.lifetime,
                     'refresh_token': state['good']}
    tokens.reply = reply
    return state


def test_refused_token_is_renewed_once(client, provider):
    srv, tokens, _ = provider
    client.submit(BOB).quiet()
    srv.tokens = {'ann': f'{auth.TOKEN}.2'}
    client.submit(ERIN).quiet()
    assert srv.recipients == [BOB, ERIN] and len(tokens.asked) == 2
    srv.tokens = {'ann': 'none is right'}
    check.held(client, client.submit(BOB), BOB, 'oauth')
    assert len(tokens.asked) == 3


def test_refresh_tokens_that_are_replaced(client, provider):
    srv, tokens, use = provider
    tokens.lifetime = 1
    state = rotate(tokens, srv)
    for n in range(1, 5):
        client.submit(BOB).quiet()
        assert len(srv.messages) == n == state['n']
    # Somebody else has used ours, and then signed in again.
    state['good'] = None
    check.held(client, client.submit(ERIN), ERIN, 'invalid_grant',
               'oauth-refresh-token-file')
    tokens.refresh = state['good'] = 'new-geheim'
    use()
    client.flush_now().ok()
    assert ERIN in srv.recipients and client.empty()
    assert tokens.asked[-1]['refresh_token'] == 'new-geheim'
    client.submit(BOB).quiet()
    assert tokens.asked[-1]['refresh_token'] == f'next-{state["n"] - 1}-geheim'


def test_replaced_once_for_many(client, provider):
    """Who asks twice with the same one has lost it."""
    srv, tokens, _ = provider
    state = rotate(tokens, srv)
    runs = [client.start('-i', f'u{i}@d.test', input='Subject: x\n\nx\n')
            for i in range(20)]
    assert [rc for rc, _, _ in client.finish(*runs)] == [0] * 20
    assert len(srv.messages) == 20 and state['n'] == 1
    assert len(tokens.asked) == 1


class Gate:
    """Holds a token server up."""

    def __init__(self, tokens):
        self.asked, self._open = threading.Event(), threading.Event()
        usual = tokens.reply

        def reply(path, form):
            answer = usual(path, form)
            self.asked.set()
            assert self._open.wait(60)
            return answer
        tokens.reply = reply

    def open(self):
        self._open.set()


def test_killed_while_it_is_asked(client, provider):
    """The next refresh token is on the disk although nobody waits for it."""
    srv, tokens, _ = provider
    state = rotate(tokens, srv)
    gate = Gate(tokens)
    p = client.start('-i', BOB, input='Subject: x\n\nx\n')
    assert gate.asked.wait(30)
    os.kill(p.pid, signal.SIGKILL)
    p.wait()
    gate.open()
    client.finish(p)
    client.flush_now().ok()
    assert srv.recipients == [BOB] and client.empty()
    assert state['n'] == 1 and len(tokens.asked) == 1


def fields(pid, *names):
    """Of /proc/PID/status."""
    lines = dict(line.split(':\t', 1) for line in
                 procs.read(pid, 'status').decode().splitlines()
                 if ':\t' in line)
    return [lines[n] for n in names]


def open_files(pid):
    out = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        out.add(os.readlink(f'/proc/{pid}/fd/{fd}').split('[')[0])
    return out


def test_who_speaks_https(client, provider):
    """Nobody, who has nothing: not the spool, no lock, no message."""
    srv, tokens, _ = provider
    gate = Gate(tokens)
    with client.spy(tokens.refresh) as spy:
        p = client.start('-i', BOB, input='Subject: x\n\nx\n')
        assert gate.asked.wait(30)
        curls, _ = spy.maps('libcurl')
        pid, = [q for q in curls if any(
            f.startswith('socket:') for f in open_files(q))]
        uid, new, groups = fields(pid, 'Uid', 'NoNewPrivs', 'Groups')
        assert '0' not in uid.split() and new == '1' and not groups.split()
        assert open_files(pid) <= {'/dev/null', 'pipe:', 'socket:',
                                   'anon_inode:'}
        gate.open()
        client.finish(p)
    assert spy.leaks == [] and srv.recipients == [BOB]


# -- token servers that misbehave ----------------------------------------------

@contextlib.contextmanager
def https(lab, act):
    """A server that reads a request and then does what act(socket) does."""
    address = lab.address()
    listener = lab.net.inside(lambda: socket.create_server((address, 443)))
    context = lab.authority.context(address)

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(s, server_side=True) as tls:
                    tls.recv(65536)
                    act(tls)
            except OSError:
                pass
    server = thread(serve, 'token server')
    try:
        yield f'https://{address}/token'
    finally:
        close_listener(listener, server)


def say(text):
    return lambda s: s.sendall(text)


def endless(begin, more):
    def act(s):
        s.sendall(begin)
        while True:
            s.sendall(more * 1000)
    return act


def redirect(to):
    return say(b'HTTP/1.1 302 Found\r\nLocation: %s\r\n'
               b'Content-Length: 0\r\n\r\n' % to.encode())


HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

MISBEHAVIOUR = {
    'redirect-http': (redirect('http://198.51.100.207/token'), '302'),
    'redirect-file': (redirect('file:///etc/passwd'), '302'),
    'redirect-https': (redirect('https://198.51.100.207/token'), '302'),
    'endless': (endless(HEAD + b'\r\n', b' '), '65536'),
    'endless-header': (endless(HEAD, b'X-Filler: x\r\n'), 'token'),
    'nested': (say(HEAD + b'\r\n' + b'[' * 60000), 'token'),
    'garbage': (say(bytes(range(256)) * 100), 'token'),
    'nothing': (lambda s: None, 'token'),
    'cut': (say(HEAD + b'Content-Length: 100\r\n\r\n{"access_token":'
                b'"x"}'), 'token'),
    'control': (say(HEAD + b'\r\n{"access_token":"a\\r\\nQUIT"}'), 'token'),
    'silent': (lambda s: time.sleep(90), 'time'),
}


@pytest.mark.parametrize('how', MISBEHAVIOUR)
def test_misbehaviour(lab, client, provider, how):
    srv, tokens, use = provider
    act, word = MISBEHAVIOUR[how]
    with https(lab, act) as url:
        use(oauth_token_url=url)
        run = client.submit(BOB)
        check.held(client, run, BOB, 'oauth-token-url', word)
    assert run.wall < 45
    assert srv.sessions == [] and tokens.asked == []
    use()
    check.retried(client, srv, BOB)
