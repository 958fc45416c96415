"""Managing the queue: who is meant, what is done to it, and what never is."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from lab import check
from lab.clock import shifted
from lab.smtpd import HANG
from test_setgid import system  # noqa: F401 (a fixture)

NO_SUCH_ID = '4jXf6N2cvZz3NHVT'
ACTIONS = {'hold': 'held', 'release': 'released', 'delete': 'deleted',
           'requeue': 'requeued', 'return': 'returned'}


def ids(client, place='queue'):
    return [os.path.basename(p) for p in client.entries(place)]


def put(client, *rcpts, sender='me@client.prb.test', **kw):
    """Queue one message without an attempt; its id."""
    before = set(ids(client))
    options = kw.pop('options', [])
    client.submit(*rcpts, sender=sender, options=['-odq', *options],
                  **kw).quiet()
    new, = set(ids(client)) - before
    return new


def held(client, *rcpts, **kw):
    one = put(client, *rcpts, **kw)
    client.postrider('--hold', one).quiet()
    return one


def due(client, id, place='queue'):
    return os.stat(os.path.join(client.spool, place, id)).st_mtime - \
        time.time()


@pytest.fixture
def down(lab):
    srv = lab.server()
    srv.stop()
    return srv


# -- one after the other -------------------------------------------------------

def test_hold_and_release(lab, client):
    srv = lab.server()
    one = put(client, f'a@{srv.domain}')
    two = put(client, f'b@{srv.domain}')
    client.postrider('--hold', one).quiet()
    assert ids(client) == [two] and ids(client, 'hold') == [one]
    assert f'{one}!' in client.mailq()
    client.flush_now().ok()
    assert srv.recipients == [f'b@{srv.domain}']
    client.postrider('--release', one).quiet()
    assert ids(client) == [one] and ids(client, 'hold') == []
    assert due(client, one) <= 0
    client.flush().ok()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']
    assert client.empty()


def test_held_is_not_flushed_by_name(lab, client):
    srv = lab.server()
    one = held(client, f'a@{srv.domain}')
    run = client.flush(one)
    assert run.rc == 69 and 'held' in run.stderr and \
        '--release' in run.stderr, repr(run)
    assert srv.sessions == []


def test_release_all(lab, client):
    srv = lab.server()
    held(client, f'a@{srv.domain}')
    held(client, f'b@{srv.domain}')
    client.postrider('--release', 'all').quiet()
    client.flush().ok()
    assert len(srv.messages) == 2


def test_delete(lab, client):
    srv = lab.server()
    one = put(client, f'a@{srv.domain}')
    two = put(client, f'b@{srv.domain}')
    three = held(client, f'c@{srv.domain}')
    client.postrider('--delete', one, three).quiet()
    assert ids(client) == [two] and ids(client, 'hold') == []
    client.flush_now().ok()
    assert srv.recipients == [f'b@{srv.domain}']
    # Nobody is told.
    assert len(srv.messages) == 1


def test_requeue(lab, client, down, wrong_clock):
    rcpt = f'a@{down.domain}'
    client.submit(rcpt).quiet()
    for late in 400, 1200, 3000:
        client.flush(env=shifted(late)).ok()
    one, = ids(client)
    assert due(client, one) > 1500 + 3000
    client.postrider('--requeue', one).quiet()
    assert due(client, one) <= 0
    # Tried by a flush that does not force anything, although the server is
    # remembered as down; and what comes then is the first wait again.
    down.forget()
    before = client.log().count('status=deferred')
    client.flush().ok()
    assert client.log().count('status=deferred') == before + 1
    assert client.queued() == [rcpt]
    o, = client.queue()
    assert o['recipients'][0]['attempts'] == 1
    down.start()
    client.postrider('--requeue', 'all').quiet()
    client.flush().ok()
    assert down.recipients == [rcpt] and client.empty()


def test_return(lab, client, down):
    back = lab.server()
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    one, = ids(client)
    client.postrider('--return', one).quiet()
    assert client.empty()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.failed == [rcpt]
    assert report.recipients[0]['Status'] == '5.0.0'
    words = ' '.join(report.text.split())
    assert 'given up by the administrator' in words
    assert 'refused' in words.lower(), 'the last attempt'
    assert 'It was tried again and again' not in words
    assert len(back.messages) == 1
    text = client.log()
    assert f'{one}: returned by uid=0' in text
    assert f'{one}: sender non-delivery notification: ' in text
    client.flush_now().ok()
    assert len(back.messages) == 1


def test_return_of_one_never_tried_and_of_one_held(lab, client, down):
    back = lab.server()
    put(client, f'a@{down.domain}', sender=f'x@{back.domain}')
    held(client, f'b@{down.domain}', sender=f'y@{back.domain}')
    client.postrider('--return', 'all').quiet()
    assert client.empty()
    assert sorted(m.rcpts[0] for m in back.messages) == [
        f'x@{back.domain}', f'y@{back.domain}']
    for m in back.messages:
        assert check.dsn(m, m.rcpts[0]).failed


def test_return_of_some_recipients(lab, client):
    """Those who have got it have got it."""
    d, back = lab.name(), lab.server()
    srv = lab.server(d, script={'rcpt': {f'later@{d}': '450 4.2.0 later'}})
    client.submit(f'now@{d}', f'later@{d}',
                  sender=f'me@{back.domain}').quiet()
    client.postrider('--return', d).quiet()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.failed == [f'later@{d}']
    assert srv.recipients == [f'now@{d}'] and client.empty()


def test_return_without_a_sender(client, down):
    one = put(client, f'a@{down.domain}', sender='<>')
    run = client.postrider('--return', one)
    assert run.rc == 69 and one in run.stderr and \
        '--delete' in run.stderr, repr(run)
    assert ids(client) == [one]
    client.write_conf(double_bounce=f'boss@{down.domain}')
    client.postrider('--return', one).quiet()
    assert client.queued() == [f'boss@{down.domain}']


def test_return_of_all_but_those_without_a_sender(lab, client, down):
    back = lab.server()
    one = put(client, f'a@{down.domain}', sender='<>')
    put(client, f'b@{down.domain}', sender=f'me@{back.domain}')
    run = client.postrider('--return', 'all')
    assert run.rc == 0 and one in run.stderr, repr(run)
    assert ids(client) == [one] and len(back.messages) == 1


def test_return_of_the_end_of_a_chain_of_reports(lab, client, down):
    """Nobody would be told, and it would come to hold/, said to be returned."""
    back = lab.server()
    client.sendmail('-i', '-odq', '-f', f'me@{back.domain}',
                    f'a@{down.domain}',
                    input='Subject: s\nX-Postrider-Depth: 7\n\nx\n').quiet()
    one, = ids(client)
    run = client.postrider('--return', one)
    assert run.rc == 69 and one in run.stderr and 'chain' in run.stderr and \
        '--delete' in run.stderr, repr(run)
    assert ids(client) == [one] and client.queued() == [f'a@{down.domain}']
    client.postrider('--hold', one).quiet()
    assert client.postrider('--return', one).rc == 69
    assert ids(client, 'hold') == [one] and back.messages == []


def test_return_nobody_wants_to_hear(client, down):
    put(client, f'a@{down.domain}', options=['-N', 'never'])
    client.postrider('--return', 'all').quiet()
    assert client.empty()


def test_return_when_the_sender_cannot_be_reached(client, down):
    put(client, f'a@{down.domain}', sender=f'me@{down.domain}')
    client.postrider('--return', 'all').quiet()
    o, = client.queue()
    assert o['sender'] == '' and client.queued() == [f'me@{down.domain}']


def test_failed_and_nobody_to_be_told(lab, client):
    """It would come back to hold/ at once: no advice to release it."""
    srv = lab.server(script={'rcpt': '550 5.1.1 no'})
    one = put(client, f'a@{srv.domain}', sender='<>')
    client.flush_now().ok()
    assert ids(client, 'hold') == [one]
    two = held(client, f'b@{srv.domain}', sender='<>')
    words = 'has failed, and nobody can be told: see --show, then --delete\n'
    run = client.flush(one)
    assert run.rc == 69
    assert run.stderr == f'postrider: what matches {words}', repr(run)
    for action in 'release', 'requeue':
        run = client.postrider(f'--{action}', one)
        assert run.rc == 69 and run.stderr == \
            f'postrider: {one}: not {ACTIONS[action]}: {words}', repr(run)
    assert ids(client, 'hold') == [one, two]
    text = client.mailq()
    assert text.count('(failed; nobody can be told)\n') == 1
    assert re.search(rf'^{one}! .*\n\(failed; nobody', text, re.M), text
    assert 'is held; --release' in client.flush(two).stderr
    run = client.postrider('--release', 'all')
    assert run.rc == 0 and one in run.stderr and two not in run.stderr
    assert ids(client, 'hold') == [one] and ids(client) == [two]


def test_failed_and_somebody_to_be_told_now(lab, client):
    """With double-bounce set since, there is a report to be sent."""
    srv, boss = lab.server(script={'rcpt': '550 5.1.1 no'}), lab.server()
    one = put(client, f'a@{srv.domain}', sender='<>')
    client.flush_now().ok()
    client.write_conf(double_bounce=f'boss@{boss.domain}')
    assert 'nobody can be told' not in client.mailq()
    assert '--release makes' in client.flush(one).stderr
    client.postrider('--release', one).quiet()
    client.flush().ok()
    assert boss.recipients == [f'boss@{boss.domain}'] and client.empty()
    # Not to him of mail to himself.
    client.write_conf(double_bounce=f'a@{srv.domain}')
    put(client, f'a@{srv.domain}', sender='<>')
    client.flush_now().ok()
    run = client.postrider('--release', 'all')
    assert run.rc == 69 and 'nobody can be told' in run.stderr, repr(run)


# -- which ---------------------------------------------------------------------

def test_kinds_are_and_ed(lab, client):
    one, two = lab.server(), lab.server()
    a = put(client, f'a@{one.domain}', sender='x@from.test')
    b = put(client, f'b@{two.domain}', sender='x@from.test')
    c = put(client, f'c@{one.domain}', sender='y@from.test')
    client.postrider('--hold', 'from:x@*', f'domain:{one.domain}').quiet()
    assert ids(client, 'hold') == [a]
    client.postrider('--hold', f'to:b@{two.domain}', f'to:c@{one.domain}',
                     'status:deferred').quiet()
    assert sorted(ids(client, 'hold')) == sorted([a, b, c])
    client.postrider('--delete', 'status:held', 'from:y@from.test').quiet()
    assert sorted(ids(client, 'hold')) == sorted([a, b])


@pytest.mark.parametrize('select', ['site:mx.{d}', 'site:mx.*',
                                    'domain:{d}', 'to:a@{d}', 'older:0',
                                    '-qRa@', '-qSme@', 'from:*@from.test'])
def test_selectors_of_a_message_that_was_tried(lab, client, select):
    d = lab.name()
    srv = lab.server(d, script={'rcpt': '450 4.2.0 later'})
    client.submit(f'a@{d}', sender='me@from.test').quiet()
    host = client.postrider('--show', '--json', 'all').ok().objects[0][
        'recipients'][0]['host']
    other = put(client, 'z@else.test', sender='you@else.test')
    select = select.format(d=d)
    if select == f'site:mx.{d}':
        select = f'site:{host}'
    elif select == 'site:mx.*':
        select = f'site:*.{host.split(".", 1)[1]}'
    if select == 'older:0':
        client.postrider('--delete', other).quiet()
    run = client.postrider('--queue', '--json', select).ok()
    o, = run.objects
    assert o['recipients'][0]['address'] == f'a@{d}'
    assert srv.messages == []


def test_age(client, down):
    one = put(client, f'a@{down.domain}')
    run = client.postrider('--delete', 'older:1h')
    assert run.rc == 69 and 'no message' in run.stderr
    assert ids(client) == [one]
    time.sleep(1.1)
    client.postrider('--hold', 'older:1s', 'newer:1h').quiet()
    assert ids(client, 'hold') == [one]


def test_reports(client, down):
    put(client, f'a@{down.domain}')
    two = put(client, f'a@{down.domain}', sender='<>')
    client.postrider('--delete', 'from:<>').quiet()
    assert two not in ids(client) and len(ids(client)) == 1


@pytest.mark.parametrize('action', [f'--{a}' for a in ACTIONS])
def test_all_has_to_be_said(client, down, action):
    put(client, f'a@{down.domain}')
    for args in ([], ['--json'], ['-qR'], ['-qI', '-qS']):
        run = client.postrider(action, *args)
        assert run.rc == 64 and f'{action} all' in run.stderr, repr(run)
    # An empty variable of a script, a shell that found no file.
    for operand in ('', '*', '*@*'):
        run = client.postrider(action, operand)
        assert run.rc == 64, repr(run)
    assert len(ids(client)) == 1


@pytest.mark.parametrize('operand', [
    'foo:bar', 'id:x', 'from:', 'older:soon', 'status:sent', 'site:a@b',
    'a@b@c', 'x y'])
@pytest.mark.parametrize('mode', [
    '--flush', '--queue', '--show', '--hold', '--release', '--delete',
    '--requeue', '--return'])
def test_selectors_that_are_none(client, down, mode, operand):
    put(client, f'a@{down.domain}')
    run = client.postrider(mode, f'a@{down.domain}', operand)
    assert run.rc == 64 and run.stderr.count('\n') == 1, repr(run)
    assert run.stdout == ''
    assert len(ids(client)) == 1


@pytest.mark.parametrize('mode', [
    '--flush', '--queue', '--show', '--hold', '--release', '--delete',
    '--requeue', '--return'])
def test_nothing_matches(client, down, mode):
    for select in ('nobody@else.test', 'else.test', 'from:x@*', NO_SUCH_ID,
                   'all'):
        if select == 'all' and mode == '--queue':
            continue
        run = client.postrider(mode, select)
        assert run.rc == 69, repr(run)
        assert run.stderr.startswith('postrider: ') and \
            run.stderr.count('\n') >= 1 and run.stdout == '', repr(run)
    put(client, f'a@{down.domain}')
    run = client.postrider(mode, '--json', 'nobody@else.test')
    assert run.rc == 69 and run.stdout == '' and \
        'no message' in run.stderr, repr(run)
    assert len(ids(client)) == 1


@pytest.mark.parametrize('mode', ['--flush', '--queue', '--show', '--hold',
                                  '--delete', '--requeue', '--return'])
def test_one_id_of_several_is_none(lab, client, mode):
    srv = lab.server()
    one = put(client, f'a@{srv.domain}', sender=f'me@{srv.domain}')
    run = client.postrider(mode, one, NO_SUCH_ID)
    assert run.rc == 0, repr(run)
    if mode not in ('--flush', '--queue'):
        assert NO_SUCH_ID in run.stderr and one not in run.stderr


def test_what_cannot_be_done(client, down):
    one = put(client, f'a@{down.domain}')
    run = client.postrider('--release', one)
    assert run.rc == 69 and 'not held' in run.stderr, repr(run)
    run = client.postrider('--release', 'all')
    assert run.rc == 69 and 'nothing to release' in run.stderr, repr(run)
    client.postrider('--hold', one).quiet()
    for args, word in ((['--hold', one], 'already'),
                       (['--hold', 'all'], 'already'),
                       (['--requeue', one], '--release'),
                       (['--requeue', 'all'], '--release')):
        run = client.postrider(*args)
        assert run.rc == 69 and word in run.stderr, repr(run)
    assert ids(client, 'hold') == [one]


def test_old_ways_to_select(lab, client):
    """Postfix and sendmail users list and flush by parts of what it is."""
    srv = lab.server()
    a = put(client, f'ann@{srv.domain}', sender='x@one.test')
    b = put(client, f'bob@{srv.domain}', sender='y@two.test')
    for program, args in (('mailq', ['-qRann@']), ('mailq', ['-qSone.']),
                          ('mailq', [f'-qI{a}']),
                          ('sendmail', ['-bp', '-qRann@']),
                          ('postrider', ['--queue', '-qRann@', '-qSone'])):
        text = client.run(client.argv(*args, program=program)).ok().stdout
        assert a in text and b not in text
    client.sendmail('-qRann@', '-qRbob@', '-qStwo').ok()
    assert srv.recipients == [f'bob@{srv.domain}']
    client.postrider('--delete', '-qSone.test').quiet()
    assert client.empty()


# -- what is said --------------------------------------------------------------

@pytest.mark.parametrize('action', ACTIONS)
def test_json(lab, client, action):
    srv = lab.server()
    one = put(client, f'a@{srv.domain}', sender=f'me@{srv.domain}')
    if action == 'release':
        client.postrider('--hold', one).quiet()
    run = client.postrider(f'--{action}', '--json', one, NO_SUCH_ID)
    assert run.rc == 0 and run.stderr == '', repr(run)
    assert run.objects == [
        {'version': 1, 'queue_id': one, 'action': action, 'done': True,
         'reason': ''},
        {'version': 1, 'queue_id': NO_SUCH_ID, 'action': action,
         'done': False, 'reason': 'there is no such message'}]
    assert re.search(rf'postrider/queue\[\d+\]: {one}: {ACTIONS[action]} by '
                     rf'uid=0, from=<me@{srv.domain}>, size=\d+, nrcpt=1$',
                     client.log(), re.M), client.log()


def test_json_of_what_is_not_done(client, down):
    one = held(client, f'a@{down.domain}')
    run = client.postrider('--hold', '--json', one)
    assert run.rc == 69
    assert run.objects == [{'version': 1, 'queue_id': one, 'action': 'hold',
                            'done': False, 'reason': 'is held already'}]


def test_on_a_terminal(client, down):
    put(client, f'a@{down.domain}')
    put(client, f'b@{down.domain}')
    run = client.run(['script', '-qec', ' '.join(client.argv('--hold', 'all')),
                      '/dev/null']).ok()
    assert run.stdout.strip() == '2 messages held', repr(run)


def test_host_of_the_last_attempt(lab, client, down):
    """Told by mailq and JSON, for site: wants it."""
    d = lab.name()
    srv = lab.server(d, script={'rcpt': {f'a@{d}': '451 4.3.0 later',
                                         f'b@{d}': '451 4.3.0 later',
                                         f'c@{d}': '452 4.2.2 full'}})
    client.submit(f'a@{d}', f'b@{d}', f'c@{d}', f'd@{down.domain}').quiet()
    put(client, f'f@{d}')
    text = client.mailq()
    assert text.count(f'(host {srv.host} said: 451 4.3.0 later)\n') == 1
    assert text.count(f'(host {srv.host} said: 452 4.2.2 full)\n') == 1
    assert re.search(rf'^\({re.escape(down.host)}: connect to \[[^]]+\]:25: '
                     'Connection refused\\)$', text, re.M), text
    one, two = client.queue()
    assert one['version'] == two['version'] == 1
    by = {r['address']: r for r in one['recipients']}
    assert by[f'a@{d}']['host'] == srv.host
    assert by[f'a@{d}']['delay_reason'] == '451 4.3.0 later'
    assert by[f'd@{down.domain}']['host'] == down.host
    assert all(abs(r['last_attempt'] - time.time()) < 60 for r in by.values())
    r, = two['recipients']
    assert 'host' not in r and 'last_attempt' not in r
    assert client.postrider('--queue', '--json', f'site:{down.host}').ok(
        ).objects == [one]
    for address in (srv.addresses[0], 'fd00::1'):
        run = client.postrider('--hold', f'site:{address}')
        assert run.rc == 64 and 'the name of a host' in run.stderr, repr(run)


def test_when_it_is_tried_next(client, down):
    client.submit(f'a@{down.domain}').quiet()
    one, = ids(client)
    two = put(client, f'b@{down.domain}')
    three = held(client, f'c@{down.domain}')

    def at(t):
        return time.strftime('%b %e %H:%M:%S', time.gmtime(t))
    o = {q['queue_id']: q for q in client.queue()}
    lines = [f'(next attempt {at(o[one]["due"])}, '
             f'expires {at(o[one]["expires"])})',
             '(next attempt at the next flush, '
             f'expires {at(o[two]["expires"])})',
             f'(expires {at(o[three]["expires"])})']
    for args in (['mailq', '-v'], ['postrider', '--queue', '-v'],
                 ['sendmail', '-bp', '-v']):
        run = client.run(client.argv(*args[1:], program=args[0])).ok()
        found = [line for line in run.stdout.splitlines()
                 if 'expires' in line]
        assert found == lines and run.stderr == '', repr(run)
    assert 'expires' not in client.mailq()


def test_flush_on_a_terminal(lab, client, down):
    """Recipients are no messages, and what is held is not forgotten."""
    srv = lab.server()
    put(client, f'a@{srv.domain}', f'b@{srv.domain}', f'c@{down.domain}',
        f'd@{down.domain}')
    put(client, f'e@{down.domain}')
    one = held(client, f'f@{down.domain}')
    when = r', the next is due \w{3} [ \d]\d \d\d:\d\d:\d\d'

    def told(*args):
        return client.run(['script', '-qec', ' '.join(client.argv(
            '--flush', *args)), '/dev/null']).ok().stdout.strip()
    assert re.fullmatch('recipients: 2 delivered, 3 deferred, 0 failed; '
                        f'2 messages wait{when}, 1 held', told())
    assert re.fullmatch('recipients: 0 delivered, 1 deferred, 0 failed; '
                        f'1 of these messages waits{when}',
                        told(f'e@{down.domain}'))
    client.postrider('--delete', one, f'e@{down.domain}').ok()
    assert re.fullmatch('recipients: 0 delivered, 0 deferred, 0 failed; '
                        f'1 message waits{when}', told())
    down.start()
    assert told(down.domain) == ('recipients: 2 delivered, 0 deferred, '
                                 '0 failed; none of these messages waits')
    assert told() == ('recipients: 0 delivered, 0 deferred, 0 failed; '
                      'no message waits')


# -- showing -------------------------------------------------------------------

BODY = 'first line\n.dot\n\nlast \x1b[31m line\n'


def test_show(lab, client):
    d = lab.name()
    lab.server(d, script={'rcpt': {
        f'later@{d}': '450 4.2.0 mailbox \x1b[2J busy'}})
    client.submit(f'now@{d}', f'later@{d}', sender='me@from.test', body=BODY,
                  options=['-V', 'envid1', '-R', 'hdrs', '-N',
                           'failure,delay']).quiet()
    one, = ids(client)
    client.postrider('--hold', one).quiet()
    client.postrider('--release', one).quiet()
    client.flush_now().ok()
    text = client.postrider('--show', one).ok().stdout
    head, message = text.split('\n\n', 1)
    lines = head.split('\n')
    assert lines[0] == one
    rows = [(line[2:10].strip(), line[12:]) for line in lines[1:]]
    assert ('sender', 'me@from.test') in rows
    assert ('sent by', 'root, uid 0') in rows
    assert ('envid', 'envid1') in rows and ('report', 'hdrs') in rows
    assert ('to', f'now@{d}: delivered, notify FAILURE,DELAY') in rows
    assert ('to', f'later@{d}: deferred, 2 attempts, notify FAILURE,DELAY') \
        in rows
    history = [v for k, v in rows if k == 'history']
    assert len(history) == 5, history
    for line, word in zip(history, ('', '', 'held by uid 0',
                                    'released by uid 0', f'later@{d}')):
        assert word in line
    assert f'deferred later@{d} 4.2.0' in history[-1] and \
        'mailbox' in history[-1]
    assert '\x1b' not in head
    assert 'Subject: hi\n' in message
    assert message.endswith('\n\nfirst line\n.dot\n\nlast \x1b[31m line\n\n')


def test_show_on_a_terminal(client, down):
    one = put(client, f'a@{down.domain}', body=BODY)
    run = client.run(['script', '-qec', ' '.join(client.argv('--show', one)),
                      '/dev/null']).ok()
    assert '\x1b' not in run.stdout and 'last ?[31m line' in run.stdout


def on_terminal(client, *args):
    """What a terminal would get."""
    return client.run(['script', '-qec', ' '.join(client.argv(*args)),
                       '/dev/null']).ok().stdout_bytes.replace(b'\r\n', b'\n')


def test_show_c1_controls(client, down):
    """U+0080 to U+009F are as good as ESC, in UTF-8 and as bytes."""
    client.sendmail('-i', '-odq', f'a@{down.domain}', input=(
        'Subject: a\u009b31mb\n\n\u0080c\u009f \u00a0é€😀\n'.encode() +
        b'raw \x9b31m \x80\x9f \xe9\xc2\n\xc2\r\x9bend\xe2\x82\n')).quiet()
    one, = ids(client)
    text = on_terminal(client, '--show', one)
    assert b'Subject: a?31mb\n' in text
    assert '\n?c? \u00a0é€😀\n'.encode() in text
    assert b'raw ?31m ?? \xe9\xc2\n' in text, text
    assert b'end\xe2?\n' in text and b'\x9bend' not in text
    raw = client.postrider('--show', one).ok().stdout_bytes
    assert '\n\u0080c\u009f '.encode() in raw and b'raw \x9b31m' in raw
    raw = client.postrider('--show', '--json', one).ok().stdout_bytes
    assert b'Subject: a\\u009b31mb' in raw


@pytest.mark.parametrize('char', ['é', '€', '😀', '\u009b', 'x\u009b'])
def test_show_characters_that_are_cut(client, down, char):
    """It is read in pieces, which end in the middle of some."""
    for pad in range(4):
        client.submit(f'a@{down.domain}', options=['-odq'], body='-' * pad +
                      '\n' + (char * 200 + '\n') * 200).quiet()
        one, = ids(client)
        text = on_terminal(client, '--show', one).decode()
        want = char.replace('\u009b', '?')
        assert text.count(f'\n{want * 200}') == 200
        client.postrider('--delete', one).ok()


def test_show_as_json(lab, client):
    d = lab.name()
    lab.server(d, script={'rcpt': {f'later@{d}': '450 4.2.0 busy'}})
    client.submit(f'now@{d}', f'later@{d}', sender='me@from.test',
                  subject='über', options=['-N', 'never']).quiet()
    one, = ids(client)
    client.postrider('--hold', one).quiet()
    o, = client.postrider('--show', '--json', one).ok().objects
    assert (o['version'], o['queue_id'], o['queue_name'], o['sender'],
            o['uid'], o['submitter']) == (1, one, 'hold', 'me@from.test', 0,
                                          'root')
    assert o['expires'] - o['arrival_time'] == 5 * 86400
    by = {r['address']: r for r in o['recipients']}
    assert by[f'now@{d}']['state'] == 'delivered'
    later = by[f'later@{d}']
    assert (later['state'], later['attempts'], later['status'],
            later['text'], later['notify']) == (
        'deferred', 1, '4.2.0', '450 4.2.0 busy', 'NEVER')
    assert later['host']
    events = [(e['event'], e.get('recipient')) for e in o['history']]
    assert sorted(events[:2]) == [('deferred', f'later@{d}'),
                                  ('delivered', f'now@{d}')]
    assert events[2:] == [('held', None)]
    deferred, = [e for e in o['history'] if e['event'] == 'deferred']
    assert (deferred['code'], deferred['status'], deferred['text']) == (
        450, '4.2.0', '450 4.2.0 busy')
    assert abs(deferred['time'] - time.time()) < 60
    assert o['history'][2]['uid'] == 0
    assert '\nSubject: über\n' in o['header'] and 'hello' not in o['header']


def test_show_several(client, down):
    found = [put(client, f'{u}@{down.domain}') for u in 'abc']
    run = client.postrider('--show', '--json', 'all').ok()
    assert [o['queue_id'] for o in run.objects] == sorted(found)
    text = client.postrider('--show', found[2], found[0]).ok().stdout
    assert text.startswith(sorted([found[0], found[2]])[0])
    assert found[1] not in text


# -- what another process has ----------------------------------------------------

@pytest.fixture
def busy(lab, client):
    """A message that a process is delivering, and one that waits."""
    srv = lab.server(script={'mail': HANG})
    client.temporary = ()
    one = put(client, f'a@{srv.domain}')
    flush = client.start('--flush', program='postrider')
    srv.wait(lambda: 'MAIL FROM' in srv.transcript())
    two = put(client, 'b@else.test')
    yield one, two
    srv.stop()
    client.finish(flush)


@pytest.mark.parametrize('action', ['hold', 'delete', 'requeue', 'return'])
def test_busy(client, busy, action):
    one, two = busy
    run = client.postrider(f'--{action}', one)
    assert run.rc == 75 and one in run.stderr and \
        'delivering' in run.stderr, repr(run)
    run = client.postrider(f'--{action}', '--json', one)
    assert run.rc == 75
    o, = run.objects
    assert o['done'] is False and 'delivering' in o['reason']
    if action != 'return':
        run = client.postrider(f'--{action}', 'all')
        assert run.rc == 75, 'one was done and one was busy'
        assert one in run.stderr and two not in run.stderr
    assert client.mailq().count(f'{one}*') == 1


def test_busy_for_a_flush(client, busy):
    run = client.flush(busy[0])
    assert run.rc == 75 and 'being delivered' in run.stderr, repr(run)
    run = client.postrider('--release', busy[0])
    assert run.rc == 69 and 'not held' in run.stderr, repr(run)
    o, = client.postrider('--show', '--json', busy[0]).ok().objects
    assert o['queue_name'] == 'active'
    o, = client.postrider('--queue', '--json', 'status:active').ok().objects
    assert o['queue_id'] == busy[0]


def test_left_by_the_dead_is_not_busy(lab, client):
    srv = lab.server(script={'mail': HANG})
    one = put(client, f'a@{srv.domain}')
    flush = client.start('--flush', program='postrider')
    srv.wait(lambda: 'MAIL FROM' in srv.transcript())
    flush.kill()
    client.finish(flush)
    client.postrider('--hold', one).quiet()
    assert ids(client, 'hold') == [one]


def test_two_commands_at_a_time(client, down):
    """Hold, release and delete race; nothing is done twice or lost."""
    found = [put(client, f'u{i}@{down.domain}') for i in range(12)]
    client.temporary = ()
    for _ in range(4):
        client.finish(*(client.start(action, '--json', 'all',
                                     program='postrider')
                        for action in ('--hold', '--release') * 4))
        there = ids(client) + ids(client, 'hold') + [
            os.path.basename(p) for p in client.files('run')]
        assert sorted(there) == found
    results = client.finish(*(client.start('--delete', '--json', 'all',
                                           program='postrider')
                              for _ in range(4)))
    gone = [o['queue_id'] for _, out, _ in results
            for o in map(json.loads, out.splitlines()) if o['done']]
    assert sorted(gone) == sorted(set(gone))
    client.postrider('--delete', 'all')
    assert ids(client) + ids(client, 'hold') == []


# -- killed, and without a disk ----------------------------------------------------

CALLS = ('pwrite64', 'rename,renameat,renameat2', 'unlink,unlinkat',
         'fsync', 'utimensat', 'flock', 'ftruncate', 'openat')


def killed(client, call, n, *args):
    """Run and kill at the nth call of that kind; was it killed?"""
    trace = os.path.join(client.folder, 'trace')
    run = client.run(['strace', '-f', '-o', trace, '-e', f'trace={call}',
                      '-e', f'inject={call}:signal=KILL:when={n}',
                      *client.argv(*args)], background='end')
    with open(trace) as f:
        return 'KILL' in f.read(), run


@pytest.mark.parametrize('call', CALLS)
@pytest.mark.parametrize('action', ACTIONS)
def test_killed(lab, client, action, call):
    """Killed anywhere: nothing is lost, and what is held stays held."""
    client.temporary = ()
    for n in range(1, 30):
        srv, back = lab.server(), lab.server()
        one = put(client, f'a@{srv.domain}', sender=f'me@{back.domain}')
        was_held = action in ('release', 'return')
        if was_held:
            client.postrider('--hold', one).ok()
        hit, run = killed(client, call, n, f'--{action}', one)
        client.flush().ok()
        kept = one in ids(client, 'hold')
        got, told = len(srv.messages), len(back.messages)
        assert got <= 1
        if kept:
            assert got == 0 and told == 0
        elif action == 'return':
            assert got == 0, 'held, given up, and sent'
            assert 1 <= told <= 2, 'the report may come twice, not never'
        elif action == 'delete':
            assert got == 0 or hit
        else:
            assert got == 1, 'lost'
        client.postrider('--delete', 'all')
        for s in (srv, back):
            s.stop()
        if not hit:
            assert run.rc == 0, repr(run)
            # So that it does not pass by killing nothing.
            assert n > 1 or call in ('ftruncate', 'unlink,unlinkat',
                                     'pwrite64', 'utimensat'), call
            return
    assert call == 'openat', 'no end'


@pytest.mark.parametrize('action', ACTIONS)
def test_no_room(lab, client, action):
    """The journal cannot be written: done all the same, or said."""
    srv, back = lab.server(), lab.server()
    one = put(client, f'a@{srv.domain}', sender=f'me@{back.domain}')
    if action == 'release':
        client.postrider('--hold', one).ok()
    trace = os.path.join(client.folder, 'trace')
    run = client.run(['strace', '-f', '-o', trace, '-e', 'trace=pwrite64',
                      '-e', 'inject=pwrite64:error=ENOSPC',
                      *client.argv(f'--{action}', one)])
    if action in ('requeue', 'return'):
        assert run.rc == 75 and one in run.stderr and \
            'space' in run.stderr, repr(run)
        assert ids(client) == [one]
    else:
        run.quiet()
    client.postrider('--release', 'all')
    client.flush_now().ok()
    assert len(srv.messages) == (action != 'delete')
    assert back.messages == []


@pytest.mark.parametrize('action', ACTIONS)
def test_synced(lab, client, action):
    """Before it says that it is done, that is on stable storage."""
    srv = lab.server()
    one = put(client, f'a@{srv.domain}', sender=f'me@{srv.domain}')
    if action == 'release':
        client.postrider('--hold', one).ok()
    trace = os.path.join(client.folder, 'trace')
    client.run(['strace', '-f', '-y', '-o', trace, '-e', 'trace=fsync',
                *client.argv(f'--{action}', one)]).ok()
    with open(trace) as f:
        text = f.read()
    assert re.search(r'fsync\(\d+<[^>]*/queue>\) *= 0', text), text
    if action in ('hold', 'release', 'delete'):
        run = client.run(['strace', '-f', '-o', trace, '-e', 'trace=fsync',
                          '-e', 'inject=fsync:error=EIO',
                          *client.argv('--hold', 'all')])
        assert run.rc in (69, 75), repr(run)


# -- how long it may take ------------------------------------------------------------

def test_expire(lab, client, down):
    """A code that is good for ten minutes."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, options=['--expire', '10m']).quiet()
    o, = client.queue()
    assert o['expires'] - o['arrival_time'] == 600
    for _ in range(3):
        # Not 5, 10, 20 minutes; nor is what is remembered of the server
        # a reason to wait longer.
        assert 75 < o['due'] - time.time() < 101, o
        client.flush_now().ok()
        o, = client.queue()
    os.utime(client.entries()[0], (time.time(), time.time() - 1))
    before = client.log().count('status=deferred')
    client.flush().ok()
    assert client.log().count('status=deferred') == before + 1


