"""What the DNS says, says wrongly, or does not say."""
import pytest

from lab import check, dns
from lab.smtpd import DROP


@pytest.fixture
def ask(lab, client):
    """Let the client ask a rogue resolver; gives (server, domain, rogue)."""
    def make(rules=None, data=None, **settings):
        srv = lab.smtpd()
        d = lab.name()
        truth = {d: {'MX': [f'10 mx.{d}']},
                 f'mx.{d}': {'A': srv.addresses}}
        truth.update(data(d, srv) if data else {})
        rogue = lab.rogue(truth, rules(d) if rules else {})
        client.write_conf(nameserver=rogue.address, **settings)
        return srv, d, rogue
    return make


def use_real(client):
    client.write_conf()


# -- what there is -----------------------------------------------------------

def test_nxdomain(lab, client):
    run = client.submit('bob@no-such.test')
    check.refused(client, run, 68, 'bob@no-such.test', status='5.1.2')
    assert run.wall < 3


@pytest.mark.parametrize('family', [4, 6])
def test_no_mx(lab, client, family):
    """The domain's own address is its implicit MX."""
    srv = lab.smtpd(lab.address(family))
    d = lab.name()
    lab.dns.add({d: {'AAAA' if family == 6 else 'A': srv.addresses}})
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')


def test_ipv6_mx(lab, client):
    srv = lab.server(family=6)
    rcpt = f'bob@{srv.domain}'
    check.delivered(client, client.submit(rcpt), srv, rcpt)
    assert srv.sessions[0].peer == '2001:db8::1'


@pytest.mark.parametrize('dead', [4, 6])
def test_one_family_is_dead(lab, client, dead):
    """The other one is used in the same attempt."""
    alive, gone = lab.address(10 - dead), lab.address(dead)
    srv = lab.smtpd(alive)
    d = lab.name()
    both = {alive, gone}
    lab.dns.add({d: {'MX': [f'10 mx.{d}']},
                 f'mx.{d}': {'A': [a for a in both if ':' not in a],
                             'AAAA': [a for a in both if ':' in a]}})
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')


def test_null_mx(lab, client):
    srv = lab.smtpd()
    d = lab.name()
    lab.dns.add({d: {'MX': ['0 .'], 'A': srv.addresses}})
    run = client.submit(f'bob@{d}')
    check.refused(client, run, 68, f'bob@{d}', status='5.1.10')
    assert srv.sessions == []


def test_order_of_preference(lab, client):
    d = lab.name()
    hosts = {p: lab.smtpd(script={'connect': ('421 no', DROP)})
             for p in (30, 10, 20)}
    lab.dns.add({d: {'MX': [f'{p} h{p}.{d}' for p in hosts]},
                 **{f'h{p}.{d}': {'A': s.addresses}
                    for p, s in hosts.items()}})
    hosts[30].script = {}
    client.submit(f'bob@{d}').quiet()
    assert hosts[30].recipients == [f'bob@{d}']
    started = [hosts[p].sessions[0].log[0][0] for p in (10, 20, 30)]
    assert started == sorted(started)


def test_equal_preferences_are_shuffled(lab, client):
    d = lab.name()
    hosts = [lab.smtpd() for _ in range(2)]
    lab.dns.add({d: {'MX': [f'10 h0.{d}', f'10 h1.{d}']},
                 f'h0.{d}': {'A': hosts[0].addresses},
                 f'h1.{d}': {'A': hosts[1].addresses}})
    for _ in range(20):
        client.submit(f'bob@{d}').quiet()
        if all(h.messages for h in hosts):
            return
    pytest.fail('twenty times the same host')      # one in a million


def test_many_addresses(lab, client):
    """500 MX hosts, all of them dead: bounded, and kept."""
    d = lab.name()
    lab.dns.add({d: {'MX': [f'10 h{i}.{d}' for i in range(500)]},
                 **{f'h{i}.{d}': {'A': [f'203.0.113.{i % 200 + 1}']}
                    for i in range(500)}})
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')
    assert run.wall < 15


