/*
 * bench_talk - the least that mail can cost: a client that only talks.
 *
 *	bench_talk [-t] PORT HOSTS MESSAGES RECIPIENTS FILE
 *
 * One connection after the other to HOSTS addresses from 127.1.0.1 upwards,
 * over each of them FILE (a message with LF line ends) MESSAGES times to so
 * many RECIPIENTS, in as few round trips as DATA allows, with STARTTLS by -t.
 * It asks no name server, keeps no queue, parses nothing and trusts all
 * replies: what scripts/bench divides by.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

struct line {
	int fd;
	gnutls_session_t tls;
	char in[65536];
	size_t len;
};

static gnutls_certificate_credentials_t credentials;

static void
die(const char *what)
{
	fprintf(stderr, "bench_talk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
put(struct line *l, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = l->tls == NULL ? write(l->fd, data, len) :
		    gnutls_record_send(l->tls, data, len);
		if (n <= 0)
			die("write");
		data += n;
		len -= (size_t)n;
	}
}

/* Take one reply out of what has come. */
static bool
one_reply(struct line *l)
{
	char *at = l->in, *end;
	bool last;

	while ((end = memchr(at, '\n', l->len - (size_t)(at - l->in))) !=
	    NULL) {
		last = end - at >= 3 && at[3] != '-';
		at = end + 1;
		if (last) {
			l->len -= (size_t)(at - l->in);
			memmove(l->in, at, l->len);
			return true;
		}
	}
	return false;
}

static void
hear(struct line *l, unsigned replies)
{
	ssize_t n;

	while (replies > 0) {
		if (one_reply(l)) {
			replies--;
			continue;
		}
		n = l->tls == NULL ?
		    read(l->fd, l->in + l->len, sizeof(l->in) - l->len) :
		    gnutls_record_recv(l->tls, l->in + l->len,
		    sizeof(l->in) - l->len);
		/* A session ticket is nothing to read. */
		if (l->tls != NULL && n < 0 && !gnutls_error_is_fatal((int)n))
			continue;
		if (n <= 0)
			die("read");
		l->len += (size_t)n;
	}
}

static void
dial(struct line *l, unsigned host, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int on = 1;

	to.sin_addr.s_addr = htonl(0x7f010001 + (host / 250 << 8) +
	    host % 250);
	l->len = 0;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(l->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
}

static void
encrypt(struct line *l)
{
	int rc;

	put(l, "EHLO talk.test\r\n", 16);
	hear(l, 1);
	put(l, "STARTTLS\r\n", 10);
	hear(l, 1);
	gnutls_init(&l->tls, GNUTLS_CLIENT);
	gnutls_set_default_priority(l->tls);
	gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(l->tls, l->fd);
	do
		rc = gnutls_handshake(l->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0)
		die(gnutls_strerror(rc));
}

/* The file as DATA wants it, behind the commands of its transaction. */
struct script {
	char *envelope, *body;
	size_t envelope_len, body_len;
};

static void
write_envelope(struct script *s, unsigned recipients)
{
	FILE *out = open_memstream(&s->envelope, &s->envelope_len);

	if (out == NULL)
		die("open_memstream");
	fputs("MAIL FROM:<me@talk.test>\r\n", out);
	for (unsigned i = 0; i < recipients; i++)
		fprintf(out, "RCPT TO:<u%u@sink.test>\r\n", i);
	fputs("DATA\r\n", out);
	fclose(out);
}

static void
write_body(struct script *s, const char *file)
{
	FILE *in = fopen(file, "r");
	FILE *out = open_memstream(&s->body, &s->body_len);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (in == NULL || out == NULL)
		die(file);
	while ((n = getline(&line, &room, in)) > 0)
		fprintf(out, "%s%.*s\r\n", line[0] == '.' ? "." : "",
		    (int)(line[n - 1] == '\n' ? n - 1 : n), line);
	fputs(".\r\n", out);
	fclose(out);
	fclose(in);
	free(line);
}

static void
talk(struct line *l, const struct script *s, unsigned messages,
    unsigned recipients)
{
	put(l, "EHLO talk.test\r\n", 16);
	hear(l, 1);
	put(l, s->envelope, s->envelope_len);
	for (unsigned i = 1; i <= messages; i++) {
		hear(l, recipients + (i == 1 ? 2 : 3));
		put(l, s->body, s->body_len);
		if (i < messages)
			put(l, s->envelope, s->envelope_len);
	}
	put(l, "QUIT\r\n", 6);
	hear(l, 2);
}

int
main(int argc, char **argv)
{
	static struct line l;
	struct script s = { 0 };
	bool tls = argc > 1 && strcmp(argv[1], "-t") == 0;
	unsigned n[4];

	argv += tls;
	if (argc - tls != 6) {
		fprintf(stderr, "usage: bench_talk [-t] PORT HOSTS MESSAGES "
		    "RECIPIENTS FILE\n");
		return 64;
	}
	for (int i = 0; i < 4; i++)
		n[i] = (unsigned)atoi(argv[1 + i]);
	gnutls_certificate_allocate_credentials(&credentials);
	write_envelope(&s, n[3]);
	write_body(&s, argv[5]);
	for (unsigned host = 0; host < n[1]; host++) {
		dial(&l, host, (uint16_t)n[0]);
		hear(&l, 1);
		if (tls)
			encrypt(&l);
		talk(&l, &s, n[2], n[3]);
		if (tls)
			gnutls_deinit(l.tls);
		l.tls = NULL;
		close(l.fd);
	}
	return 0;
}
