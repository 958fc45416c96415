#include "config.h"

#include "net/dns.h"

#include <arpa/nameser.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

#define HOST_NAME_LEN 253	/* of a name that fits a message */
#define LABEL_LEN 63

/* What is looked for in a message, and what came to light. */
struct search {
	ns_msg	 msg;
	int	 type;
	struct dns_answer *answer;
	size_t	 cap;		/* of answer->rr */
	unsigned seen;		/* records that answer, usable or not */
	bool	 null_target;
	char	 next[NS_MAXDNAME];	/* target of the CNAME, or "" */
};

const char *
dns_type_text(int type)
{
	return type == ns_t_mx ? "MX" : type == ns_t_srv ? "SRV" :
	    type == ns_t_a ? "A" : "AAAA";
}

static int
malformed(struct err *err, const char *name, int type)
{
	return err_set(err, ERR_TEMP, "4.4.3", "%s: %s: malformed DNS answer",
	    name, dns_type_text(type));
}

int
dns_set_rcode(struct err *err, int rcode, const char *name, int type)
{
	static const char *const said[] = {
		[ns_r_formerr] = "FORMERR",
		[ns_r_servfail] = "SERVFAIL",
		[ns_r_notimpl] = "NOTIMP",
		[ns_r_refused] = "REFUSED",
	};
	const char *text = NULL;

	if (rcode == ns_r_nxdomain)
		return err_set(err, ERR_PERM, "5.1.2",
		    "%s does not exist (NXDOMAIN)", name);
	if (rcode >= 0 && (size_t)rcode < sizeof(said) / sizeof(said[0]))
		text = said[rcode];
	if (text == NULL)
		return err_set(err, ERR_TEMP, "4.4.3",
		    "%s: %s: DNS failure %d", name, dns_type_text(type),
		    rcode);
	return err_set(err, ERR_TEMP, "4.4.3", "%s: %s: DNS failure %s", name,
	    dns_type_text(type), text);
}

bool
dns_is_host_name(const char *name)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	const char *label = name;
	size_t n;

	if (strlen(name) > HOST_NAME_LEN)
		return false;
	for (;;) {
		n = strspn(label, ok);
		if (n == 0 || n > LABEL_LEN)
			return false;
		if (label[n] == '\0')
			return strspn(label, "0123456789") < n;
		if (label[n] != '.')
			return false;
		label += n + 1;
	}
}

static bool
is_localhost(const char *name)
{
	size_t n = strlen(name);

	return str_ieq(name, "localhost") ||
	    str_ieq(name, "localhost.localdomain") ||
	    (n > 10 && str_ieq(name + n - 10, ".localhost"));
}

static struct dns_rr *
add(struct search *s)
{
	struct dns_answer *a = s->answer;

	a->rr = xgrow(a->rr, a->n, &s->cap, sizeof(*a->rr));
	memset(&a->rr[a->n], 0, sizeof(*a->rr));
	return &a->rr[a->n++];
}

/* The name at p; a compressed one may point anywhere in the message. */
static int
get_name(struct search *s, const unsigned char *p, char *out)
{
	return ns_name_uncompress(ns_msg_base(s->msg), ns_msg_end(s->msg), p,
	    out, NS_MAXDNAME);
}

/*
 * Read the target that ends a record, behind skip bytes of numbers, and make
 * room for it. One that is no host name is seen but not used: *r is NULL then.
 * Returns -1 when the record is malformed.
 */
static int
add_target(struct search *s, const ns_rr *rr, int skip, struct dns_rr **r)
{
	char target[NS_MAXDNAME];

	*r = NULL;
	if (ns_rr_rdlen(*rr) <= skip ||
	    get_name(s, ns_rr_rdata(*rr) + skip, target) !=
	        ns_rr_rdlen(*rr) - skip)
		return -1;
	if (strcmp(target, ".") == 0 || *target == '\0')
		s->null_target = true;
	if (!dns_is_host_name(target) || is_localhost(target))
		return 0;
	*r = add(s);
	str_copy((*r)->name, sizeof((*r)->name), str_lower(target));
	return 0;
}

static int
add_mx(struct search *s, const ns_rr *rr)
{
	struct dns_rr *r;

	if (add_target(s, rr, 2, &r) < 0)
		return -1;
	if (r != NULL)
		r->pref = (uint16_t)ns_get16(ns_rr_rdata(*rr));
	return 0;
}

/* Nobody listens at port 0: such a record is seen but not used, either. */
static int
add_srv(struct search *s, const ns_rr *rr)
{
	const unsigned char *data = ns_rr_rdata(*rr);
	struct dns_rr *r;

	if (add_target(s, rr, 6, &r) < 0)
		return -1;
	if (r == NULL)
		return 0;
	r->pref = (uint16_t)ns_get16(data);
	r->weight = (uint16_t)ns_get16(data + 2);
	r->port = (uint16_t)ns_get16(data + 4);
	if (r->port == 0)
		s->answer->n--;
	return 0;
}

static int
add_addr(struct search *s, const ns_rr *rr)
{
	size_t size = s->type == ns_t_a ? 4 : 16;
	struct dns_rr *r;

	if (ns_rr_rdlen(*rr) != size)
		return -1;
	r = add(s);
	r->addr.family = s->type == ns_t_a ? 4 : 6;
	memcpy(r->addr.ip, ns_rr_rdata(*rr), size);
	return 0;
}

static int
add_rr(struct search *s, const ns_rr *rr)
{
	s->seen++;
	if (s->type == ns_t_mx)
		return add_mx(s, rr);
	return s->type == ns_t_srv ? add_srv(s, rr) : add_addr(s, rr);
}

