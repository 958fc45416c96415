/*
 * bench_sink - a mail server that takes everything, fast, and counts.
 *
 *	bench_sink [-c] [-t] [-s MS] PORT HOSTS
 *
 * Listens on HOSTS addresses from 127.1.0.1 upwards (250 to a third octet),
 * says "ready" on standard output, and at the end of each session that
 * brought a message one line:
 *
 *	MESSAGES RECIPIENTS OCTETS FIRST LAST
 *
 * FIRST and LAST are round trips from the client's SYN to the reply that
 * accepted its first and its last message: one for the connection, one for
 * the greeting, and one for each flight of the client that began after the
 * server had spoken, those of the TLS handshake included.
 *
 * -c offers CHUNKING, -t STARTTLS (with a certificate made at the start).
 * -s makes the count exact: the server answers when nothing has come for so
 * many milliseconds, and so never in the middle of a flight. While it waits
 * it serves nobody else.
 *
 * It is not careful: lines that are too long, commands out of turn and
 * clients that do not read end a session or are believed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define IN_MAX 65536
#define OUT_MAX 65536

enum text { TEXT_NONE, TEXT_DATA, TEXT_BDAT };

struct session {
	int fd;
	bool listens;
	gnutls_session_t tls;
	bool shaking;		/* TLS handshake under way */
	bool ticket_due;
	bool spoke;		/* since the client's last flight */
	bool over;
	enum text text;
	size_t chunk_left;
	bool chunk_last;
	char in[IN_MAX], out[OUT_MAX];
	size_t in_len, out_len;
	unsigned long turns, messages, rcpts, rcpts_now, octets;
	unsigned long first, last;
};

static gnutls_certificate_credentials_t credentials;
static gnutls_datum_t ticket_key;
static bool offer_tls, offer_chunking;
static int settle_ms;
static int epfd;

static void
die(const char *what)
{
	fprintf(stderr, "bench_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* -- bytes ------------------------------------------------------------- */

static ssize_t
pull(gnutls_transport_ptr_t at, void *data, size_t len)
{
	struct session *s = at;
	ssize_t n = recv(s->fd, data, len, MSG_DONTWAIT);

	if (n > 0 && s->spoke) {
		s->turns++;
		s->spoke = false;
	}
	return n;
}

static ssize_t
push(gnutls_transport_ptr_t at, const void *data, size_t len)
{
	struct session *s = at;

	s->spoke = true;
	return send(s->fd, data, len, MSG_NOSIGNAL);
}

/* What has come, as recv(). */
static ssize_t
take(struct session *s, char *data, size_t len)
{
	ssize_t n;

	if (s->tls == NULL)
		return pull(s, data, len);
	n = gnutls_record_recv(s->tls, data, len);
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
		errno = EAGAIN;
		return -1;
	}
	return n < 0 ? 0 : n;
}

static void
flush_out(struct session *s)
{
	size_t len = s->out_len;
	ssize_t n = 0;

	s->out_len = 0;
	if (len == 0)
		return;
	/* A ticket alone would look like something to wait for. */
	if (s->ticket_due && gnutls_protocol_get_version(s->tls) ==
	    GNUTLS_TLS1_3)
		gnutls_session_ticket_send(s->tls, 1, 0);
	s->ticket_due = false;
	n = s->tls == NULL ? push(s, s->out, len) :
	    gnutls_record_send(s->tls, s->out, len);
	if (n != (ssize_t)len)
		s->over = true;
}

static void
say(struct session *s, const char *text)
{
	size_t len = strlen(text);

	if (s->out_len + len > OUT_MAX)
		flush_out(s);
	memcpy(s->out + s->out_len, text, len);
	s->out_len += len;
}

/* -- TLS ---------------------------------------------------------------- */

static void
make_credentials(void)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, now - 3600);
	gnutls_x509_crt_set_expiration_time(crt, now + 86400);
	gnutls_x509_crt_set_dn(crt, "CN=sink.test", NULL);
	gnutls_x509_crt_set_key(crt, key);
	if (gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) < 0)
		die("certificate");
	gnutls_certificate_allocate_credentials(&credentials);
	if (gnutls_certificate_set_x509_key(credentials, &crt, 1, key) < 0)
		die("credentials");
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	gnutls_session_ticket_key_generate(&ticket_key);
}

