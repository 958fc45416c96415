"""A machine that is not always on the net: mail waits, and then goes."""
import contextlib

import pytest

from lab import check

BOB = 'bob@anywhere.test'


@contextlib.contextmanager
def offline(client):
    """No address, no route: every connect(2) says 'unreachable'."""
    client.where = 'offline'
    try:
        yield
    finally:
        client.where = 'client'


@pytest.fixture(params=['smarthost', 'address', 'direct', 'proxy'])
def way(request, lab, client):
    """The server, and a recipient that ends there."""
    if request.param == 'direct':
        srv = lab.server()
        return srv, f'a@{srv.domain}', {}
    srv = lab.smarthost(name='' if request.param == 'address' else None)
    more = {'proxy': lab.socks().url} if request.param == 'proxy' else {}
    client.use(srv, **more)
    return srv, BOB, more


def use(client, srv, **settings):
    client.use(*([srv] if hasattr(srv, 'url') else []), **settings)


# The resolver: out of reach, or on this machine and not running.
@pytest.mark.parametrize('nameserver', ['192.0.2.53', '127.0.0.1'])
def test_send_and_go(client, way, nameserver):
    srv, rcpt, more = way
    use(client, srv, nameserver=nameserver, **more)
    with offline(client):
        run = client.submit(rcpt)
        assert run.wall < 2, repr(run)
        check.held(client, run, rcpt)
    assert srv.sessions == []
    use(client, srv, **more)
    run = client.flush_now()
    run.ok()
    assert srv.recipients == [rcpt] and client.empty()


def test_nobody_is_blamed(client, way):
    """The next message goes out at once: the site was not at fault."""
    srv, rcpt, more = way
    with offline(client):
        client.submit(rcpt, subject='1').quiet()
    client.submit(rcpt, subject='2').quiet()
    assert '2' in [m.field('Subject')[0] for m in srv.messages]
    client.flush_now().ok()
    assert sorted(m.field('Subject')[0] for m in srv.messages) == ['1', '2']


def test_many_offline(client, way):
    srv, rcpt, _ = way
    with offline(client):
        for i in range(5):
            run = client.submit(rcpt, subject=str(i)).quiet()
            assert run.wall < 2
        client.flush_now().ok()
        assert len(client.queued()) == 5
    client.flush_now().ok()
    assert sorted(m.field('Subject')[0] for m in srv.messages) == \
        [str(i) for i in range(5)]


def test_offline_says_so(client, way):
    srv, rcpt, _ = way
    with offline(client):
        run = client.postrider('--json', rcpt, input='Subject: s\n\nx\n').ok()
    o, = run.objects
    assert o['state'] == 'deferred' and o['status'].startswith('4.4.')
    assert 'network' in o['text'].lower(), o


def test_network_lost_in_the_middle(lab, client):
    """A path that breaks is not an offline machine, and is tried again."""
    srv = lab.smarthost()
    client.use(srv, connect_timeout='1s')
    lab.net.swallow(srv.addresses[0])
    try:
        run = client.submit(BOB)
    finally:
        lab.net.restore(srv.addresses[0])
    check.held(client, run, BOB)
    client.flush_now().ok()
    assert srv.recipients == [BOB]


def test_smarthost_of_the_network(lab, client):
    """At home through one server, at work direct, on the train not at all."""
    srv, direct = lab.smarthost(), lab.server()
    rcpt = f'a@{direct.domain}'
    place = client.write('place', '')
    client.use(srv, without=['smarthost'],
               smarthost_command=f'. {place}')
    client.write('place', f'echo {srv.url}\n')
    client.submit(rcpt).quiet()
    assert srv.recipients == [rcpt]
    client.write('place', 'echo none\n')
    client.submit(rcpt).quiet()
    assert direct.recipients == [rcpt]
    client.write('place', 'echo on the train >&2; exit 1\n')
    with offline(client):
        check.held(client, client.submit(rcpt), rcpt, 'on the train')
    client.write('place', f'echo {srv.url}\n')
    client.flush_now().ok()
    assert srv.recipients == [rcpt, rcpt] and client.empty()
