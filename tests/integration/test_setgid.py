"""Installed for a system: set-group-id, and plain users who trust nobody."""
import contextlib
import os
import re
import shutil
import stat
import threading
import time

import pytest

from lab import procs
from lab.smtpd import HANG

UIDS = {'joe': 41001, 'eve': 41002}
PLACES = ('queue', 'run', 'sites', 'hold', 'damaged')
SECRET = 'only for joe and for bob'
LOG_LINE = re.compile(r'\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ [\w./-]+\[\d+\]: '
                      r'[\x20-\x7e]*')


def _free_gid():
    with open('/etc/group') as f:
        used = {int(line.split(':')[2]) for line in f if line.count(':') > 2}
    return next(n for n in range(42000, 60000) if n not in used)


class System:
    """The lab's client, as scripts/setup-system would install it."""

    def __init__(self, client):
        self.client, self.gid = client, _free_gid()
        self.worker_gid = 65534
        os.chmod(client.folder, 0o755)
        self.homes = {}
        for name, uid in UIDS.items():
            self.homes[name] = home = os.path.join(client.folder, name)
            os.mkdir(home, 0o700)
            os.chown(home, uid, uid)
        for place in ('', *PLACES):
            path = os.path.join(client.spool, place)
            os.mkdir(path)
            self._ours(path, 0o2770)
        with open(client.logfile, 'w'):
            self._ours(client.logfile, 0o660)
        self.program = os.path.join(client.folder, 'installed')
        self.original = os.path.realpath(client.name('postrider'))
        shutil.copyfile(self.original, self.program)
        self._ours(self.program, 0o2755)

    def _ours(self, path, mode):
        os.chown(path, 0, self.gid)
        os.chmod(path, mode)

    @contextlib.contextmanager
    def plain(self):
        """Without the bit, to see that a test looks where it has to."""
        os.chmod(self.program, 0o755)
        try:
            yield
        finally:
            self._ours(self.program, 0o2755)

    def files(self):
        with open('/etc/passwd') as f:
            passwd = [s for s in f if not s.startswith('postrider:')]
        with open('/etc/group') as f:
            group = [s for s in f if not s.startswith('postrider:')]
        passwd.append(f'postrider:x:42999:{self.worker_gid}::/:/bin/false\n')
        group.append(f'postrider:x:{self.gid}:\n')
        for name, uid in UIDS.items():
            passwd.append(f'{name}:x:{uid}:{uid}::{self.homes[name]}:'
                          '/bin/sh\n')
            group.append(f'{name}:x:{uid}:\n')
        return {'passwd': ''.join(passwd), 'group': ''.join(group)}

    def run(self, user, *argv, before='', **kw):
        """Run argv as a user; before: shell commands of this user's."""
        words = ['/bin/sh', '-c', before + '\nexec "$@"', 'sh',
                 *map(str, argv)]
        if user != 'root':
            uid = UIDS[user]
            words = ['setpriv', f'--reuid={uid}', f'--regid={uid}',
                     '--clear-groups', *words]
            kw['env'] = {'HOME': self.homes[user], 'USER': user,
                         **kw.get('env', {})}
            kw.setdefault('cwd', self.homes[user])
        return self.client.system(
            ['/bin/sh', '-c', 'mount --bind "$1" "$2"; shift 2; exec "$@"',
             'sh', self.program, self.original, *words],
            files=self.files(), **kw)

    def sendmail(self, user, *args, **kw):
        return self.run(user, '/usr/sbin/sendmail', *args, **kw)

    def submit(self, user, rcpt, *options, text=SECRET, **kw):
        return self.sendmail(user, '-i', *options, '--', rcpt,
                             input=f'Subject: s\n\n{text}\n', **kw)

    def mailq(self, user):
        return self.run(user, 'mailq').ok().stdout

    def waiting(self):
        return self.client.entries()

    def snapshot(self):
        """Every file of the queue, what is in it and when it is due."""
        found = {}
        for place in ('queue', 'run', 'hold', 'damaged'):
            for path in self.client.files(place):
                with open(path, 'rb') as f:
                    found[path] = (f.read(), os.stat(path).st_mtime_ns,
                                   os.stat(path).st_ino)
        return found

    def own_file(self, user, name, text):
        path = os.path.join(self.homes[user], name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        for p in (path, os.path.dirname(path)):
            os.chown(p, UIDS[user], UIDS[user])
        return path

    def log_is_whole(self):
        for line in self.client.log().split('\n')[:-1]:
            assert LOG_LINE.fullmatch(line), repr(line)


@pytest.fixture
def system(client):
    s = System(client)
    if not os.access(s.original, os.X_OK) or s.run(
            'joe', '/bin/sh', '-c', 'test -x /usr/sbin/sendmail').rc != 0:
        pytest.skip('plain users cannot reach the program')
    return s


@pytest.fixture
def srv(lab):
    return lab.server()


@pytest.fixture
def joes(system, srv):
    """A message of joe's that waits; the server is back."""
    srv.stop()
    system.submit('joe', f'bob@{srv.domain}').quiet()
    srv.start()
    path, = system.waiting()
    return path


# -- sending -------------------------------------------------------------------

def test_delivered(system, srv):
    system.submit('joe', f'bob@{srv.domain}').quiet()
    m, = srv.messages
    assert m.sender == 'joe@client.prb.test'
    assert f'from userid {UIDS["joe"]})' in m.field('Received')[0]
    assert system.snapshot() == {}
    system.log_is_whole()
    assert 'status=sent' in system.client.log()


def test_deferred_is_private(system, joes):
    st = os.stat(joes)
    assert os.path.dirname(joes) == os.path.join(system.client.spool, 'queue')
    assert stat.S_IMODE(st.st_mode) == 0o660
    assert (st.st_uid, st.st_gid) == (UIDS['joe'], system.gid)
    for root, folders, names in os.walk(system.client.spool):
        for name in folders + names:
            st = os.stat(os.path.join(root, name))
            assert st.st_gid == system.gid and not st.st_mode & 0o007, name
    assert system.run('root', 'cat', joes).ok().stdout.count(SECRET) == 1
    for user in UIDS:
        run = system.run(user, 'cat', joes)
        assert run.rc == 1 and 'Permission denied' in run.stderr, repr(run)


def test_mailq_shows_ones_own(system, srv, joes):
    rcpt = f'bob@{srv.domain}'
    assert system.mailq('eve') == 'Mail queue is empty\n'
    for user in ('joe', 'root'):
        text = system.mailq(user)
        assert rcpt in text and os.path.basename(joes) in text
    system.submit('eve', f'ann@{srv.domain}', '-odq').quiet()
    text = system.mailq('eve')
    assert f'ann@{srv.domain}' in text and rcpt not in text
    for options in (['--json'], [os.path.basename(joes)], [rcpt]):
        run = system.run('eve', '/usr/sbin/sendmail', '--queue', *options)
        assert rcpt not in run.stdout + run.stderr
        assert 'joe@' not in run.stdout + run.stderr


def test_flush_of_ones_own(system, srv, joes):
    system.submit('eve', f'ann@{srv.domain}', '-odq').quiet()
    before = system.snapshot()[joes]
    system.sendmail('eve', '-qf').ok()
    assert srv.recipients == [f'ann@{srv.domain}']
    assert system.snapshot() == {joes: before}
    system.sendmail('eve', '-qf', f'-qI{os.path.basename(joes)}')
    assert system.snapshot() == {joes: before}
    system.sendmail('root', '-qf').ok()
    assert srv.recipients == [f'ann@{srv.domain}', f'bob@{srv.domain}']
    assert system.snapshot() == {}


def test_joe_flushes_his_own(system, srv, joes):
    system.sendmail('joe', '-qf').ok()
    assert srv.recipients == [f'bob@{srv.domain}']
    assert system.snapshot() == {}


# -- what is being delivered ---------------------------------------------------

def _leave(system, path, run):
    """As if the process that delivers it had died, which held run/RUN."""
    place = os.path.join(system.client.spool, 'run', run)
    os.makedirs(place, exist_ok=True)
    system._ours(place, 0o2770)
    left = os.path.join(place, os.path.basename(path))
    os.rename(path, left)
    return left


def test_guests_put_back_nothing_of_others(system, srv, joes):
    """Their processes may be stopped while they hold the lock."""
    system.client.temporary = ('damaged',)
    for run in ('0', f'{UIDS["joe"]}-0'):
        left = _leave(system, joes, run)
        before = system.snapshot()
        system.submit('eve', f'ann@{srv.domain}').ok()
        system.sendmail('eve', '-qf').ok()
        system.sendmail('eve', '--delete', 'all')
        system.sendmail('eve', '--hold', os.path.basename(left))
        assert system.snapshot() == before
        os.rename(left, joes)
    assert set(srv.recipients) == {f'ann@{srv.domain}'}
    # His own he can put back, and root everybody's.
    for n, (user, run) in enumerate((('joe', f'{UIDS["joe"]}-0'),
                                     ('root', f'{UIDS["joe"]}-0'),
                                     ('root', '0'))):
        shutil.copy(joes, joes + '.copy')
        system._ours(joes + '.copy', 0o660)
        _leave(system, joes, run)
        system.sendmail(user, '-qf').ok()
        assert srv.recipients.count(f'bob@{srv.domain}') == n + 1
        os.rename(joes + '.copy', joes)


def test_guests_hold_directories_of_their_own(lab, system):
    srv = lab.server(script={'mail': HANG})
    t = threading.Thread(target=lambda: system.submit(
        'eve', f'ann@{srv.domain}', background=True))
    t.start()
    try:
        end = time.monotonic() + 20
        while 'MAIL FROM' not in srv.transcript():
            assert time.monotonic() < end, 'no session'
            time.sleep(0.01)
        held, = system.client.files('run')
        assert os.path.basename(os.path.dirname(held)) == \
            f'{UIDS["eve"]}-0'
    finally:
        srv.stop()
        t.join(60)


def test_a_guest_with_too_many_processes(system, srv):
    place = os.path.join(system.client.spool, 'run')
    system.client.temporary = ('damaged',)
    for n in range(1000):
        # cannot be taken, as one that is held
        with open(os.path.join(place, f'{UIDS["eve"]}-{n}'), 'w'):
            pass
    run = system.submit('eve', f'ann@{srv.domain}')
    assert run.rc == 75 and 'too many processes of this user' in run.stderr
    run = system.sendmail('eve', '-qf')
    assert run.rc == 0 and run.stderr == '', 'there is nothing to claim'
    for user in ('joe', 'root'):
        system.submit(user, f'{user}@{srv.domain}').ok()
    assert srv.recipients == [f'joe@{srv.domain}', f'root@{srv.domain}']


def test_flush_without_a_directory(system, srv, joes):
    """It is said why nothing is sent, and once, whatever there is."""
    place = os.path.join(system.client.spool, 'run')
    system.client.temporary = ('damaged',)
    for n in range(5):
        system.submit('joe', f'bob@{srv.domain}', '-odq').quiet()
    for n in range(1000):
        path = os.path.join(place, f'{UIDS["joe"]}-{n}')
        if os.path.isdir(path):
            os.rmdir(path)
        with open(path, 'w'):
            pass
    log = len(system.client.log())
    run = system.sendmail('joe', '-qf')
    assert run.rc == 75, repr(run)
    assert run.stderr.count('no directory in run is free') == 1
    assert system.client.log()[log:].count('no directory in run') == 1
    assert srv.messages == [] and len(system.waiting()) == 6
    system.sendmail('root', '-qf').ok()
    assert len(srv.messages) == 6


# -- what a caller may not steer ----------------------------------------------

@pytest.mark.parametrize('setting', [
    'nameserver 192.0.2.99\ndns-timeout 1s\n', 'log {home}/log\n',
    'smtp-port 2525\n', 'nonsense here\n'])
def test_own_settings(system, srv, setting):
    setting = setting.format(home=system.homes['eve'])
    conf = system.own_file('eve', '.config/postrider.conf', setting)
    system.submit('eve', f'bob@{srv.domain}').quiet()
    assert srv.recipients == [f'bob@{srv.domain}']
    assert not os.path.exists(os.path.join(system.homes['eve'], 'log'))
    assert 'status=sent' in system.client.log()
    system.sendmail('eve', '-qf', env={
        'XDG_CONFIG_HOME': os.path.dirname(conf)}).quiet()
    # Without the bit the file counts.
    system.client.write_conf(without=('spool', 'log'), log='none')
    with system.plain():
        run = system.submit('eve', f'ann@{srv.domain}')
    log = os.path.join(system.homes['eve'], 'log')
    assert run.rc != 0 or os.path.exists(log) or \
        f'ann@{srv.domain}' not in srv.recipients, repr(run)


def test_named_settings_drop_the_group(system, srv, joes):
    before = system.snapshot()
    srv.stop()
    common = 'nameserver 192.0.2.53\nhostname client.prb.test\nlog none\n'
    own = system.own_file('eve', 'own.conf', common)
    system.submit('eve', f'ann@{srv.domain}', '-C', own).quiet()
    queue = os.path.join(system.homes['eve'],
                         '.local/state/postrider/queue')
    name, = os.listdir(queue)
    st = os.stat(os.path.join(queue, name))
    assert (st.st_uid, st.st_gid) == (UIDS['eve'], UIDS['eve'])
    assert stat.S_IMODE(st.st_mode) == 0o600
    assert system.snapshot() == before
    # The system's spool, by name, is out of reach.
    bad = system.own_file('eve', 'bad.conf',
                          f'{common}spool {system.client.spool}\n')
    srv.start()
    for words in (['--queue'], ['-qf'], [f'ann@{srv.domain}']):
        run = system.sendmail('eve', '-C', bad, *words, input='\nx\n')
        assert run.rc == 78, repr(run)
        assert SECRET not in run.stdout and 'bob@' not in run.stdout
    assert srv.recipients == []
    assert system.snapshot() == before
    # And a log that the group may write.
    bad = system.own_file('eve', 'log.conf', common.replace(
        'log none', f'log {system.client.logfile}'))
    log = system.client.log()
    system.submit('eve', f'ann@{srv.domain}', '-C', bad).ok()
    assert srv.recipients == [f'ann@{srv.domain}']
    assert system.client.log() == log


def test_settings_that_only_the_group_can_read(system):
    path = os.path.join(system.client.folder, 'group.conf')
    with open(path, 'w') as f:
        f.write(f'{SECRET}\n')
    system._ours(path, 0o640)
    run = system.sendmail('eve', '-C', path, '--check-config')
    assert run.rc == 78 and 'only' not in run.stdout + run.stderr, repr(run)
    run = system.sendmail('root', '-C', path, '--check-config')
    assert 'only' in run.stdout + run.stderr, repr(run)


def test_send_opens_as_the_caller(system, srv):
    path = os.path.join(system.client.folder, 'letter')
    with open(path, 'w') as f:
        f.write(f'Subject: s\n\n{SECRET}\n')
    system._ours(path, 0o640)
    words = ['--send', path, '--to', f'ann@{srv.domain}']
    run = system.sendmail('eve', *words)
    assert run.rc == 66 and path in run.stderr, repr(run)
    box = os.path.join(system.client.folder, 'box')
    os.mkdir(box)
    for name in ('new', 'cur'):
        os.mkdir(os.path.join(box, name))
    shutil.copy(path, os.path.join(box, 'new', '1'))
    # Nobody's but behind a directory of the group's.
    os.chmod(os.path.join(box, 'new', '1'), 0o644)
    system._ours(os.path.join(box, 'new'), 0o750)
    for what in (box, os.path.join(box, 'new', '1')):
        run = system.sendmail('eve', '--send', what,
                              '--to', f'ann@{srv.domain}')
        assert run.rc == 66, repr(run)
    assert srv.messages == [] and system.snapshot() == {}
    os.chmod(path, 0o644)
    # What all can read is sent, unless it is the group's.
    assert system.sendmail('eve', *words).rc == 66
    os.chown(path, 0, 0)
    system.sendmail('eve', *words).ok()
    assert srv.recipients == [f'ann@{srv.domain}']


def test_send_through_proc(system, srv, joes):
    """Open descriptors lead past the directories of the spool."""
    name = os.path.basename(joes)
    before = system.snapshot()
    script = ('for n in 0 1 2 3 4 5 6 7 8 9 10 11 12; do\n'
              'for p in "" /queue /../queue; do for e in "" /$1; do\n'
              'timeout 10 /usr/sbin/sendmail --to $2 --send '
              '/proc/self/fd/$n$p$e </dev/null; done; done; done 2>&1; :')
    run = system.run('eve', '/bin/sh', '-c', script, 'sh', name,
                     f'ann@{srv.domain}')
    assert SECRET not in run.stdout
    for m in srv.messages:
        assert SECRET.encode() not in m.data
    assert system.snapshot() == before
    # The way is there: without the group to guard, root can take it.
    with system.plain():
        run = system.run('root', '/bin/sh', '-c', script, 'sh', name,
                         f'ann@{srv.domain}')
    assert any(SECRET.encode() in m.data for m in srv.messages) or \
        'No such file' not in run.stdout.split(name)[1], repr(run)


def test_dialogue_file_is_the_callers(system, srv):
    for mode in (0o660, 0o664):
        path = os.path.join(system.client.folder, f'file{mode:o}')
        with open(path, 'w') as f:
            f.write('as it was\n')
        system._ours(path, mode)
        for target in (path, system.client.logfile,
                       os.path.join(system.client.spool, 'queue', 'new')):
            log = system.client.log()
            run = system.submit('eve', f'a@{srv.domain}', '-X', target)
            assert run.rc == 73, repr(run)
            assert system.client.log() == log
        with open(path) as f:
            assert f.read() == 'as it was\n'
    assert system.client.entries() == [] and srv.messages == []
    # His own he can have; his queue is then his own, too.
    system.client.write_conf(without=('spool',))
    path = os.path.join(system.homes['eve'], 'new\nli\033ne')
    system.submit('eve', f'a@{srv.domain}', '-X', path).ok()
    st = os.stat(path)
    assert (st.st_uid, st.st_gid) == (UIDS['eve'], UIDS['eve'])
    assert srv.recipients == [f'a@{srv.domain}']
    assert system.client.log() == ''


FORGED = 'x\nNov 22 00:00:00 h postrider/smtp[1]: forged\033[2Jline'


@pytest.mark.parametrize('options', [
    ['-L', FORGED], ['-V', FORGED], ['-F', FORGED], ['-f', FORGED],
    ['-f', f'"{FORGED}"@a.test'], ['-O', f'DeliveryMode={FORGED}'],
    ['-N', FORGED], ['-p', FORGED]])
def test_no_forged_lines(system, srv, options):
    system.submit('eve', f'a@{srv.domain}', *options)
    system.submit('eve', f'{FORGED}@{srv.domain}', *options)
    system.submit('eve', f'"{FORGED}"@{srv.domain}')
    srv.stop()
    system.submit('eve', f'b@{srv.domain}', *options)
    text = system.client.log()
    if options[0] == '-L':
        assert 'x_Nov_22' in text
    system.submit('eve', f'c@{srv.domain}').quiet()
    assert f'to=<c@{srv.domain}>' in system.client.log()
    text = system.client.log()
    assert '\033' not in text
    assert not re.search(r'^Nov 22 00:00:00', text, re.M)
    system.log_is_whole()
    for name in system.client.entries():
        assert re.fullmatch('[0-9A-Za-z]{16}', os.path.basename(name))
    for line in system.mailq('root').splitlines():
        assert '\033' not in line and not line.startswith('Nov 22 00:00')


def test_environment(lab, system):
    srv = lab.server(tls=True)
    aliases = system.own_file('eve', 'aliases', f'alias {srv.domain}\n')
    env = [f'HOSTALIASES={aliases}', 'LOCALDOMAIN=test',
           'RES_OPTIONS=attempts:0 timeout:0 use-vc ndots:15',
           'LD_PRELOAD=/nonexistent/lib.so', 'LD_LIBRARY_PATH=/nonexistent',
           'LD_DEBUG=libs', f'LD_DEBUG_OUTPUT={system.homes["eve"]}/debug',
           'GNUTLS_DEBUG_LEVEL=9', 'GNUTLS_CPUID_OVERRIDE=1',
           f'GNUTLS_KEYLOGFILE={system.homes["eve"]}/keys',
           'GNUTLS_SYSTEM_PRIORITY_FILE=/nonexistent',
           'GNUTLS_SYSTEM_PRIORITY_FAIL_ON_INVALID=1',
           f'SSLKEYLOGFILE={system.homes["eve"]}/keys',
           'TMPDIR=/nonexistent', 'MALLOC_TRACE=/nonexistent/x',
           'POSIXLY_CORRECT=1', 'IFS=x', 'PATH=/nonexistent']
    system.run('eve', '/usr/bin/env', *env, '/usr/sbin/sendmail', '-i',
               f'bob@{srv.domain}', input='Subject: s\n\nx\n').quiet()
    m, = srv.messages
    assert m.rcpts == [f'bob@{srv.domain}']
    for domain in ('alias', srv.domain.split('.')[0]):
        run = system.run('eve', '/usr/bin/env', *env, '/usr/sbin/sendmail',
                         '-i', f'bob@{domain}', input='\nx\n')
        assert run.rc != 0, repr(run)
    assert len(srv.messages) == 1
    assert sorted(os.listdir(system.homes['eve'])) == ['aliases']
    with system.plain():
        run = system.run('eve', '/usr/bin/env', *env[3:4],
                         '/usr/sbin/sendmail', '--version')
    assert '/nonexistent/lib.so' in run.stderr, 'the bit is what stops it'


# -- odd surroundings ----------------------------------------------------------

def test_closed_descriptors(system, srv):
    letter = system.own_file('eve', 'letter', 'Subject: s\n\nletter\n')
    words = ['--to', f'a@{srv.domain}', '--send', letter]
    system.sendmail('eve', *words, before='exec <&- >&- 2>&-').ok()
    first, = srv.messages
    srv.stop()
    system.sendmail('eve', '-v', *words, before='exec <&- >&- 2>&-').ok()
    for fd in ('<&-', '>&-', '2>&-'):
        system.sendmail('eve', *words, before=f'exec {fd}').ok()
    assert len(system.waiting()) == 4
    srv.start()
    system.sendmail('root', '-qf', before='exec <&- >&- 2>&-').ok()
    assert [m.body for m in srv.messages] == [first.body] * 5
    assert first.body == b'letter\r\n'
    assert system.snapshot() == {}
    system.log_is_whole()


@pytest.mark.parametrize('options', [[], ['-odq'], ['-odb']])
def test_no_file_may_grow(system, srv, options):
    srv.stop()
    run = system.submit('eve', f'a@{srv.domain}', *options,
                        before='ulimit -f 0', background=True)
    assert run.rc == 75, repr(run)
    assert system.snapshot() == {}
    system.submit('eve', f'a@{srv.domain}', '-odq').quiet()
    assert len(system.waiting()) == 1


@pytest.mark.parametrize('up', [True, False])
def test_no_file_may_grow_flush(system, srv, joes, up):
    rcpt = f'ann@{srv.domain}'
    system.submit('eve', rcpt, '-odq').quiet()
    before = system.snapshot()
    if not up:
        srv.stop()
    system.sendmail('eve', '-qf', before='ulimit -f 0')
    after = system.snapshot()
    assert after.pop(joes) == before.pop(joes)
    # Eve's own is kept as it was, or gone to where it should.
    if srv.recipients:
        assert srv.recipients == [rcpt]
    for path, (data, _, _) in before.items():
        assert srv.recipients or after[path][0].startswith(data)
    if not up:
        srv.start()
    system.sendmail('root', '-qf').ok()
    assert srv.recipients == [rcpt, f'bob@{srv.domain}']
    assert system.snapshot() == {}


@pytest.mark.parametrize('mask', ['0', '777'])
def test_umask(system, srv, mask):
    srv.stop()
    for user in UIDS:
        system.submit(user, f'{user}@{srv.domain}',
                      before=f'umask {mask}').quiet()
    system.sendmail('root', '-qf', before=f'umask {mask}').ok()
    assert len(system.waiting()) == 2
    for root, folders, names in os.walk(system.client.spool):
        for name in folders:
            mode = stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode)
            assert mode == 0o2770, (name, oct(mode))
        for name in names:
            st = os.stat(os.path.join(root, name))
            assert stat.S_IMODE(st.st_mode) == 0o660, (name, oct(st.st_mode))
            assert st.st_gid == system.gid
    srv.start()
    system.sendmail('joe', '-qf', before=f'umask {mask}').ok()
    assert srv.recipients == [f'joe@{srv.domain}']
    system.sendmail('root', '-qf', before=f'umask {mask}').ok()
    assert srv.recipients == [f'eve@{srv.domain}', f'joe@{srv.domain}']


