"""Who gives out tokens, and who tells whether one is good (OAuth 2.0).

POST /introspect (RFC 7662) is what Dovecot asks, in clear; POST /token
(RFC 6749 6) what the program asks, by HTTPS, for a refresh token.
"""
import http.server
import json
import threading
import urllib.parse

from . import auth
from .net import thread

HTTPS_PORT, HTTP_PORT = 443, 8080


class TokenServer:
    address = '198.51.100.207'
    host = 'login.token.test'
    url = f'http://{address}:{HTTP_PORT}/introspect'
    token_url = f'https://{host}/token'
    token_url_by_address = f'https://{address}/token'

    def __init__(self, net, authority):
        self.good = {}              # token: user
        self.refresh = 'refresh-0815-geheim'
        self.answer = None          # (status, dictionary) in place of a token
        self.lifetime = 3600
        self.asked = []             # the forms sent to /token
        self._numbers = 0
        self._lock = threading.Lock()
        self._servers = [net.inside(lambda p=p: self._listen(p))
                         for p in (HTTP_PORT, HTTPS_PORT)]
        context = authority.context(self.host, self.address)
        self._servers[1].socket = context.wrap_socket(
            self._servers[1].socket, server_side=True,
            do_handshake_on_connect=False)
        for s in self._servers:
            thread(s.serve_forever, 'token server', 0.02)

    def _listen(self, port):
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get('Content-Length', 0))
                form = {k: v[0] for k, v in urllib.parse.parse_qs(
                    self.rfile.read(size).decode()).items()}
                status, answer = owner.reply(self.path, form)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, address):
                pass                # a client that did not like us

        return Server((self.address, port), Handler)

    def reply(self, path, form):
        if path == '/introspect':
            user = self.good.get(form.get('token'))
            return 200, {'active': True, 'username': user} if user else \
                {'active': False}
        with self._lock:
            self.asked.append(form)
            if self.answer:
                return self.answer
            if form.get('refresh_token') != self.refresh:
                return 400, {'error': 'invalid_grant',
                             'error_description': 'no such refresh token'}
            self._numbers += 1
            token = f'{auth.TOKEN}.{self._numbers}'
            return 200, {'access_token': token, 'token_type': 'Bearer',
                         'expires_in': self.lifetime}

    def close(self):
        for s in self._servers:
            s.shutdown()
            s.server_close()