def test_expired(lab, client, down):
    """At its end the sender has his report, after one more attempt."""
    back = lab.server()
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}',
                  options=['--expire', '3s']).quiet()
    end = time.time() + 10
    while not back.messages and time.time() < end:
        time.sleep(0.5)
        client.flush().ok()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.failed == [rcpt] and client.empty()
    assert 'status=expired (not delivered within 3 seconds)' in client.log()
    assert client.log().count('status=deferred') >= 2


def test_expired_without_a_network(lab, client):
    """That was no attempt: the first one with a network is."""
    srv, back = lab.server(), lab.server()
    client.where = 'offline'
    client.submit(f'a@{srv.domain}', f'b@{srv.domain}',
                  sender=f'me@{back.domain}',
                  options=['--expire', '8s']).quiet()
    time.sleep(9)
    client.flush_now().ok()
    assert client.queued() == [f'a@{srv.domain}', f'b@{srv.domain}']
    client.where = 'client'
    client.flush_now().ok()
    assert srv.recipients == [f'a@{srv.domain}', f'b@{srv.domain}']
    assert back.sessions == [] and client.empty()


def test_expired_twice_without_a_network(lab, client):
    """But it is not kept for ever."""
    back = lab.server()
    client.where = 'offline'
    client.submit('a@no.test', sender=f'me@{back.domain}',
                  options=['--expire', '1s']).quiet()
    time.sleep(3)
    client.flush_now().ok()
    assert 'status=expired' in client.log()
    client.where = 'client'
    client.flush_now().ok()
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.failed == ['a@no.test'] and client.empty()


