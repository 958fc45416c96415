/*
 * What a child that has read the network may write into its pipe: a record
 * that is sound, changed at will. One that is accepted can be used.
 *
 * The first byte says which record it is, and in an answer how many hosts it
 * claims to carry; then each three bytes are an offset and what stands there.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "deliver/report.h"
#include "net/mx.h"

#define DOMAINS 3
#define SLOTS 5

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
change(void *record, size_t size, const uint8_t *data, size_t n)
{
	uint8_t *at = record;

	for (; n >= 3; data += 3, n -= 3)
		at[((size_t)data[0] << 8 | data[1]) % size] = data[2];
}

static void
make_answer(struct mx_answer *a, size_t hosts)
{
	memset(a, 0, sizeof(*a));
	a->nhost = (uint8_t)hosts;
	for (size_t i = 0; i < hosts; i++) {
		str_copy(a->host[i].name, MX_NAME_MAX, "mx.example.org");
		a->host[i].pref = (uint16_t)(i / 2);
		a->host[i].naddr = 2;
		a->host[i].addr[0] = (struct mx_addr){ 4, { 192, 0, 2, 1 } };
		a->host[i].addr[1] = (struct mx_addr){ 6, { 0x20, 1 } };
	}
}

/* All of it can be looked at, and we are not among what is left. */
static void
use_answer(struct mx_answer *a)
{
	struct mx_addr ours = { 4, { 192, 0, 2, 1 } };
	struct mx_self self = { .addrs = &ours, .naddr = 1,
		.by_address = true };
	char text[64];

	must(a->index < DOMAINS);
	must(a->err.kind != ERR_NONE || a->nhost > 0);
	mx_sort(a->host, a->nhost);
	mx_drop_self(a, &self, "example.org");
	must(a->nhost <= MX_HOSTS_MAX);
	for (size_t i = 0; i < a->nhost; i++) {
		must(strlen(a->host[i].name) < MX_NAME_MAX);
		must(!str_has_control(a->host[i].name));
		for (size_t k = 0; k < a->host[i].naddr; k++) {
			mx_addr_text(&a->host[i].addr[k], text);
			must(strlen(text) < 46 && text[0] != '\0');
		}
	}
}

static void
try_answer(size_t claimed, const uint8_t *data, size_t n)
{
	struct mx_answer *a, *copy;
	size_t len;

	a = malloc(sizeof(*a));
	make_answer(a, claimed % (MX_HOSTS_MAX + 1));
	len = mx_answer_size(a);
	change(a, len, data, n);
	/* of its own size, so that a look beyond it is seen */
	copy = malloc(len);
	memcpy(copy, a, len);
	if (mx_answer_valid(copy, len, DOMAINS)) {
		must(mx_answer_size(copy) == len);
		use_answer(a);
	}
	free(copy);
	free(a);
}

static void
try_report(const uint8_t *data, size_t n)
{
	struct report r = { .magic = REPORT_MAGIC, .slot = 1 };
	struct outcome *o = &r.outcome;

	o->kind = OUTCOME_DEFERRED;
	o->stage = STAGE_RCPT;
	o->code = 450;
	str_copy(o->status, sizeof(o->status), "4.2.0");
	str_copy(o->text, sizeof(o->text), "450 4.2.0 later");
	str_copy(o->host, sizeof(o->host), "mx.example.org");
	str_copy(o->address, sizeof(o->address), "192.0.2.1");
	change(&r, sizeof(r), data, n);
	if (!report_valid(&r, SLOTS))
		return;
	must(r.slot < SLOTS);
	must(strlen(outcome_name(o->kind)) > 0);
	must(strlen(outcome_stage_name(o->stage)) < 40);
	must(strlen(o->status) < sizeof(o->status));
	must(!str_has_control(o->text) && !str_has_control(o->host));
	must(!str_has_control(o->address) && !str_has_control(o->tls));
	must(o->whole_site + o->offline + o->in_doubt + o->relayed_no_dsn <=
	    4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 1)
		return 0;
	if (data[0] < 128)
		try_answer(data[0], data + 1, n - 1);
	else
		try_report(data + 1, n - 1);
	return 0;
}
