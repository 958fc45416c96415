/*
 * Any text as a list: each address reads back as itself, all of them written
 * as a list are found again, and no line about a bad one holds a control
 * byte.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/addrlist.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
found_again(const struct strlist *list)
{
	struct strlist good = { 0 }, bad = { 0 };
	struct buf text = { 0 }, one = { 0 };
	struct err err = { 0 };
	size_t i;

	for (i = 0; i < list->n; i++) {
		buf_clear(&one);
		must(address_parse(list->v[i], NULL, &one, &err) == 0);
		must(strcmp(buf_str(&one), list->v[i]) == 0);
		buf_printf(&text, i % 2 == 0 ? "x <%s>,\r\n " : "%s ; ",
		    list->v[i]);
	}
	addrlist_parse(buf_str(&text), text.len, NULL, &good, &bad);
	must(bad.n == 0 && good.n == list->n);
	for (i = 0; i < list->n; i++)
		must(strcmp(good.v[i], list->v[i]) == 0);
	strlist_release(&good);
	buf_release(&text);
	buf_release(&one);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct strlist good = { 0 }, bad = { 0 };
	size_t i;

	addrlist_parse((const char *)data, n, "d.example", &good, &bad);
	for (i = 0; i < bad.n; i++)
		must(!str_has_control(bad.v[i]));
	found_again(&good);
	strlist_release(&good);
	strlist_release(&bad);
	return 0;
}