/*
 * Read all records that name owns in the answer section: those asked for, and
 * its CNAME. Returns -1 when one is malformed.
 */
static int
read_owner(struct search *s, const char *name)
{
	ns_rr rr;
	int i, rc = 0;

	s->next[0] = '\0';
	for (i = 0; i < ns_msg_count(s->msg, ns_s_an) && rc >= 0; i++) {
		if (ns_parserr(&s->msg, ns_s_an, i, &rr) < 0)
			return -1;
		if (ns_rr_class(rr) != ns_c_in ||
		    !str_ieq(ns_rr_name(rr), name))
			continue;
		if ((int)ns_rr_type(rr) == s->type)
			rc = add_rr(s, &rr);
		else if (ns_rr_type(rr) == ns_t_cname)
			rc = get_name(s, ns_rr_rdata(rr), s->next);
		else
			continue;
		if (ns_rr_ttl(rr) < s->answer->ttl_s)
			s->answer->ttl_s = ns_rr_ttl(rr);
	}
	return rc;
}

/*
 * Does the server say with the zone's SOA that it knows name and that there
 * is nothing (RFC 2308 2.2)? Then nobody need be asked again.
 */
static bool
is_told_absent(struct search *s, const char *name)
{
	const char *zone;
	size_t n, len = strlen(name);
	ns_rr rr;
	int i;

	for (i = 0; i < ns_msg_count(s->msg, ns_s_ns); i++) {
		if (ns_parserr(&s->msg, ns_s_ns, i, &rr) < 0)
			return false;
		if (ns_rr_type(rr) != ns_t_soa)
			continue;
		zone = ns_rr_name(rr);
		n = strlen(zone);
		if (n == 0 || strcmp(zone, ".") == 0)
			return true;
		if (n <= len && str_ieq(name + len - n, zone) &&
		    (n == len || name[len - n - 1] == '.'))
			return true;
	}
	return false;
}

static bool
is_question(struct search *s, const char *name)
{
	ns_rr rr;

	return ns_msg_count(s->msg, ns_s_qd) == 1 &&
	    ns_parserr(&s->msg, ns_s_qd, 0, &rr) == 0 &&
	    (int)ns_rr_type(rr) == s->type &&
	    ns_rr_class(rr) == ns_c_in && str_ieq(ns_rr_name(rr), name);
}

/* Follow the chain of CNAMEs within the message to the records. */
static int
follow(struct search *s, const char *name, struct err *err)
{
	char at[NS_MAXDNAME];
	unsigned hops;

	str_copy(at, sizeof(at), name);
	for (hops = 0; hops <= DNS_CNAME_MAX; hops++) {
		if (read_owner(s, at) < 0)
			return malformed(err, name, s->type);
		if (s->seen > 0)
			return 0;
		if (s->next[0] == '\0')
			break;
		str_copy(at, sizeof(at), s->next);
	}
	if (hops > DNS_CNAME_MAX)
		return err_set(err, ERR_TEMP, "4.4.3",
		    "%s: %s: CNAME loop, or more than %d of them", name,
		    dns_type_text(s->type), DNS_CNAME_MAX);
	if (hops == 0 || is_told_absent(s, at))
		return 0;
	if (!dns_is_host_name(at))
		return malformed(err, name, s->type);
	str_copy(s->answer->cname, sizeof(s->answer->cname), str_lower(at));
	return 0;
}

/* There were records, and none can be used. */
static int
no_target(const struct search *s, const char *name, struct err *err)
{
	bool is_alone = s->null_target && s->seen == 1;

	if (is_alone && s->type == ns_t_mx)
		return err_set(err, ERR_PERM, "5.1.10",
		    "%s does not accept mail (null MX)", name);
	if (is_alone)
		return err_set(err, ERR_PERM, "5.1.10",
		    "%s: there is no such service (SRV)", name);
	return err_set(err, ERR_PERM, "5.4.4", "%s: no %s names a host", name,
	    dns_type_text(s->type));
}

static int
parse(struct search *s, const unsigned char *msg, size_t len,
    const char *name, struct err *err)
{
	int rcode;

	if (len > INT_MAX || ns_initparse(msg, (int)len, &s->msg) < 0 ||
	    !ns_msg_getflag(s->msg, ns_f_qr))
		return malformed(err, name, s->type);
	rcode = ns_msg_getflag(s->msg, ns_f_rcode);
	if (rcode != ns_r_noerror && rcode != ns_r_nxdomain)
		return dns_set_rcode(err, rcode, name, s->type);
	if (!is_question(s, name))
		return err_set(err, ERR_TEMP, "4.4.3",
		    "%s: %s: DNS answer to another question", name,
		    dns_type_text(s->type));
	if (rcode == ns_r_nxdomain)
		return dns_set_rcode(err, rcode, name, s->type);
	if (ns_msg_getflag(s->msg, ns_f_tc))
		return err_set(err, ERR_TEMP, "4.4.3",
		    "%s: %s: DNS answer cut short", name,
		    dns_type_text(s->type));
	if (follow(s, name, err) < 0)
		return -1;
	return s->seen > 0 && s->answer->n == 0 ? no_target(s, name, err) : 0;
}

int
dns_parse(const unsigned char *msg, size_t len, const char *name, int type,
    struct dns_answer *answer, struct err *err)
{
	struct search s = { .type = type, .answer = answer };

	memset(answer, 0, sizeof(*answer));
	answer->ttl_s = UINT_MAX;
	if (parse(&s, msg, len, name, err) == 0)
		return 0;
	dns_answer_release(answer);
	return -1;
}

void
dns_answer_release(struct dns_answer *answer)
{
	free(answer->rr);
	memset(answer, 0, sizeof(*answer));
}
