"""Programs that read reports for a living, asked what a report says.

    for name, read in READERS.items():
        assert read(m.data) == [Told('bob@one.test', 'failed', '5.1.1')]

They are those of mailing lists and newsletters: flufl.bounce is Mailman's;
the Perl modules sort bounces of all kinds of systems.  Each is a package of
Debian (scripts/lab-setup).  Only what they find by themselves is asked for,
as a program that uses them would see it.
"""
import json
import subprocess
from collections import namedtuple

# what: 'failed' or 'delayed'.  status: None where the reader does not tell.
Told = namedtuple('Told', 'rcpt what status')

FLUFL = '''
import email, json, sys
from flufl.bounce import all_failures
mail = email.message_from_binary_file(sys.stdin.buffer)
late, failed = all_failures(mail)
text = lambda rcpts: sorted(r.decode() for r in rcpts)
print(json.dumps({'delayed': text(late), 'failed': text(failed)}))
'''

BOUNCEPARSER = '''
use strict; use JSON; use Mail::DeliveryStatus::BounceParser;
my $text = do { local $/; <STDIN> };
my $b = Mail::DeliveryStatus::BounceParser->new($text);
print encode_json({ is_bounce => $b->is_bounce ? 1 : 0, reports => [
    map { { rcpt => $_->get("email"), status => $_->get("status") . "",
	action => $_->get("action") . "", reason => $_->get("std_reason") . "",
	original => $b->orig_message_id } } $b->reports ] });
'''

SISIMAI = '''
use strict; use Sisimai; use JSON;
my $text = do { local $/; <STDIN> };
my $file = $ARGV[0];
open(my $out, ">", $file) or die; print $out $text; close($out);
my $found = Sisimai->make($file) || [];
print encode_json([ map { { rcpt => $_->recipient->address,
    sender => $_->addresser->address, action => $_->action,
    status => $_->deliverystatus, reason => $_->reason,
    words => $_->diagnosticcode, host => $_->rhost } } @$found ]);
'''


def _ask(argv, report):
    run = subprocess.run(argv, input=report, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)


def lf(report):
    """As a mailbox has it: these readers are fed by a local delivery."""
    return report.replace(b'\r\n', b'\n')


def flufl(report):
    found = _ask(['/usr/bin/python3', '-c', FLUFL], lf(report))
    return sorted(Told(rcpt, what, None) for what in found
                  for rcpt in found[what])


def bounceparser(report):
    """A delay is to it no bounce, and nothing is told of it."""
    found = _ask(['perl', '-e', BOUNCEPARSER], lf(report))
    if not found['is_bounce']:
        return []
    return sorted(Told(r['rcpt'], r['action'] or 'failed', r['status'])
                  for r in found['reports'])


def sisimai_full(report, tmp_path):
    return _ask(['perl', '-e', SISIMAI, str(tmp_path / 'report.eml')],
                lf(report))


def sisimai(report, tmp_path):
    return sorted(Told(r['rcpt'], r['action'], r['status'])
                  for r in sisimai_full(report, tmp_path))
