"""What the sender is told: exit codes, standard error, and reports."""
import os

import pytest

from lab import check
from lab.smtpd import CAPS, DROP


@pytest.fixture
def back(lab):
    """Where reports go."""
    return lab.server()


@pytest.fixture
def half(lab):
    """A domain that refuses no@ and takes yes@."""
    d = lab.name()
    return lab.server(d, script={
        'rcpt': {f'no@{d}': '550 5.1.1 <no> unknown here'}})


def submit(client, back, half, *options, **kw):
    return client.submit(f'yes@{half.domain}', f'no@{half.domain}',
                         sender=f'me@{back.domain}', options=options, **kw)


def original(m):
    """The last part of a report, as it stands there."""
    boundary = m.email.get_boundary().encode()
    return m.data.split(b'--' + boundary)[3].partition(b'\r\n\r\n')[2]


def test_mixed_result(client, back, half):
    submit(client, back, half).quiet()
    assert half.recipients == [f'yes@{half.domain}']
    m, = back.messages
    report = check.dsn(m, f'me@{back.domain}')
    assert report.failed == [f'no@{half.domain}']
    block, = report.recipients
    assert block['Status'] == '5.1.1'
    assert '550 5.1.1 <no> unknown here' in block['Diagnostic-Code']
    assert half.host in block['Remote-MTA']
    assert f'no@{half.domain}' in report.text
    assert '550' in report.text
    assert f'yes@{half.domain}' not in str(report.about) + report.text
    assert report.mail['To'] == f'me@{back.domain}'
    assert 'client.prb.test' in report.mail['From']
    assert report.original is not None
    assert 'Subject: hi' in str(report.original)
    assert client.empty()


@pytest.mark.parametrize('notify', ['never', 'success', 'delay'])
def test_refused_and_no_report_wanted(client, back, half, notify):
    """Then the caller is told, or nobody would be."""
    for options in [], ['-oem']:
        run = submit(client, back, half, '-N', notify, *options).ok()
        assert f'no@{half.domain}: 550 5.1.1' in run.stderr, repr(run)
        assert f'yes@{half.domain}' not in run.stderr
    assert back.messages == [] and client.empty()


def test_refused_at_the_end_of_a_chain_of_reports(client, back, half):
    run = client.sendmail(
        '-i', '-f', f'me@{back.domain}', f'yes@{half.domain}',
        f'no@{half.domain}', input='Subject: s\nX-Postrider-Depth: 5\n\nx\n')
    run.ok()
    assert f'no@{half.domain}: 550 5.1.1' in run.stderr, repr(run)
    assert back.messages == []


def test_original_with_a_nul(lab, client, back, half):
    """Its header is enough: many servers take no NULs."""
    half.tolerant = True        # of the original
    for r in 'yes', 'no':
        client.submit(f'{r}@{half.domain}', sender=f'me@{back.domain}',
                      body=b'a\0b\n'.decode(), options=['-oem'])
    m, = back.messages
    report = check.dsn(m, f'me@{back.domain}')
    assert report.failed == [f'no@{half.domain}']
    assert b'\0' not in m.data
    assert report.original.get_content_type() == 'text/rfc822-headers'


def test_nobody_was_there_to_say_it(lab, client, back):
    """What we found is not put into the server's mouth."""
    down = lab.server()
    down.stop()
    client.submit(f'a@{down.domain}', sender=f'me@{back.domain}').quiet()
    one, = client.entries()
    run = client.postrider('--show', os.path.basename(one)).ok()
    assert f'Connection refused (at {down.host})' in run.stdout, repr(run)
    client.postrider('--return', 'all').ok()
    m, = back.messages
    report = check.dsn(m, f'me@{back.domain}')
    assert ' said' not in report.text and 'Remote-MTA' not in \
        report.recipients[0]
    assert f'(at {down.host})' in ' '.join(report.text.split())


