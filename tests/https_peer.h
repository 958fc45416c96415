/*
 * An HTTPS server for tests: on 127.0.0.1, in a process of its own, with a
 * certificate that it has signed itself. It takes one connection after another
 * and one request on each, and answers as the test said: peer->mode.
 */
#ifndef TESTS_HTTPS_PEER_H
#define TESTS_HTTPS_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum peer_mode {
	PEER_ANSWER,		/* says peer->answer */
	PEER_SCRIPT,		/* the n-th time peer->script[n] */
	PEER_SILENT,		/* says nothing */
	PEER_HANGUP,		/* closes before the answer */
	PEER_ENDLESS,		/* a body without end */
	PEER_ENDLESS_HEADER,
	PEER_CLEAR		/* answers without TLS */
};

#define PEER_STEPS 4

/* Shared by the test and the server. */
struct peer {
	volatile enum peer_mode mode;
	volatile unsigned requests, delay_ms;
	char	 answer[131072];
	char	 script[PEER_STEPS][1024];
	char	 request[65536];	/* the latest, with its form */
};

static struct peer *peer;
static pid_t peer_pid;
static int peer_listener;
static unsigned peer_port;
static char peer_dir[64], peer_url[80], peer_ca[96];

/* The whole of an answer. */
static inline void
peer_say_to(char *out, size_t size, const char *status, const char *body)
{
	(void)!snprintf(out, size, "HTTP/1.1 %s\r\nContent-Type: "
	    "application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
	    strlen(body), body);
}

static inline void
peer_say(const char *status, const char *body)
{
	peer_say_to(peer->answer, sizeof(peer->answer), status, body);
}

static inline void
peer_write_certificate(gnutls_x509_crt_t crt)
{
	gnutls_datum_t pem;
	int fd;

	ck_assert_int_eq(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM,
	    &pem), 0);
	fd = open(peer_ca, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.data, pem.size), (ssize_t)pem.size);
	/* who reads the network is nobody */
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	close(fd);
	gnutls_free(pem.data);
}

/* Good for 127.0.0.1 and nothing else. */
static inline void
peer_make_certificate(gnutls_certificate_credentials_t cred)
{
	static const unsigned char serial = 1, here[] = { 127, 0, 0, 1 };
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
	gnutls_x509_crt_set_dn(crt, "CN=test peer", NULL);
	gnutls_x509_crt_set_ca_status(crt, 1);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, here,
	    sizeof(here), 0);
	gnutls_x509_crt_set_key(crt, key);
	ck_assert_int_eq(gnutls_x509_crt_sign2(crt, crt, key,
	    GNUTLS_DIG_SHA256, 0), 0);
	ck_assert_int_eq(gnutls_certificate_set_x509_key(cred, &crt, 1, key),
	    0);
	peer_write_certificate(crt);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

/* Read a request: its header and as much as it announces. */
static inline bool
peer_read_request(gnutls_session_t s)
{
	char text[sizeof(peer->request)];
	const char *end, *length;
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1) {
		got = gnutls_record_recv(s, text + n, sizeof(text) - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (end != NULL && length != NULL && n >= (size_t)(end + 4 -
		    text) + strtoul(length + 16, NULL, 10))
			break;
	}
	memcpy(peer->request, text, n + 1);
	return true;
}

static inline bool
peer_tell(gnutls_session_t s, const char *text)
{
	size_t n = strlen(text);
	ssize_t sent;

	while (n > 0) {
		sent = gnutls_record_send(s, text, n);
		if (sent <= 0)
			return false;
		text += sent;
		n -= (size_t)sent;
	}
	return true;
}

static inline void
peer_answer(gnutls_session_t s, unsigned number)
{
	char nothing[16];

	usleep(peer->delay_ms * 1000);
	switch (peer->mode) {
	case PEER_SCRIPT:
		peer_tell(s, peer->script[number < PEER_STEPS ? number :
		    PEER_STEPS - 1]);
		break;
	case PEER_SILENT:
		gnutls_record_recv(s, nothing, sizeof(nothing));
		break;
	case PEER_ENDLESS:
		if (peer_tell(s, "HTTP/1.1 200 OK\r\n\r\n"))
			while (peer_tell(s, "                                "))
				;
		break;
	case PEER_ENDLESS_HEADER:
		if (peer_tell(s, "HTTP/1.1 200 OK\r\n"))
			while (peer_tell(s, "X-Filler: 01234567890123456\r\n"))
				;
		break;
	case PEER_ANSWER:
		peer_tell(s, peer->answer);
		break;
	default:
		break;
	}
}

static inline void
peer_serve_one(gnutls_certificate_credentials_t cred, int fd)
{
	gnutls_session_t s;
	int rc;

	if (peer->mode == PEER_CLEAR) {
		(void)!write(fd, peer->answer, strlen(peer->answer));
		return;
	}
	gnutls_init(&s, GNUTLS_SERVER);
	gnutls_set_default_priority(s);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(s, fd);
	gnutls_handshake_set_timeout(s, 10000);
	do
		rc = gnutls_handshake(s);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc == 0 && peer_read_request(s)) {
		peer->requests++;
		peer_answer(s, peer->requests - 1);
		gnutls_bye(s, GNUTLS_SHUT_WR);
	}
	gnutls_deinit(s);
}

static inline _Noreturn void
peer_serve(gnutls_certificate_credentials_t cred)
{
	int fd;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		fd = accept(peer_listener, NULL, NULL);
		if (fd < 0)
			_exit(1);
		peer_serve_one(cred, fd);
		close(fd);
	}
}

static inline void
peer_listen(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	socklen_t size = sizeof(here);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(peer_listener, 0);
	ck_assert_int_eq(bind(peer_listener, (struct sockaddr *)&here, size),
	    0);
	ck_assert_int_eq(listen(peer_listener, 64), 0);
	ck_assert_int_eq(getsockname(peer_listener, (struct sockaddr *)&here,
	    &size), 0);
	peer_port = ntohs(here.sin_port);
	(void)!snprintf(peer_url, sizeof(peer_url),
	    "https://127.0.0.1:%u/token", peer_port);
}

/* Begin, with a directory of its own: peer_dir, open to the worker's user. */
static inline void
peer_start(void)
{
	gnutls_certificate_credentials_t cred;

	umask(077);
	(void)!snprintf(peer_dir, sizeof(peer_dir), "/tmp/check_peer.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(peer_dir));
	ck_assert_int_eq(chmod(peer_dir, 0755), 0);
	(void)!snprintf(peer_ca, sizeof(peer_ca), "%s/ca.pem", peer_dir);
	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(peer, MAP_FAILED);
	gnutls_global_init();
	gnutls_certificate_allocate_credentials(&cred);
	peer_make_certificate(cred);
	peer_listen();
	peer_pid = fork();
	ck_assert_int_ge(peer_pid, 0);
	if (peer_pid == 0)
		peer_serve(cred);
	gnutls_certificate_free_credentials(cred);
	gnutls_global_deinit();
	close(peer_listener);
}

static inline void
peer_stop(void)
{
	kill(peer_pid, SIGKILL);
	waitpid(peer_pid, NULL, 0);
	munmap(peer, sizeof(*peer));
	unlink(peer_ca);
	ck_assert_int_eq(rmdir(peer_dir), 0);
}

#endif