static void
shake(struct session *s)
{
	int rc = gnutls_handshake(s->tls);

	if (rc == 0) {
		s->shaking = false;
		s->ticket_due = true;
	} else if (gnutls_error_is_fatal(rc))
		s->over = true;
}

static void
start_tls(struct session *s)
{
	say(s, "220 2.0.0 ready\r\n");
	flush_out(s);
	gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK |
	    GNUTLS_NO_AUTO_SEND_TICKET);
	gnutls_set_default_priority(s->tls);
	gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_session_ticket_enable_server(s->tls, &ticket_key);
	gnutls_transport_set_ptr(s->tls, s);
	gnutls_transport_set_pull_function(s->tls, pull);
	gnutls_transport_set_push_function(s->tls, push);
	s->shaking = true;
	s->in_len = 0;
}

/* -- SMTP --------------------------------------------------------------- */

static void
accept_message(struct session *s)
{
	s->text = TEXT_NONE;
	s->messages++;
	s->rcpts += s->rcpts_now;
	s->rcpts_now = 0;
	s->last = 2 + s->turns;
	if (s->messages == 1)
		s->first = s->last;
	say(s, "250 2.0.0 taken\r\n");
}

static void
say_hello(struct session *s)
{
	say(s, "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n");
	if (offer_chunking)
		say(s, "250-CHUNKING\r\n");
	if (offer_tls && s->tls == NULL)
		say(s, "250-STARTTLS\r\n");
	say(s, "250 8BITMIME\r\n");
}

static void
begin_chunk(struct session *s, const char *line)
{
	char *end;

	s->text = TEXT_BDAT;
	s->chunk_left = strtoul(line + 5, &end, 10);
	s->chunk_last = strncasecmp(end, " LAST", 5) == 0;
}

static void
command(struct session *s, const char *line)
{
	if (strncasecmp(line, "EHLO", 4) == 0)
		say_hello(s);
	else if (strncasecmp(line, "RCPT", 4) == 0) {
		s->rcpts_now++;
		say(s, "250 2.1.5 ok\r\n");
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		s->text = TEXT_DATA;
		say(s, "354 go on\r\n");
	} else if (strncasecmp(line, "BDAT", 4) == 0)
		begin_chunk(s, line);
	else if (strncasecmp(line, "STARTTLS", 8) == 0)
		start_tls(s);
	else if (strncasecmp(line, "QUIT", 4) == 0) {
		say(s, "221 2.0.0 bye\r\n");
		flush_out(s);
		s->over = true;
	} else
		say(s, "250 2.0.0 ok\r\n");
}

static void
eat(struct session *s, size_t n)
{
	memmove(s->in, s->in + n, s->in_len - n);
	s->in_len -= n;
}

/* Each of these takes something from in, or returns false: more must come. */

static bool
take_line(struct session *s)
{
	char line[1024];
	char *end = memchr(s->in, '\n', s->in_len);
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - s->in) + 1;
	if (len >= sizeof(line)) {
		s->over = true;
		return false;
	}
	memcpy(line, s->in, len);
	line[len] = '\0';
	eat(s, len);
	command(s, line);
	return true;
}

/* The text ends with a dot alone on a line; what cannot be part of that end
 * is forgotten. */
static bool
take_data(struct session *s)
{
	char *end = memmem(s->in, s->in_len, "\r\n.\r\n", 5);
	size_t n = s->in_len > 4 ? s->in_len - 4 : 0;

	if (end != NULL)
		n = (size_t)(end - s->in) + 5;
	s->octets += n;
	eat(s, n);
	if (end != NULL)
		accept_message(s);
	return end != NULL;
}