@pytest.mark.parametrize('case', ['all NXDOMAIN', 'one alive'])
def test_mx_host_without_address(lab, client, case):
    d = lab.name()
    srv = lab.smtpd()
    records = {d: {'MX': [f'10 none.{d}', f'20 mx.{d}']}}
    if case == 'one alive':
        records[f'mx.{d}'] = {'A': srv.addresses}
    lab.dns.add(records)
    run = client.submit(f'bob@{d}')
    if case == 'one alive':
        check.delivered(client, run, srv, f'bob@{d}')
    else:
        check.refused(client, run, (68, 69), f'bob@{d}')


# -- CNAME -------------------------------------------------------------------

@pytest.mark.parametrize('length', [1, 5])
def test_cname_of_the_domain(lab, client, length):
    srv = lab.server()
    d = lab.name()
    chain = [d] + [f'c{i}.{d}' for i in range(1, length)] + [srv.domain]
    lab.dns.add({a: {'CNAME': [b]} for a, b in zip(chain, chain[1:])})
    client.submit(f'bob@{d}').quiet()
    assert srv.recipients == [f'bob@{d}']


def test_cname_of_the_mx_host(lab, client):
    srv = lab.server()
    d = lab.name()
    lab.dns.add({d: {'MX': [f'10 alias.{d}']},
                 f'alias.{d}': {'CNAME': [srv.host]}})
    client.submit(f'bob@{d}').quiet()
    assert srv.recipients == [f'bob@{d}']


def test_cname_loop(lab, client):
    d = lab.name()
    lab.dns.add({d: {'CNAME': [f'x.{d}']}, f'x.{d}': {'CNAME': [d]}})
    run = client.submit(f'bob@{d}')
    if run.rc == 0:
        check.deferred(client, run, f'bob@{d}')
    else:
        check.refused(client, run, (68, 69), f'bob@{d}')


def test_cname_loop_in_one_answer(client, ask):
    """A resolver that does not notice it either."""
    srv, d, _ = ask(data=lambda d, srv: {d: {'CNAME': [f'x.{d}']},
                                         f'x.{d}': {'CNAME': [d]}})
    run = client.submit(f'bob@{d}')
    assert run.wall < 10
    if run.rc == 0:
        assert client.queued() == [f'bob@{d}']
    else:
        check.refused(client, run, (68, 69), f'bob@{d}')
    assert srv.sessions == []


def test_cname_chain_of_20(client, ask):
    srv, d, _ = ask(data=lambda d, srv: {
        d: {'CNAME': [f'c1.{d}']}, **{
            f'c{i}.{d}': {'CNAME': [f'c{i + 1}.{d}']} for i in range(1, 20)},
        f'c20.{d}': {'MX': [f'10 mx.{d}']}})
    run = client.submit(f'bob@{d}')
    assert run.rc in (0, 68, 69)
    if run.rc == 0:
        assert srv.messages or client.queued() == [f'bob@{d}']


# -- ourselves ---------------------------------------------------------------

@pytest.mark.parametrize('target', [
    {'A': ['127.0.0.1']}, {'AAAA': ['::1']}, {'A': ['192.0.2.1']},
    {'A': ['0.0.0.0']}, {'A': ['127.1.2.3']},
    {'AAAA': ['::ffff:127.0.0.1']}, {'AAAA': ['2001:db8::1']}],
    ids=lambda t: list(t.values())[0][0])
