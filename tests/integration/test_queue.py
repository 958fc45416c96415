"""The queue: what waits, until when, and that it is neither lost nor sent
twice."""
import os
import re
import stat
import subprocess
import time

import pytest

from lab import check
from lab.clock import shifted
from lab.smtpd import DROP, each, pause


@pytest.fixture
def down(lab):
    """A server that is down."""
    srv = lab.server()
    srv.stop()
    return srv


def hold(client, srv, *users, **kw):
    """Queue one message per user without an attempt."""
    for u in users:
        client.submit(f'{u}@{srv.domain}', options=['-odq'], **kw).quiet()


# -- entering ------------------------------------------------------------------

def test_odq(lab, client):
    srv = lab.server()
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, options=['-odq']).quiet()
    assert srv.sessions == []
    assert client.queued() == [rcpt]
    client.flush().ok()
    assert srv.recipients == [rcpt], 'a first attempt is due at once'
    assert client.empty()


@pytest.mark.parametrize('how', [['-odb'], ['-O', 'DeliveryMode=b'],
                                 ['-ODeliveryMode=background']])
def test_background(lab, client, how):
    srv = lab.server(script={'connect': (pause(0.5), '220 x')})
    rcpt = f'bob@{srv.domain}'
    begin = time.time()
    run = client.submit(rcpt, options=how, background=True)
    run.quiet()
    assert srv.recipients == [rcpt]
    assert client.empty()
    assert run.wall < 0.5 or time.time() - begin < 5


@pytest.mark.parametrize('how', [['-O', 'DeliveryMode=q'],
                                 ['-ODeliveryMode=queueonly']])
def test_queue_only_by_option(lab, client, how):
    srv = lab.server()
    client.submit(f'bob@{srv.domain}', options=how).quiet()
    assert srv.sessions == [] and len(client.entries()) == 1


def test_files_are_private(client, down):
    def wide_open():
        os.umask(0)
    client.submit(f'bob@{down.domain}', preexec_fn=wide_open).quiet()
    for root, _, files in os.walk(client.spool):
        assert not stat.S_IMODE(os.stat(root).st_mode) & 0o007, root
        for f in files:
            path = os.path.join(root, f)
            assert not stat.S_IMODE(os.stat(path).st_mode) & 0o117, path


def test_umask_777(lab, client):
    srv = lab.server()
    srv.stop()
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, preexec_fn=lambda: os.umask(0o777)).quiet()
    srv.start()
    check.retried(client, srv, rcpt)


# -- listing -------------------------------------------------------------------

def test_mailq_empty(client):
    assert client.mailq() == 'Mail queue is empty\n'


def test_mailq(client, down):
    hold(client, down, 'a', 'b', sender='me@from.test')
    client.submit(f'c@{down.domain}', f'd@{down.domain}').quiet()
    text = client.mailq()
    for u in 'abcd':
        assert f'{u}@{down.domain}' in text
    assert 'me@from.test' in text
    assert re.fullmatch(r'-- \d+ Kbytes in 3 Requests\.',
                        text.rstrip().splitlines()[-1])
    for args in (['-bp'], ['--queue']):
        assert client.postrider(*args).ok().stdout == text
    assert client.run(client.argv('-bp', program='sendmail')).stdout == text


def test_mailq_says_why(client, down):
    client.submit(f'c@{down.domain}').quiet()
    assert 'refused' in client.mailq().lower()


def test_count(client, down):
    hold(client, down, 'a', 'b')
    assert client.sendmail('-bP').ok().stdout.strip().startswith('2')


def test_json_queue(client, down):
    client.submit(f'c@{down.domain}', sender='me@from.test').quiet()
    o, = client.queue()
    text = str(o)
    assert 'me@from.test' in text and f'c@{down.domain}' in text


