/*
 * Any text as an address: what comes out reads back as itself, holds no
 * control byte and keeps the limits.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "mail/address.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
reads_back(struct buf *address)
{
	struct buf again = { 0 }, path = { 0 };
	const char *domain = address_domain(buf_str(address));
	struct err err = { 0 };

	must(!str_has_control(address->data));
	must(!str_has_8bit(domain));
	must(address->len <= ADDRESS_PATH_MAX);
	must(strlen(domain) <= ADDRESS_DOMAIN_MAX);
	must(domain - address->data <= ADDRESS_LOCAL_MAX + 1);
	must(address_parse(address->data, NULL, &again, &err) == 0);
	must(strcmp(buf_str(&again), address->data) == 0);
	buf_printf(&path, "<%s>", address->data);
	buf_clear(&again);
	must(address_parse(buf_str(&path), NULL, &again, &err) == 0);
	must(strcmp(buf_str(&again), address->data) == 0);
	buf_clear(&again);
	must(address_domain_parse(domain, &again, &err) == 0);
	must(strcmp(buf_str(&again), domain) == 0);
	buf_release(&again);
	buf_release(&path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = { 0 }, out = { 0 };
	struct err err = { 0 };

	buf_add(&text, data, n);
	if (address_parse(buf_str(&text), "d.example", &out, &err) == 0)
		reads_back(&out);
	else
		must(out.len == 0 && err.kind == ERR_DATA &&
		    err.text[0] != '\0');
	buf_clear(&out);
	if (address_join(buf_str(&text), n, "d.example", &out, &err) == 0)
		reads_back(&out);
	buf_clear(&out);
	if (address_domain_parse(buf_str(&text), &out, &err) == 0)
		must(!str_has_8bit(buf_str(&out)));
	buf_release(&text);
	buf_release(&out);
	return 0;
}