@pytest.mark.parametrize('backup', [False, True])
def test_mx_is_ourselves(lab, client, target, backup):
    """Best host is us: a loop; with a better one, that is used."""
    d = lab.name()
    srv = lab.smtpd()
    records = {d: {'MX': [f'20 self.{d}']}, f'self.{d}': target}
    if backup:
        records[d]['MX'].append(f'10 better.{d}')
        records[f'better.{d}'] = {'A': srv.addresses}
    lab.dns.add(records)
    here = lab.net.inside(lambda: _listen(), 'client')
    try:
        run = client.submit(f'bob@{d}')
        assert here.accept_none(), 'connected to ourselves'
    finally:
        here.close()
    if backup:
        check.delivered(client, run, srv, f'bob@{d}')
    else:
        check.refused(client, run, (68, 69), f'bob@{d}', status='5.4.6')


def _listen():
    import socket

    class Trap:
        """Port 25 of every address of the client itself."""
        def __init__(self):
            self.s = socket.create_server(('::', 25), family=socket.AF_INET6,
                                          dualstack_ipv6=True)
            self.s.settimeout(0)

        def accept_none(self):
            try:
                self.s.accept()
                return False
            except BlockingIOError:
                return True

        def close(self):
            self.s.close()
    return Trap()


def test_mx_is_our_name(lab, client):
    d = lab.name()
    lab.dns.add({d: {'MX': ['10 client.prb.test']},
                 'client.prb.test': {'A': ['192.0.2.1']}})
    run = client.submit(f'bob@{d}')
    check.refused(client, run, (68, 69), f'bob@{d}', status='5.4.6')
    lab.dns.remove('client.prb.test')


def test_worse_than_ourselves_is_not_tried(lab, client):
    d = lab.name()
    srv = lab.smtpd()
    lab.dns.add({d: {'MX': [f'10 self.{d}', f'20 worse.{d}']},
                 f'self.{d}': {'A': ['192.0.2.1']},
                 f'worse.{d}': {'A': srv.addresses}})
    run = client.submit(f'bob@{d}')
    check.refused(client, run, (68, 69), f'bob@{d}')
    assert srv.sessions == []


@pytest.mark.parametrize('target', ['192.0.2.77', 'localhost',
                                    'localhost.localdomain'])
def test_mx_is_no_host_name(lab, client, target):
    d = lab.name()
    srv = lab.smtpd()
    lab.dns.add({d: {'MX': [f'10 {target}', f'20 mx.{d}']},
                 f'mx.{d}': {'A': srv.addresses}})
    client.submit(f'bob@{d}').quiet()
    assert srv.recipients == [f'bob@{d}']


# -- failures ----------------------------------------------------------------

@pytest.mark.parametrize('rule', [dns.servfail, dns.refused,
                                  dns.rcode(dns.FORMERR),
                                  dns.rcode(dns.NOTIMP)],
                         ids=['SERVFAIL', 'REFUSED', 'FORMERR', 'NOTIMP'])
def test_temporary(client, ask, rule):
    srv, d, _ = ask(lambda d: {'*': rule})
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')
    assert srv.sessions == []
    assert run.wall < 10


def test_mx_fails_but_there_is_an_a(client, ask):
    """RFC 5321 5.1: the A record must not be used then."""
    srv, d, _ = ask(lambda d: {d: dns.mx_only_fails},
                    lambda d, srv: {d: {'A': srv.addresses}})
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')
    assert srv.sessions == []


@pytest.mark.parametrize('how', ['silence', 'no server'])
def test_no_answer(lab, client, ask, how):
    srv, d, rogue = ask(lambda d: {'*': dns.silence}, dns_timeout='2s')
    if how == 'no server':
        client.write_conf(nameserver=lab.address(), dns_timeout='2s')
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')
    assert run.wall < 5


def test_second_name_server(lab, client, ask):
    srv, d, rogue = ask()
    client.write_conf(nameserver=f'{lab.address()} {rogue.address}',
                      dns_timeout='10s')
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')


def test_aaaa_hangs(client, ask):
    """A is quick: delivered inside the time limit."""
    srv, d, _ = ask(lambda d: {f'mx.{d}': dns.no_aaaa}, dns_timeout='3s')
    run = client.submit(f'bob@{d}')
    check.delivered(client, run, srv, f'bob@{d}')
    assert run.wall < 6