def test_listing_while_writing(lab, client, down):
    writers = [client.start('-odq', f'u{i}@{down.domain}',
                            input='Subject: s\n\nx\n') for i in range(30)]
    for _ in range(5):
        begin = time.monotonic()
        p = client.start(program='mailq')
        out, _ = p.communicate(timeout=20)
        assert p.returncode == 0 and time.monotonic() - begin < 5
    assert all(rc == 0 for rc, _, _ in client.finish(*writers))
    assert len(client.queued()) == 30


# -- when --------------------------------------------------------------------

def test_not_before_it_is_due(lab, client):
    srv = lab.server(script={'connect': ('421 later', DROP)})
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    srv.forget()
    client.flush().ok()
    assert srv.sessions == [] and client.queued() == [rcpt]


def test_when_it_is_due(lab, client):
    client.write_conf(retry_first='1s', retry_max='1s')
    srv = lab.server(script={'connect': ('421 later', DROP)})
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt).quiet()
    srv.script = {}
    # Due times have whole seconds.
    time.sleep(max(0, wait_of(client)) + 1.1)
    client.flush().ok()
    assert srv.recipients == [rcpt] and client.empty()


def wait_of(client):
    path, = client.entries()
    return os.stat(path).st_mtime - time.time()


def test_retry_times_double(client, down, wrong_clock):
    client.submit(f'bob@{down.domain}').quiet()
    late = 0
    for expect in 300, 600, 1200:
        wait = wait_of(client) - late
        assert 0.79 * expect - 3 < wait < 1.21 * expect + 3
        late += 1.25 * expect
        client.flush(env=shifted(int(late))).ok()


def test_greylisting_has_its_own_times(lab, client):
    srv = lab.server(script={
        'rcpt': '450 4.2.0 Greylisted, please try again later'})
    client.submit(f'bob@{srv.domain}').quiet()
    for expect in 360, 720:
        assert 0.79 * expect - 3 < wait_of(client) < 1.21 * expect + 3
        client.flush_now().ok()


def test_retry_settings(client, down, wrong_clock):
    client.write_conf(retry_first='10s', retry_max='20s')
    client.submit(f'bob@{down.domain}').quiet()
    late = 0
    for expect in 10, 20, 20:
        wait = wait_of(client) - late
        assert 0.79 * expect - 3 < wait < 1.21 * expect + 3
        late += 1.25 * expect + 1
        client.flush(env=shifted(int(late))).ok()


def test_nothing_due_opens_nothing(client, down):
    hold(client, down, *(f'u{i}' for i in range(5)))
    client.flush().ok()
    names = [os.path.basename(p) for p in client.entries()]
    assert len(names) == 5
    trace = os.path.join(client.folder, 'trace')
    client.run(['strace', '-f', '-o', trace, '-e', 'trace=open,openat',
                *client.argv('--flush')]).ok()
    with open(trace) as f:
        text = f.read()
    assert not [n for n in names if n in text]


# -- which -------------------------------------------------------------------

@pytest.mark.parametrize('args', [
    ['-q'], ['-q15m'], ['-qf'], ['--flush', '--now']])
def test_ways_to_flush(lab, client, args):
    srv = lab.server()
    hold(client, srv, 'a')
    client.sendmail(*args).ok()
    assert srv.recipients == [f'a@{srv.domain}']


def test_runq(lab, client):
    srv = lab.server()
    hold(client, srv, 'a')
    link = os.path.join(client.folder, 'runq')
    os.symlink(client.name('postrider'), link)
    client.run([link, '-C', client.conf]).ok()
    assert srv.recipients == [f'a@{srv.domain}']


@pytest.mark.parametrize('args', [['-qR{}'], ['--flush', '{}']])
def test_flush_by_recipient(lab, client, args):
    one, two = lab.server(), lab.server()
    hold(client, one, 'a')
    hold(client, two, 'b')
    client.sendmail(*(a.format(two.domain) for a in args)).ok()
    assert one.messages == [] and two.recipients == [f'b@{two.domain}']


