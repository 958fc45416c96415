"""The lab checks its submission servers, proxies and AUTH."""
import base64
import smtplib
import socket
import ssl

import pytest

from lab import auth, rules
from lab.smtpd import CAPS


def dial(lab, address, port):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = lab.net.inside(lambda: socket.socket(family), 'client')
    s.settimeout(10)
    s.connect((address, port))
    return s


def smtp(lab, srv, scheme, cert=None):
    """An smtplib session, encrypted, EHLO said."""
    address = getattr(srv, 'address', None) or srv.addresses[0]
    context = ssl.create_default_context(cafile=lab.authority.ca)
    if cert:
        context.load_cert_chain(*cert)
    client = smtplib.SMTP(local_hostname='client.prb.test')
    client._host = srv.host
    client.sock = dial(lab, address, {'smtps': 465}.get(scheme, 587))
    if scheme == 'smtps':
        client.sock = context.wrap_socket(client.sock,
                                          server_hostname=srv.host)
    client.file = None
    client.getreply()
    if scheme == 'smtp':
        client.ehlo()
        assert not client.has_extn('auth'), 'AUTH in clear'
        client.starttls(context=context)
    client.ehlo()
    return client


def send(client, sender='ann@client.prb.test'):
    client.sendmail(sender, ['bob@anywhere.test'],
                    'Subject: x\r\n\r\nhi\r\n')
    client.quit()


@pytest.mark.parametrize('name, mechanism', [
    ('submission', 'plain'), ('submission', 'login'),
    ('submission', 'cram_md5'), ('exim', 'plain'), ('exim', 'login'),
    ('exim', 'cram_md5')])
@pytest.mark.parametrize('scheme', ['smtps', 'smtp'])
def test_real_auth(lab, mtas, name, mechanism, scheme):
    srv = mtas(name)
    client = smtp(lab, srv, scheme)
    with pytest.raises(smtplib.SMTPException):
        client.sendmail('a@b.test', ['bob@anywhere.test'], 'x: y\r\n\r\n')
    client.rset()
    client.user, client.password = srv.user, srv.password
    assert auth_by(client, mechanism)[0] == 235, srv.logs()
    send(client)
    assert len(srv.received()) == 1
    client = smtp(lab, srv, scheme)
    client.user, client.password = srv.user, 'wrong'
    with pytest.raises(smtplib.SMTPAuthenticationError) as e:
        auth_by(client, mechanism)
    assert e.value.smtp_code == 535
    client.close()


def auth_by(client, mechanism):
    """smtplib encodes passwords as ASCII only."""
    def utf8(challenge=None):
        raw = client.password.encode()
        if mechanism == 'plain':
            return b'\0' + client.user.encode() + b'\0' + raw
        if mechanism == 'login':
            return client.user.encode() if b'ser' in challenge else raw
        import hmac
        return client.user.encode() + b' ' + hmac.new(
            raw, challenge, 'md5').hexdigest().encode()
    name = mechanism.upper().replace('_', '-')
    code, text = client.docmd('AUTH', name)
    while code == 334:
        answer = utf8(base64.b64decode(text))
        code, text = client.docmd(base64.b64encode(answer).decode())
    if code == 535:
        raise smtplib.SMTPAuthenticationError(code, text)
    return code, text


@pytest.mark.parametrize('mechanism', ['XOAUTH2', 'OAUTHBEARER'])
def test_real_tokens(lab, mtas, mechanism):
    srv = mtas('submission')
    lab.tokens().good['tok-1'] = srv.user
    for token, want in (('tok-1', 235), ('tok-2', 535)):
        client = smtp(lab, srv, 'smtps')
        first = f'user={srv.user}\1auth=Bearer {token}\1\1' \
            if mechanism == 'XOAUTH2' else \
            f'n,a={srv.user},\1auth=Bearer {token}\1\1'
        code, _ = client.docmd(
            'AUTH', f'{mechanism} {base64.b64encode(first.encode()).decode()}')
        if code == 334:
            code, _ = client.docmd('AQ==')
        assert code == want, srv.logs()
        client.close()


def test_real_certificate(lab, mtas):
    cert = lab.authority.certificate('ann@client.prb.test')
    srv = mtas('submission')
    send(smtp(lab, srv, 'smtp', cert))
    assert len(srv.received()) == 1
    srv = mtas('exim')
    client = smtp(lab, srv, 'smtps', cert)
    assert 'EXTERNAL' in client.esmtp_features['auth']
    name = base64.b64encode(b'ann@client.prb.test').decode()
    assert client.docmd('AUTH', f'EXTERNAL {name}')[0] == 235
    send(client)
    assert len(srv.received()) == 1


def test_real_relay(lab, mtas):
    """OpenSMTPD takes mail to anywhere from anybody, on one address."""
    srv = mtas('opensmtpd')
    client = smtplib.SMTP(local_hostname='client.prb.test')
    client.sock, client.file = dial(lab, srv.relay_address, 25), None
    client.getreply()
    send(client)
    assert len(srv.received()) == 1


@pytest.mark.parametrize('scheme', ['smtps', 'smtp'])
def test_scripted_auth(lab, scheme):
    srv = lab.smarthost(scheme, auth='PLAIN LOGIN CRAM-MD5')
    for mechanism in ('plain', 'login', 'cram_md5'):
        client = smtp(lab, srv, scheme)
        client.user, client.password = srv.user, srv.password
        assert auth_by(client, mechanism)[0] == 235
        send(client)
    assert [(c.mechanism, c.user, c.good) for c in srv.credentials] == [
        ('PLAIN', 'ann', True), ('LOGIN', 'ann', True),
        ('CRAM-MD5', 'ann', True)]
    assert srv.credentials[0].secret == auth.PASSWORD
    assert len(srv.messages) == 3 and srv.most_at_once == 1


