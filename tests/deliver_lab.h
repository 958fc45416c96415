/*
 * What the tests of deliver/ share, on top of the spool's: entries, a way to
 * deliver, and an SMTP server on 127.0.0.1 and 127.0.0.2 that does what the
 * local part of a recipient begins with:
 *
 *	no	550 5.1.1 to RCPT
 *	later	450 4.2.0 to RCPT
 *	grey	451 4.7.1, greylisted, to RCPT
 *	wait	RCPT is answered when the test says so: lab_heard(), lab_go()
 *	refuse	the message is refused after the dot
 *	hangup	the line is cut after the dot
 *	else	accepted
 *
 * Nobody listens on 127.0.0.3 at that port. Address literals need no DNS.
 */
#ifndef TESTS_DELIVER_LAB_H
#define TESTS_DELIVER_LAB_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "deliver/delivery.h"
#include "deliver/item.h"
#include "spool_lab.h"

#define LAB_HERE "[127.0.0.1]"
#define LAB_THERE "[127.0.0.2]"
#define LAB_NOBODY "[127.0.0.3]"
#define LAB_ROWS 1024

/* What the server has seen; shared with the test. */
struct lab_book {
	atomic_uint connections;
	atomic_uint messages;		/* accepted, or refused at the dot */
	atomic_uint most_messages;	/* over one connection */
	atomic_uint naccepted;
	char	accepted[LAB_ROWS][64];	/* paths, once for each acceptance */
	atomic_uint busy_from, busy_to;	/* connections that get 421 */
};

static struct {
	pid_t	 pid;
	uint16_t port;
	int	 listen[2];
	int	 heard[2], go[2];
	struct lab_book *book;
} lab;

/* One connection of the server. */
struct lab_talk {
	FILE	*in;
	int	 fd;
	unsigned messages;
	char	 paths[LAB_ROWS][64];	/* accepted in this transaction */
	unsigned n;
};

static inline void
lab_say(const struct lab_talk *t, const char *text)
{
	send(t->fd, text, strlen(text), MSG_NOSIGNAL);
}

static inline bool
lab_any(const struct lab_talk *t, const char *start)
{
	for (unsigned i = 0; i < t->n; i++)
		if (str_starts(t->paths[i], start))
			return true;
	return false;
}

static inline void
lab_rcpt(struct lab_talk *t, const char *line)
{
	char *path = t->paths[t->n], c;

	if (sscanf(line, "RCPT TO:<%63[^>]", path) != 1)
		lab_say(t, "501 5.5.4 what?\r\n");
	else if (str_starts(path, "no"))
		lab_say(t, "550 5.1.1 nobody here\r\n");
	else if (str_starts(path, "later"))
		lab_say(t, "450 4.2.0 mailbox busy\r\n");
	else if (str_starts(path, "grey"))
		lab_say(t, "451 4.7.1 greylisted, come back later\r\n");
	else {
		t->n++;
		if (str_starts(path, "wait") &&
		    (write(lab.heard[1], "h", 1) != 1 ||
		    read(lab.go[0], &c, 1) != 1))
			return;
		lab_say(t, "250 2.1.5 ok\r\n");
	}
}

/* The dot was heard. Returns false when the line is to be cut. */
static inline bool
lab_dot(struct lab_talk *t)
{
	struct lab_book *book = lab.book;

	t->messages++;
	book->messages++;
	if (t->messages > book->most_messages)
		book->most_messages = t->messages;
	if (lab_any(t, "hangup"))
		return false;
	if (lab_any(t, "refuse")) {
		lab_say(t, "554 5.7.1 not this one\r\n");
		return true;
	}
	for (unsigned i = 0; i < t->n; i++)
		str_copy(book->accepted[book->naccepted++], 64, t->paths[i]);
	lab_say(t, "250 2.0.0 taken\r\n");
	return true;
}

static inline bool
lab_data(struct lab_talk *t)
{
	char line[2048];

	if (t->n == 0) {
		lab_say(t, "554 5.5.1 for whom?\r\n");
		return true;
	}
	lab_say(t, "354 go\r\n");
	while (fgets(line, sizeof(line), t->in) != NULL)
		if (strcmp(line, ".\r\n") == 0)
			return lab_dot(t);
	return false;
}

