"""Senders: where they come from, and how they are rewritten."""
import os
import re
import subprocess

import pytest

from lab import check
from lab.client import HOSTNAME

DOMAIN = 'prb.test'             # of the client's machine
GIT = {'GIT_AUTHOR_NAME': 'Me Myself', 'GIT_AUTHOR_EMAIL': f'me@{HOSTNAME}',
       'GIT_COMMITTER_NAME': 'Me Myself',
       'GIT_COMMITTER_EMAIL': f'me@{HOSTNAME}', 'GIT_CONFIG_NOSYSTEM': '1'}


@pytest.fixture
def srv(lab):
    return lab.server()


def one(srv):
    m, = srv.messages
    srv.messages.clear()
    return m


def fields(m, *names):
    """These fields as they stand, folding and all."""
    found = re.findall(rb'^([!-9;-~]+)[ \t]*:((?:.*\r\n)(?:[ \t].*\r\n)*)',
                       m.head, re.M)
    return [value.decode().rstrip('\r\n').lstrip(' ') for name, value in found
            if name.decode().lower() in [n.lower() for n in names]]


# -- as programs pass it ------------------------------------------------------------

def php(client, srv, extra, *headers):
    code = (f'exit(mail("a@{srv.domain}", "s", "x", "'
            + '\\r\\n'.join(headers) + f'", "{extra}") ? 0 : 1);')
    client.system(['php', '-n', '-d',
                   'sendmail_path=/usr/sbin/sendmail -t -i', '-r',
                   code]).ok()
    return one(srv)


def cron(client, srv):
    """Debian's: From has no domain, and no -f."""
    client.system(['/usr/sbin/sendmail', '-FCronDaemon', '-i', '-B8BITMIME',
                   '-oem', f'a@{srv.domain}'], input=(
                       f'From: root (Cron Daemon)\nTo: a@{srv.domain}\n'
                       'Subject: Cron <root@host> false\n\nout\n')).quiet()
    return one(srv)


def mutt(client, srv, *settings):
    run = client.system(['mutt', '-n', '-F', '/dev/null', '-e',
                         '; '.join(['set copy=no', *settings]), '-s', 's',
                         '--', f'a@{srv.domain}'], input='text\n')
    run.ok()
    return one(srv)


def git(client, srv, *options):
    repo = os.path.join(client.folder, 'repo')
    env = client.env = dict(client.env, **GIT)
    for words in (['init', '-q', repo],
                  ['-C', repo, 'commit', '-q', '--allow-empty', '-m', '0'],
                  ['-C', repo, 'commit', '-q', '--allow-empty', '-m', '1']):
        subprocess.run(['git', *words], env=env, check=True)
    with open(os.path.join(repo, 'f'), 'w') as f:
        f.write('x\n')
    subprocess.run(['git', '-C', repo, 'add', 'f'], env=env, check=True)
    subprocess.run(['git', '-C', repo, 'commit', '-q', '-m', 'add f'],
                   env=env, check=True)
    client.system(['git', '-C', repo, 'send-email', '--quiet',
                   '--confirm=never', f'--to=a@{srv.domain}',
                   *options, '-1']).ok()
    return one(srv)


def test_php_masquerade(client, srv):
    client.write_conf(masquerade=DOMAIN)
    m = php(client, srv, f'-fwww-data@web1.{DOMAIN}',
            f'From: \\"Shop, the\\" <www-data@web1.{DOMAIN}>',
            f'Reply-To: shop@web1.{DOMAIN}, x@other.test',
            f'X-Host: www-data@web1.{DOMAIN}')
    assert m.sender == f'www-data@{DOMAIN}'
    assert fields(m, 'From') == [f'"Shop, the" <www-data@{DOMAIN}>']
    assert fields(m, 'Reply-To') == [f'shop@{DOMAIN}, x@other.test']
    assert fields(m, 'X-Host') == [f'www-data@web1.{DOMAIN}']


