"""A certificate authority for one test run."""
import base64
import hashlib
import ipaddress
import os
import ssl
import subprocess


def _kind(name):
    """How a certificate calls it: DNS, IP or email."""
    if '@' in name:
        return 'email'
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return 'DNS'
    return 'IP'


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.ca = os.path.join(folder, 'ca.pem')
        self._ca_key = os.path.join(folder, 'ca.key')
        self._openssl('req', '-x509', *self._new_key(self._ca_key),
                      '-days', '30', '-subj', '/CN=lab test CA',
                      '-out', self.ca)
        self._contexts = {}

    @staticmethod
    def _new_key(path, rsa=False):
        kind = ['rsa:2048'] if rsa else ['ec', '-pkeyopt',
                                         'ec_paramgen_curve:P-256']
        return ['-newkey', *kind, '-nodes', '-keyout', path]

    @staticmethod
    def _openssl(*words):
        subprocess.run(['openssl', *words], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def certificate(self, *names, days='30', signed=True, rsa=False):
        """Paths of the chain and the key for these host names.

        A name may be an IP address, too, or, for a client, a mailbox.
        rsa: an RSA key rather than an elliptic one.
        """
        tag = '_'.join((*names, days, str(signed), str(rsa))).replace('*', 'any')
        base = os.path.join(self.folder, tag)
        chain, key, csr = base + '.pem', base + '.key', base + '.csr'
        if os.path.exists(chain):
            return chain, key
        san = 'subjectAltName=' + ','.join(f'{_kind(n)}:{n}' for n in names)
        if not signed:
            self._openssl('req', '-x509', *self._new_key(key, rsa), '-days', days,
                          '-subj', f'/CN={names[0]}', '-addext', san,
                          '-out', chain)
            return chain, key
        with open(base + '.ext', 'w') as f:
            f.write(san + '\n')
        self._openssl('req', *self._new_key(key, rsa), '-subj', f'/CN={names[0]}',
                      '-out', csr)
        # -days -1 makes a certificate that has expired.
        self._openssl('x509', '-req', '-in', csr, '-CA', self.ca,
                      '-CAkey', self._ca_key, '-CAcreateserial', '-days', days,
                      '-extfile', base + '.ext', '-out', chain)
        return chain, key

    def pin(self, *names, **kw):
        """The public key of that certificate: "sha256//...", as curl has it."""
        chain, _ = self.certificate(*names, **kw)
        key = subprocess.run(
            f'openssl x509 -in {chain} -noout -pubkey |'
            'openssl pkey -pubin -outform DER', shell=True, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
        return 'sha256//' + base64.b64encode(
            hashlib.sha256(key).digest()).decode()

    def context(self, *names, ask=False, **kw):
        """A server side context with such a certificate.

        ask: the client may show one of this authority, too.
        """
        key = (names, ask, tuple(sorted(kw.items())))
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate(*names, **kw))
            if ask:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(self.ca)
            self._contexts[key] = context
        return self._contexts[key]