static inline void
lab_dialogue(struct lab_talk *t)
{
	char line[2048];

	lab_say(t, "220 lab.example ESMTP\r\n");
	while (fgets(line, sizeof(line), t->in) != NULL) {
		if (str_starts(line, "EHLO"))
			lab_say(t, "250-lab.example\r\n250 PIPELINING\r\n");
		else if (str_starts(line, "RCPT"))
			lab_rcpt(t, line);
		else if (str_starts(line, "QUIT")) {
			lab_say(t, "221 bye\r\n");
			return;
		} else if (!str_starts(line, "DATA")) {
			t->n = 0;
			lab_say(t, "250 ok\r\n");
		} else if (!lab_data(t))
			return;
	}
}

static inline void *
lab_serve(void *arg)
{
	struct lab_talk *t = arg;
	unsigned number = ++lab.book->connections;
	int on = 1;

	/* a flight of replies is many small writes here */
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	t->in = fdopen(t->fd, "r");
	if (number >= lab.book->busy_from && number <= lab.book->busy_to)
		lab_say(t, "421 4.3.2 too busy\r\n");
	else
		lab_dialogue(t);
	fclose(t->in);
	free(t);
	return NULL;
}

/* The server's process. A thread for each connection: all end with it. */
static inline void
lab_server(void)
{
	struct pollfd p[2] = { { lab.listen[0], POLLIN, 0 },
		{ lab.listen[1], POLLIN, 0 } };
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			struct lab_talk *t;

			if (p[i].revents == 0)
				continue;
			t = xcalloc(1, sizeof(*t));
			t->fd = accept(lab.listen[i], NULL, NULL);
			if (t->fd >= 0 && pthread_create(&thread, NULL,
			    lab_serve, t) == 0)
				pthread_detach(thread);
		}
	}
}

static inline int
lab_listen(const char *ip, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &in.sin_addr);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    listen(fd, 64) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Two addresses with one port. */
static inline bool
lab_bind(void)
{
	struct sockaddr_in in;
	socklen_t size = sizeof(in);

	lab.listen[0] = lab_listen("127.0.0.1", 0);
	if (lab.listen[0] < 0 || getsockname(lab.listen[0],
	    (struct sockaddr *)&in, &size) < 0)
		return false;
	lab.port = ntohs(in.sin_port);
	lab.listen[1] = lab_listen("127.0.0.2", lab.port);
	if (lab.listen[1] < 0)
		close(lab.listen[0]);
	return lab.listen[1] >= 0;
}