def test_scripted_refusals(lab):
    srv = lab.smarthost(script={'auth': {'LOGIN': '454 4.7.0 later'},
                                'auth_command': {'CRAM-MD5': '421 no'}},
                        auth='PLAIN LOGIN CRAM-MD5')
    client = smtp(lab, srv, 'smtps')
    assert client.docmd('MAIL FROM:<a@b.test>')[0] == 530
    client.user, client.password = 'ann', auth.PASSWORD
    assert auth_by(client, 'login')[0] == 454
    assert client.docmd('AUTH CRAM-MD5')[0] == 421
    client.password = 'wrong'
    with pytest.raises(smtplib.SMTPAuthenticationError):
        auth_by(client, 'plain')
    client.close()
    assert [c.good for c in srv.credentials] == [True, False]


def test_scripted_external(lab):
    cert = lab.authority.certificate('ann@client.prb.test')
    srv = lab.smarthost(auth='EXTERNAL')
    client = smtp(lab, srv, 'smtps', cert)
    assert client.docmd('AUTH EXTERNAL =')[0] == 235
    client.quit()
    assert 'ann@client.prb.test' in srv.sessions[0].cert
    assert srv.credentials[0].good
    client = smtp(lab, srv, 'smtps')
    assert client.docmd('AUTH EXTERNAL =')[0] == 535
    client.quit()


GOOD = base64.b64encode(f'\0ann\0{auth.PASSWORD}'.encode()).decode()


@pytest.mark.parametrize('what, lines', [
    ('in clear', [f'AUTH PLAIN {GOOD}']),
    ('though not offered', ['AUTH SCRAM-SHA-1']),
    ('initial response is no base64', ['AUTH PLAIN abc']),
    ('initial response for CRAM-MD5', ['AUTH CRAM-MD5 =', '*']),
    ('response of AUTH is no base64', ['AUTH LOGIN', 'Zm9', '*']),
    ('AUTH after AUTH', [f'AUTH PLAIN {GOOD}', f'AUTH PLAIN {GOOD}']),
    ('inside a transaction', [f'AUTH PLAIN {GOOD}', 'MAIL FROM:<a@b.test>',
                              f'AUTH PLAIN {GOOD}']),
    ('malformed AUTH', ['AUTH']),
])
def test_violations_of_auth_are_seen(lab, what, lines):
    srv = lab.smarthost('smtp+plain' if what == 'in clear' else 'smtps',
                        auth='PLAIN LOGIN CRAM-MD5', auth_in_clear=True,
                        users={'ann': auth.PASSWORD})
    srv.tolerant = True
    if what == 'in clear':
        client = smtplib.SMTP(local_hostname='client.prb.test')
        client.sock, client.file = dial(lab, srv.addresses[0], 25), None
        client.getreply()
        client.ehlo()
    else:
        client = smtp(lab, srv, 'smtps')
    for line in lines:
        client.docmd(line)
    client.close()
    srv.idle()
    assert any(what in v for v in srv.violations), srv.violations


def test_long_auth_is_legal():
    line = b'AUTH XOAUTH2 ' + b'A' * 4096 + b'\r\n'
    assert rules.command_line(line, CAPS) == []
    assert rules.command_line(line[:-2] + b'A' * 8192 + b'\r\n', CAPS) != []
    assert rules.auth_response(b'*\r\n') == []
    assert rules.auth_response(b'\r\n') == []
    assert rules.auth_response(b'QQ==\n') != []


@pytest.mark.parametrize('how', ['socks', 'http'])
def test_proxies(lab, how):
    """The name is looked up by the proxy, the peer is the proxy."""
    srv = lab.smarthost('smtp+plain')
    proxy = lab.socks() if how == 'socks' else lab.http_proxy()
    s = dial(lab, proxy.address, proxy.port)
    host, said = srv.host.encode(), b''
    if how == 'socks':
        s.sendall(b'\5\1\0')
        assert s.recv(2) == b'\5\0'
        s.sendall(b'\5\1\0\3' + bytes([len(host)]) + host + b'\0\x19')
        assert s.recv(10)[1] == 0, proxy.log()
    else:
        s.sendall(b'CONNECT ' + host + b':25 HTTP/1.1\r\n\r\n')
        said = s.recv(4096)
        assert b' 200 ' in said.splitlines()[0], proxy.log()
    assert b'220 smtp' in said + s.recv(0 if b'220 smtp' in said else 100)
    s.close()
    srv.idle()
    assert srv.sessions[0].peer == proxy.address


def test_token_server(lab):
    tokens = lab.tokens()
    assert tokens.reply('/introspect', {'token': 'x'}) == \
        (200, {'active': False})
    status, answer = tokens.reply('/token', {'refresh_token': tokens.refresh})
    assert status == 200 and answer['access_token'].startswith(auth.TOKEN)
    assert tokens.reply('/token', {})[0] == 400


def test_offline(lab):
    s = lab.net.inside(socket.socket, 'offline')
    with s, pytest.raises(OSError, match='unreachable'):
        s.connect(('192.0.2.53', 53))


def test_spy(lab, client):
    with client.spy('geheim-0815') as spy:
        client.run(['/bin/sh', '-c', 'sleep 0.2', 'geheim-0815'])
        client.run(['sleep', '0.2'], env={'X': 'geheim-0815'})
    assert {what for _, what, _ in spy.leaks} == {'cmdline', 'environ'}
    with client.spy('geheim-0815') as spy:
        client.run(['sleep', '0.1'])
    assert spy.leaks == [] and spy.commands and spy.rounds > 3