def test_expire_of_files(client, down):
    client.write('letter', f'To: a@{down.domain}\n\nx\n')
    client.postrider('--send', '--expire', '1h', '-odq', 'letter').quiet()
    o, = client.queue()
    assert o['expires'] - o['arrival_time'] == 3600


@pytest.mark.parametrize('args', [['--expire', 'soon', 'a@b.test'],
                                  ['--flush', '--expire', '1h'],
                                  ['--expire']])
def test_expire_what(client, args):
    run = client.postrider(*args)
    assert run.rc == 64, repr(run)
    assert 'soon' in run.stderr or '--expire' in run.stderr, repr(run)


def test_jitter_of_short_lives(client, down):
    for i in range(8):
        client.submit(f'a{i}@{down.domain}',
                      options=['--expire', '1h']).quiet()
    waits = {o['due'] - o['arrival_time'] for o in client.queue()}
    assert all(200 < w <= 602 for w in waits), waits


# -- strange things in the queue --------------------------------------------------

def fifo(path):
    os.mkfifo(path, 0o600)


def unix_socket(path):
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.basename(path))
    finally:
        os.chdir(here)


def device(path):
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def sparse(path):
    with open(path, 'wb') as f:
        f.truncate(1 << 30)


def vast_message(path):
    """Its head says, with the right checksum, that it is a gigabyte."""
    import zlib
    n = 1 << 30
    head = b'postrider-queue 01 message %014d %014d %08x envelope %014d ' \
        b'%014d %08x head ' % (128, n, 1, 128 + n, 0, 0)
    with open(path, 'wb') as f:
        f.write(head + b'%08x\n' % zlib.crc32(head))
        f.truncate(128 + n)


