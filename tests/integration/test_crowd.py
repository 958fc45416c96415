"""Many processes at one spool: senders, flushes and listings get in each
other's way, and no message is lost, sent twice or held up by strangers."""
import collections
import os
import random
import signal
import threading
import time

import pytest

from lab import procs
from lab.smtpd import DROP, Action

SENDERS, MESSAGES, FLUSHES = 50, 100, 4

# Reads lines "MODE NAME RECIPIENT...": sends a message called NAME by the
# program, as a user's script would, and notes each one that was not taken.
SENDER = '''
while read -r mode name rcpts; do
	printf 'Subject: %s\\n\\n%s\\n' "$name" "$name" |
	    "$1" -C "$2" -i "$mode" -- $rcpts || echo "$name: exit code $?"
done
'''

# Until the file $3 is there; the rest are options of the program.
AGAIN = '''
program=$1 conf=$2 stop=$3
shift 3
until [ -e "$stop" ]; do
	"$program" -C "$conf" "$@" || echo "$*: exit code $?"
done
'''

# The same with mailq: complete, nothing damaged, and without a wait.
LIST = r'''
until [ -e "$3" ]; do
	began=$(date +%s)
	"$1" -C "$2" >listing || echo "mailq: exit code $?"
	[ $(($(date +%s) - began)) -lt 5 ] || echo "mailq waited"
	tail -n 1 listing | grep -qE \
	    '^(Mail queue is empty|-- [0-9]+ Kbytes in [0-9]+ Requests?\.)$' ||
	    echo "mailq: cut off"
	! grep damaged listing
	sleep 0.1
done
'''


def shell(client, script, *args, name, **kw):
    """Start a script in the client's namespace; its words go to a file."""
    with open(os.path.join(client.folder, name), 'x') as out:
        return procs.start(
            client.net.argv(['/bin/sh', '-c', script, 'sh', *args]),
            stdout=out, stderr=out, env=client.env, cwd=client.folder,
            start_new_session=True, **kw)


def complaints(client, *names):
    said = ''
    for name in names:
        with open(os.path.join(client.folder, name)) as f:
            said += f.read()
    return said


def moody(chance, seed, *answer):
    """The usual, but with some chance this answer; the same each time for
    the same seed, as far as the order of the commands is the same."""
    dice = random.Random(str(seed))
    return lambda session, arg: answer if dice.random() < chance else None


def write_list(client, sender, dice, servers):
    """What one sender sends. Returns {name: recipients}."""
    sent = {}
    path = os.path.join(client.folder, f'list{sender}')
    with open(path, 'w') as f:
        for i in range(MESSAGES):
            name = f'message-{sender}-{i}'
            to = dice.sample(servers, 3 if dice.random() < 0.1 else 1)
            sent[name] = [f'u{sender}@{s.domain}' for s in to]
            mode = dice.choice(['-odi', '-odi', '-odq', '-odb'])
            f.write(' '.join([mode, name, *sent[name]]) + '\n')
    return sent


def arrived(servers):
    """How often each message has arrived at each recipient."""
    return collections.Counter(
        (m.body.decode().strip(), r) for s in servers for m in s.messages
        for r in m.rcpts)


def drain(client, wait=60):
    """Flush until nothing is left."""
    end = time.monotonic() + wait
    while True:
        client.flush_now(timeout=90).ok()
        if client.empty():
            return
        assert time.monotonic() < end, client.mailq()[-3000:]


def crowd(lab, client, seed):
    """All that is asked to be sent, while all the rest goes on: (what was
    sent, what the processes complained of)."""
    dice = random.Random(str(seed))
    servers = [lab.server(script={
        'connect': moody(0.02, (seed, i, 0), '421 4.3.2 busy', DROP),
        'mail': moody(0.03, (seed, i, 1), '451 4.3.0 later'),
        'rcpt': moody(0.01, (seed, i, 2), '452 4.2.2 full')})
        for i in range(3)]
    client.write_conf(retry_first='1s', retry_max='1s')
    stop = os.path.join(client.folder, 'stop')
    flushes = [shell(client, AGAIN, client.name('postrider'), client.conf,
                     stop, '--flush', *(['--now'] if i % 2 else []),
                     name=f'flush{i}') for i in range(FLUSHES)]
    flushes.append(shell(client, LIST, client.name('mailq'), client.conf,
                         stop, name='lister'))
    sent, senders = {}, []
    for i in range(SENDERS):
        sent.update(write_list(client, i, dice, servers))
        with open(os.path.join(client.folder, f'list{i}')) as todo:
            senders.append(shell(client, SENDER, client.name('sendmail'),
                                 client.conf, name=f'sender{i}', stdin=todo))
    end = time.monotonic() + 500
    for p in senders:
        p.wait(max(1, end - time.monotonic()))
    with open(stop, 'w'):
        pass
    client.finish(*flushes, *senders)
    return servers, sent, complaints(
        client, *(f'sender{i}' for i in range(SENDERS)),
        *(f'flush{i}' for i in range(FLUSHES)), 'lister')


def pytest_generate_tests(metafunc):
    if 'seed' in metafunc.fixturenames:
        all_of_them = metafunc.config.getoption('--all')
        metafunc.parametrize('seed', range(1, 21 if all_of_them else 2))