static bool
take_chunk(struct session *s)
{
	size_t n = s->chunk_left < s->in_len ? s->chunk_left : s->in_len;

	eat(s, n);
	s->octets += n;
	s->chunk_left -= n;
	if (s->chunk_left > 0)
		return false;
	if (s->chunk_last)
		accept_message(s);
	else {
		s->text = TEXT_NONE;
		say(s, "250 2.0.0 ok\r\n");
	}
	return true;
}

static bool
take_something(struct session *s)
{
	switch (s->text) {
	case TEXT_DATA:
		return take_data(s);
	case TEXT_BDAT:
		return take_chunk(s);
	case TEXT_NONE:
		break;
	}
	return take_line(s);
}

/* -- sessions ----------------------------------------------------------- */

static bool
quiet(const struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return settle_ms == 0 || poll(&p, 1, settle_ms) <= 0;
}

/* Read and answer until there is nothing to read. */
static void
serve(struct session *s)
{
	ssize_t n;

	while (!s->over) {
		if (s->shaking) {
			shake(s);
			if (s->shaking)
				return;
		}
		n = take(s, s->in + s->in_len, IN_MAX - s->in_len);
		if (n == 0 || (n < 0 && errno != EAGAIN) ||
		    s->in_len == IN_MAX) {
			s->over = true;
			return;
		}
		if (n < 0) {
			if (s->out_len == 0)
				return;
			if (quiet(s))
				flush_out(s);
			continue;
		}
		s->in_len += (size_t)n;
		while (!s->over && !s->shaking && take_something(s))
			;
	}
}

static void
watch(struct session *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		die("epoll_ctl");
}

static void
begin(const struct session *listener)
{
	struct session *s;
	int fd, on = 1;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if ((s = malloc(sizeof(*s))) == NULL)
			die("malloc");
		memset(s, 0, offsetof(struct session, in));
		memset(&s->in_len, 0, sizeof(*s) -
		    offsetof(struct session, in_len));
		s->fd = fd;
		watch(s);
		say(s, "220 sink.test ESMTP\r\n");
		flush_out(s);
	}
}

static void
finish(struct session *s)
{
	if (s->messages > 0)
		printf("%lu %lu %lu %lu %lu\n", s->messages, s->rcpts,
		    s->octets, s->first, s->last);
	fflush(stdout);
	if (s->tls != NULL)
		gnutls_deinit(s->tls);
	close(s->fd);
	free(s);
}

static void
listen_on(unsigned host, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct session *s = calloc(1, sizeof(*s));
	int on = 1;

	if (s == NULL)
		die("calloc");
	at.sin_addr.s_addr = htonl(0x7f010001 + (host / 250 << 8) +
	    host % 250);
	s->listens = true;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(s->fd, 512) < 0)
		die("listen");
	watch(s);
}

static void
run(void)
{
	struct epoll_event events[64];
	struct session *s;
	int n;

	for (;;) {
		if ((n = epoll_wait(epfd, events, 64, -1)) < 0 &&
		    errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			s = events[i].data.ptr;
			if (s->listens) {
				begin(s);
				continue;
			}
			serve(s);
			if (s->over)
				finish(s);
		}
	}
}

static void
usage(void)
{
	fprintf(stderr, "usage: bench_sink [-ct] [-s MS] PORT HOSTS\n");
	exit(64);
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	int opt;

	while ((opt = getopt(argc, argv, "cts:")) != -1)
		if (opt == 'c')
			offer_chunking = true;
		else if (opt == 't')
			offer_tls = true;
		else if (opt == 's')
			settle_ms = atoi(optarg);
		else
			usage();
	if (argc - optind != 2)
		usage();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (offer_tls)
		make_credentials();
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	for (int i = 0; i < atoi(argv[optind + 1]); i++)
		listen_on((unsigned)i, (uint16_t)atoi(argv[optind]));
	printf("ready\n");
	fflush(stdout);
	run();
}