def newer(path):
    with open(path, 'wb') as f:
        f.write(b'postrider-queue 02 something else altogether\n' * 10)


def foreign(path):
    with open(path, 'w') as f:
        f.write('#!/bin/sh\necho hello\n')
    os.chmod(path, 0o755)


def somebodys(path):
    foreign(path)
    os.chown(path, 65534, 65534)


HOSTILE = {
    'directory': os.mkdir, 'fifo': fifo, 'socket': unix_socket,
    'device': device, 'link': lambda p: os.symlink('/etc/passwd', p),
    'loop': lambda p: os.symlink(p, p), 'empty': lambda p: open(p, 'w').close(),
    'sparse': sparse, 'vast message': vast_message, 'newer': newer,
    'foreign': foreign, "somebody's": somebodys,
}


def strange_id(n):
    return f'4jXf6N2cvZz3NH{"BCDFGHJKLMNPQRSTVWXYZ"[n]}T'


def test_strange_things(lab, client):
    """All of them at once: everything else is delivered, and mailq says so."""
    srv = lab.server()
    os.makedirs(os.path.join(client.spool, 'queue'), exist_ok=True)
    client.postrider('--queue').ok()
    for i, what in enumerate(HOSTILE):
        HOSTILE[what](os.path.join(client.spool, 'queue', strange_id(i)))
    for name in ('README', 'notes.txt', 'a\033[2Jb'):
        with open(os.path.join(client.spool, 'queue', name), 'w') as f:
            f.write('x\n')
    put(client, f'a@{srv.domain}')
    put(client, f'b@{srv.domain}')
    client.temporary = ('run',)
    run = client.flush()
    assert run.rc == 0 and srv.recipients == [f'a@{srv.domain}',
                                              f'b@{srv.domain}']
    assert f'{len(HOSTILE)} damaged messages were set aside' in run.stderr
    assert ids(client, 'damaged') == sorted(
        strange_id(i) for i in range(len(HOSTILE)))
    assert sorted(ids(client)) == ['README', 'a\033[2Jb', 'notes.txt']
    run = client.run(client.argv(program='mailq')).ok()
    for i, what in enumerate(HOSTILE):
        assert f'{strange_id(i)}#' in run.stdout, what
        assert f'{strange_id(i)}: ' in client.log(), what
    for name in ('queue/README', 'queue/notes.txt', 'queue/a?[2Jb'):
        assert f'{name}: no message, left alone\n' in run.stderr, repr(run)
    # Once is enough to be told, and nothing of it is ever sent.
    run = client.flush_now().quiet()
    assert len(srv.messages) == 2
    objects = client.queue()
    assert {o['queue_name'] for o in objects} == {'damaged'}
    assert all(o['reason'] for o in objects)


