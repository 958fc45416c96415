"""Killed anywhere: what was promised is kept, nothing is cut in half.

The rule for a killed submission: either nobody gets the message, or
everybody does after a flush.  For a killed flush: everybody gets it; twice
only if the kill came between the dot and its reply.
"""
import os
import signal
import time

import pytest

from lab import procs

BODY = ''.join(f'line {i} of the body\n' for i in range(200))
# What changes files and speaks to the network.
CALLS = ('write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,rename,'
         'renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,openat,close,'
         'fork,clone,clone3,utimensat,flock,ftruncate,connect,exit_group')


def settle(client):
    """Wait for workers of the killed process, then flush."""
    client.reap(time.monotonic() + 30)
    client.flush_now().ok()
    client.flush_now().ok()
    assert client.empty(), client.mailq()


def whole(servers):
    for s in servers:
        for m in s.messages:
            assert m.body == BODY.replace('\n', '\r\n').encode()
            assert m.field('Subject') == ['killed']


def judge(client, servers, promised, most):
    """Count what arrived for each recipient."""
    whole(servers)
    counts = [len(s.messages) for s in servers]
    assert len({c > 0 for c in counts}) == 1, f'some only: {counts}'
    if promised:
        assert all(counts), f'lost: {counts}'
    assert all(c <= most for c in counts), f'duplicates: {counts}'
    assert 'status=bounced' not in client.log()


def text():
    return 'Subject: killed\n\n' + BODY


@pytest.mark.parametrize('part', range(5))
def test_killed_submission(lab, client, part):
    """SIGKILL of the dispatcher after 10 delays in each part."""
    for i in range(10):
        servers = [lab.server() for _ in range(2)]
        p = client.start('-i', *(f'u@{s.domain}' for s in servers),
                         input=text())
        time.sleep((part * 10 + i) * 0.0008)
        p.send_signal(signal.SIGKILL)
        (rc, _, _), = client.finish(p)
        settle(client)
        judge(client, servers, rc == 0, 2)
        for s in servers:
            s.stop()


@pytest.mark.parametrize('down', [False, True], ids=['up', 'down'])
@pytest.mark.parametrize('first', range(1, 61, 6))
def test_submission_killed_at_a_call(lab, client, first, down):
    """The same at every n-th system call of every process."""
    for n in range(first, first + 6, 2):
        servers = [lab.server() for _ in range(2)]
        if down:
            for s in servers:
                s.stop()
        rc = killed_at(client, n, '-i', *(f'u@{s.domain}' for s in servers),
                       program='sendmail', input=text())
        if down:
            for s in servers:
                s.start()
        settle(client)
        judge(client, servers, rc == 0, 2 if not down else 1)
        for s in servers:
            s.stop()


def killed_at(client, n, *args, **kw):
    """Run under strace; each process dies at its n-th interesting call."""
    program = kw.pop('program', 'postrider')
    client.temporary = ()
    run = client.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                      f'trace={CALLS}', '-e',
                      f'inject={CALLS}:signal=KILL:when={n}',
                      *client.argv(*args, program=program)],
                     background=True, **kw)
    return run.rc


def test_the_kills_hit(lab, client):
    """So that the tests here cannot pass by killing nothing."""
    srv = lab.server()
    codes = [killed_at(client, n, '-i', f'u@{srv.domain}',
                       program='sendmail', input=text())
             for n in (1, 8, 16, 24)]
    assert all(rc in (-9, 137) for rc in codes), codes
    settle(client)


@pytest.mark.parametrize('first', range(1, 61, 6))
def test_flush_killed_at_a_call(lab, client, first):
    for n in range(first, first + 6, 2):
        servers = [lab.server() for _ in range(2)]
        client.sendmail('-i', '-odq', *(f'u@{s.domain}' for s in servers),
                        input=text()).quiet()
        killed_at(client, n, '--flush', '--now')
        settle(client)
        judge(client, servers, True, 2)
        for s in servers:
            s.stop()


@pytest.mark.parametrize('part', range(4))
def test_killed_flush(lab, client, part):
    for i in range(6):
        servers = [lab.server() for _ in range(2)]
        client.sendmail('-i', '-odq', *(f'u@{s.domain}' for s in servers),
                        input=text()).quiet()
        p = client.start('--flush', '--now', program='postrider')
        time.sleep((part * 6 + i) * 0.001)
        p.send_signal(signal.SIGKILL)
        client.finish(p)
        settle(client)
        judge(client, servers, True, 2)
        for s in servers:
            s.stop()


@pytest.mark.parametrize('first', range(1, 41, 5))
def test_bounce_killed_at_a_call(lab, client, first):
    """A refusal found by a flush: one report, or two; never none."""
    back = lab.server()
    bad = lab.server(script={'rcpt': '550 5.1.1 no'})
    for n in range(first, first + 5, 2):
        back.forget()
        client.sendmail('-i', '-odq', '-f', f'me@{back.domain}',
                        f'u@{bad.domain}', input=text()).quiet()
        killed_at(client, n, '--flush', '--now')
        settle(client)
        assert 1 <= len(back.messages) <= 2, n
        assert all(m.sender == '' for m in back.messages)


def test_everything_is_killed(lab, client):
    """Dispatcher and workers at once, as the end of a machine would."""
    for i in range(15):
        servers = [lab.server() for _ in range(2)]
        p = client.start('-i', *(f'u@{s.domain}' for s in servers),
                         input=text())
        time.sleep(0.003 + i * 0.002)
        os.killpg(p.pid, signal.SIGKILL)
        (rc, _, _), = client.finish(p)
        for pid in set(procs.children(os.getpid())) - procs.known():
            os.kill(pid, signal.SIGKILL)
        settle(client)
        judge(client, servers, rc == 0, 2)
        for s in servers:
            s.stop()


def test_what_cannot_be_removed_is_not_sent_again(lab, client):
    """Its file stays, and knows."""
    srv = lab.server()
    rcpt = f'a@{srv.domain}'
    client.submit(rcpt, options=['-odq']).quiet()
    client.temporary = ()
    for _ in range(3):
        client.run(['strace', '-f', '-o', '/dev/null', '-e',
                    'inject=unlink,unlinkat:error=EIO',
                    *client.argv('--flush', '--now')]).ok()
        assert srv.recipients == [rcpt]
    assert 'Input/output error' in client.log()
    client.flush_now().ok()
    assert srv.recipients == [rcpt]
    assert client.empty() and client.files('run') == []


def test_nothing_is_left_after_all_that(lab, client):
    """A flush tidies up what killed runs left behind."""
    srv = lab.server()
    for delay in 0.001, 0.004, 0.008, 0.012:
        p = client.start('-i', f'u@{srv.domain}', input=text())
        time.sleep(delay)
        p.kill()
        client.finish(p)
    settle(client)
    client.flush_now().ok()
    assert client.files('run') == []
    assert client.entries('queue') == []