def _descendants(pid):
    found = []
    for child in procs.children(pid):
        found += [child, *_descendants(child)]
    return found


def _status(pid):
    try:
        with open(f'/proc/{pid}/status') as f:
            return dict(line.rstrip('\n').split(':\t', 1) for line in f
                        if ':\t' in line)
    except OSError:
        return {}


def _talking(pids):
    """The processes of the program that hold a socket."""
    found = []
    for pid in pids:
        try:
            links = [os.readlink(f'/proc/{pid}/fd/{n}')
                     for n in os.listdir(f'/proc/{pid}/fd')]
        except OSError:
            continue
        if any(link.startswith('socket:') for link in links):
            found.append(pid)
    return found


@pytest.mark.parametrize('user', ['root', 'joe'])
@pytest.mark.parametrize('trap', [False, True])
def test_workers_are_nobody(lab, system, user, trap):
    """trap: the user of the workers is in the group of the spool."""
    srv = lab.server(script={'mail': HANG})
    if trap:
        system.worker_gid = system.gid
    system.submit('joe', f'bob@{srv.domain}', '-odq').quiet()
    results = []
    t = threading.Thread(target=lambda: results.append(
        system.sendmail(user, '-qf', background=True)))
    t.start()
    try:
        end = time.monotonic() + 20
        while 'MAIL FROM' not in srv.transcript():
            assert time.monotonic() < end, 'no session'
            time.sleep(0.01)
        family = [p for p in _descendants(os.getpid())
                  if _status(p).get('Name') in ('sendmail', 'postrider')]
        workers = _talking(family)
        states = [_status(p) for p in workers]
        main = [_status(p) for p in family if p not in workers]
    finally:
        srv.stop()
        t.join(60)
    assert states and main, 'nobody talks to the server'
    assert any(str(system.gid) in s['Gid'].split() for s in main), \
        'the one with the queue has the group'
    for s in states:
        uids, gids = s['Uid'].split(), s['Gid'].split()
        groups = s['Groups'].split()
        if user == 'root':
            assert '0' not in uids + gids + groups, s
        else:
            assert set(uids) == set(gids) == {str(UIDS['joe'])}, s
        assert str(system.gid) not in gids + groups, s
        assert s['NoNewPrivs'].strip() == '1'
        assert int(s['CapEff'], 16) == int(s['CapPrm'], 16) == 0
    assert results and results[0].rc == 0, results
    assert len(system.waiting()) == 1