@pytest.mark.parametrize('what', HOSTILE)
@pytest.mark.parametrize('mode', ['--flush', '--hold', '--delete',
                                  '--requeue', '--return', '--show'])
def test_strange_thing_and_all(lab, client, mode, what):
    """Each command does its work beside it, and does nothing to it."""
    srv = lab.server()
    client.postrider('--queue').ok()
    strange = strange_id(0)
    HOSTILE[what](os.path.join(client.spool, 'queue', strange))
    one = put(client, f'a@{srv.domain}', sender=f'me@{srv.domain}')
    client.temporary = ('run',)
    run = client.postrider(mode, 'all')
    assert run.rc == 0, repr(run)
    if mode == '--show':
        assert strange in run.stdout and one in run.stdout
        assert ids(client) == sorted([one, strange])
    else:
        assert strange in ids(client, 'damaged')
        assert one not in ids(client) or mode == '--requeue'
        assert f'{strange}: ' in client.log()
        assert strange in run.stderr or mode == '--flush'
        assert run.stderr.count(strange) <= 1, repr(run)


def test_delete_what_is_damaged(lab, client):
    """By its id, and in no other way."""
    client.postrider('--queue').ok()
    one, two = strange_id(0), strange_id(1)
    for id in one, two:
        foreign(os.path.join(client.spool, 'queue', id))
    client.temporary = ('run',)
    client.flush()
    for select in ('all', 'status:damaged', 'older:0'):
        run = client.postrider('--delete', select)
        assert run.rc == 69, repr(run)
        # What of it cannot be read has no age.
        assert select == 'older:0' or run.stderr == (
            'postrider: nothing to delete: what matches is damaged; name its '
            'id to remove it\n'), repr(run)
    assert ids(client, 'damaged') == [one, two]
    run = client.postrider('--delete', one)
    run.quiet()
    assert ids(client, 'damaged') == [two]
    os.rename(os.path.join(client.spool, 'damaged', two),
              os.path.join(client.spool, 'queue', two))
    client.postrider('--delete', two).quiet()
    assert ids(client) + ids(client, 'damaged') == []
    # Whose it was and how large is not known, and not made up.
    for id in one, two:
        assert re.search(rf': {id}: deleted by uid=0, damaged$', client.log(),
                         re.M), client.log()
    assert re.search(rf': {two}: .*; it is in damaged/ now$', client.log(),
                     re.M), client.log()


