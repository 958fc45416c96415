#include "config.h"

#include "net/query.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/nameserver.h"
#include "net/query_tcp.h"
#include "net/reach.h"

#define RESEND_S 2	/* without an answer to a datagram */

int
query_init(struct query *q, const char *nameserver, struct err *err)
{
	union nameserver server[MAXNS];
	int n = 0;

	if (res_ninit(&q->res) < 0)
		return err_set(err, ERR_TEMP, "4.4.3", "libresolv: %s",
		    strerror(errno));
	q->ready = true;
	if (nameserver != NULL)
		n = nameserver_parse(nameserver, server, err);
	if (n > 0)
		nameserver_set(&q->res, server, n);
	q->tcp_only = (q->res.options & RES_USEVC) != 0;
	q->res.options &= ~(unsigned long)(RES_DEFNAMES | RES_DNSRCH |
	    RES_USEVC | RES_STAYOPEN);
	q->res.options |= RES_USE_EDNS0 | RES_IGNTC;
	q->answer = xmalloc(DNS_MESSAGE_MAX);
	return 0;
}

void
query_release(struct query *q)
{
	if (q->ready)
		res_nclose(&q->res);
	free(q->answer);
	memset(q, 0, sizeof(*q));
}

bool
query_is_offline(const struct query *q)
{
	const struct sockaddr *server;
	socklen_t size;
	int i;

	for (i = 0; i < q->res.nscount; i++) {
		server = nameserver_at(&q->res, i, &size);
		if (server != NULL && reach_address(server, size))
			return false;
	}
	return q->ready;
}

bool
query_is_local(const struct query *q)
{
	const struct sockaddr *server;
	socklen_t size;
	int i;

	for (i = 0; i < q->res.nscount; i++) {
		server = nameserver_at(&q->res, i, &size);
		if (server != NULL && !nameserver_is_loopback(server))
			return false;
	}
	return q->ready;
}

/* Seconds that libresolv waits for all servers once, having wait_s for one. */
static int
round_s(int wait_s, int servers)
{
	int i, s, sum = 0;

	for (i = 0; i < servers; i++) {
		s = i == 0 ? wait_s : (wait_s << i) / servers;
		sum += s > 0 ? s : 1;
	}
	return sum > 0 ? sum : 1;
}

/* Make libresolv give up at the deadline. Returns -1 when it has passed. */
static int
set_patience(struct __res_state *res, int64_t deadline)
{
	int left_ms = clock_left_ms(deadline);
	int left_s = (left_ms + 500) / 1000;	/* it counts in seconds */

	if (left_ms == 0)
		return -1;
	res->retrans = RESEND_S;
	if (round_s(RESEND_S, res->nscount) > left_s)
		res->retrans = 1;
	res->retry = left_s / round_s(res->retrans, res->nscount);
	if (res->retry < 1)
		res->retry = 1;
	return 0;
}

static int
no_answer(const char *name, int type, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.4.3",
	    "%s: %s: no answer from the name servers", name,
	    dns_type_text(type));
}

/*
 * libresolv returns -1 for what is no success. h_errno says of an answer that
 * it has accepted whether the name or only the record is missing; its header
 * must say the same. Else the header is that of the last thing received,
 * accepted or not: good for the text of a failure that is temporary anyway.
 */
static int
judge_failure(struct query *q, const char *name, int type, struct err *err)
{
	HEADER header;

	memcpy(&header, q->answer, sizeof(header));
	if (q->res.res_h_errno == HOST_NOT_FOUND &&
	    header.rcode == ns_r_nxdomain)
		return dns_set_rcode(err, ns_r_nxdomain, name, type);
	if (q->res.res_h_errno == NO_DATA && header.rcode == ns_r_noerror)
		return 0;
	if (q->heard && header.rcode != ns_r_noerror &&
	    header.rcode != ns_r_nxdomain)
		return dns_set_rcode(err, header.rcode, name, type);
	return no_answer(name, type, err);
}

/* One question by UDP, and by TCP when the answer does not fit. */
static int
ask_once(struct query *q, const char *name, int type, int64_t deadline,
    struct dns_answer *answer, struct err *err)
{
	HEADER header = { 0 };
	int n = -1;

	memset(answer, 0, sizeof(*answer));
	memset(q->answer, 0, sizeof(header));
	if (set_patience(&q->res, deadline) < 0)
		return no_answer(name, type, err);
	if (!q->tcp_only) {
		/* without memory libresolv says nothing here, and what it said
		 * of another question must not be taken for its answer */
		q->res.res_h_errno = NETDB_INTERNAL;
		n = res_nquery(&q->res, name, ns_c_in, type, q->answer,
		    DNS_MESSAGE_MAX);
		memcpy(&header, q->answer, sizeof(header));
		q->heard = q->heard || header.qr;
	}
	if (q->tcp_only || (header.tc && (n >= 0 ||
	    q->res.res_h_errno == NO_DATA))) {
		n = query_tcp(&q->res, name, type, q->answer,
		    DNS_MESSAGE_MAX, deadline);
		if (n < 0)
			return err_set(err, ERR_TEMP, "4.4.3",
			    "%s: %s: no answer from the name servers by TCP",
			    name, dns_type_text(type));
		q->heard = true;
	}
	if (n < 0)
		return judge_failure(q, name, type, err);
	/* What is returned is the length that the answer would have had. */
	if (n > DNS_MESSAGE_MAX)
		n = DNS_MESSAGE_MAX;
	return dns_parse(q->answer, (size_t)n, name, type, answer, err);
}

int
query_ask(struct query *q, const char *name, int type, int64_t deadline,
    struct dns_answer *answer, struct err *err)
{
	char at[MX_NAME_MAX];
	int hops;

	q->heard = false;
	str_copy(at, sizeof(at), name);
	for (hops = 0; hops <= DNS_CNAME_MAX; hops++) {
		if (ask_once(q, at, type, deadline, answer, err) < 0)
			return -1;
		if (answer->n > 0 || answer->cname[0] == '\0')
			return 0;
		str_copy(at, sizeof(at), answer->cname);
		dns_answer_release(answer);
	}
	return err_set(err, ERR_TEMP, "4.4.3",
	    "%s: %s: CNAME loop, or more than %d of them", name,
	    dns_type_text(type), DNS_CNAME_MAX);
}