def test_flush_by_sender_and_by_id(lab, client):
    srv = lab.server()
    hold(client, srv, 'a', sender='x@one.test')
    hold(client, srv, 'b', sender='y@two.test')
    hold(client, srv, 'c', sender='y@two.test')
    ids = {client.entries()[i] for i in range(3)}
    client.sendmail('-qSone.test').ok()
    assert srv.recipients == [f'a@{srv.domain}']
    left = [os.path.basename(p) for p in client.entries() if p in ids]
    assert len(left) == 2
    client.sendmail(f'-qI{left[0]}').ok()
    assert len(srv.messages) == 2 and len(client.entries()) == 1


# -- only once -----------------------------------------------------------------

def test_some_delivered_some_not(lab, client):
    d = lab.name()
    srv = lab.server(d, script={'rcpt': {f'later@{d}': '450 4.2.0 later'}})
    client.submit(f'now@{d}', f'later@{d}').quiet()
    for _ in range(2):
        client.flush_now().ok()
    assert srv.recipients == [f'now@{d}']
    srv.script = {}
    client.flush_now().ok()
    assert srv.recipients == [f'later@{d}', f'now@{d}']
    assert srv.messages[0].data.split(b'\r\n\r\n')[1] == \
        srv.messages[1].data.split(b'\r\n\r\n')[1]


def test_parallel_flushes(lab, client):
    """Ten flushes share forty messages: each is delivered once."""
    servers = [lab.server(script={'mail': (pause(0.02), '250 ok')})
               for _ in range(4)]
    for i in range(10):
        client.submit(*(f'u{i}@{s.domain}' for s in servers),
                      options=['-odq']).quiet()
    started = [client.start('--flush', '--now', program='postrider')
               for _ in range(10)]
    for rc, out, err in client.finish(*started):
        assert rc == 0 and err == b''
    client.flush_now().ok()
    for s in servers:
        assert s.recipients == sorted(f'u{i}@{s.domain}' for i in range(10))
    assert client.empty()


def test_50_parallel_submissions(lab, client):
    """With a flush running now and then: all arrive, each once."""
    servers = [lab.server() for _ in range(3)]
    started = []
    for i in range(50):
        started.append(client.start(
            '-i', *(f'u{i}@{s.domain}' for s in servers),
            input=f'Subject: {i}\n\nbody {i}\n'))
        if i % 10 == 9:
            started.append(client.start('--flush', program='postrider'))
    for rc, out, err in client.finish(*started):
        assert rc == 0 and err == b'', err
    client.flush_now().ok()
    for s in servers:
        assert s.recipients == sorted(f'u{i}@{s.domain}' for i in range(50))
        assert sorted(m.body for m in s.messages) == sorted(
            b'body %d\r\n' % i for i in range(50))
    assert client.empty()


def test_killed_flush(lab, client):
    """A flush that is killed leaves its work to the next one."""
    slow = lab.server(script={'connect': each((pause(20), '220 x'), None)})
    hold(client, slow, 'a')
    p = client.start('--flush', '--now', program='postrider')
    slow.wait(lambda: slow.sessions)
    p.kill()
    p.wait()
    for pid in _orphans():
        os.kill(pid, 9)
    client.finish(p)
    client.flush_now().ok()
    assert slow.recipients == [f'a@{slow.domain}']
    assert client.empty()


def _orphans():
    from lab import procs
    return set(procs.children(os.getpid())) - procs.known()


# -- the end of patience ---------------------------------------------------------

def expire(client, srv, back, *more):
    """A message whose life ends in two seconds, attempted after it."""
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}', options=[
        '-O', 'Timeout.queuereturn=2s', *more]).quiet()
    assert client.queued() == [rcpt]
    time.sleep(2.1)
    client.flush_now().ok()
    return rcpt


def test_lifetime(lab, client, down):
    back = lab.server()
    rcpt = expire(client, down, back)
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.failed == [rcpt]
    assert report.recipients[0]['Status'] in ('4.4.7', '5.4.7', '4.4.1',
                                              '5.4.1')
    assert client.empty()
    assert len(back.messages) == 1
    client.flush_now().ok()
    assert len(back.messages) == 1