def test_reason_does_not_repeat_the_id(client, down):
    """Where it stands beside it."""
    one = put(client, f'a@{down.domain}', body='hello there\n')
    two = strange_id(0)
    foreign(os.path.join(client.spool, 'queue', two))
    path = os.path.join(client.spool, 'queue', one)
    with open(path, 'r+b') as f:
        text = f.read()
        f.seek(text.index(b'hello there'))
        f.write(b'J')
    objects = client.postrider('--show', '--json', 'all').ok().objects + \
        client.postrider('--queue', '--json', two).ok().objects
    assert [o['queue_id'] for o in objects] == sorted([one, two]) + [two]
    for o in objects:
        assert o['queue_name'] == 'damaged' and o['queue_id'] not in \
            o['reason'], o
    text = client.postrider('--show', 'all').ok().stdout
    assert f'{one}\n  state     damaged: its message is damaged\n' in text
    assert text.count(two) == 1, text
    text = client.mailq()
    assert text.count(two) == 1, text


def test_damaged_in_hold(client, down):
    one = held(client, f'a@{down.domain}')
    with open(os.path.join(client.spool, 'hold', one), 'r+b') as f:
        f.write(b'x')
    client.temporary = ('run',)
    run = client.postrider('--release', one)
    assert run.rc == 69 and one in run.stderr, repr(run)
    assert ids(client) == [] and ids(client, 'damaged') == [one]