def test_one_mx_host_fails_the_other_does_not(client, ask):
    srv, d, _ = ask(
        lambda d: {f'bad.{d}': dns.servfail},
        lambda d, srv: {d: {'MX': [f'5 bad.{d}', f'10 mx.{d}']}})
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')


def test_all_mx_hosts_fail(client, ask):
    srv, d, _ = ask(lambda d: {f'mx.{d}': dns.servfail},
                    lambda d, srv: {d: {'MX': [f'10 mx.{d}',
                                               f'20 none.{d}']}})
    check.deferred(client, client.submit(f'bob@{d}'), f'bob@{d}')


def test_one_domain_fails_the_other_does_not(lab, client, ask):
    srv, d, rogue = ask(lambda d: {'slow.test': dns.silence},
                        dns_timeout='2s')
    client.submit(f'bob@{d}', 'al@slow.test').quiet()
    assert srv.recipients == [f'bob@{d}']
    assert client.queued() == ['al@slow.test']


# -- sizes and lies --------------------------------------------------------------

def test_truncated(client, ask):
    """TC over UDP: asked again over TCP."""
    srv, d, rogue = ask(lambda d: {d: dns.truncated})
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')
    assert (d, 'MX', 'tcp') in rogue.asked


def test_truncated_and_no_tcp(lab, client, ask):
    srv, d, _ = ask()
    rogue = lab.rogue({}, {'*': dns.truncated}, tcp=False)
    client.write_conf(nameserver=rogue.address, dns_timeout='2s')
    check.deferred(client, client.submit(f'bob@{d}'), f'bob@{d}')


def test_truncated_for_ever(client, ask):
    srv, d, _ = ask(lambda d: {d: dns.truncated_for_ever}, dns_timeout='2s')
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')


def test_answer_of_60_kb(client, ask):
    def many(d, srv):
        return {d: {'MX': [f'10 mx.{d}'] + [f'{20 + i} x{i}.{"y" * 50}.{d}'
                                            for i in range(550)]}}
    srv, d, _ = ask(data=many)
    check.delivered(client, client.submit(f'bob@{d}'), srv, f'bob@{d}')


@pytest.mark.parametrize('rule', [
    dns.pointer_loop, dns.pointer_outside, dns.rdlength_lies, dns.long_label,
    dns.cut_short, dns.count_lies, dns.rubbish], ids=lambda f: f.__name__)
def test_malformed_answer(client, ask, rule):
    srv, d, _ = ask(lambda d: {(d, 'MX'): rule},
                    lambda d, srv: {d: {'MX': [f'10 mx.{d}'],
                                        'A': srv.addresses}},
                    dns_timeout='2s')
    run = client.submit(f'bob@{d}')
    check.deferred(client, run, f'bob@{d}')
    assert srv.sessions == []


@pytest.mark.parametrize('rule', [dns.wrong_id_first, dns.wrong_name_first],
                         ids=lambda f: f.__name__)
def test_forged_answer(client, ask, rule):
    """Answers to what was not asked are passed over."""
    srv, d, _ = ask(lambda d: {d: rule, f'mx.{d}': rule})
    run = client.submit(f'bob@{d}')
    if not srv.messages:
        check.deferred(client, run, f'bob@{d}')
    else:
        check.delivered(client, run, srv, f'bob@{d}')


def test_few_questions(client, ask):
    """An ordinary domain costs three questions: MX, A, AAAA."""
    srv, d, rogue = ask()
    client.submit(f'bob@{d}').quiet()
    assert sorted(rogue.asked) == sorted([
        (d, 'MX', 'udp'), (f'mx.{d}', 'A', 'udp'), (f'mx.{d}', 'AAAA', 'udp')])


def test_case_of_names(client, ask):
    srv, d, _ = ask()
    client.submit(f'bob@{d.upper()}').quiet()
    assert len(srv.messages) == 1
