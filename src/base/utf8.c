#include "config.h"

#include "base/utf8.h"

/*
 * RFC 3629 section 4: the first byte tells the length and what the second
 * byte may be; that range is what keeps out longer forms than needed,
 * surrogates and code points that do not exist.
 */
static const struct {
	unsigned char first_min, first_max;
	unsigned char second_min, second_max;
	unsigned char len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static size_t
match(size_t form, const unsigned char *u, size_t n)
{
	size_t i;

	if (u[0] < forms[form].first_min || u[0] > forms[form].first_max)
		return 0;
	if (n < forms[form].len)
		return 0;
	if (u[1] < forms[form].second_min || u[1] > forms[form].second_max)
		return 0;
	for (i = 2; i < forms[form].len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return forms[form].len;
}

size_t
utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i, len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		len = match(i, u, n);
		if (len > 0)
			return len;
	}
	return 0;
}
