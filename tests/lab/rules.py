"""What RFC 5321 and its extensions demand of an SMTP client, as checks.

Each function returns a list of complaints; empty when all is well.
"""
import re

BARE = re.compile(rb'\r(?!\n)|(?<!\r)\n')
# A text line has at most 998 bytes and its CRLF (RFC 5321 4.5.3.1.6).
LONG_LINE = re.compile(rb'(?:\A|\n)[^\n]{1000}')
UNSTUFFED = re.compile(rb'(?:\A|\r\n)\.(?!\.)')
# Last in a group of pipelined commands (RFC 2920 3.1).  A BDAT is not.
GROUP_ENDS = {'EHLO', 'HELO', 'DATA', 'VRFY', 'EXPN', 'QUIT', 'NOOP',
              'STARTTLS', 'AUTH'}

# RFC 4954 4; a response is a whole line of base64.
AUTH_LINE = 12288
BASE64 = re.compile(r'(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|'
                    r'[A-Za-z0-9+/]{3}=)?')

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL = rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")'
_SUB = r'[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\u0080-\U0010ffff-]*' \
       r'[A-Za-z0-9\u0080-\U0010ffff])?'
_DOMAIN = rf'(?:{_SUB}(?:\.{_SUB})*|\[[^\[\]\\\x00-\x20]+\])'
PATH = re.compile(rf'<{_LOCAL}@{_DOMAIN}>')
_COMMAND = re.compile(r'(MAIL FROM|RCPT TO):(<.*?>)(?: (.*))?$', re.I)
_XTEXT = re.compile(r'(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$')
# Allowed beyond 512 for each extension's parameters.
_EXTRA = {'SIZE': 26, '8BITMIME': 17, 'DSN': 500, 'SMTPUTF8': 10,
          'REQUIRETLS': 11, 'AUTH': 500}


def command_line(line, caps):
    """One command line, CRLF included."""
    bad = []
    if BARE.search(line) or not line.endswith(b'\r\n'):
        bad.append(f'bare CR or LF in command {line!r}')
    if b'\0' in line:
        bad.append(f'NUL in command {line!r}')
    limit = 512 + sum(_EXTRA.get(c, 0) for c in caps)
    if line[:5].upper() == b'AUTH ':
        limit = AUTH_LINE
    if len(line) > limit:
        bad.append(f'command line of {len(line)} bytes, limit {limit}')
    if not line.isascii() and 'SMTPUTF8' not in caps:
        bad.append(f'8-bit command without SMTPUTF8: {line!r}')
    if line.rstrip(b'\r\n') != line.rstrip(b'\r\n').rstrip():
        bad.append(f'trailing space in {line!r}')
    return bad


def parse_path(text):
    """'MAIL FROM:<a@b> X=1' to (path, {'X': '1'}), or None."""
    m = _COMMAND.match(text)
    if not m:
        return None
    # A quoted local part may hold '>': take the longest well-formed path.
    rest = text[m.start(2):]
    whole = PATH.match(rest)
    path = whole.group() if whole else m.group(2)
    params = {}
    for word in rest[len(path):].split():
        key, _, value = word.partition('=')
        params[key.upper()] = value
    return path[1:-1], params


def mail_command(text, caps):
    parsed = parse_path(text)
    if parsed is None or not text.upper().startswith('MAIL FROM:<'):
        return [f'malformed {text!r}']
    path, params = parsed
    bad = []
    if path and not PATH.fullmatch(f'<{path}>'):
        bad.append(f'malformed reverse-path in {text!r}')
    for key, value in params.items():
        need = {'SIZE': 'SIZE', 'BODY': '8BITMIME', 'SMTPUTF8': 'SMTPUTF8',
                'RET': 'DSN', 'ENVID': 'DSN', 'REQUIRETLS': 'REQUIRETLS',
                'AUTH': 'AUTH'}.get(key)
        if need is None:
            bad.append(f'unknown parameter {key} in {text!r}')
        elif need not in caps:
            bad.append(f'{key} used though {need} is not offered')
        if key == 'SIZE' and not value.isdigit():
            bad.append(f'SIZE={value} is no number')
        if key == 'BODY' and value.upper() not in ('7BIT', '8BITMIME',
                                                   'BINARYMIME'):
            bad.append(f'BODY={value}')
        if key == 'BODY' and value.upper() == 'BINARYMIME' and not (
                {'BINARYMIME', 'CHUNKING'} <= set(caps)):
            bad.append('BINARYMIME used though not offered')
        if key == 'RET' and value.upper() not in ('FULL', 'HDRS'):
            bad.append(f'RET={value}')
        if key in ('ENVID', 'AUTH') and not _XTEXT.match(value):
            bad.append(f'{key}={value} is no xtext')
    return bad


