"""The command line and the surroundings a caller may choose for us."""
import ctypes
import os
import resource
import signal
import subprocess
import time

import pytest

from lab import check
from lab.client import PYTHON

MESSAGE = 'Subject: s\n\nhello\n'


# -- what callers pass ---------------------------------------------------------

ACCEPTED = [
    '-bm', '-ba', '-oi', '-oitrue', '-i', '-oem', '-oep', '-odi', '-em',
    '-B8BITMIME', '-B 7BIT', '-BWHATEVER', '-N never', '-N SUCCESS',
    '-R full', '-V id', '-L tag', '-Ltag', '-h 3', '-h5', '-G', '-n', '-m',
    '-om', '-oo', '-o7', '-o8', '-U', '-x', '-c', '-s', '-T', '-Am', '-Ac',
    '-pUUCP:host', '-p ESMTP', '-E', '-J', '-D /dev/null', '-oA/etc/aliases',
    '-or5m', '-oMr X', '-O QueueDirectory=/x', '-OTimeout.connect=5',
    '-O Unknown=1', '-F Name', '-FName', '-fa@b.test', '-f a@b.test',
    '-r a@b.test', '-odi -oem -oi', '-FCronDaemon -i -odi -oem -oi',
    '-FCronDaemon -i -B8BITMIME -oem', '-oem -oi -B8BITMIME -N failure '
    '-R hdrs --', '-oi -f a@b.test -oep -odi', '-G -oee -oi -pP:h']


@pytest.mark.parametrize('args', ACCEPTED)
def test_accepted(lab, client, args):
    srv = lab.server(caps=['PIPELINING', '8BITMIME', 'DSN', 'SMTPUTF8'])
    client.sendmail(*args.split(' '), f'bob@{srv.domain}',
                    input=MESSAGE).quiet()
    assert srv.recipients == [f'bob@{srv.domain}']


@pytest.mark.parametrize('args', [
    '-Q', '-qQ', '-qG', '-qL', '-XV', '-bt', '-bx', '-bl', '-bD', '-Z',
    '--nonsense', '--s', '--vers', '--q', '-f', '-N', '-N maybe', '-R some', '-V a=b', '-Mmacro',
    '-y', '-a'])
def test_usage_errors(client, args):
    run = client.sendmail(*args.split(' '), input=MESSAGE)
    assert run.rc == 64, repr(run)
    assert run.stderr and run.stdout == ''
    assert client.empty()


def test_options_after_recipients(lab, client):
    srv = lab.server()
    client.sendmail(f'a@{srv.domain}', '-i', f'b@{srv.domain}',
                    input='Subject: s\n\n.\nx\n').quiet()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']
    assert srv.messages[0].body == b'.\r\nx\r\n'


def test_dash_recipient(lab, client):
    srv = lab.server()
    run = client.sendmail(f'-zoo@{srv.domain}', input=MESSAGE)
    assert run.rc == 64 and srv.sessions == []
    client.sendmail('--', f'-foo@{srv.domain}', input=MESSAGE).quiet()
    assert srv.recipients == [f'-foo@{srv.domain}']


def test_no_recipient_and_no_t(client):
    run = client.sendmail(input=MESSAGE)
    assert run.rc == 64 and run.stderr and client.empty()


@pytest.mark.parametrize('name', ['newaliases', 'hoststat', 'purgestat'])
def test_names_that_do_nothing(client, name):
    link = client.name(name)
    if not os.path.islink(link):
        os.symlink(client.name('postrider'), link)
    client.run([link], input='').quiet()


def test_bi_does_nothing(client):
    client.sendmail('-bi').quiet()


def test_send_mail_is_a_name(lab, client):
    srv = lab.server()
    link = client.name('send-mail')
    os.symlink(client.name('postrider'), link)
    client.run([link, '-C', client.conf, f'a@{srv.domain}'],
               input=MESSAGE).quiet()
    assert srv.recipients == [f'a@{srv.domain}']


