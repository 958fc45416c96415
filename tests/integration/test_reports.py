"""What becomes of reports: programs that read them, delays, originals of any
size, and whoever sends them back."""
import re
import time

import pytest

from lab import check, readers
from lab.readers import Told
from lab.smtpd import CAPS


@pytest.fixture
def back(lab):
    """Where reports go."""
    return lab.server()


@pytest.fixture
def yes(lab):
    """A server that takes everything, so that a refusal is not all."""
    return lab.server()


# -- read by programs ----------------------------------------------------------

def read(m, tmp_path):
    """The same report, read by each."""
    return {'flufl': readers.flufl(m.data),
            'bounceparser': readers.bounceparser(m.data),
            'sisimai': readers.sisimai(m.data, tmp_path)}


def told(*rcpts):
    """What each should say: flufl.bounce does not tell the status."""
    return {'flufl': sorted(Told(r, what, None) for r, what, _ in rcpts),
            'bounceparser': sorted(Told(*r) for r in rcpts),
            'sisimai': sorted(Told(*r) for r in rcpts)}


REPLIES = [
    ('550 5.1.1 <bob> User unknown', '5.1.1', 'userunknown'),
    ('550 5.1.1 Nobody here\n550-5.1.1 more lines\n550 5.1.1 of this', '5.1.1',
     'userunknown'),
    ('552 5.2.2 mailbox full', '5.2.2', 'mailboxfull'),
    ('550 no such user here', '5.0.0', None),
    ('554 5.7.1 Relay access denied', '5.7.1', None),
    ('550 5.7.1 Gr\u00fc\u00dfe, Spam detected', '5.7.1', None),
    ('550 5.4.6 Routing loop detected', '5.4.6', None),
    ('553 5.1.3 ' + 'x' * 400, '5.1.3', None),
]


@pytest.mark.parametrize('ret', ['full', 'hdrs'])
@pytest.mark.parametrize('reply, status, reason', REPLIES,
                         ids=[r[0][:20] for r in REPLIES])
def test_failure_is_read(lab, client, back, yes, tmp_path, reply, status,
                         reason, ret):
    first = reply.split('\n')[0]
    d = lab.name()
    srv = lab.server(d, script={'rcpt': {f'bob@{d}': first}})
    client.submit(f'bob@{d}', f'ann@{yes.domain}',
                  sender=f'me@{back.domain}', options=['-R', ret]).quiet()
    m, = back.messages
    assert read(m, tmp_path) == told((f'bob@{d}', 'failed', status))
    found, = readers.sisimai_full(m.data, tmp_path)
    assert found['sender'] == 'me@client.prb.test'     # the original's From
    assert found['host'] == srv.host
    assert reason in (None, found['reason'])


def test_many_in_one_are_read(lab, client, back, yes, tmp_path):
    d, e = lab.name(), lab.name()
    lab.server(d, script={'rcpt': {f'u{i}@{d}': '550 5.1.1 no such user'
                                   for i in range(20)}})
    lab.server(e, script={'rcpt': {f'x@{e}': '552 5.2.2 mailbox full'}})
    client.submit(*(f'u{i}@{d}' for i in range(20)), f'x@{e}',
                  f'ann@{yes.domain}', sender=f'me@{back.domain}').quiet()
    m, = back.messages
    assert read(m, tmp_path) == told(
        *((f'u{i}@{d}', 'failed', '5.1.1') for i in range(20)),
        (f'x@{e}', 'failed', '5.2.2'))


def test_expired_is_read(lab, client, back, tmp_path):
    """Action: failed, with the temporary status of the last attempt."""
    srv = lab.server(script={'rcpt': '450 4.2.1 mailbox busy'})
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}',
                  options=['-O', 'Timeout.queuereturn=2s']).quiet()
    time.sleep(2.1)
    client.flush_now().ok()
    m, = back.messages
    assert check.dsn(m, f'me@{back.domain}').failed == [rcpt]
    found = read(m, tmp_path)
    assert found['flufl'] == [Told(rcpt, 'failed', None)]
    assert found['bounceparser'] == found['sisimai'] == \
        [Told(rcpt, 'failed', '4.2.1')]


