/*
 * Making DNS messages from text, for tests.
 *
 * Records are "OWNER TYPE DATA" with '|' between them; those whose owner
 * begins with '+' go to the authority section. TYPE is A, AAAA, MX, SRV, CNAME,
 * SOA or RAWn (type n). Data: an address, "PREF TARGET", "PRIORITY WEIGHT PORT
 * TARGET", a target; for SOA nothing; hexadecimal bytes for RAWn. In names
 * \DDD is the byte with that number.
 */
#ifndef TESTS_DNSMSG_H
#define TESTS_DNSMSG_H

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNSMSG_TC 0x0200
#define DNSMSG_QR 0x8180	/* an answer; recursion wanted and done */

struct dnsmsg {
	unsigned char b[65535];
	size_t	 n;
};

static inline void
dnsmsg_16(struct dnsmsg *m, unsigned v)
{
	if (m->n + 2 > sizeof(m->b))
		abort();
	m->b[m->n++] = (unsigned char)(v >> 8);
	m->b[m->n++] = (unsigned char)v;
}

static inline void
dnsmsg_bytes(struct dnsmsg *m, const void *p, size_t n)
{
	if (m->n + n > sizeof(m->b))
		abort();
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

/* Not compressed, and nothing is checked: a label of 64 is written as such. */
static inline void
dnsmsg_name(struct dnsmsg *m, const char *name)
{
	size_t at;
	char digits[4];

	while (*name != '\0' && strcmp(name, ".") != 0) {
		at = m->n++;
		for (; *name != '\0' && *name != '.'; name++) {
			if (*name == '\\') {
				memcpy(digits, name + 1, 3);
				digits[3] = '\0';
				m->b[m->n++] = (unsigned char)atoi(digits);
				name += 3;
			} else
				m->b[m->n++] = (unsigned char)*name;
		}
		m->b[at] = (unsigned char)(m->n - at - 1);
		if (*name == '.')
			name++;
	}
	m->b[m->n++] = 0;
}

static inline void
dnsmsg_begin(struct dnsmsg *m, unsigned id, unsigned flags, const char *name,
    unsigned type)
{
	m->n = 0;
	dnsmsg_16(m, id);
	dnsmsg_16(m, flags);
	dnsmsg_16(m, 1);
	dnsmsg_16(m, 0);
	dnsmsg_16(m, 0);
	dnsmsg_16(m, 0);
	dnsmsg_name(m, name);
	dnsmsg_16(m, type);
	dnsmsg_16(m, ns_c_in);
}

static inline void
dnsmsg_data(struct dnsmsg *m, const char *type, const char *data)
{
	unsigned char ip[16];
	unsigned byte, pref, weight, port;
	int n;

	if (strcmp(type, "A") == 0 && inet_pton(AF_INET, data, ip) == 1)
		dnsmsg_bytes(m, ip, 4);
	else if (strcmp(type, "AAAA") == 0 &&
	    inet_pton(AF_INET6, data, ip) == 1)
		dnsmsg_bytes(m, ip, 16);
	else if (strcmp(type, "MX") == 0 &&
	    sscanf(data, "%u %n", &pref, &n) == 1) {
		dnsmsg_16(m, pref);
		dnsmsg_name(m, data + n);
	} else if (strcmp(type, "SRV") == 0 &&
	    sscanf(data, "%u %u %u %n", &pref, &weight, &port, &n) == 3) {
		dnsmsg_16(m, pref);
		dnsmsg_16(m, weight);
		dnsmsg_16(m, port);
		dnsmsg_name(m, data + n);
	} else if (strcmp(type, "CNAME") == 0)
		dnsmsg_name(m, data);
	else if (strcmp(type, "SOA") == 0)
		dnsmsg_bytes(m, "\0\0" "abcdefghijklmnopqrst", 22);
	else {
		for (; sscanf(data, "%2x", &byte) == 1; data += 2) {
			ip[0] = (unsigned char)byte;
			dnsmsg_bytes(m, ip, 1);
		}
	}
}

static inline unsigned
dnsmsg_type(const char *type)
{
	if (strncmp(type, "RAW", 3) == 0)
		return (unsigned)atoi(type + 3);
	return strcmp(type, "A") == 0 ? ns_t_a :
	    strcmp(type, "AAAA") == 0 ? ns_t_aaaa :
	    strcmp(type, "MX") == 0 ? ns_t_mx :
	    strcmp(type, "SRV") == 0 ? ns_t_srv :
	    strcmp(type, "SOA") == 0 ? ns_t_soa : ns_t_cname;
}

static inline void
dnsmsg_record(struct dnsmsg *m, const char *record)
{
	char owner[600], type[16], data[600] = "";
	size_t at, len, count = 6;
	const char *o = owner;

	if (sscanf(record, "%599s %15s %599[^\n]", owner, type, data) < 2)
		abort();
	if (*o == '+') {
		o++;
		count = 8;
	}
	dnsmsg_name(m, o);
	dnsmsg_16(m, dnsmsg_type(type));
	dnsmsg_16(m, ns_c_in);
	dnsmsg_bytes(m, "\0\0\1\54", 4);	/* 300 s */
	at = m->n;
	dnsmsg_16(m, 0);
	dnsmsg_data(m, type, data);
	len = m->n - at - 2;
	m->b[at] = (unsigned char)(len >> 8);
	m->b[at + 1] = (unsigned char)len;
	if (++m->b[count + 1] == 0)
		m->b[count]++;
}

static inline void
dnsmsg_records(struct dnsmsg *m, const char *records)
{
	char one[1300];
	size_t len;

	for (; *records != '\0'; records += len) {
		records += *records == '|';
		len = strcspn(records, "|");
		if (len >= sizeof(one))
			abort();
		memcpy(one, records, len);
		one[len] = '\0';
		dnsmsg_record(m, one);
	}
}

#endif