# -- whose --------------------------------------------------------------------

@pytest.fixture
def two_users(lab, system):  # noqa: F811
    """A message of joe's and one of eve's, of which the server is down."""
    srv = lab.server()
    found = {}
    for user in 'joe', 'eve':
        before = set(ids(system.client))
        system.submit(user, f'{user}s@{srv.domain}', '-odq').quiet()
        found[user], = set(ids(system.client)) - before
    return srv, found


@pytest.mark.parametrize('action', ACTIONS)
def test_guests(system, two_users, action):  # noqa: F811
    """Each has his own messages to deal with, and no other's."""
    srv, found = two_users
    if action == 'release':
        for user in found:
            system.sendmail(user, '--hold', 'all').quiet()
    before = system.snapshot()
    for select in (found['joe'], f'joes@{srv.domain}'):
        run = system.sendmail('eve', f'--{action}', select)
        assert run.rc == 69, repr(run)
        assert 'uid' not in run.stderr and 'joe@' not in run.stderr
    run = system.sendmail('eve', f'--{action}', '--json', found['joe'])
    assert run.rc == 69 and run.objects[0]['reason'] == \
        'there is no such message'
    assert system.snapshot() == before
    run = system.sendmail('eve', f'--{action}', 'all')
    assert run.rc == 0, repr(run)
    kept = system.snapshot()
    mine = [p for p in before if p.endswith(found['joe'])]
    assert {p: kept[p] for p in mine} == {p: before[p] for p in mine}
    assert f'{found["eve"]}: {ACTIONS[action]} by uid=41002' in \
        system.client.log()
    if action == 'return':
        assert 'given up by its sender' in system.client.log()