def test_php_provider(client, srv):
    """A provider that takes one sender only; replies go where they went."""
    client.write_conf(**{'from': 'shop@provider.test',
                         'envelope-from': 'fixed', 'from-header': 'replace'})
    m = php(client, srv, '-fwww-data@localhost', 'From: Ann <ann@cust.test>',
            'Reply-To: Ann <ann@cust.test>')
    assert m.sender == 'shop@provider.test'
    assert m.email['From'].addresses[0].addr_spec == 'shop@provider.test'
    assert 'ann' not in m.field('From')[0].lower()
    assert fields(m, 'Reply-To') == ['Ann <ann@cust.test>']


def test_cron_rewrite(client, srv):
    client.write_conf(**{'rewrite-sender': 'root@* admin@example.test'})
    m = cron(client, srv)
    assert m.sender == 'admin@example.test'
    assert fields(m, 'From') == ['admin@example.test (Cron Daemon)']
    assert fields(m, 'Subject') == ['Cron <root@host> false']


def test_cron_from(client, srv):
    """from is for who says nothing; the header is another matter."""
    client.write_conf(**{'from': 'admin@example.test'})
    m = cron(client, srv)
    assert m.sender == 'admin@example.test'
    assert fields(m, 'From') == ['root (Cron Daemon)']


def test_cron_header(client, srv):
    client.write_conf(**{'envelope-from': 'header', 'origin': 'o.test'})
    assert cron(client, srv).sender == 'root@o.test'


def test_mutt_header(client, srv):
    """mutt without use_envelope_from: the header alone knows the sender."""
    client.write_conf(**{'envelope-from': 'header'})
    m = mutt(client, srv, 'set realname="Ann Lee"', 'set from=ann@a.test')
    assert m.sender == 'ann@a.test'
    assert fields(m, 'From') == ['Ann Lee <ann@a.test>']


def test_mutt_masquerade(client, srv):
    client.write_conf(**{'envelope-from': 'header'}, masquerade=DOMAIN)
    m = mutt(client, srv, 'set realname="Änn Lee"',
             f'set from=ann@{HOSTNAME}')
    assert m.sender == f'ann@{DOMAIN}'
    name, address = fields(m, 'From')[0].rsplit(' ', 1)
    assert name.startswith('=?') and address == f'<ann@{DOMAIN}>'
    assert m.email['From'].addresses[0].display_name == 'Änn Lee'


def test_mutt_replace_keeps_a_name(client, srv):
    """What is the address already is not replaced."""
    client.write_conf(**{'from': 'ann@a.test', 'from-header': 'replace'})
    m = mutt(client, srv, 'set realname="Ann Lee"', 'set from=ann@a.test')
    assert m.sender == 'ann@a.test'
    assert fields(m, 'From') == ['Ann Lee <ann@a.test>']


def test_git_masquerade(client, srv):
    client.write_conf(masquerade=DOMAIN)
    m = git(client, srv, f'--envelope-sender=me@{HOSTNAME}')
    assert m.sender == f'me@{DOMAIN}'
    assert fields(m, 'From') == [f'Me Myself <me@{DOMAIN}>']


def test_git_header_always(client, srv):
    client.write_conf(**{'envelope-from': 'header-always'})
    m = git(client, srv, '--envelope-sender=bounce@g.test',
            '--from=Other <other@o.test>')
    assert m.sender == 'other@o.test'


# -- which sender ----------------------------------------------------------------------

HEADER = 'From: Ann <ann@a.test>\n'


@pytest.mark.parametrize('mode, f, header, sender', [
    ('option', None, HEADER, f'root@{HOSTNAME}'),
    ('option', 'eve@e.test', HEADER, 'eve@e.test'),
    ('option', '<>', HEADER, ''),
    ('header', None, HEADER, 'ann@a.test'),
    ('header', None, 'Sender: s@s.test\n' + HEADER, 's@s.test'),
    ('header', None, '', f'root@{HOSTNAME}'),
    ('header', 'eve@e.test', HEADER, 'eve@e.test'),
    ('header', '<>', HEADER, ''),
    ('header', None, 'Resent-From: r@r.test\nResent-To: x@y.test\n' + HEADER,
     'r@r.test'),
    ('header-always', 'eve@e.test', HEADER, 'ann@a.test'),
    ('header-always', 'eve@e.test', '', 'eve@e.test'),
    ('header-always', '', HEADER, ''),
    ('fixed', 'eve@e.test', HEADER, 'me@m.test'),
    ('fixed', '<>', HEADER, '')])