@pytest.mark.timeout(600)
def test_crowd(lab, client, figures, seed):
    """50 senders with 100 messages each, four flushes, one mailq."""
    servers, sent, said = crowd(lab, client, seed)
    assert said == ''
    drain(client)
    seen = arrived(servers)
    wanted = {(name, r) for name, rcpts in sent.items() for r in rcpts}
    lost = wanted - set(seen)
    doubled = [k for k, n in seen.items() if n > 1]
    late = client.log().count('status=deferred')
    figures(f'crowd {seed}: {len(sent)} sent in {len(wanted)} copies, '
            f'{len(lost)} lost, {len(doubled)} doubled, {late} put off')
    assert len(sent) == SENDERS * MESSAGES
    assert late > 0, 'the servers were not moody'
    assert not lost and not doubled and set(seen) == wanted
    assert client.files('run') == []


# -- a site that does not answer is waited for by whoever has its mail ---------

class Gate:
    """What a server does at a stage: wait until the test lets it go on."""

    def __init__(self):
        self.open = threading.Event()

    def __call__(self, session, arg):
        return Action('gate', self.wait), '220 at last'

    def wait(self, session):
        while not self.open.is_set():
            session.wire.rest(0.01)


def hold(client, *servers, n=1):
    """Queue n messages for each, without an attempt."""
    for i in range(n):
        for s in servers:
            client.submit(f'u{i}@{s.domain}', options=['-odq']).quiet()


def start_flush(client):
    return client.start('--flush', '--now', program='postrider')


def active_for(client, srv):
    """The queue ids of mail for it that somebody has in hand."""
    return [o['queue_id'] for o in client.queue()
            if o['queue_name'] == 'active' and
            o['recipients'][0]['address'].endswith('@' + srv.domain)]


@pytest.mark.parametrize('flushes', [2, 10])
def test_flushes_share_the_work(lab, client, flushes):
    """All that can be delivered is delivered while one site is silent, what
    comes meanwhile as well, and nothing twice."""
    gate = Gate()
    client.temporary = ()
    slow = lab.server(script={'connect': gate})
    quick = [lab.server() for _ in range(3)]
    hold(client, slow, *quick, n=20)
    started = [start_flush(client) for _ in range(flushes)]
    for s in quick:
        s.wait(lambda: sum(len(m.rcpts) for m in s.taken) == 20)
    assert slow.taken == []
    assert slow.most_at_once <= flushes * 5
    hold(client, quick[0], n=1)
    client.flush_now().ok()
    assert len(quick[0].taken) == 21
    assert len(active_for(client, slow)) == 20
    gate.open.set()
    for rc, out, err in client.finish(*started):
        assert rc == 0 and err == b''
    wanted = [f'u{i}@' for i in range(20)]
    assert slow.recipients == sorted(w + slow.domain for w in wanted)
    for s in quick[1:]:
        assert s.recipients == sorted(w + s.domain for w in wanted)
    assert client.empty()


@pytest.mark.parametrize('whom', ['dispatcher', 'worker too'])
def test_stopped_holder(lab, client, whom):
    """A flush that is stopped in the middle delays what it has in hand, and
    nothing else; nobody takes that from it."""
    gate = Gate()
    client.temporary = ()
    slow = lab.server(script={'connect': gate})
    other = lab.server()
    hold(client, slow)
    p = start_flush(client)
    slow.wait(lambda: slow.sessions)
    stop(p, signal.SIGSTOP, whom)
    begin = time.monotonic()
    hold(client, other, n=2)
    assert len(active_for(client, slow)) == 1
    client.flush_now().ok()
    client.submit(f'now@{other.domain}').quiet()
    assert time.monotonic() - begin < 20
    assert len(other.taken) == 3
    gate.open.set()
    if whom == 'dispatcher':
        slow.wait(lambda: slow.taken)
    client.flush_now().ok()
    assert client.queued() == [f'u0@{slow.domain}'], 'it is not yet told'
    stop(p, signal.SIGCONT, whom)
    (rc, out, err), = client.finish(p)
    assert rc == 0 and err == b''
    assert slow.recipients == [f'u0@{slow.domain}']
    assert client.empty()


def stop(p, how, whom):
    """Stop, or let go on; each process has a group of its own."""
    if whom == 'dispatcher':
        p.send_signal(how)
    else:
        os.killpg(p.pid, how)


def test_stopped_sender(lab, client):
    """In the middle of its message: no flush sees it, none waits for it."""
    srv = lab.server()
    p = procs.start(client.net.argv(client.argv('-i', f'bob@{srv.domain}',
                                                program='sendmail')),
                    stdin=-1, env=client.env, cwd=client.folder)
    p.stdin.write(b'Subject: s\n\n' + b'x' * 200_000)
    p.stdin.flush()
    end = time.monotonic() + 10
    while not client.files('run'):
        assert time.monotonic() < end
    p.send_signal(signal.SIGSTOP)
    draft = client.files('run')
    client.temporary = ()
    client.flush_now().ok()
    assert client.files('run') == draft and srv.sessions == []
    p.send_signal(signal.SIGCONT)
    p.stdin.write(b'\nthe end\n')
    p.stdin.close()
    assert p.wait(20) == 0
    client.reap(time.monotonic() + 10)
    assert srv.recipients == [f'bob@{srv.domain}']
    assert srv.messages[0].body.endswith(b'the end\r\n')
    assert client.empty() and client.files('run') == []
