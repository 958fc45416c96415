/*
 * Any words as selectors: what is accepted can be asked of any message, and
 * whatever fits could fit; what is refused is told in words. NUL ends a word.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cmd/select.h"

#define WORDS_MAX 20

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
make_entry(struct entry *e)
{
	static const char *const paths[] = { "bob@example.net",
		"\"a b\"@example.org", "v@[IPv6:2001:db8::1]" };

	*e = (struct entry){ .fd = -1, .id = "4jXf6N2cvZz3NHVT" };
	e->env.reverse_path = xstrdup("ann@example.org");
	e->env.arrived_s = 1700000000;
	for (size_t i = 0; i < 3; i++)
		envelope_append(&e->env, paths[i])->host = i == 0 ? NULL :
		    xstrdup("mx.example.net");
}

static void
look(struct select *s)
{
	static const enum spool_place places[] = { PLACE_QUEUE, PLACE_RUN,
		PLACE_HOLD, PLACE_DAMAGED };
	struct entry e;
	size_t i = 0, n = 0;

	make_entry(&e);
	for (size_t p = 0; p < 4; p++)
		must(!select_fits(s, &e, places[p]) ||
		    select_could(s, e.id, places[p]));
	must(!select_fits_damaged(s, e.id) ||
	    select_could(s, e.id, PLACE_QUEUE));
	select_seen(s, e.id);
	while (select_missing(s, &i) != NULL)
		n++;
	must(n <= s->n);
	entry_release(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *words[WORDS_MAX], *text = xmalloc(n + 1);
	struct options o = { .operands = words };
	struct select s;
	struct err err = { 0 };

	memcpy(text, data, n);
	text[n] = '\0';
	for (char *at = text; at <= text + n && o.noperand < WORDS_MAX;
	    at += strlen(at) + 1)
		words[o.noperand++] = at;
	if (select_init(&s, &o, &err) == 0)
		look(&s);
	else
		must(err.kind == ERR_USAGE && err.text[0] != '\0');
	select_release(&s);
	free(text);
	return 0;
}
