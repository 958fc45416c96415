/*
 * The first block of an entry's file (pure): where the message and the
 * envelope are, and their checksums. HEAD_LEN bytes of text in a line, so
 * that it can be written last, over what was kept free for it:
 *
 *	postrider-queue 01 message AT LEN CRC envelope AT LEN CRC head CRC
 *
 * AT and LEN are decimal of 14 digits, CRC are hexadecimal of 8. The last one
 * is of all that stands before it.
 */
#ifndef SPOOL_HEAD_H
#define SPOOL_HEAD_H

#include <stdint.h>

#include "base/err.h"

#define HEAD_LEN 128
#define HEAD_ENVELOPE_MAX (256u << 20)
#define HEAD_NUMBER_MAX 99999999999999u	/* 14 digits */

struct head {
	uint64_t message_at, message_len;
	uint64_t envelope_at, envelope_len;
	uint32_t message_crc, envelope_crc;
};

/* Write the block: HEAD_LEN bytes, no NUL. */
void	head_write(const struct head *, char *out);

/*
 * Parse n bytes from the start of a file of file_len bytes. The block must be
 * exactly what head_write() makes of what it says, and the parts must lie in
 * the file one behind the other.
 *
 * Returns 0, or -1 with *err: ERR_DATA; a newer version is said to be one.
 */
int	head_parse(const char *block, uint64_t n, uint64_t file_len,
	    struct head *, struct err *);

#endif