def test_success_is_no_failure(lab, client, back, tmp_path):
    srv = lab.server(caps=[c for c in CAPS if c != 'DSN'])
    client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}',
                  options=['-N', 'success,failure']).quiet()
    m, = back.messages
    found = read(m, tmp_path)
    assert not [t for told in found.values() for t in told
                if t.what == 'failed'], found


# -- of delays -------------------------------------------------------------------

LATER = '450 4.2.1 mailbox busy'


def wait_and_flush(client):
    time.sleep(1.1)
    client.flush_now().ok()


def test_delay_is_told_once(lab, client, back, tmp_path):
    client.write_conf(delay_warning='1s')
    srv = lab.server(script={'rcpt': LATER})
    rcpts = sorted(f'{u}@{srv.domain}' for u in 'ab')
    client.submit(*rcpts, sender=f'me@{back.domain}', options=[
        '-V', 'id1']).quiet()
    assert back.messages == []
    for _ in range(3):
        wait_and_flush(client)
    m, = back.messages
    report = check.dsn(m, f'me@{back.domain}')
    assert [b['Action'] for b in report.recipients] == ['delayed'] * 2
    assert [b['Status'] for b in report.recipients] == ['4.2.1'] * 2
    assert all(b['Will-Retry-Until'] for b in report.recipients)
    assert report.about['Original-Envelope-Id'] == 'id1'
    assert report.original.get_content_type() == 'text/rfc822-headers'
    assert 'ONLY A WARNING' in report.text
    found = read(m, tmp_path)
    assert found['flufl'] == [Told(r, 'delayed', None) for r in rcpts]
    assert found['bounceparser'] == []
    assert found['sisimai'] == [Told(r, 'delayed', '4.2.1') for r in rcpts]
    check.retried(client, srv, *rcpts)
    assert len(back.messages) == 1


@pytest.mark.parametrize('notify, warned', [
    ('delay', True), ('success,delay', True), ('never', False),
    ('failure', False), ('success,failure', False)])
def test_who_wants_to_hear_of_delay(lab, client, back, notify, warned):
    client.write_conf(delay_warning='1s')
    srv = lab.server(script={'rcpt': LATER})
    client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}',
                  options=['-N', notify]).quiet()
    wait_and_flush(client)
    assert len(back.messages) == warned


def test_no_delay_is_told_without_the_setting(lab, client, back):
    srv = lab.server(script={'rcpt': LATER})
    for options in [], ['-N', 'delay']:         # who asks: after 4 hours
        client.submit(f'bob@{srv.domain}', sender=f'me@{back.domain}',
                      options=options).quiet()
    wait_and_flush(client)
    assert back.messages == []


def test_delay_of_a_report_is_not_told(lab, client):
    client.write_conf(delay_warning='1s')
    srv = lab.server(script={'rcpt': LATER})
    client.submit(f'bob@{srv.domain}', sender='<>').quiet()
    wait_and_flush(client)
    assert len(client.entries()) == 1


def test_delay_is_told_in_time(lab, client, back):
    """A flush comes back for it, long before the next attempt at the site."""
    client.write_conf(delay_warning='2s')
    srv = lab.server()
    srv.stop()
    rcpt = f'bob@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    client.flush().ok()
    assert back.messages == []
    time.sleep(2.1)
    client.flush().ok()
    m, = back.messages
    assert check.dsn(m, f'me@{back.domain}').recipients[0]['Action'] == \
        'delayed'
    assert client.queued() == [rcpt]


# -- what was asked for, end to end --------------------------------------------------

def test_orcpt(lab, client, back):
    """The next host is told under which address we know the recipient, and
    so are those who ask us."""
    d = lab.name()
    srv = lab.server(d, script={'rcpt': {f'no+x@{d}': '550 5.1.1 no'}})
    client.submit(f'bob+list@{d}', f'no+x@{d}', sender=f'me@{back.domain}',
                  options=['-N', 'failure']).quiet()
    m, = srv.messages
    assert m.rcpt_params[f'bob+list@{d}']['ORCPT'] == f'rfc822;bob+2Blist@{d}'
    report = check.dsn(back.messages[0], f'me@{back.domain}')
    assert report.recipients[0]['Original-Recipient'] == f'rfc822; no+x@{d}'


