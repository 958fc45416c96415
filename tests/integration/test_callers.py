"""Programs as they are packaged, calling us as /usr/sbin/sendmail."""
import os
import shutil
import subprocess

import pytest

from lab import check
from lab.client import PYTHON


@pytest.fixture
def srv(lab):
    return lab.server()


def one(srv):
    m, = srv.messages
    return m


def test_default_paths(client, srv):
    """No -C: /etc/postrider.conf and /usr/sbin/sendmail."""
    client.system(['/usr/sbin/sendmail', '-t'],
                  input=f'To: a@{srv.domain}\nSubject: s\n\nx\n').quiet()
    assert one(srv).sender == 'root@client.prb.test'


def test_mailq(client, srv):
    srv.stop()
    client.system(['/usr/sbin/sendmail', f'a@{srv.domain}'],
                  input='Subject: s\n\nx\n').quiet()
    run = client.system(['mailq']).ok()
    assert f'a@{srv.domain}' in run.stdout


def test_php(client, srv):
    code = (f'exit(mail("a@{srv.domain}, b@{srv.domain}", "sübject", '
            '"line one\\nline two\\r\\n.\\nend", '
            '"From: me@php.test\\r\\nBcc: c@%s\\r\\nX-Test: 1", '
            '"-fbounce@php.test") ? 0 : 1);' % srv.domain)
    run = client.system(['php', '-n', '-d',
                         'sendmail_path=/usr/sbin/sendmail -t -i', '-r', code])
    run.ok()
    m = one(srv)
    assert sorted(m.rcpts) == [f'{u}@{srv.domain}' for u in 'abc']
    assert m.sender == 'bounce@php.test'
    assert m.body.startswith(b'line one\r\nline two\r\n.\r\nend')
    assert m.field('X-Test') == ['1']
    assert m.email['Bcc'] is None


def test_php_refused(lab, client):
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    run = client.system([
        'php', '-n', '-d', 'sendmail_path=/usr/sbin/sendmail -t -i', '-r',
        f'exit(mail("a@{srv.domain}", "s", "b") ? 0 : 1);'])
    assert run.rc == 1 and client.empty()


def test_git_send_email(client, srv):
    repo = os.path.join(client.folder, 'repo')
    env = dict(client.env, GIT_AUTHOR_NAME='Me', GIT_AUTHOR_EMAIL='me@g.test',
               GIT_COMMITTER_NAME='Me', GIT_COMMITTER_EMAIL='me@g.test',
               GIT_CONFIG_NOSYSTEM='1')
    client.env = env
    for words in (['init', '-q', repo],
                  ['-C', repo, 'commit', '-q', '--allow-empty', '-m', 'zero'],
                  ['-C', repo, 'commit', '-q', '--allow-empty', '-m',
                   'subject: of a change\n\nFrom the start\n.\nof a body']):
        subprocess.run(['git', *words], env=env, check=True)
    with open(os.path.join(repo, 'f'), 'w') as f:
        f.write('content\n')
    subprocess.run(['git', '-C', repo, 'add', 'f'], env=env, check=True)
    subprocess.run(['git', '-C', repo, 'commit', '-q', '-m', 'add f'],
                   env=env, check=True)
    run = client.system(['git', '-C', repo, 'send-email', '--quiet',
                         '--confirm=never', '--from=me@g.test',
                         f'--to=list@{srv.domain}', f'--cc=cc@{srv.domain}',
                         '--envelope-sender=bounce@g.test', '-1'])
    run.ok()
    m = one(srv)
    assert m.rcpts == [f'list@{srv.domain}', f'cc@{srv.domain}'] or \
        sorted(m.rcpts) == [f'cc@{srv.domain}', f'list@{srv.domain}']
    assert m.sender == 'bounce@g.test'
    assert m.field('Subject') == ['[PATCH] add f']
    assert b'+content\r\n' in m.body


def test_mutt(client, srv):
    run = client.system(['mutt', '-n', '-F', '/dev/null', '-e',
                         'set copy=no; set from=me@m.test; '
                         'set use_envelope_from=yes', '-s', 'vom Mutt',
                         '-b', f'secret@{srv.domain}', '--',
                         f'a@{srv.domain}'], input='Grüße\n.\nend\n')
    run.ok()
    m = one(srv)
    assert sorted(m.rcpts) == [f'a@{srv.domain}', f'secret@{srv.domain}']
    assert m.sender == 'me@m.test'
    assert b'secret' not in m.data
    assert 'Grüße' in m.email.get_content()


def test_s_nail(client, srv):
    run = client.system(['s-nail', '-:/', '-S', 'v15-compat',
                         '-S', 'mta=/usr/sbin/sendmail', '-S',
                         'from=me@n.test', '-r', 'me@n.test', '-s', 'hallo',
                         f'a@{srv.domain}'], input='body\n.x\nend\n')
    run.ok()
    m = one(srv)
    assert m.sender == 'me@n.test' and m.field('Subject') == ['hallo']
    assert m.body.endswith(b'.x\r\nend\r\n')