@pytest.mark.parametrize('args', [['-bd'], ['-bs']])
def test_modes_of_a_server(client, args):
    """There or not: a clear word or a greeting, never a message lost."""
    run = client.sendmail(*args, input='QUIT\r\n', timeout=10)
    assert run.rc == 64 and run.stderr or run.stdout.startswith('220')


def test_mailq_ignores_what_monitoring_passes(client):
    client.run([client.name('mailq'), '-C', client.conf]).ok()


def test_php_injection(lab, client):
    """PHPMailer's: -X and -O of an attacker write no file by privilege."""
    srv = lab.server()
    evil = os.path.join(client.folder, 'evil.php')
    run = client.sendmail('-fattacker\\', f'-oQ{client.folder}/', f'-X{evil}',
                          f'bob@{srv.domain}', input=MESSAGE)
    assert run.rc in (0, 64, 65)
    assert not [f for f in os.listdir(client.folder)
                if f.startswith(('qf', 'df'))]


# -- configuration ---------------------------------------------------------------

@pytest.mark.parametrize('text, where', [
    ('unknown-key 1\n', ':5'), ('wait soon\n', ':5'), ('jobs -1\n', ':5'),
    ('tls maybe\n', ':5'), ('hostname\n', ':5'), ('spool "open\n', ':5'),
    ('smtp-port 70000\n', ':5'), ('\0\n', ''), ('lifetime 5 d x\n', ':5')])
def test_bad_configuration(lab, client, text, where):
    client.write_conf(raw=text)
    run = client.submit('bob@no-such.test')
    assert run.rc == 78, repr(run)
    assert client.conf + where in run.stderr, repr(run)
    run = client.postrider('--check-config')
    assert run.rc == 78


@pytest.mark.parametrize('text', ['', '\n\n# only a comment\n',
                                  '  wait   30s  # with a comment\r\n',
                                  'jobs "7"\n'])
def test_good_configuration(lab, client, text):
    srv = lab.server()
    client.write_conf(raw=text)
    client.submit(f'bob@{srv.domain}').quiet()
    client.postrider('--check-config').ok()


@pytest.mark.parametrize('what', ['missing', 'directory', 'device', 'huge'])
def test_configuration_is_no_file(client, what):
    path = os.path.join(client.folder, what)
    if what == 'directory':
        os.mkdir(path)
    elif what == 'device':
        path = '/dev/zero'
    elif what == 'huge':
        with open(path, 'w') as f:
            f.truncate(1 << 30)
    run = client.run([client.name('sendmail'), '-C', path, 'a@b.test'],
                     input=MESSAGE)
    assert run.rc == 78 and path in run.stderr


# -- surroundings -----------------------------------------------------------------

def survives(lab, client, **kw):
    """Under these conditions a message is delivered all the same."""
    srv = lab.server()
    run = client.submit(f'bob@{srv.domain}', **kw)
    assert run.rc == 0, repr(run)
    assert srv.recipients == [f'bob@{srv.domain}']
    return run


def test_without_environment(lab, client):
    client.env = {}
    survives(lab, client)


@pytest.mark.parametrize('env', [
    {'HOME': '/no/such'}, {'PATH': ''}, {'TZ': '../../etc/passwd'},
    {'TZ': ':/evil'}, {'LC_ALL': 'xx_YY.UTF-99'}, {'TMPDIR': '/no/such'},
    {'HOSTALIASES': '/etc/passwd'}, {'RES_OPTIONS': 'ndots:15 timeout:99'},
    {'LOCALDOMAIN': 'evil.test'}, {'USER': '', 'LOGNAME': 'x\ny'},
    {'NAME': 'a\nEvil: 1'}, {'http_proxy': 'http://192.0.2.99:1'},
    {'GNUTLS_SYSTEM_PRIORITY_FILE': '/no/such'}, {'MALLOC_PERTURB_': '165'}],
    ids=lambda e: ' '.join(e))