def test_orcpt_only_for_who_asks(lab, client):
    srv = lab.server()
    for options in [], ['-N', 'never']:
        client.submit(f'bob@{srv.domain}', options=options).quiet()
    for m in srv.messages:
        assert 'ORCPT' not in m.rcpt_params[f'bob@{srv.domain}']


# -- of any size --------------------------------------------------------------------

LARGE = b'Subject: large\n\n' + (b'x' * 99 + b'\n') * 1_000_000


@pytest.mark.parametrize('whole', [False, True])
def test_original_of_100_mb(lab, client, whole):
    """Neither the report nor its making takes memory for the original."""
    if whole:
        client.write_conf(dsn_size='200M')
    back = lab.server(caps=['PIPELINING', 'DSN'])
    d = lab.name()
    lab.server(d, caps=['PIPELINING', 'DSN'],
               script={'rcpt': {f'no@{d}': '550 5.1.1 no such user'}})
    run = client.sendmail(
        '-i', '-f', f'me@{back.domain}', f'no@{d}', input=LARGE,
        measure=True, timeout=120)
    # nobody took it, so the caller has it back
    check.refused(client, run, 67, f'no@{d}')
    assert run.maxrss < 24 << 20, f'{run.maxrss >> 20} MB'
    client.sendmail(
        '-odq', '-i', '-f', f'me@{back.domain}', f'no@{d}', input=LARGE,
        timeout=120).quiet()
    run = client.flush_now(measure=True, timeout=120).ok()
    assert run.maxrss < 24 << 20, f'{run.maxrss >> 20} MB'
    m, = back.messages
    assert (len(m.data) > 100_000_000) == whole
    assert whole or len(m.data) < 10000
    assert client.entries() == []


# -- no loops -------------------------------------------------------------------------

class Forwarder:
    """A host whose mail goes, by a pipe, to a Postrider of its own, which
    sends it on to where it is refused."""

    def __init__(self, lab, keeps_sender):
        self.srv = lab.server()
        self.dead = lab.server(script={'rcpt': '550 5.1.1 gone'})
        self.client = lab.client()
        self.keeps_sender = keeps_sender
        self.done = 0

    @property
    def address(self):
        return f'me@{self.srv.domain}'

    def pump(self):
        """Send on what has come.  How much that was."""
        new = self.srv.messages[self.done:]
        self.done += len(new)
        for m in new:
            sender = (m.sender or '<>') if self.keeps_sender else self.address
            self.client.sendmail(
                '-i', '-odq', '-f', sender, f'x@{self.dead.domain}',
                input=m.data.replace(b'\r\n', b'\n')).quiet()
            self.client.flush_now().ok()
        return len(new)


@pytest.mark.parametrize('keeps_sender, most', [(True, 4), (False, 12)])
@pytest.mark.parametrize('doubles', [False, True])
def test_two_that_bounce_at_each_other(lab, keeps_sender, most, doubles):
    """Whatever both of them do, it ends: each report is a new message, so
    nothing but Postrider's own count can tell."""
    a, b = Forwarder(lab, keeps_sender), Forwarder(lab, keeps_sender)
    if doubles:
        a.client.write_conf(double_bounce=b.address)
        b.client.write_conf(double_bounce=a.address)
    a.client.submit(b.address, sender=a.address).quiet()
    rounds = 0
    while a.pump() + b.pump() > 0:
        rounds += 1
        assert rounds <= most, 'it goes on and on'
    assert rounds > 0
    assert a.client.entries() == b.client.entries() == []
    held = a.client.entries('hold') + b.client.entries('hold')
    assert len(held) == 1
    with open(held[0], 'rb') as f:
        assert re.search(rb'^X-Postrider-Depth: \d\r$', f.read(), re.M)
