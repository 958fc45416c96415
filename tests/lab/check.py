"""What must hold after a run: said once, for all the tests."""
import email
import email.policy
import re

SENDER = 'me@client.prb.test'

# Exit codes of a refusal (DESIGN: sysexits).
USAGE, DATAERR, NOINPUT, NOUSER, NOHOST, UNAVAILABLE = 64, 65, 66, 67, 68, 69
SOFTWARE, OSERR, IOERR, TEMPFAIL, NOPERM, CONFIG = 70, 71, 74, 75, 77, 78
NOT_KEPT = (OSERR, 73, IOERR, TEMPFAIL)

LOG_LINE = re.compile(
    r'(?P<id>[A-Za-z0-9]+): to=<(?P<to>.*?)>, relay=(?P<relay>[^,]+), '
    r'delay=(?P<delay>[0-9.]+), '
    r'delays=(?P<delays>[0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+), '
    r'dsn=(?P<dsn>[245]\.[0-9]{1,3}\.[0-9]{1,3}), '
    r'status=(?P<status>sent|deferred|bounced) \((?P<text>.*)\)$', re.M)


def deliveries(client, to=None):
    """The log's attempts, as dictionaries."""
    found = [m.groupdict() for m in LOG_LINE.finditer(client.log())]
    return [d for d in found if to in (None, d['to'])]


def delivered(client, run, srv, *rcpts):
    """All went out, nothing was said, nothing is kept."""
    run.quiet()
    assert srv.recipients == sorted(rcpts)
    assert client.empty()
    for r in rcpts:
        attempts = deliveries(client, r)
        assert attempts and attempts[-1]['status'] == 'sent', client.log()


def deferred(client, run, *rcpts):
    """Kept for later, without a word: exit 0."""
    run.quiet()
    assert client.queued() == sorted(rcpts)
    for r in rcpts:
        assert r in client.mailq()
        attempts = deliveries(client, r)
        assert attempts and attempts[-1]['status'] == 'deferred', client.log()
        assert attempts[-1]['dsn'].startswith('4'), attempts


def held(client, run, rcpt, *words):
    """Deferred, and the log says why, in these words.  The text."""
    deferred(client, run, rcpt)
    text = deliveries(client, rcpt)[-1]['text']
    for word in words:
        assert word.lower() in text.lower(), f'{word!r} is not in: {text}'
    return text


def refused(client, run, code, *rcpts, text='', status=''):
    """Nothing delivered, nothing kept, each named on standard error.

    status: the enhanced status code, as the log has it.
    """
    codes = code if isinstance(code, tuple) else (code,)
    assert run.rc in codes, repr(run)
    assert run.stdout == ''
    for r in rcpts:
        assert r in run.stderr, repr(run)
    assert text in run.stderr, repr(run)
    assert not status or status in [d['dsn'] for d in deliveries(client)], \
        client.log()
    assert client.empty()


def retried(client, srv, *rcpts):
    """The server has mended its ways: a flush delivers each exactly once."""
    srv.script = {}
    client.flush_now().ok()
    assert srv.recipients == sorted(rcpts)
    assert client.empty()


class Dsn:
    """An RFC 3464 report, taken apart by Python's parser."""

    def __init__(self, message):
        self.envelope = message
        m = self.mail = message.email
        assert m.get_content_type() == 'multipart/report', m
        assert m.get_param('report-type') == 'delivery-status'
        parts = list(m.iter_parts())
        assert len(parts) in (2, 3)
        assert parts[0].get_content_type() == 'text/plain'
        self.text = parts[0].get_content()
        assert parts[1].get_content_type() == 'message/delivery-status'
        blocks = parts[1].get_payload()
        self.about, self.recipients = blocks[0], blocks[1:]
        self.original = parts[2] if len(parts) == 3 else None

    @property
    def failed(self):
        return sorted(str(b['Final-Recipient']).split(';')[1].strip()
                      for b in self.recipients
                      if str(b['Action']).strip() == 'failed')


def dsn(message, to=SENDER):
    """A well-formed report sent to the envelope sender."""
    assert message.sender == '', 'a report has the null reverse-path'
    assert message.rcpts == [to]
    report = Dsn(message)
    m = report.mail
    assert m['Auto-Submitted'].startswith('auto-replied') or \
        m['Auto-Submitted'] == 'auto-generated', m['Auto-Submitted']
    assert m['Date'] and m['Message-ID'] and m['From'] and m['To'], m
    assert m['MIME-Version'] == '1.0'
    assert str(report.about['Reporting-MTA']) == 'dns; client.prb.test' or \
        str(report.about['Reporting-MTA']) == 'dns;client.prb.test'
    for block in report.recipients:
        assert re.match(r'rfc822; *\S+@\S+$|utf-8; *\S+@\S+$',
                        str(block['Final-Recipient']), re.I), block
        assert re.match(r'[245]\.\d+\.\d+$', str(block['Status'])), block
        assert block['Action'] in ('failed', 'delayed', 'delivered',
                                   'relayed', 'expanded')
    return report


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def sent_8bit(srv):
    """Nothing was wrong but 8-bit text for a server that did not offer it,
    which is what is meant; it is no complaint then."""
    complaints = [c for s in srv.sessions for c in s.violations]
    assert complaints == ['8-bit data without BODY=8BITMIME']
    for s in srv.sessions:
        s.violations.clear()
