#include "config.h"

#include "spool/head.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"

#define MAGIC "postrider-queue "
#define VERSION "01"

/* Columns of the block. */
enum {
	VERSION_AT = 16, MESSAGE_AT = 27, MESSAGE_LEN = 42, MESSAGE_CRC = 57,
	ENVELOPE_AT = 75, ENVELOPE_LEN = 90, ENVELOPE_CRC = 105,
	HEAD_CRC = 119
};

void
head_write(const struct head *head, char *out)
{
	char text[HEAD_LEN + 1];
	int n;

	n = snprintf(text, sizeof(text), MAGIC VERSION
	    " message %014" PRIu64 " %014" PRIu64 " %08" PRIx32
	    " envelope %014" PRIu64 " %014" PRIu64 " %08" PRIx32 " head ",
	    head->message_at, head->message_len, head->message_crc,
	    head->envelope_at, head->envelope_len, head->envelope_crc);
	assert(n == HEAD_CRC);
	snprintf(text + HEAD_CRC, sizeof(text) - HEAD_CRC, "%08" PRIx32 "\n",
	    crc32_add(0, text, HEAD_CRC));
	memcpy(out, text, HEAD_LEN);
}

/* Digits of that base; whatever else is there shows when we write it back. */
static uint64_t
number(const char *s, size_t width, unsigned base)
{
	uint64_t n = 0;

	for (; width > 0; width--, s++) {
		n *= base;
		if (*s >= '0' && *s <= '9')
			n += (uint64_t)(*s - '0');
		else if (base == 16 && *s >= 'a' && *s <= 'f')
			n += (uint64_t)(*s - 'a' + 10);
	}
	return n;
}

static bool
lies_in_file(const struct head *h, uint64_t file_len)
{
	/* Numbers of 14 digits cannot overflow when they are added. */
	return h->message_at == HEAD_LEN &&
	    h->envelope_at == h->message_at + h->message_len &&
	    h->envelope_at + h->envelope_len <= file_len &&
	    h->envelope_len <= HEAD_ENVELOPE_MAX;
}

int
head_parse(const char *block, uint64_t n, uint64_t file_len,
    struct head *head, struct err *err)
{
	char again[HEAD_LEN];

	if (n < HEAD_LEN || memcmp(block, MAGIC, strlen(MAGIC)) != 0)
		return err_set(err, ERR_DATA, NULL, "not an entry of a queue");
	head->message_at = number(block + MESSAGE_AT, 14, 10);
	head->message_len = number(block + MESSAGE_LEN, 14, 10);
	head->message_crc = (uint32_t)number(block + MESSAGE_CRC, 8, 16);
	head->envelope_at = number(block + ENVELOPE_AT, 14, 10);
	head->envelope_len = number(block + ENVELOPE_LEN, 14, 10);
	head->envelope_crc = (uint32_t)number(block + ENVELOPE_CRC, 8, 16);
	head_write(head, again);
	if (memcmp(block, again, HEAD_LEN) == 0 &&
	    lies_in_file(head, file_len))
		return 0;
	if (memcmp(block + VERSION_AT, VERSION, strlen(VERSION)) > 0) {
		return err_set(err, ERR_DATA, NULL,
		    "damaged, or of version %.2s and newer than this program",
		    block + VERSION_AT);
	}
	return err_set(err, ERR_DATA, NULL, "its head is damaged");
}
