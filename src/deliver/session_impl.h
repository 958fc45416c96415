/*
 * Shared by session.c (the load, its verdicts, the order of hosts), visit.c
 * (one address) and smarthost.c (one connection by libcurl); nobody else
 * includes it.
 */
#ifndef DELIVER_SESSION_IMPL_H
#define DELIVER_SESSION_IMPL_H

#include "deliver/session.h"
#include "net/conn.h"
#include "smtp/client.h"

struct session {
	const struct delivery *how;
	const struct site *site;
	struct mx_host *hosts;		/* owned; in this worker's order */
	const char *hostname;		/* for EHLO */
	struct smtp_patience patience;
	unsigned connect_s;
	int report_fd;
	int64_t ceiling;		/* clock_ms(), for everything */
	char	 client_cert[512], client_key[512];	/* what libcurl opens;
					 * "": none */
	struct err files_err;		/* why they could not be had */

	struct smtp_message *messages;
	size_t nmessage;
	struct smtp_rcpt *rcpts;
	size_t nrcpt;
	struct outcome **held;		/* per rcpt: see session_verdict(); owned */
	bool last_host;

	/* the connection of the moment */
	const struct mx_host *host;
	uint16_t port;
	char address[OUTCOME_ADDR_MAX];
	char tls[OUTCOME_TLS_MAX];
	int64_t started;		/* clock_ms() */
	uint32_t connect_ms;
	bool talked;			/* somebody was judged on it */
	bool downgraded;		/* in clear though TLS was offered */

	/* why the last host did not do */
	struct err err;
	enum outcome_stage stage;
	int	 auth_code;		/* of the reply to AUTH; 0: none */

	/* endpoints that do not accept what proves who we are */
	unsigned refused;		/* as bits; not to be tried (again) */
	struct err refusal;		/* what the last of them said */
	int	 refusal_code;
};

/* What smtp/ tells of a forward-path: reported, or held for the next host. */
void	session_verdict(void *arg, struct smtp_message *, struct smtp_rcpt *,
	    const struct outcome *);

/* The endpoint of the moment has refused us, as s->err says: the dispatcher is
 * told, and it is not tried again. */
void	session_refused(struct session *);

/* Forward-paths that nobody has judged; is any verdict held back? */
size_t	session_undecided(const struct session *);
bool	session_holds_any(const struct session *);

/* While the process still may: take along what libcurl is to open. */
void	session_load_files(struct session *);

/*
 * Open a connection to the smarthost of the moment: at addr, or where the
 * proxy finds it (NULL).
 *
 * offers  filled with the text of the reply to EHLO.
 *
 * Returns 0; or -1 with s->err and s->stage, and conn is closed.
 */
int	session_open_smarthost(struct session *, struct conn *,
	    const struct mx_addr *addr, struct buf *offers);

/*
 * Deliver to one address, in as many connections as that takes. Closes the
 * report when everybody is decided. Returns 0 when the server was heard out;
 * -1 with s->err and s->stage when the next address should be tried.
 */
int	session_visit(struct session *, const struct mx_addr *);

#endif