def test_odd_environment(lab, client, env):
    survives(lab, client, env=env)


@pytest.mark.parametrize('closed', [(0,), (1,), (2,), (1, 2), (0, 1, 2)],
                         ids=str)
def test_closed_descriptors(lab, client, closed):
    """No file of ours becomes descriptor 0, 1 or 2."""
    srv = lab.server()
    other = lab.server(script={'rcpt': '550 5.1.1 no'})
    shut = ' '.join({0: '0<&-', 1: '1>&-', 2: '2>&-'}[n] for n in closed)
    script = f'exec "$@" {shut}'
    run = client.run(['/bin/sh', '-c', script, 'sh', *client.argv(
        '-v', f'bob@{srv.domain}', f'no@{other.domain}',
        program='sendmail')], input=MESSAGE)
    if 0 in closed:
        # Nothing to read is an empty message or a read error.
        assert run.rc in (0, 65, 66, 74, 75), repr(run)
    else:
        assert run.rc == 0, repr(run)
        assert srv.recipients == [f'bob@{srv.domain}']
    for path in client.entries():
        with open(path, 'rb') as f:
            assert b'250 ' not in f.read(50)


NO_SPACE = 'postrider: standard output: No space left on device\n'


def full(client, *args, **kw):
    """Run with a standard output that takes nothing."""
    with open('/dev/full', 'wb') as f:
        return client.postrider(*args, stdout=f, **kw)


def gone(client, *args, **kw):
    """Run with a reader who has seen enough."""
    r, w = os.pipe()
    os.close(r)
    try:
        return client.postrider(*args, stdout=w, **kw)
    finally:
        os.close(w)


PRINTS = ['--queue', '--queue --json', '-bp', '-bP', '--show all',
          '--show --json all', '--explain bob@no.test',
          '--explain --json bob@no.test', '-bv bob@no.test',
          '--check-config', '--help', '--help=settings', '--version',
          '--import-config msmtprc']


@pytest.mark.parametrize('args', PRINTS)
def test_output_cannot_be_written(client, args):
    """A list that is empty because the disk is full is no empty list."""
    client.submit('bob@no.test', options=['-odq']).quiet()
    client.write('msmtprc', 'account default\nhost a.test\nfrom a@a.test\n')
    want = client.postrider(*args.split(' '))
    run = full(client, *args.split(' '))
    assert run.rc == (want.rc or 74), repr(run)
    assert run.stderr.count(NO_SPACE) == 1, repr(run)
    assert run.stderr.replace(NO_SPACE, '') == want.stderr, repr(run)
    run = gone(client, *args.split(' '))
    assert (run.rc, run.stderr) == (want.rc, want.stderr), repr(run)


@pytest.mark.parametrize('args', ['--hold', '--delete', '--requeue',
                                  '--return', '--flush'])
def test_deed_cannot_be_told(lab, client, args):
    """It is done all the same, and that nobody heard of it is said once."""
    srv = lab.server()
    for _ in range(3):
        client.submit(f'bob@{srv.domain}', sender=f'me@{srv.domain}',
                      options=['-odq']).quiet()
    run = full(client, args, '--json', 'all')
    assert run.rc == 74 and run.stderr == NO_SPACE, repr(run)
    assert len(srv.messages) == (3 if args in ('--flush', '--return') else 0)
    assert len(client.entries('hold')) == (3 if args == '--hold' else 0)
    assert args in ('--hold', '--requeue') or client.empty()
    if args == '--hold':
        run = full(client, '--hold', '--json', client.entries('hold')[0][-16:])
        assert run.rc == 69 and NO_SPACE in run.stderr, repr(run)
        gone(client, '--release', '--json', 'all').quiet()
        assert client.entries('hold') == []


