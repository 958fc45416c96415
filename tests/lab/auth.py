"""AUTH in the scripted server (RFC 4954): who the client says it is.

    srv = lab.smarthost(auth='PLAIN CRAM-MD5', users={'ann': 'secret'})
    srv.credentials[0].mechanism, .user, .secret, .good

Every attempt is recorded, good or not, whatever the script answers.
"""
import base64
import hashlib
import hmac
import json
import re

PASSWORD = 'Wört-"7%\\geheim-2f9c'
TOKEN = 'ya29.tok-En_4711~geheim/8b1d=='


class Cancelled(Exception):
    """The client has given up this exchange."""


class Credentials:
    """secret: the password or token as sent, None where it is not sent."""

    def __init__(self, mechanism, user, secret=None, good=False, authzid=''):
        self.mechanism, self.user, self.secret = mechanism, user, secret
        self.good, self.authzid = good, authzid

    def __repr__(self):
        return f'<{self.mechanism} {self.user} good={self.good}>'


class Exchange:
    """One AUTH command and what follows it; ask() says 334."""

    def __init__(self, initial, ask, users, tokens, cert):
        self.initial, self._ask = initial, ask
        self.users, self.tokens, self.cert = users, tokens, cert

    def ask(self, challenge=b''):
        return decode(self._ask(base64.b64encode(challenge).decode()))

    def first(self):
        """The initial response, asked for when it did not come."""
        return self.ask() if self.initial is None else decode(self.initial)

    def password_is(self, user, secret):
        return user in self.users and self.users[user] == secret


def decode(text):
    """A response: base64, '=' for an empty one, '*' for no more."""
    if text == '*':
        raise Cancelled
    return b'' if text == '=' else base64.b64decode(text)


def text(data):
    return data.decode('utf-8', 'surrogateescape')


def _plain(x):
    parts = text(x.first()).split('\0')
    if len(parts) != 3:
        return Credentials('PLAIN', repr(parts))
    authzid, user, secret = parts
    return Credentials('PLAIN', user, secret, x.password_is(user, secret),
                       authzid)


def _login(x):
    user = text(x.ask(b'Username:') if x.initial is None else
                decode(x.initial))
    secret = text(x.ask(b'Password:'))
    return Credentials('LOGIN', user, secret, x.password_is(user, secret))


def _cram_md5(x):
    challenge = b'<4711.1@lab.test>'
    user, _, digest = text(x.ask(challenge)).rpartition(' ')
    want = hmac.new(x.users.get(user, '').encode(), challenge, 'md5')
    return Credentials('CRAM-MD5', user,
                       good=user in x.users and digest == want.hexdigest())


def _md5(*parts):
    return hashlib.md5(b':'.join(p if isinstance(p, bytes) else p.encode()
                                 for p in parts))


def _digest_md5(x):
    """RFC 2831 2.1.  Dovecot quotes the algorithm, so libcurl gives up on it.
    """
    said = text(x.ask(b'realm="lab.test",nonce="4711",qop="auth",'
                      b'algorithm=md5-sess,charset=utf-8'))
    f = {k: quoted or plain for k, quoted, plain in re.findall(
        r'([a-z-]+)=(?:"([^"]*)"|([^,]*))', said)}
    user = f.get('username', '')

    def answer(verb):
        secret = _md5(user, f.get('realm', ''), x.users.get(user, ''))
        a1 = _md5(secret.digest(), f.get('nonce', ''), f.get('cnonce', ''))
        a2 = _md5(verb, f.get('digest-uri', ''))
        return _md5(a1.hexdigest(), f.get('nonce', ''), f.get('nc', ''),
                    f.get('cnonce', ''), 'auth', a2.hexdigest()).hexdigest()
    good = user in x.users and f.get('nonce') == '4711' and \
        f.get('response') == answer('AUTHENTICATE')
    if good:
        assert x.ask(f'rspauth={answer("")}'.encode()) == b''
    return Credentials('DIGEST-MD5', user, good=good)


def _fields(data):
    """'user=ann^Aauth=Bearer x^A^A' to a dictionary."""
    return dict(part.split('=', 1) for part in text(data).split('\1')
                if '=' in part)


def _bearer(x, mechanism, user, fields, goodbye):
    kind, _, token = fields.get('auth', '').partition(' ')
    good = kind == 'Bearer' and user in x.tokens and x.tokens[user] == token
    if not good:
        # An answer in JSON; the client must say that it has seen it.
        assert x.ask(json.dumps({'status': '401', 'schemes': 'bearer'})
                     .encode()) in goodbye, mechanism
    return Credentials(mechanism, user, token, good)


def _xoauth2(x):
    fields = _fields(x.first())
    return _bearer(x, 'XOAUTH2', fields.get('user'), fields, (b'', b'\1'))


def _oauthbearer(x):
    data = x.first()
    header, _, _ = text(data).partition('\1')
    # gs2-header: "n,a=user," (RFC 7628 3.1).
    user = header.split(',')[1].removeprefix('a=') if ',' in header else ''
    return _bearer(x, 'OAUTHBEARER', user, _fields(data), (b'\1',))


def _external(x):
    user = text(x.first())
    return Credentials('EXTERNAL', user, good=bool(x.cert) and
                       user in ('', *x.cert), authzid=user)


MECHANISMS = {'PLAIN': _plain, 'LOGIN': _login, 'CRAM-MD5': _cram_md5,
              'DIGEST-MD5': _digest_md5, 'XOAUTH2': _xoauth2, 'OAUTHBEARER': _oauthbearer,
              'EXTERNAL': _external}
# The server speaks first: an initial response is a mistake.
SERVER_FIRST = ('CRAM-MD5', 'DIGEST-MD5')


def names(cert):
    """Whom a client's certificate (getpeercert()) names."""
    found = [v for k, v in (cert or {}).get('subjectAltName', ())
             if k == 'email']
    for rdn in (cert or {}).get('subject', ()):
        found += [v for k, v in rdn if k == 'commonName']
    return found