def test_strict(client, back, half):
    run = client.postrider('--strict', '-i', '-f', f'me@{back.domain}',
                           f'yes@{half.domain}', f'no@{half.domain}',
                           input='Subject: s\n\nx\n')
    assert run.rc == 67
    assert half.recipients == [f'yes@{half.domain}']


CODES = [('550 5.1.1 no user', 67), ('550 5.1.2 no host', 68),
         ('550 5.7.1 policy', 69), ('550 no code', (67, 69)),
         ('553 5.1.3 syntax', (65, 67, 69)), ('550 5.2.1 disabled', (67, 69))]


@pytest.mark.parametrize('reply, code', CODES, ids=[c[0] for c in CODES])
def test_exit_codes(lab, client, reply, code):
    srv = lab.server(script={'rcpt': reply})
    rcpt = f'bob@{srv.domain}'
    check.refused(client, client.submit(rcpt), code, rcpt,
                  text=reply.split(' ', 1)[1])


@pytest.mark.parametrize('mode, code, printed, mailed', [
    ([], 67, True, False), (['-oep'], 67, True, False),
    (['-oem'], 67, True, True), (['-oew'], 67, True, True),
    (['-oee'], 0, False, True), (['-oeq'], 67, False, False),
    (['-em'], 67, True, True), (['-O', 'ErrorMode=q'], 67, False, False)])
def test_error_modes(lab, client, back, mode, code, printed, mailed):
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    run = client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}',
                        options=mode)
    assert run.rc == code, repr(run)
    if mailed:
        assert check.dsn(back.messages[0], f'me@{back.domain}').failed == \
            [f'bob@{srv.domain}']
    else:
        assert back.messages == []
    if not mailed:
        assert bool(run.stderr) == printed
    if mode == ['-oee']:
        assert run.stderr == ''
    assert client.empty()


def test_refused_in_a_flush(lab, client, back):
    """Nobody waits any more: always a report."""
    srv = lab.server()
    srv.stop()
    client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}').quiet()
    srv.script = {'rcpt': '550 5.1.1 gone'}
    srv.start()
    client.flush_now().ok()
    assert check.dsn(back.messages[0], f'me@{back.domain}').failed == \
        [f'bob@{srv.domain}']
    assert client.empty()


def test_dns_failure_in_a_flush(lab, client, back):
    client.submit('bob@gone.test', sender=f'me@{back.domain}',
                  options=['-odq']).quiet()
    client.flush_now().ok()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.recipients[0]['Status'] == '5.1.2'


def test_null_sender_gets_no_report(lab, client):
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    check.refused(client, client.submit(f'bob@{srv.domain}', sender='<>'), 67,
                  f'bob@{srv.domain}')
    client.submit(f'bob@{srv.domain}', sender='<>',
                  options=['-odq']).quiet()
    client.flush_now().ok()
    client.flush_now().ok()
    assert srv.messages == []
    assert client.entries() == []
    assert 'status=bounced' in client.log()


def test_report_is_refused(lab, client, half):
    """A double bounce: kept aside, no loop."""
    back = lab.server(script={'rcpt': '550 5.1.1 no such sender'})
    submit(client, back, half).quiet()
    for _ in range(3):
        client.flush_now().ok()
    assert back.messages == [] and client.entries() == []
    assert len(client.entries('hold')) == 1
    assert len(back.sessions) <= 2


def test_double_bounce_address(lab, client, half):
    d = lab.name()
    back = lab.server(d, script={'rcpt': {f'me@{d}': '550 5.1.1 no'}})
    client.write_conf(double_bounce=f'postmaster@{d}')
    client.submit(f'yes@{half.domain}', f'no@{half.domain}',
                  sender=f'me@{d}').quiet()
    for _ in range(2):
        client.flush_now().ok()
    assert back.recipients == [f'postmaster@{d}']
    assert back.messages[0].sender == ''
    assert client.entries() == []


def test_report_must_wait(lab, client, half):
    """The sender's server is down: the report is retried as any mail."""
    back = lab.server()
    back.stop()
    submit(client, back, half).quiet()
    assert client.queued() == [f'me@{back.domain}']
    back.start()
    client.flush_now().ok()
    assert len(back.messages) == 1 and client.empty()


