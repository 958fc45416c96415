"""When it is tried again: what invocations share of a site, and clocks that
are wrong."""
import os
import time

import pytest

from lab import check
from lab.clock import DAY, YEAR, shifted
from lab.smtpd import DROP, pause


pytestmark = pytest.mark.usefixtures('wrong_clock')


@pytest.fixture
def down(lab):
    """A server that is down."""
    srv = lab.server()
    srv.stop()
    return srv


@pytest.fixture
def back(lab):
    """Where reports go."""
    return lab.server()


def wait_of(client):
    """Seconds until the one entry is due."""
    path, = client.entries()
    return os.stat(path).st_mtime - time.time()


# -- one site, many invocations --------------------------------------------------

def test_what_one_has_learned_others_know(client, down):
    """A message that is queued later waits for the site, too: one connection
    for all, and their times are one."""
    client.submit(f'a@{down.domain}').quiet()
    client.submit(f'b@{down.domain}', options=['-odq']).quiet()
    down.start()
    client.flush().ok()
    assert down.sessions == []
    first, second = (os.stat(p).st_mtime for p in client.entries())
    assert first == second and first - time.time() > 200
    client.flush_now().ok()
    assert down.recipients == sorted(f'{u}@{down.domain}' for u in 'ab')
    assert len(down.sessions) == 1
    assert client.empty()


def test_the_schedule_is_of_the_site(client, down):
    """Not of each message: the last one comes to a site that has failed
    twice, and waits for the third time."""
    client.submit(f'a@{down.domain}').quiet()
    client.flush(env=shifted(400)).ok()
    client.submit(f'b@{down.domain}', env=shifted(400 + 800)).quiet()
    newest = client.entries()[-1]
    assert 0.79 * 1200 - 3 < os.stat(newest).st_mtime - time.time() - 1200 < \
        1.21 * 1200 + 3


def test_a_burst_is_one_failure(client, down):
    """However many messages meet a server that is down, and however often
    somebody tries by hand: they are due again in five minutes."""
    for i in range(12):
        client.submit(f'a{i}@{down.domain}').quiet()
    for _ in range(3):
        client.flush_now().ok()
    client.submit(f'b@{down.domain}').quiet()
    waits = [os.stat(p).st_mtime - time.time() for p in client.entries()]
    # Those that were tried by hand have a schedule of their own, too.
    assert len(waits) == 13 and 200 < min(waits) and max(waits) < 365, waits
    down.start()
    client.flush(env=shifted(400)).ok()
    assert len(down.recipients) == 13 and client.empty()


def test_one_success_forgives(lab, client):
    srv = lab.server(script={'connect': ('421 later', DROP)})
    client.submit(f'a@{srv.domain}').quiet()
    assert client.files('sites')
    srv.script = {}
    client.submit(f'b@{srv.domain}').quiet()
    assert srv.recipients == [f'b@{srv.domain}']
    assert client.files('sites') == []
    # and the first need not wait any longer than it has been told
    client.flush_now().ok()
    assert client.empty()


def test_times_are_varied(client, lab):
    """Twenty sites that fail at once do not come back at once."""
    servers = [lab.server() for _ in range(20)]
    for s in servers:
        s.stop()
    client.submit(*(f'x@{s.domain}' for s in servers[:1])).quiet()
    for s in servers[1:]:
        client.submit(f'x@{s.domain}').quiet()
    waits = sorted(os.stat(p).st_mtime - time.time()
                   for p in client.entries())
    assert waits[0] > 200 and waits[-1] < 365
    assert waits[-1] - waits[0] > 20


@pytest.mark.parametrize('how', ['--now', 'address', 'domain', 'id'])
def test_at_once_when_asked_for(client, down, how):
    rcpt = f'a@{down.domain}'
    client.submit(rcpt).quiet()
    down.start()
    client.flush().ok()
    assert down.sessions == []
    path, = client.entries()
    client.flush({'--now': '--now', 'address': rcpt, 'domain': down.domain,
                  'id': os.path.basename(path)}[how]).ok()
    assert down.recipients == [rcpt] and client.empty()


def test_a_silent_name_holds_up_no_other(lab, client):
    """The names of a pass are looked up together, so that one that nobody
    answers for does not make the next ones wait for its end."""
    srv, silent, n = lab.server(), lab.name(), 2000
    rogue = lab.rogue(data={
        srv.host: {'A': srv.addresses},
        **{f'd{i}.many.test': {'MX': [f'10 {srv.host}']} for i in range(n)}},
        rules={silent: lambda r, q: None})
    client.write_conf(nameserver=rogue.address, dns_timeout='9s')
    client.submit(f'a@{silent}', options=['-odq']).quiet()
    box = client.write('box', ''.join(
        f'From me Mon Nov 30 10:00:00 2026\nTo: a@d{i}.many.test\n\nx\n\n'
        for i in range(n)))
    client.postrider('-odq', '--send', box).quiet()
    p = client.start('--flush', program='postrider')
    srv.wait(lambda: len(srv.taken) == n, 7)
    client.finish(p)
    assert client.queued() == [f'a@{silent}']