static inline void
lab_server_start(void)
{
	int tries = 0;

	while (!lab_bind())
		ck_assert_int_lt(tries++, 50);
	lab.book = mmap(NULL, sizeof(*lab.book), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(lab.book, MAP_FAILED);
	ck_assert_int_eq(pipe2(lab.heard, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(lab.go, O_CLOEXEC), 0);
	lab.pid = fork();
	ck_assert_int_ge(lab.pid, 0);
	if (lab.pid == 0)
		lab_server();
	close(lab.listen[0]);
	close(lab.listen[1]);
}

static inline void
lab_server_end(void)
{
	kill(lab.pid, SIGKILL);
	waitpid(lab.pid, NULL, 0);
	munmap(lab.book, sizeof(*lab.book));
	for (int i = 0; i < 2; i++) {
		close(lab.heard[i]);
		close(lab.go[i]);
	}
}

/* Wait until the server has heard a RCPT to "wait..." */
static inline void
lab_heard(void)
{
	char c;

	ck_assert_int_eq(read(lab.heard[0], &c, 1), 1);
}

/* and let it answer one. */
static inline void
lab_go(void)
{
	ck_assert_int_eq(write(lab.go[1], "g", 1), 1);
}

/* How often did the server accept a message for that path? */
static inline unsigned
lab_accepted(const char *path)
{
	unsigned n = 0;

	for (unsigned i = 0; i < lab.book->naccepted; i++)
		n += strcmp(lab.book->accepted[i], path) == 0;
	return n;
}

static inline struct delivery
lab_delivery(void)
{
	/* no routes, no accounts */
	static char none[] = "";
	static struct account global = { .name = none };
	static const struct routing routing = { .accounts = &global,
		.naccount = 1 };

	return (struct delivery){ .hostname = "mail.example.org",
		.port = lab.port, .tls = TLS_OFF, .routing = &routing,
		.jobs = 4,
		.site_connections = 1, .connection_messages = 100,
		.transaction_recipients = 100, .caller_waits = true,
		.dns_s = 5, .connect_s = 10, .command_s = 20, .dot_s = 20,
		.ceiling_s = 30, .retry = { 300, 14400 },
		.bounce_lifetime_s = 2 * 86400, .dsn_whole_max = 65536,
		.trace_fd = -1 };
}

struct lab_mail {
	const char *from;	/* NULL: sender@127.0.0.1 */
	const char *to;		/* with blanks; without '@': at LAB_HERE */
	uint8_t	 notify;
	uint8_t	 ret;
	bool	 expired;
	time_t	 life_s;	/* 0: five days */
	const char *head;	/* fields in front of LAB_MESSAGE, or NULL */
	time_t	 age_s;		/* 0: ten seconds */
};

static inline struct envelope
lab_mail_envelope(const struct lab_mail *mail)
{
	struct envelope env = { .ret = mail->ret,
		.arrived_s = clock_wall() - (mail->age_s != 0 ?
		    mail->age_s : 10) };
	char to[16384], path[512], *save, *word;

	env.expires_s = env.arrived_s + (mail->expired ? 5 :
	    mail->life_s > 0 ? mail->life_s : 5 * 86400);
	env.reverse_path = xstrdup(mail->from != NULL ? mail->from :
	    "sender@" LAB_HERE);
	ck_assert(str_copy(to, sizeof(to), mail->to));
	for (word = strtok_r(to, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		snprintf(path, sizeof(path), strchr(word, '@') != NULL ?
		    "%s" : "%s@" LAB_HERE, word);
		envelope_append(&env, path)->notify = mail->notify;
	}
	return env;
}

/* Commit it to queue/, due then. id may be NULL. */
static inline void
lab_queue(struct spool *s, const struct lab_mail *mail, time_t due, char *id)
{
	struct envelope env = lab_mail_envelope(mail);
	struct draft d;
	struct err err;

	LAB_OK(spool_draft(s, &d, &err));
	if (id != NULL)
		str_copy(id, SPOOL_ID_MAX, d.id);
	LAB_OK(draft_write(&d, LAB_MESSAGE, strlen(LAB_MESSAGE), &err));
	LAB_OK(draft_commit(&d, &env, PLACE_QUEUE, due, false, NULL, &err));
	envelope_release(&env);
}

/* Commit it for delivery at once. */
static inline struct item *
lab_item(struct spool *s, const struct lab_mail *mail)
{
	struct envelope env = lab_mail_envelope(mail);
	struct entry entry = { .fd = -1 };
	struct draft d;
	struct err err;

	LAB_OK(spool_draft(s, &d, &err));
	if (mail->head != NULL)
		LAB_OK(draft_write(&d, mail->head, strlen(mail->head), &err));
	LAB_OK(draft_write(&d, LAB_MESSAGE, strlen(LAB_MESSAGE), &err));
	LAB_OK(draft_commit(&d, &env, PLACE_RUN, 0, false, &entry, &err));
	envelope_release(&env);
	return item_new(&entry);
}

/* How many children are left once the server is gone: waits for their end. */
static inline unsigned
lab_children(void)
{
	unsigned n = 0;

	for (;;) {
		if (waitpid(-1, NULL, 0) > 0)
			n++;
		else if (errno != EINTR)
			return n;
	}
}

static inline void
lab_begin(void)
{
	struct err err;

	LAB_OK(log_open("none", "check", &err));
	signal(SIGPIPE, SIG_IGN);
	lab_setup();
	lab_server_start();
}

static inline void
lab_end(void)
{
	lab_server_end();
	lab_children();
	lab_teardown();
	log_close();
}

#endif
