"""The scenario that says the program works at all."""
from lab import check

MESSAGE = 'To: a@one.test, b@two.test\nSubject: hi\n\nhello\n'


def test_both_domains_are_reached(lab, client):
    one, two = lab.server('one.test'), lab.server('two.test')
    client.sendmail('-t', input=MESSAGE).quiet()
    assert one.recipients == ['a@one.test']
    assert two.recipients == ['b@two.test']
    for srv in one, two:
        m, = srv.messages
        assert m.body == b'hello\r\n'
        assert m.field('Subject') == ['hi']
        assert m.field('To') == ['a@one.test, b@two.test']
    assert client.empty()


def test_one_domain_is_down(lab, client):
    one, two = lab.server('one.test'), lab.server('two.test')
    two.stop()
    client.sendmail('-t', input=MESSAGE).quiet()
    assert one.recipients == ['a@one.test']

    text = client.mailq()
    assert 'b@two.test' in text and 'a@one.test' not in text
    assert text.rstrip().endswith('in 1 Request.')
    assert client.queued() == ['b@two.test']

    two.start()
    client.flush().ok()
    assert two.messages == [], 'not due yet'
    client.flush_now().ok()
    assert two.recipients == ['b@two.test']
    assert one.recipients == ['a@one.test']
    assert client.empty()
    client.flush_now().ok()
    assert len(two.messages) == 1


def test_the_log_tells_it(lab, client):
    one, two = lab.server('one.test'), lab.server('two.test')
    two.stop()
    client.sendmail('-t', input=MESSAGE).quiet()
    sent, = check.deliveries(client, 'a@one.test')
    assert sent['relay'] == f'mx.one.test[{one.addresses[0]}]:25'
    assert sent['status'] == 'sent' and sent['dsn'] == '2.0.0'
    assert sent['text'].startswith('250 2.0.0 ok queued as LAB')
    late, = check.deliveries(client, 'b@two.test')
    assert late['status'] == 'deferred' and late['dsn'].startswith('4.4')
    assert 'refused' in late['text'].lower()