def test_modes(client, srv, mode, f, header, sender):
    extra = {'from': 'me@m.test'} if mode == 'fixed' else {}
    client.write_conf(origin=HOSTNAME, **{'envelope-from': mode}, **extra)
    client.sendmail('-i', *([] if f is None else ['-f', f]),
                    f'a@{srv.domain}',
                    input=header + 'Subject: s\n\nFrom: body@b.test\n').quiet()
    m = one(srv)
    assert m.sender == sender
    if header:
        assert fields(m, 'From') == ['Ann <ann@a.test>']


def test_files_have_their_own_senders(client, srv):
    client.write_conf(origin=HOSTNAME, masquerade=DOMAIN,
                      **{'envelope-from': 'header'})
    box = client.write('box', ''.join(
        f'From x Sun Nov 22 10:00:00 2026\n{who}To: a@{srv.domain}\n\n{i}\n\n'
        for i, who in enumerate(('From: Ann <ann@a.test>\n', '',
                                 f'From: bob@{HOSTNAME}\n'))))
    client.postrider('--send', box).quiet()
    assert sorted((m.body[:1], m.sender) for m in srv.messages) == [
        (b'0', 'ann@a.test'), (b'1', f'root@{DOMAIN}'),
        (b'2', f'bob@{DOMAIN}')]


def test_missing_from_is_the_final_sender(client, srv):
    client.write_conf(**{'rewrite-sender': '* ann@example.test'})
    client.sendmail(f'a@{srv.domain}', input='Subject: s\n\nx\n').quiet()
    m = one(srv)
    assert m.sender == 'ann@example.test'
    assert m.email['From'].addresses[0].addr_spec == 'ann@example.test'


def test_null_sender_is_never_rewritten(client, srv):
    client.write_conf(**{'rewrite-sender': '* ann@example.test'})
    client.sendmail('-f', '<>', f'a@{srv.domain}',
                    input='From: MAILER-DAEMON\nSubject: s\n\nx\n').quiet()
    m = one(srv)
    assert m.sender == '' and fields(m, 'From') == ['ann@example.test']


def test_account_address(lab, client):
    srv = lab.smarthost()
    password = client.write('pw', srv.password + '\n')
    client.write_conf(**{'from': 'home@h.test'}, raw=(
        f'account work\nsmarthost {srv.url}\npassword-file {password}\n'
        f'ca-file {client.ca}\nfrom *@w.test ann@w.test\n'))
    client.sendmail('--account', 'work', 'bob@anywhere.test',
                    input='Subject: s\n\nx\n').quiet()
    m = one(srv)
    assert m.sender == 'ann@w.test'
    assert m.email['From'].addresses[0].addr_spec == 'ann@w.test'


def test_unknown_account(client, srv):
    """Told before anything is read, and what there is instead."""
    client.write_conf(raw='account work\nfrom w.test\naccount home\n'
                          'from h.test\n')
    run = client.sendmail('--account', 'wrok', f'a@{srv.domain}',
                          input='Subject: s\n\nx\n').ok(check.USAGE)
    assert 'there is no account wrok' in run.stderr
    assert 'work, home' in run.stderr
    assert client.empty() and not srv.messages


def test_account_is_chosen_by_the_final_sender(lab, client):
    srv = lab.smarthost()
    password = client.write('pw', srv.password + '\n')
    client.write_conf(**{'rewrite-sender': 'root@* ops@w.test'}, raw=(
        f'account work\nsmarthost {srv.url}\npassword-file {password}\n'
        f'ca-file {client.ca}\nfrom w.test\n'))
    client.sendmail('bob@anywhere.test', input='Subject: s\n\nx\n').quiet()
    assert one(srv).sender == 'ops@w.test'


# -- what the header becomes --------------------------------------------------------------