def test_last_attempt_comes_before_the_bounce(lab, client):
    """Expired, but the server is back: delivered, not returned."""
    srv, back = lab.server(), lab.server()
    srv.stop()
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}', options=[
        '-O', 'Timeout.queuereturn=2s']).quiet()
    time.sleep(2.1)
    srv.start()
    client.flush_now().ok()
    assert srv.recipients == [rcpt] and back.messages == []
    assert client.empty()


# -- damage ----------------------------------------------------------------------

DAMAGES = {
    'empty': lambda b: b'',
    'half': lambda b: b[:len(b) // 2],
    'cut': lambda b: b[:-10],
    'flipped': lambda b: bytes([b[0] ^ 0x40]) + b[1:],
    'flipped in the message': lambda b: b.replace(b'marker', b'mArker'),
    'flipped address': lambda b: b.replace(b'bob@', b'eve@'),
    'rubbish': lambda b: os.urandom(4096),
    'zeros': lambda b: b'\0' * len(b),
}


@pytest.mark.parametrize('damage', DAMAGES)
def test_damaged_entry(lab, client, damage):
    """Not sent, not deleted, told of; the others go on."""
    srv = lab.server()
    hold(client, srv, 'bob', body='marker\n')
    bad, = client.entries()
    hold(client, srv, 'good')
    with open(bad, 'rb') as f:
        content = f.read()
    with open(bad, 'wb') as f:
        f.write(DAMAGES[damage](content))
    client.temporary = ('run',)
    run = client.flush_now()
    assert srv.recipients == [f'good@{srv.domain}']
    name = os.path.basename(bad)
    assert re.search(f'{name}: .*; it is in damaged/ now', client.log())
    kept = [p for place in ('damaged', 'queue', 'hold')
            for p in client.entries(place)]
    assert [p for p in kept if name in p], kept
    assert name in client.log() + run.stderr


def test_delete_a_directory_that_was_set_aside(lab, client):
    srv = lab.server()
    client.temporary = ('run',)
    for name in ('4jXf6N2cvZz3NHVT', '4jXf6N2cvZz3NHVV'):
        client.submit(f'bob@{srv.domain}', options=['-odq']).quiet()
        os.mkdir(os.path.join(client.spool, 'queue', name))
    client.flush()
    aside = os.path.join(client.spool, 'damaged', '4jXf6N2cvZz3NHVT')
    letter = os.path.join(aside, 'letter')
    with open(letter, 'w') as f:
        f.write('dear')
    run = client.sendmail('--delete', '4jXf6N2cvZz3NHVT')
    assert run.rc == 69 and f'rm -r {aside}' in run.stderr, repr(run)
    assert os.path.exists(letter)
    client.sendmail('--delete', '4jXf6N2cvZz3NHVV').ok()
    os.remove(letter)
    client.sendmail('--delete', '4jXf6N2cvZz3NHVT').ok()
    assert os.listdir(os.path.dirname(aside)) == []


def test_foreign_files_are_left_alone(lab, client):
    srv = lab.server()
    hold(client, srv, 'a')
    for name in ('README', '.hidden', 'x' * 200, 'a b'):
        with open(os.path.join(client.spool, 'queue', name), 'w') as f:
            f.write('not ours\n')
    client.temporary = ('run',)
    client.flush_now()
    assert srv.recipients == [f'a@{srv.domain}']


def test_link_in_the_queue_is_not_followed(lab, client):
    srv = lab.server()
    hold(client, srv, 'a')
    real, = client.entries()
    secret = os.path.join(client.folder, 'secret')
    os.rename(real, secret)
    os.symlink(secret, real)
    client.temporary = ('run',)
    client.flush_now()
    assert srv.messages == []
    assert os.path.exists(secret)


def test_message_in_hold_is_not_sent(lab, client):
    srv = lab.server()
    hold(client, srv, 'a')
    os.makedirs(os.path.join(client.spool, 'hold'), exist_ok=True)
    path, = client.entries()
    os.rename(path, path.replace('/queue/', '/hold/'))
    client.flush_now().ok()
    assert srv.messages == []


# -- stable storage ------------------------------------------------------------------

def traced(client, *args, calls='fsync,fdatasync,syncfs,sync', **kw):
    """Run under strace; the traced calls as lines."""
    trace = os.path.join(client.folder, 'trace')
    run = client.run(['strace', '-f', '-y', '-o', trace, '-e',
                      f'trace={calls}', *client.argv(
                          *args, program='sendmail')], **kw)
    with open(trace) as f:
        lines = [l for l in f if re.search(r'\b(' + calls.replace(',', '|') +
                                           r')\(', l)]
    return run, lines


MESSAGE = 'Subject: s\n\nhello\n'


def test_listing_of_many_that_are_active(client, down):
    """Each is looked for where it was seen, not in everybody's directory."""
    client.temporary = ('damaged',)
    n = 20
    for i in range(n):
        client.submit(f'bob{i}@{down.domain}', options=['-odq']).quiet()
    for i, path in enumerate(sorted(client.entries())):
        place = os.path.join(client.spool, 'run', str(i))
        os.makedirs(place, exist_ok=True)
        os.rename(path, os.path.join(place, os.path.basename(path)))
    run, lines = traced(client, '-bp', calls='openat')
    assert run.stdout.count(f'@{down.domain}') >= n
    opened = [l for l in lines if re.search(r'/run/\d+(/\.)?>$', l.strip())
              and 'O_DIRECTORY' in l]
    assert n <= len(opened) <= 4 * n, len(opened)


def test_no_sync_when_all_is_delivered(lab, client):
    srv = lab.server()
    run, lines = traced(client, f'bob@{srv.domain}', input=MESSAGE)
    run.quiet()
    assert lines == []


@pytest.mark.parametrize('mode', ['deferred', '-odq'])
def test_sync_before_a_promise(client, down, mode):
    args = ['-odq'] if mode == '-odq' else []
    run, lines = traced(client, *args, f'bob@{down.domain}', input=MESSAGE)
    run.quiet()
    assert len(lines) >= 2, 'the file and its directory'
    assert any(re.search(r'<[^>]*/(queue|run)(/[^/>]*)?>', l) for l in lines)


@pytest.mark.parametrize('n', [1, 2, 3])
@pytest.mark.parametrize('error', ['EIO', 'ENOSPC'])
@pytest.mark.parametrize('mode', ['deferred', '-odq'])
def test_sync_fails(lab, client, n, error, mode):
    """Never 0 with nothing safe; then nothing is kept either."""
    srv = lab.server()
    srv.stop()
    client.temporary = ()
    args = ['-odq'] if mode == '-odq' else []
    trace = os.path.join(client.folder, 'trace')
    run = client.run(['strace', '-f', '-o', trace, '-e',
                      f'inject=fsync,fdatasync:error={error}:when={n}',
                      *client.argv(*args, f'bob@{srv.domain}',
                                   program='sendmail')], input=MESSAGE)
    with open(trace) as f:
        hit = 'INJECTED' in f.read()
    srv.start()
    client.flush_now()
    if not hit:
        run.quiet()
        assert srv.recipients == [f'bob@{srv.domain}']
    elif run.rc == 0:
        # Made good elsewhere: then it must be there.
        assert srv.recipients == [f'bob@{srv.domain}']
    else:
        assert run.rc in check.NOT_KEPT, repr(run)
        assert run.stderr
        assert srv.messages == [], 'the caller was told to send again'


@pytest.mark.parametrize('call', ['write', 'rename', 'renameat', 'renameat2',
                                  'mkdir', 'mkdirat', 'openat', 'unlink',
                                  'unlinkat', 'pwrite64', 'writev', 'flock',
                                  'fork', 'clone', 'pipe2', 'getrandom'])
@pytest.mark.parametrize('n', [1, 2, 4])
def test_call_fails(lab, client, call, n):
    """ENOSPC anywhere: told, or made good; never 0 and lost."""
    srv = lab.server()
    srv.stop()
    client.temporary = ()
    trace = os.path.join(client.folder, 'trace')
    known = subprocess.run(['strace', '-e', f'trace={call}', 'true'],
                           capture_output=True)
    if known.returncode:
        return                  # not a call of this architecture
    run = client.run(['strace', '-f', '-o', trace, '-e', f'trace={call}',
                      '-e', f'inject={call}:error=ENOSPC:when={n}',
                      *client.argv(f'bob@{srv.domain}', program='sendmail')],
                     input=MESSAGE)
    srv.start()
    client.flush_now()
    if run.rc == 0:
        assert srv.recipients == [f'bob@{srv.domain}']
    elif run.rc == 127:
        pass                    # the program was not even loaded
    else:
        assert run.rc in (*check.NOT_KEPT, 69, 78), repr(run)
        assert srv.messages == []


def test_full_disk(lab, client):
    """A real one: a tmpfs of a few pages."""
    srv = lab.server()
    srv.stop()
    script = os.path.join(client.folder, 'full')
    with open(script, 'w') as f:
        f.write(f'set -e\nmkdir -p {client.spool}\n'
                f'mount -t tmpfs -o size=$1,mode=700 lab {client.spool}\n'
                'shift\n"$@" && rc=0 || rc=$?\n'
                f'find {client.spool} -type f | wc -l\nexit $rc\n')
    body = 'Subject: s\n\n' + 'x' * 60000 + '\n'
    for size in ('16k', '32k', '48k', '64k', '128k', '1m'):
        run = client.run(['unshare', '--mount', '/bin/sh', script, size,
                          *client.argv(f'bob@{srv.domain}',
                                       program='sendmail')], input=body)
        left = int(run.stdout.split()[-1])
        if run.rc == 0:
            assert left >= 1
        else:
            assert run.rc in check.NOT_KEPT, repr(run)
    assert run.rc == 0


@pytest.mark.parametrize('what', ['file', 'link', 'missing parent'])
def test_wrong_spool(client, what):
    if what == 'file':
        with open(client.spool, 'w'):
            pass
    elif what == 'link':
        other = os.path.join(client.folder, 'elsewhere')
        os.mkdir(other)
        os.symlink(other, client.spool)
    else:
        client.write_conf(spool=os.path.join(client.folder, 'no', 'such'))
    run = client.submit('bob@no-such.test')
    assert run.rc in (68, 71, 72, 73, 75, 78), repr(run)
    assert run.stderr


def test_spool_is_read_only(lab, client):
    """Direct delivery may work; a promise cannot."""
    srv = lab.server()
    srv.stop()
    script = os.path.join(client.folder, 'readonly')
    with open(script, 'w') as f:
        f.write(f'set -e\nmkdir -p {client.spool}\n'
                f'mount -t tmpfs -o ro,mode=700 lab {client.spool}\n'
                'exec "$@"\n')
    run = client.run(['unshare', '--mount', '/bin/sh', script, *client.argv(
        f'bob@{srv.domain}', program='sendmail')], input=MESSAGE)
    assert run.rc in (*check.NOT_KEPT, 78), repr(run)
    assert run.stderr


def test_many_queued(client, lab):
    """1000 entries: listed quickly, flushed in one pass."""
    srv = lab.server()
    files = os.path.join(client.folder, 'box')
    with open(files, 'w') as f:
        for i in range(1000):
            f.write(f'From me Sun Nov 22 10:00:00 2026\n'
                    f'To: u{i}@{srv.domain}\nSubject: {i}\n\n{i}\n\n')
    client.postrider('-odq', '--send', files).quiet()
    begin = time.monotonic()
    assert len(client.queued()) == 1000
    assert time.monotonic() - begin < 5
    run = client.flush_now(timeout=90)
    run.ok()
    assert len(srv.messages) == 1000
    assert client.empty()
    assert len(srv.sessions) <= 30