@pytest.mark.parametrize('sender', ['me@no-such.test', 'me@[192.0.2.1]'])
def test_sender_cannot_be_reached(client, half, sender):
    client.submit(f'yes@{half.domain}', f'no@{half.domain}',
                  sender=sender).quiet()
    for _ in range(2):
        client.flush_now().ok()
    assert client.entries() == []
    assert half.recipients == [f'yes@{half.domain}']


# -- what was asked for --------------------------------------------------------

def test_never(client, back, half):
    submit(client, back, half, '-N', 'never').ok()
    assert back.messages == []


@pytest.mark.parametrize('ret, body', [('hdrs', False), ('full', True)])
def test_ret(client, back, half, ret, body):
    submit(client, back, half, '-R', ret, body='the body text\n').quiet()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert ('the body text' in str(report.original)) == body
    assert report.original.get_content_type() == (
        'message/rfc822' if body else 'text/rfc822-headers')
    assert b'Subject: hi\r\n' in original(back.messages[0])


def test_envid(client, back, half):
    submit(client, back, half, '-V', 'my+20id').quiet()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.about['Original-Envelope-Id'] in ('my id', 'my+20id')
    m, = half.messages
    assert m.params['ENVID'] == 'my+20id'


@pytest.mark.parametrize('bad', ['a b', 'x+0', 'ü', 'a' * 101, 'x=y'])
def test_bad_envid(client, bad):
    assert client.submit('a@no-such.test', options=['-V', bad]).rc == 64


@pytest.mark.parametrize('bad', ['a+0AEvil:+20x', 'a+00', '+7F', '+C3+BC'])
def test_envid_of_what_cannot_be_printed(client, bad):
    """RFC 3461 4.4; servers refuse the message for it."""
    run = client.submit('a@no-such.test', options=['-V', bad])
    assert run.rc == 64 and '-V' in run.stderr, repr(run)


def test_dsn_parameters_are_passed_on(lab, client):
    srv = lab.server()
    client.submit(f'bob@{srv.domain}', options=[
        '-N', 'success,delay', '-R', 'hdrs', '-V', 'id1']).quiet()
    m, = srv.messages
    params = m.rcpt_params[f'bob@{srv.domain}']
    assert sorted(params['NOTIFY'].upper().split(',')) == ['DELAY', 'SUCCESS']
    assert m.params['RET'].upper() == 'HDRS' and m.params['ENVID'] == 'id1'


def test_success_without_dsn_is_reported_by_us(lab, client, back):
    """RFC 3461 5.2.2: relayed to a host that knows no DSN."""
    srv = lab.server(caps=[c for c in CAPS if c != 'DSN'])
    client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}',
                  options=['-N', 'success,failure']).quiet()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.recipients[0]['Action'] == 'relayed'


@pytest.mark.parametrize('option', [['-N', 'sometimes'], ['-R', 'half'],
                                    ['-N', 'never,success']])
def test_bad_dsn_option(client, option):
    assert client.submit('a@no-such.test', options=option).rc == 64


# -- shape -----------------------------------------------------------------------

def test_1000_refused_recipients(lab, client, back):
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    ok = lab.server()
    rcpts = [f'user{i}@{srv.domain}' for i in range(1000)]
    client.submit(*rcpts, f'ok@{ok.domain}',
                  sender=f'me@{back.domain}').quiet()
    m, = back.messages
    assert check.dsn(m, f'me@{back.domain}').failed == sorted(rcpts)


def test_more_refused_recipients_than_a_person_reads(lab, client, back):
    """A report that grew with them would not be taken anywhere."""
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    ok = lab.server()
    rcpts = [f'user{i}@{srv.domain}' for i in range(1100)]
    client.submit(*rcpts, f'ok@{ok.domain}',
                  sender=f'me@{back.domain}').quiet()
    m, = back.messages
    report = check.dsn(m, f'me@{back.domain}')
    assert report.failed == sorted(rcpts)
    assert report.text.count('  <user') == 1000
    assert 'And 100 more' in report.text
    assert client.empty()