ODD = (f'From: "Doe, \\"J\\"" (x)\n <joe@{HOSTNAME}> (at\n\tjoe@{HOSTNAME}),\n'
       f' jim@\n  {HOSTNAME}\nReply-to:Us: a@{HOSTNAME},Bob<b@x.test>;\n'
       f'Sender :joe\nCc: c@{HOSTNAME}\n'
       f'Message-ID: <1@{HOSTNAME}>\nReferences: <2@{HOSTNAME}>\n'
       'Date: Sun, 22 Nov 2026 10:00:00 +0000\n'
       f'To: list@{HOSTNAME}\nSubject: joe@{HOSTNAME}  two  blanks\n')


def test_only_addresses_change(client, srv):
    client.write_conf(origin=HOSTNAME, masquerade=DOMAIN)
    client.sendmail('-f', 'joe', f'a@{srv.domain}',
                    input=ODD + f'\nFrom: joe@{HOSTNAME}\n').quiet()
    m = one(srv)
    want = ODD.replace(f'<joe@{HOSTNAME}>', f'<joe@{DOMAIN}>') \
        .replace(f'jim@\n  {HOSTNAME}', f'jim@{DOMAIN}') \
        .replace(f'a@{HOSTNAME},', f'a@{DOMAIN},') \
        .replace(':joe\n', f':joe@{DOMAIN}\n')
    assert m.head.endswith(want.replace('\n', '\r\n').encode())
    assert m.body == f'From: joe@{HOSTNAME}\r\n'.encode()


def test_nothing_changes_unless_asked(client, srv):
    """Octet for octet, odd ways to write included."""
    text = ODD.encode() + (
        b'From: \xe4nn <\xe4@x.test>, broken <a@b, "open\nFrom:,;,\n'
        b'Reply-To: <>\nResent-Reply-To: <@r,@s:X@Y.test>\n')
    client.sendmail('-f', 'joe@x.test', f'a@{srv.domain}',
                    input=text + b'\nbody\n').quiet()
    m = one(srv)
    assert m.head.endswith(text.replace(b'\n', b'\r\n'))
    assert m.sender == 'joe@x.test'


def test_rules_that_fit_nobody_change_nothing(client, srv):
    text = ODD.encode()
    client.write_conf(origin='o.test', masquerade='m.test nobody.test',
                      **{'rewrite-sender': ['jill@* x@x.test',
                                            '*@y.test @x.test']})
    client.sendmail('-f', 'joe@x.test', f'a@{srv.domain}',
                    input=text + b'\nbody\n').quiet()
    assert one(srv).head.endswith(text.replace(b'\n', b'\r\n'))


def test_several_authors_become_one(client, srv):
    client.write_conf(**{'from-header': 'replace'})
    client.sendmail('-f', 'ann@a.test', f'a@{srv.domain}', input=(
        'From: Joe <joe@x.test>,\n jim@x.test\nFROM: third@x.test\n'
        'To: y\n\nx\n')).quiet()
    assert fields(one(srv), 'From') == ['ann@a.test']


def test_long_lines(client, srv):
    """Addresses that grow make no line too long."""
    many = ','.join(f'u{i}@h' for i in range(140))
    client.write_conf(**{'rewrite-sender': 'h @a.much.longer.domain.test'})
    client.sendmail(f'a@{srv.domain}',
                    input=f'Reply-To: {many}\nTo: y\n\nx\n').quiet()
    m = one(srv)
    assert max(map(len, m.head.split(b'\r\n'))) <= 998
    assert [a.addr_spec for a in m.email['Reply-To'].addresses] == [
        f'u{i}@a.much.longer.domain.test' for i in range(140)]


def test_in_the_queue_as_rewritten(lab, client, srv):
    """What waits is what will be sent, whatever the settings become."""
    srv.stop()
    client.write_conf(masquerade=DOMAIN)
    client.sendmail('-f', f'joe@{HOSTNAME}', f'a@{srv.domain}',
                    input=f'From: joe@{HOSTNAME}\n\nx\n').quiet()
    client.write_conf()
    srv.start()
    client.postrider('--flush', '--now').ok()
    m = one(srv)
    assert m.sender == f'joe@{DOMAIN}'
    assert fields(m, 'From') == [f'joe@{DOMAIN}']