def rcpt_command(text, caps):
    parsed = parse_path(text)
    if parsed is None or not text.upper().startswith('RCPT TO:<'):
        return [f'malformed {text!r}']
    path, params = parsed
    bad = []
    if not PATH.fullmatch(f'<{path}>') and path.lower() != 'postmaster':
        bad.append(f'malformed forward-path in {text!r}')
    for key, value in params.items():
        if key not in ('NOTIFY', 'ORCPT'):
            bad.append(f'unknown parameter {key} in {text!r}')
        elif 'DSN' not in caps:
            bad.append(f'{key} used though DSN is not offered')
        if key == 'NOTIFY' and value.upper() != 'NEVER' and not all(
                v.upper() in ('SUCCESS', 'FAILURE', 'DELAY')
                for v in value.split(',')):
            bad.append(f'NOTIFY={value}')
        if key == 'ORCPT' and not (
                ';' in value and _XTEXT.match(value.partition(';')[2])):
            bad.append(f'ORCPT={value} is no xtext')
    return bad


def auth_command(text, offered, tls, done, inside, server_first=()):
    """AUTH MECHANISM [INITIAL-RESPONSE].

    offered  names of mechanisms; done  AUTH has succeeded already;
    inside   a mail transaction is open.
    """
    words = text.split(' ')
    bad = []
    if len(words) not in (2, 3) or not re.fullmatch(r'[A-Z0-9_-]{1,20}',
                                                    words[1].upper()):
        return ['malformed AUTH command']
    name = words[1].upper()
    if name not in offered:
        bad.append(f'AUTH {name} though not offered')
    if not tls:
        bad.append(f'AUTH {name} in clear')
    if done:
        bad.append('AUTH after AUTH')
    if inside:
        bad.append('AUTH inside a transaction')
    if len(words) == 3 and name in server_first:
        bad.append(f'initial response for {name}')
    if len(words) == 3 and words[2] != '=' and (
            not words[2] or not BASE64.fullmatch(words[2])):
        bad.append('initial response is no base64')
    return bad


def auth_response(line):
    """A line after 334, CRLF included: base64, or "*" to cancel."""
    bad = []
    if not line.endswith(b'\r\n') or BARE.search(line):
        bad.append('bare CR or LF in a response of AUTH')
    if len(line) > AUTH_LINE:
        bad.append(f'response of AUTH of {len(line)} bytes')
    text = line.rstrip(b'\r\n').decode('latin-1')
    if text != '*' and not BASE64.fullmatch(text):
        bad.append('response of AUTH is no base64')
    return bad


def content(data, params, caps, stuffed):
    """The text of a message: as sent (stuffed) without the final dot line."""
    bad = []
    m = BARE.search(data)
    if m:
        bad.append('bare CR or LF in data: '
                   f'{bytes(data[max(0, m.start() - 20):m.end() + 20])!r}')
    m = LONG_LINE.search(data)
    if m:
        bad.append(f'text line over 998 bytes at {m.start()}')
    if stuffed and UNSTUFFED.search(data):
        bad.append('line begins with an undoubled dot')
    if b'\0' in data and params.get('BODY', '').upper() != 'BINARYMIME':
        bad.append('NUL in data')
    if not data.isascii() and params.get('BODY', '').upper() not in (
            '8BITMIME', 'BINARYMIME'):
        bad.append('8-bit data without BODY=8BITMIME')
    if 'SIZE' in params and params['SIZE'].isdigit():
        # An estimate is allowed (RFC 1870 6.1), a wild guess is not useful.
        if not 0.9 * len(data) - 100 <= int(params['SIZE']) <= \
                1.1 * len(data) + 1000:
            bad.append(f'SIZE={params["SIZE"]} for {len(data)} bytes')
    return bad