def test_result_cannot_be_told(lab, client):
    """The mail goes its way, and so does the exit status."""
    srv = lab.server()
    bad = lab.server(script={'rcpt': '550 5.1.1 no'})
    run = full(client, '--json', f'a@{srv.domain}', f'b@{srv.domain}',
               input=MESSAGE)
    assert (run.rc, run.stderr) == (0, NO_SPACE), repr(run)
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']
    run = full(client, '--json', f'c@{bad.domain}', input=MESSAGE)
    assert run.rc == 67 and NO_SPACE in run.stderr, repr(run)
    gone(client, '--json', f'd@{srv.domain}', input=MESSAGE).quiet()
    assert srv.recipients[2:] == [f'd@{srv.domain}'] and client.empty()


@pytest.mark.parametrize('which', ['stdout', 'stderr'])
def test_output_pipe_is_closed(lab, client, which):
    r, w = os.pipe()
    os.close(r)
    try:
        run = survives(lab, client, options=['-v'], **{which: w})
    finally:
        os.close(w)
    assert run.rc == 0


def test_signals_of_the_parent(lab, client):
    """SIGCHLD ignored, everything blocked: workers are reaped all the same."""
    def spoil():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    survives(lab, client, preexec_fn=spoil)


def test_timer_of_the_parent(lab, client):
    from lab.smtpd import pause
    srv = lab.server(script={'mail': (pause(0.5), '250 ok')})

    def spoil():
        signal.setitimer(signal.ITIMER_REAL, 0.2)
    client.submit(f'bob@{srv.domain}', preexec_fn=spoil).quiet()
    assert srv.recipients == [f'bob@{srv.domain}']


def test_deleted_directory(lab, client):
    gone = os.path.join(client.folder, 'gone')
    os.mkdir(gone)
    script = f'cd {gone} && rmdir {gone} && exec "$@"'
    srv = lab.server()
    client.run(['/bin/sh', '-c', script, 'sh', *client.argv(
        f'bob@{srv.domain}', program='sendmail')], input=MESSAGE).quiet()
    assert srv.recipients == [f'bob@{srv.domain}']


def test_empty_argv(client):
    code = ('import ctypes,sys\n'
            'libc = ctypes.CDLL(None)\n'
            'libc.execve(sys.argv[1].encode(), (ctypes.c_char_p * 1)(None), '
            '(ctypes.c_char_p * 1)(None))\n')
    assert ctypes
    run = client.run([PYTHON, '-c', code, client.name('sendmail')], input='')
    assert run.rc == 64, repr(run)


@pytest.mark.parametrize('limits', [
    {'FSIZE': 0}, {'FSIZE': 1}, {'FSIZE': 4096}, {'NOFILE': 3},
    {'NOFILE': 8}, {'NOFILE': 12}, {'STACK': 256 << 10}, {'CPU': 2},
    {'CORE': 0}, {'AS': 64 << 20}, {'DATA': 4 << 20}],
    ids=lambda d: ' '.join(f'{k}={v}' for k, v in d.items()))
def test_limits(lab, client, limits):
    """Delivered, or told: never 0 and lost, never killed by a signal."""
    if 'ASAN_OPTIONS' in os.environ and ('AS' in limits or 'DATA' in limits):
        return                  # the sanitizer needs all there is
    srv = lab.server()
    client.temporary = ()

    def limit():
        for name, value in limits.items():
            which = getattr(resource, f'RLIMIT_{name}')
            resource.setrlimit(which, (value, value))
    run = client.submit(f'bob@{srv.domain}', body='x' * 70 + '\n' * 9999,
                        preexec_fn=limit)
    client.flush_now()
    if run.rc == 0:
        assert srv.recipients == [f'bob@{srv.domain}']
    else:
        assert run.rc in (*check.NOT_KEPT, 69, 78, 127), repr(run)
        assert srv.messages == []