def test_given_up_is_told(lab, client, back):
    """As the attempt that it was, and then as what became of it."""
    srv = lab.server(script={'rcpt': '451 4.3.0 later'})
    rcpt = f'a@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}',
                  options=['--expire', '2s', '-odq']).quiet()
    time.sleep(2.2)
    told = [(o['recipient'], o['state'])
            for o in client.flush('--json').ok().objects]
    assert told[:2] == [(rcpt, 'deferred'), (rcpt, 'failed')], told
    assert len(back.messages) == 1 and client.empty()


# -- clocks ---------------------------------------------------------------------------

def test_forward_it_is_delivered(client, down, back):
    """Far too old by the clock of the flush, which tries it first."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    down.start()
    client.flush(env=shifted(10 * YEAR)).ok()
    assert down.recipients == [rcpt] and back.messages == []
    assert client.empty()


def test_forward_it_is_given_up_once(lab, client, back):
    srv = lab.server(script={'connect': ('421 later', DROP)})
    rcpt = f'a@{srv.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    tries = len(srv.sessions)
    client.flush(env=shifted(10 * YEAR)).ok()
    assert len(srv.sessions) == tries + 1, 'one more attempt'
    m, = back.messages
    assert check.dsn(m, f'me@{back.domain}').failed == [rcpt]
    assert client.empty()


def test_backward_it_is_not_put_off(client, down):
    """Due in ten years by the clock of the flush: due now."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt).quiet()
    down.start()
    client.flush(env=shifted(-10 * YEAR)).ok()
    assert down.recipients == [rcpt] and client.empty()


@pytest.mark.parametrize('offset', [10 * YEAR, 3 * DAY, -10 * YEAR, -3 * DAY])
def test_queued_by_a_wrong_clock(client, down, offset):
    """And its site is not to be tried for years, by the same clock."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, env=shifted(offset)).quiet()
    assert client.queued() == [rcpt]
    down.start()
    client.flush().ok()
    assert down.recipients == [rcpt] and client.empty()


def test_back_and_forth(client, down):
    """As a machine without a battery: 1970, then the time."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt).quiet()
    for offset in -50 * YEAR, 3600, -50 * YEAR:
        client.flush(env=shifted(offset)).ok()
        assert client.queued() == [rcpt]
    down.start()
    client.flush().ok()
    assert down.recipients == [rcpt] and client.empty()


@pytest.mark.parametrize('offset', [10 * YEAR, -10 * YEAR])
def test_jump_in_a_session(lab, client, offset):
    """Waiting is by a clock that does not jump."""
    srv = lab.server(script={'rcpt': (pause(2), '250 ok')})
    rcpt = f'a@{srv.domain}'
    run = client.submit(rcpt, env=shifted(offset, after=1))
    run.quiet()
    assert 2 < run.wall < 5
    assert srv.recipients == [rcpt] and client.empty()


# -- sites that are gone ----------------------------------------------------------------

def age_site(client, failures, days):
    """Rewrite the one file of sites/ as of a site that first failed so long
    ago; its checksum as postrider-queue(5) says."""
    import zlib
    path, = client.files('sites')
    with open(path, 'rb') as f:
        words = f.read().split(b' ')
    now = int(time.time())
    words[3:6] = [b'%d' % failures, b'%d' % (now - days * 86400),
                  b'%d' % (now - 1)]
    line = b' '.join(words[:-1]) + b' '
    with open(path, 'wb') as f:
        f.write(line + b'%08x\n' % zlib.crc32(line))


def make_due(client):
    for path in client.entries():
        os.utime(path, (time.time() - 1, time.time() - 1))


@pytest.mark.parametrize('failures, days, given_up', [
    (40, 6, True), (40, 4, False), (3, 30, False)])
def test_cut_off(client, down, back, failures, days, given_up):
    """No server of the domain was reached for as long as a message lives:
    the second attempt is the last."""
    rcpt = f'a@{down.domain}'
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    age_site(client, failures, days)
    make_due(client)
    client.flush().ok()
    assert len(back.messages) == given_up
    assert client.queued() == ([] if given_up else [rcpt])
    if given_up:
        report = check.dsn(back.messages[0], f'me@{back.domain}')
        assert report.failed == [rcpt]
        assert report.recipients[0]['Status'].startswith('4.4.')


def test_cut_off_is_not_for_what_is_new(client, down, back):
    rcpt = f'a@{down.domain}'
    client.submit(f'b@{down.domain}', sender=f'me@{back.domain}').quiet()
    age_site(client, 40, 30)
    client.submit(rcpt, sender=f'me@{back.domain}').quiet()
    assert rcpt in client.queued() and back.messages == []


def test_cut_off_is_not_for_smarthosts(lab, client):
    srv = lab.smarthost('smtp+plain', user='')
    client.use(srv)
    srv.stop()
    client.submit('a@anywhere.test').quiet()
    age_site(client, 40, 30)
    make_due(client)
    client.flush().ok()
    assert client.queued() == ['a@anywhere.test']