def test_python(client, srv):
    code = ('import subprocess, email.message\n'
            'm = email.message.EmailMessage()\n'
            f'm["To"] = "a@{srv.domain}"\nm["Subject"] = "grüß"\n'
            'm.set_content("tä\\n.\\nend\\n")\n'
            'subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], '
            'input=m.as_bytes(), check=True)\n')
    client.system([PYTHON, '-c', code]).quiet()
    m = one(srv)
    assert m.email.get_content().splitlines() == ['tä', '.', 'end']
    assert m.email['Subject'] == 'grüß'


def test_perl_mime_lite(client, srv):
    code = ('use MIME::Lite; my $m = MIME::Lite->new('
            f'From => "me\\@p.test", To => "a\\@{srv.domain}", '
            f'Bcc => "b\\@{srv.domain}", Subject => "s", '
            'Data => "one\\n.\\nlast"); $m->send or die;')
    client.system(['perl', '-e', code]).quiet()
    m = one(srv)
    assert sorted(m.rcpts) == [f'a@{srv.domain}', f'b@{srv.domain}']
    assert m.body == b'one\r\n.\r\nlast\r\n'
    assert m.email['Bcc'] is None


def test_cron(client, srv):
    """Debian's: From, To without a domain, no Date and no Message-ID."""
    client.write_conf(origin=srv.domain)
    client.system(
        ['/usr/sbin/sendmail', '-FCronDaemon', '-i', '-B8BITMIME', '-oem',
         'root'], input=(
             'From: root (Cron Daemon)\nTo: root\n'
             'Subject: Cron <root@host> false\nMIME-Version: 1.0\n'
             'Content-Type: text/plain; charset=UTF-8\n'
             'Content-Transfer-Encoding: 8bit\n'
             'X-Cron-Env: <SHELL=/bin/sh>\n\nübel\n.\nend\n')).quiet()
    m = one(srv)
    assert m.rcpts == [f'root@{srv.domain}']
    assert m.body == 'übel\r\n.\r\nend\r\n'.encode()
    assert len(m.field('Date')) == len(m.field('Message-ID')) == 1


def test_anacron(client, srv):
    """stdin is a file, stdout is stdin's twin, no -i."""
    path = os.path.join(client.folder, 'job')
    with open(path, 'w') as f:
        f.write('From: Anacron <root>\nTo: x\nSubject: Anacron job\n\nout\n')
    with open(path) as f:
        client.system(['/usr/sbin/sendmail', '-FAnacron', '-odi',
                       f'root@{srv.domain}'], stdin=f).quiet()
    assert one(srv).body == b'out\r\n'


def test_fail2ban(client, srv):
    """printf %b, two leading header lines, no final newline."""
    client.system(['/bin/sh', '-c',
                   'printf %b "Subject: [Fail2Ban] x\nFrom: F <f@x.test>\n'
                   f'To: a@{srv.domain}\\n\nHi,\\n\nban" | '
                   f'/usr/sbin/sendmail -f f@x.test a@{srv.domain}']).quiet()
    assert one(srv).sender == 'f@x.test'


def test_mdadm(client, srv):
    """sendmail -t and nothing else, by popen."""
    client.system(['/bin/sh', '-c', f'echo "From: md\nTo: a@{srv.domain}\n'
                   'Subject: Degraded\n\nThis is" | /usr/sbin/sendmail -t'
                   ]).quiet()
    assert one(srv).rcpts == [f'a@{srv.domain}']


def test_monitoring(client):
    """monitoring-plugins' check_mailq looks at the last line only."""
    run = client.system(['mailq']).ok()
    assert run.stdout == 'Mail queue is empty\n'


def test_plain_user(lab, client, srv):
    """Anybody can send: a spool of one's own without an installation."""
    if not shutil.which('setpriv'):
        pytest.fail('setpriv is missing (util-linux)')
    home = os.path.join(client.folder, 'nobody')
    os.mkdir(home)
    os.chown(home, 65534, 65534)
    os.chmod(client.folder, 0o755)
    if not _reachable(client):
        return
    client.write_conf(without=('spool', 'log'), log='none')
    os.chmod(client.conf, 0o644)
    user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    env = {'HOME': home, 'XDG_STATE_HOME': os.path.join(home, 'state')}
    run = client.run([*user, *client.argv(f'a@{srv.domain}',
                                          program='sendmail')],
                     input='Subject: s\n\nx\n', env=env)
    run.quiet()
    assert one(srv).sender == 'nobody@client.prb.test'
    srv.stop()
    client.run([*user, *client.argv(f'b@{srv.domain}', program='sendmail')],
               input='Subject: s\n\nx\n', env=env).quiet()
    srv.start()
    client.run([*user, *client.argv('--flush', '--now')], env=env).ok()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']


def _reachable(client):
    """May another user run the program at all (a private build tree)?"""
    return subprocess.run(
        ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
         'test', '-x', os.path.realpath(client.name('postrider'))]
    ).returncode == 0