def test_no_more_processes(lab, client):
    """fork fails: done one after the other, or kept."""
    servers = [lab.server() for _ in range(3)]
    trace = os.path.join(client.folder, 'trace')
    run = client.run([
        'strace', '-f', '-o', trace, '-e', 'trace=clone,clone3,fork,vfork',
        '-e', 'inject=clone,clone3,fork,vfork:error=EAGAIN:when=2+',
        *client.argv('-i', *(f'u@{s.domain}' for s in servers),
                     program='sendmail')], input=MESSAGE)
    client.flush_now()
    got = [s.recipients for s in servers]
    if run.rc == 0:
        assert got == [[f'u@{s.domain}'] for s in servers]
    else:
        assert run.rc in check.NOT_KEPT and got == [[], [], []], repr(run)


def test_signal_leaves_files_unread(lab, client):
    """Those behind the one being read are not sent, and it says so."""
    srv = lab.server()
    path = os.path.join(client.folder, 'later.eml')
    with open(path, 'w') as f:
        f.write(f'To: bob@{srv.domain}\nSubject: s\n\nb\n')
    r, w = os.pipe()
    argv = client.net.argv(client.argv('--send', '-', path))
    p = subprocess.Popen(argv, stdin=r, stderr=subprocess.PIPE,
                         env=client.env, cwd=client.folder)
    os.close(r)
    os.write(w, f'To: a@{srv.domain}\n\nhalf '.encode())
    end = time.monotonic() + 10
    while not client.files('run') and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    p.send_signal(signal.SIGTERM)
    try:
        _, err = p.communicate(timeout=3)
    finally:
        os.close(w)
        p.wait()
    assert p.returncode == 75 and b'interrupted: not read from' in err
    assert srv.sessions == [] and client.empty()


@pytest.mark.parametrize('sig', ['SIGINT', 'SIGTERM', 'SIGHUP'])
def test_signal_while_reading(lab, client, sig):
    """Nothing was promised: no entry, no file, not 0."""
    srv = lab.server()
    r, w = os.pipe()
    argv = client.net.argv(client.argv(f'bob@{srv.domain}',
                                       program='sendmail'))
    p = subprocess.Popen(argv, stdin=r, stderr=subprocess.PIPE,
                         env=client.env, cwd=client.folder)
    os.close(r)
    os.write(w, b'Subject: s\n\n' + b'half a line ' * 1000)
    end = time.monotonic() + 10
    while not client.files('run') and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    p.send_signal(getattr(signal, sig))
    try:
        _, err = p.communicate(timeout=3)
    finally:
        os.close(w)
        p.wait()
    assert p.returncode != 0
    assert client.empty()
    client.flush_now().ok()
    client.check_temporary('afterwards')
    assert srv.sessions == []


def test_writer_dies(lab, client):
    """End of input in a line is the end of the message."""
    srv = lab.server()
    client.sendmail('-i', f'bob@{srv.domain}',
                    input='Subject: s\n\nhalf a li').quiet()
    assert srv.messages[0].body == b'half a li\r\n'


def test_20000_recipients_by_argument(lab, client):
    srv = lab.server()
    rcpts = [f'u{i}@{srv.domain}' for i in range(20000)]
    run = client.submit(*rcpts, timeout=120)
    run.quiet()
    assert len(srv.recipients) == 20000
    assert client.empty()


def test_100_destinations(lab, client):
    """More than there may be jobs; all finish."""
    client.write_conf(jobs='10')
    servers = [lab.server() for _ in range(60)]
    client.submit(*(f'u@{s.domain}' for s in servers)).quiet()
    assert all(s.recipients == [f'u@{s.domain}'] for s in servers)


def test_verify_mode(lab, client):
    """-bv says where it would go and sends nothing."""
    srv = lab.server()
    run = client.sendmail('-bv', f'bob@{srv.domain}')
    assert run.rc == 0 and srv.host in run.stdout + run.stderr
    assert srv.sessions == []


def test_quick_enough(lab, client):
    """A delivery costs the caller a few milliseconds of its own."""
    srv = lab.server()
    walls = sorted(client.submit(f'bob@{srv.domain}').quiet().wall
                   for _ in range(7))
    assert walls[3] < 0.5, walls