@pytest.mark.parametrize('body', ['Grüße\n', b'\xff\xfe raw\n',
                                  'x' * 5000 + '\n', '.\n..\n',
                                  '--=boundary\n'],
                         ids=['utf-8', 'raw', 'long line', 'dots', 'bound'])
def test_original_of_any_kind(lab, client, half, body):
    back = lab.server(caps=['PIPELINING'])        # no 8BITMIME for the report
    if isinstance(body, str):
        body = body.encode()
    client.sendmail('-i', '-f', f'me@{back.domain}', f'yes@{half.domain}',
                    f'no@{half.domain}',
                    input=b'Subject: hi\n\n' + body).quiet()
    m, = back.messages
    check.dsn(m, f'me@{back.domain}')
    if body.isascii():
        assert m.data.isascii()
    else:
        assert body.rstrip() in m.data
        check.sent_8bit(back)


def test_large_original_is_cut(client, back, half):
    submit(client, back, half, body='marker line\n' * 100000).quiet()
    m, = back.messages
    assert len(m.data) < 200000
    check.dsn(m, f'me@{back.domain}')
    assert b'Subject: hi\r\n' in original(m)


def test_one_report_for_many_domains(lab, client, back):
    bad = [lab.server(script={'rcpt': '550 5.1.1 no'}) for _ in range(5)]
    ok = lab.server()
    client.submit(*(f'x@{s.domain}' for s in bad), f'ok@{ok.domain}',
                  sender=f'me@{back.domain}').quiet()
    m, = back.messages
    assert check.dsn(m, f'me@{back.domain}').failed == \
        sorted(f'x@{s.domain}' for s in bad)


def test_failed_and_deferred_and_delivered(lab, client, back):
    ok = lab.server()
    no = lab.server(script={'rcpt': '550 5.1.1 no'})
    later = lab.server(script={'connect': ('421 later', DROP)})
    run = client.submit(f'a@{ok.domain}', f'b@{no.domain}',
                        f'c@{later.domain}', sender=f'me@{back.domain}')
    run.quiet()
    assert ok.recipients == [f'a@{ok.domain}']
    assert client.queued() == [f'c@{later.domain}']
    assert check.dsn(back.messages[0], f'me@{back.domain}').failed == \
        [f'b@{no.domain}']
    later.script = {}
    client.flush_now().ok()
    assert later.recipients == [f'c@{later.domain}']
    assert len(back.messages) == 1


def test_all_refused_or_deferred(lab, client, back):
    """Something is kept: exit 0; the refusal is reported by mail."""
    no = lab.server(script={'rcpt': '550 5.1.1 no'})
    later = lab.server(script={'connect': ('421 later', DROP)})
    client.submit(f'b@{no.domain}', f'c@{later.domain}',
                  sender=f'me@{back.domain}').quiet()
    assert check.dsn(back.messages[0], f'me@{back.domain}').failed == \
        [f'b@{no.domain}']
    assert client.queued() == [f'c@{later.domain}']
    later.stop()


def test_all_refused_with_different_codes(lab, client):
    user = lab.server(script={'rcpt': '550 5.1.1 no'})
    run = client.submit(f'a@{user.domain}', 'b@no-such.test')
    check.refused(client, run, (67, 68, 69), f'a@{user.domain}',
                  'b@no-such.test')


def test_two_refused_messages_of_files(lab, client, back, half):
    files = []
    for u in ('yes', 'no'):
        path = os.path.join(client.folder, u)
        with open(path, 'w') as f:
            f.write(f'To: {u}@{half.domain}\nSubject: {u}\n\nx\n')
        files.append(path)
    run = client.postrider('-f', f'me@{back.domain}', '--send', *files)
    assert half.recipients == [f'yes@{half.domain}']
    assert run.rc in (0, 67)
    if run.rc == 0:
        assert len(back.messages) == 1