def test_guests_cannot_look(system, two_users):  # noqa: F811
    srv, found = two_users
    run = system.sendmail('eve', '--show', found['joe'])
    assert run.rc == 69 and 'only for joe' not in run.stdout + run.stderr
    run = system.sendmail('eve', '--show', 'all').ok()
    assert found['eve'] in run.stdout and found['joe'] not in run.stdout
    run = system.sendmail('root', '--show', 'all').ok()
    assert found['eve'] in run.stdout and found['joe'] in run.stdout


def test_what_root_holds_is_held(system, two_users):  # noqa: F811
    srv, found = two_users
    system.sendmail('root', '--hold', found['eve']).quiet()
    for action in ('--release', '--delete', '--return'):
        for select in (found['eve'], 'all'):
            run = system.sendmail('eve', action, select)
            assert run.rc == 77 and 'somebody else' in run.stderr, repr(run)
    assert ids(system.client, 'hold') == [found['eve']]
    system.sendmail('eve', '--show', found['eve']).ok()
    # What she holds herself is hers, and root's.
    system.sendmail('root', '--release', found['eve']).quiet()
    system.sendmail('eve', '--hold', found['eve']).quiet()
    system.sendmail('eve', '--release', found['eve']).quiet()
    system.sendmail('eve', '--hold', found['eve']).quiet()
    system.sendmail('root', '--release', found['eve']).quiet()
    st = os.stat(os.path.join(system.client.spool, 'queue', found['eve']))
    assert stat.S_IMODE(st.st_mode) == 0o660 and st.st_gid == system.gid
    system.sendmail('root', '-q').ok()
    assert srv.recipients == [f'eves@{srv.domain}', f'joes@{srv.domain}']
    assert system.snapshot() == {}


def test_named_settings_cost_the_group(system, two_users):  # noqa: F811
    srv, found = two_users
    own = system.own_file('eve', 'own.conf', 'hostname client.prb.test\n'
                          f'log none\nspool {system.client.spool}\n')
    before = system.snapshot()
    for action in ACTIONS:
        run = system.sendmail('eve', '-C', own, f'--{action}', 'all')
        assert run.rc == 78, repr(run)
    assert system.snapshot() == before


def test_guests_and_the_damaged(system, two_users):  # noqa: F811
    """They neither see them nor remove them."""
    srv, found = two_users
    path = os.path.join(system.client.spool, 'queue', found['joe'])
    with open(path, 'r+b') as f:
        f.write(b'x')
    system.client.temporary = ('run',)
    run = system.sendmail('eve', '--delete', found['joe'])
    assert run.rc == 69 and os.path.exists(path), repr(run)
    system.sendmail('root', '-q')
    assert ids(system.client, 'damaged') == [found['joe']]
    run = system.sendmail('joe', '--delete', found['joe'])
    assert run.rc == 69, repr(run)
    assert ids(system.client, 'damaged') == [found['joe']]


# -- many ------------------------------------------------------------------------

def test_many(client, down):
    """A thousand, in a few seconds; one of them at once."""
    box = client.write('box', ''.join(
        f'From me Sun Nov 22 10:00:00 2026\nTo: u{i}@{down.domain}\n'
        f'Subject: {i}\n\n{i}\n\n' for i in range(1000)))
    client.postrider('-odq', '--send', box).quiet()
    one = ids(client)[500]
    trace = os.path.join(client.folder, 'trace')
    client.run(['strace', '-f', '-o', trace, '-e', 'trace=openat',
                *client.argv('--hold', one)]).ok()
    with open(trace) as f:
        opened = re.findall(r'"(\w{16})"', f.read())
    assert set(opened) == {one}, 'others are none of its business'
    begin = time.monotonic()
    client.postrider('--hold', f'domain:{down.domain}', timeout=60).quiet()
    client.postrider('--release', 'all', timeout=60).quiet()
    client.postrider('--delete', 'all', timeout=60).quiet()
    assert time.monotonic() - begin < 30
    assert client.empty()
